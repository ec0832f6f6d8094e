"""The metrics that dashboards and alerts rely on, each with where it comes from. Pure Python.

A query is written from these and from nothing else: Cloud Monitoring takes a misspelt name without a word, and shows
nothing for it.
"""

from __future__ import annotations

from dataclasses import dataclass

GKE_METRICS = "Cloud Monitoring, 'Kubernetes metrics', generated 2026-04-10"
KUBE_STATE = "GKE, 'Collect and view kube state metrics', 2026-04-10"
DCGM = "GKE, 'Collect and view DCGM metrics'; NVIDIA, dcgm-exporter 4.6 default counters"
KUEUE = "Kueue 0.19, 'Prometheus metrics'"
OURS = "what a job or a model server of this project exports"


@dataclass(frozen=True)
class Metric:
    """One metric.

    name:      as PromQL writes it. Cloud Monitoring's kubernetes.io/node/pid_used is kubernetes_io:node_pid_used.
    unit:      UCUM, as charts take it.
    resource:  monitored resource of a metric of GKE itself; None for one that managed Prometheus collects.
    histogram: whether it is queried by ``buckets``, ``total`` and ``count``.
    """

    name: str
    unit: str
    source: str
    resource: str | None = None
    histogram: bool = False

    def of(self, cluster: str, **labels: str) -> str:
        """The series of ``cluster``. A label's value may carry its own operator, such as ``=~"5.."``."""
        return self._select("", cluster, labels)

    def buckets(self, cluster: str, **labels: str) -> str:
        """The cumulative counts of a histogram, by ``le``."""
        return self._select("_bucket", cluster, labels)

    def total(self, cluster: str, **labels: str) -> str:
        """The sum of what a histogram has observed."""
        return self._select("_sum", cluster, labels)

    def count(self, cluster: str, **labels: str) -> str:
        """How often a histogram has observed."""
        return self._select("_count", cluster, labels)

    def _select(self, suffix: str, cluster: str, labels: dict[str, str]) -> str:
        if bool(suffix) != self.histogram:
            raise ValueError(f"{self.name}{suffix}: {'has' if self.histogram else 'has no'} buckets, sum and count")
        matchers = {"cluster": cluster, **labels}
        if self.resource:  # the same name may be written for nodes and for pods, so PromQL wants to know which
            matchers = {"monitored_resource": self.resource, "cluster_name": cluster, **labels}
        terms = (f"{key}{text}" if text.startswith(("=", "!")) else f'{key}="{text}"' for key, text in matchers.items())
        return f"{self.name}{suffix}{{{','.join(terms)}}}"


def _gke(name: str, unit: str, resource: str, *, histogram: bool = False) -> Metric:
    """A metric of GKE's own by its Cloud Monitoring name without the prefix (Monitoring, 'PromQL for metrics')."""
    return Metric(f"kubernetes_io:{name.replace('/', '_')}", unit, GKE_METRICS, resource, histogram)


class Gke:
    """System metrics of GKE. The package of the cluster that writes them is SYSTEM_COMPONENTS."""

    NODE_CPU = _gke("node/cpu/allocatable_utilization", "1", "k8s_node")
    NODE_MEMORY = _gke("node/memory/allocatable_utilization", "1", "k8s_node")
    NODE_CONDITION = _gke("node/status_condition", "1", "k8s_node")
    NODE_INTERRUPTIONS = _gke("node/interruption_count", "1", "k8s_node")
    NODE_STARTUP = _gke("node/latencies/startup", "s", "k8s_node")
    NODE_SENT = _gke("node/network/sent_bytes_count", "By", "k8s_node")
    CONTAINER_RESTARTS = _gke("container/restart_count", "1", "k8s_container")
    DUTY_CYCLE = _gke("node/accelerator/duty_cycle", "%", "k8s_node")
    MEMORY_USED = _gke("node/accelerator/memory_used", "By", "k8s_node")
    MEMORY_TOTAL = _gke("node/accelerator/memory_total", "By", "k8s_node")
    TENSORCORE = _gke("node/accelerator/tensorcore_utilization", "%", "k8s_node")
    MEMORY_BANDWIDTH = _gke("node/accelerator/memory_bandwidth_utilization", "%", "k8s_node")
    SLICE_AVAILABLE = _gke("node_pool/multi_host/available", "1", "k8s_node_pool")
    SLICE_RECOVERY = _gke("node_pool/accelerator/times_to_recover", "s", "k8s_node_pool", histogram=True)
    DCN_TRANSFER = _gke("container/multislice/network/dcn_transfer_latencies", "us", "k8s_container", histogram=True)
    COLLECTIVES = _gke(
        "container/multislice/network/collective_end_to_end_latencies", "us", "k8s_container", histogram=True
    )
    JOBSET_SCHEDULED = _gke("jobset/scheduling_goodput", "1", "k8s_entity")
    JOBSET_PRODUCTIVE = _gke("jobset/proxy_runtime_goodput", "1", "k8s_entity")


class KubeState:
    """State of Kubernetes objects. The packages of the cluster that write it are POD and JOBSET (GKE 1.32.4)."""

    POD_UNSCHEDULABLE = Metric("kube_pod_status_unschedulable", "1", KUBE_STATE)
    POD_PHASE = Metric("kube_pod_status_phase", "1", KUBE_STATE)
    JOBSET_CONDITION = Metric("kube_jobset_status_condition", "1", KUBE_STATE)
    JOBSET_RESTARTS = Metric("kube_jobset_restarts", "1", KUBE_STATE)
    JOBSET_WANTED = Metric("kube_jobset_specified_replicas", "1", KUBE_STATE)
    JOBSET_READY = Metric("kube_jobset_ready_replicas", "1", KUBE_STATE)


class Gpu:
    """Health and use of NVIDIA GPUs. The package of the cluster that writes them is DCGM."""

    UTILISATION = Metric("DCGM_FI_DEV_GPU_UTIL", "%", DCGM)
    SM_ACTIVE = Metric("DCGM_FI_PROF_SM_ACTIVE", "1", DCGM)
    TENSOR_ACTIVE = Metric("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "1", DCGM)
    MEMORY_ACTIVE = Metric("DCGM_FI_PROF_DRAM_ACTIVE", "1", DCGM)
    MEMORY_USED = Metric("DCGM_FI_DEV_FB_USED", "MiBy", DCGM)
    MEMORY_FREE = Metric("DCGM_FI_DEV_FB_FREE", "MiBy", DCGM)
    TEMPERATURE = Metric("DCGM_FI_DEV_GPU_TEMP", "Cel", DCGM)
    POWER = Metric("DCGM_FI_DEV_POWER_USAGE", "W", DCGM)


class Kueue:
    """Queues of the cluster. Kueue's own end point writes them; the platform layer has it collected."""

    PENDING = Metric("kueue_pending_workloads", "1", KUEUE)
    ADMITTED = Metric("kueue_admitted_workloads_total", "1", KUEUE)
    WAIT = Metric("kueue_admission_wait_time_seconds", "s", KUEUE, histogram=True)


class Training:
    """What a training job exports, with the label ``workload``; its first worker speaks for all.

    ``CHECKPOINT`` is the Unix time at which the last checkpoint was whole, and before the first one the time at which
    the job began, so that a job which never saves is found too. All of it ends with the job.
    """

    STEP = Metric("aidc_training_step", "1", OURS)
    TARGET = Metric("aidc_training_target_step", "1", OURS)
    LOSS = Metric("aidc_training_loss", "1", OURS)
    EXAMPLES = Metric("aidc_training_examples_per_second", "1/s", OURS)
    GOODPUT = Metric("aidc_training_goodput_ratio", "1", OURS)
    CHECKPOINT = Metric("aidc_training_checkpoint_timestamp_seconds", "s", OURS)
    CHECKPOINT_DURATION = Metric("aidc_training_checkpoint_duration_seconds", "s", OURS)


class Serving:
    """What a model server exports, with the label ``model``; ``REQUESTS`` also with the HTTP status as ``code``."""

    REQUESTS = Metric("aidc_serving_requests_total", "1", OURS)
    DURATION = Metric("aidc_serving_request_duration_seconds", "s", OURS, histogram=True)


ALL = {
    metric.name: metric
    for family in (Gke, KubeState, Gpu, Kueue, Training, Serving)
    for metric in vars(family).values()
    if isinstance(metric, Metric)
}
"""By the name in PromQL."""
