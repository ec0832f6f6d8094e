"""What somebody is told about, and what they do first. Pure Python.

Each alert has one condition: a PromQL query or a log match stands alone in its policy. Spend is not here: Cloud
Monitoring knows no bill, so ``Budget`` tells the same addresses what is spent and what is forecast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from infra.google_cloud.dashboards.pools import Pool
from infra.google_cloud.metrics import Gke, KubeState, Kueue, Serving, Training
from infra.settings import operations

LONGEST_WINDOW_MINUTES = 1440
"""A day, which an alert's query may look back (Cloud Monitoring, 'PromQL alerts')."""

NO_NODES = tuple(f"scale.up.error.{why}" for why in ("out.of.resources", "quota.exceeded", "ip.space.exhausted"))
"""What the autoscaler says when it asked for nodes and got none (GKE, 'View cluster autoscaler events')."""

RESOURCE_EXHAUSTED = 8
"""Code of google.rpc that the TPU API answers with when a zone has no more capacity."""

HARDWARE_XIDS = (48, 63, 64, 79, 119, 120, 123, 140)
"""Xid errors that are the GPU's fault and not the program's: those for which GKE's device plugin marks a node
(GoogleCloudPlatform/container-engine-accelerators, health_checker.go, 2026-06)."""

SLICE_FAULTS = "Unhealthy|MachineNotRunning|ProvisioningError|Unallocatable"
"""Of the reasons for which a slice is not available, those that do not pass by themselves ('Kubernetes metrics')."""


@dataclass(frozen=True)
class Query:
    """Fires when ``promql`` has a result for ``minutes``."""

    promql: str
    minutes: int


@dataclass(frozen=True)
class LogMatch:
    """Fires when an entry matches ``filter``."""

    filter: str


@dataclass(frozen=True)
class Alert:
    """One alert.

    means:  a sentence with the threshold in it.
    first:  what to do, in order.
    """

    title: str
    severity: Literal["CRITICAL", "ERROR", "WARNING"]
    condition: Query | LogMatch
    means: str
    first: tuple[str, ...]

    def documentation(self, name: str) -> str:
        """What a notification says, in Markdown."""
        steps = "\n".join(f"{number}. {step}" for number, step in enumerate(self.first, 1))
        return f"{self.means}\n\n{steps}\n\nRunbook: docs/runbooks/{name}.md"


def alerts(settings: operations.Observability, cluster: str, pools: Sequence[Pool]) -> dict[str, Alert]:
    """The alerts of the cluster called ``cluster`` by name, which is that of the runbook too.

    What only GPUs or TPU slices suffer is left out where ``pools`` has none.
    """
    kinds = {pool.kind for pool in pools}
    wanted = {
        "stockout": _stockout(cluster),
        "pool-short": _pool_short(cluster, settings.pool_short_minutes),
        "node-unhealthy": _node_unhealthy(cluster),
        "job-failed": _job_failed(cluster),
        "job-stalled": _job_stalled(cluster, settings.job_stalled_minutes),
        "checkpoint-old": _checkpoint_old(cluster, settings.checkpoint_minutes),
        "queue-wait": _queue_wait(cluster, settings.queue_minutes),
        "serving-errors": _serving_errors(cluster, settings.error_rate),
        "serving-slow": _serving_slow(cluster, settings.p99_ms),
    }
    if "gpu" in kinds:
        wanted["gpu-fault"] = _gpu_fault(cluster)
    if "slices" in kinds:
        wanted["slice-unhealthy"] = _slice_unhealthy(cluster)
    return wanted


def _stockout(cluster: str) -> Alert:
    messages = " OR ".join(f'"{message}"' for message in NO_NODES)
    in_cluster = (
        f'resource.type="k8s_cluster" AND resource.labels.cluster_name="{cluster}" AND '
        'log_id("container.googleapis.com/cluster-autoscaler-visibility") AND '
        f"jsonPayload.resultInfo.results.errorMsg.messageId=({messages})"
    )
    outside = f'protoPayload.serviceName="tpu.googleapis.com" AND protoPayload.status.code={RESOURCE_EXHAUSTED}'
    return Alert(
        "No capacity",
        "ERROR",
        LogMatch(f"({in_cluster}) OR ({outside})"),
        "Nodes or TPUs were asked for and not given: the zone is sold out, a quota is reached or a range is full.",
        (
            "The log entry names the pool and the reason: scale.up.error.out.of.resources, quota.exceeded or "
            "ip.space.exhausted; of the TPU API, RESOURCE_EXHAUSTED.",
            "Sold out: let the job wait (flex-start, queued), add a zone to the pool, or use a reservation.",
            "Quota or range: run the preflight, which says what is short, and ask for more or use a larger range.",
        ),
    )


def _pool_short(cluster: str, minutes: int) -> Alert:
    return Alert(
        "Pool short of its size",
        "ERROR",
        Query(
            f"sum by (namespace) ({KubeState.POD_UNSCHEDULABLE.of(cluster)}) > 0",
            minutes,
        ),
        f"Pods have had no node for {minutes} minutes: a pool is not as large as it should be.",
        (
            "kubectl describe the pod: its events say what each pool lacks.",
            "Compare the pool with its maximum on the cluster's dashboard; raise max_nodes, or wait for what runs.",
            "If the pool could grow and does not, see the alert stockout; flex-start and queued pools wait by design.",
        ),
    )


def _node_unhealthy(cluster: str) -> Alert:
    ready = Gke.NODE_CONDITION.of(cluster, condition="Ready", status='=~"False|Unknown"')
    return Alert(
        "Node not ready",
        "ERROR",
        Query(f"max by (node_name) ({ready}) > 0", 10),
        "A node has not been ready for 10 minutes; jobs that need it stand still.",
        (
            "kubectl describe the node: its conditions and events say why.",
            "Auto-repair replaces it after about 10 minutes; watch the pool's operations.",
            "If it comes back ill, cordon it and delete it, so that its job moves.",
        ),
    )


def _gpu_fault(cluster: str) -> Alert:
    xids = "|".join(map(str, HARDWARE_XIDS))
    return Alert(
        "Faulty GPU",
        "ERROR",
        LogMatch(
            f'resource.type="k8s_node" AND resource.labels.cluster_name="{cluster}" AND log_id("events") AND '
            f'jsonPayload.reason="XIDError" AND jsonPayload.message=~"XID=({xids})$"'
        ),
        "A GPU reported an Xid error that is its own fault and not the program's.",
        (
            "The log entry names the node and the Xid; NVIDIA's 'Xid errors' says what it means.",
            "Cordon the node; let the job restart elsewhere from its last checkpoint.",
            "Reset or delete the node; on a reserved machine report the fault to Google.",
        ),
    )


def _slice_unhealthy(cluster: str) -> Alert:
    available = Gke.SLICE_AVAILABLE.of(cluster, unavailability_reason=f'=~"{SLICE_FAULTS}"')
    return Alert(
        "TPU slice unhealthy",
        "ERROR",
        Query(f"max by (node_pool_name, unavailability_reason) ({available}) == 0", 10),
        "A slice on several machines has lacked one for 10 minutes for a reason that does not pass by itself.",
        (
            "The label unavailability_reason says what is wrong; the nodes of the pool say where.",
            "Wait for auto-repair, which replaces the slice as a whole; the job resumes from its last checkpoint.",
            "If it does not come back, delete the pool's nodes, or move the job to another pool.",
        ),
    )


def _job_failed(cluster: str) -> Alert:
    failed = KubeState.JOBSET_CONDITION.of(cluster, condition="Failed")
    return Alert(
        "Job failed",
        "ERROR",
        Query(f"max by (namespace, jobset_name) ({failed}) == 1", 1),
        "A job has used up its restarts, or stopped with a failure that a restart does not mend.",
        (
            "Read the last lines of its first failed pod; the others fail because of that one.",
            "A mistake in the job: mend it and start the job again; it resumes from its last checkpoint.",
            "A lost node: see the alerts node-unhealthy, gpu-fault and slice-unhealthy.",
        ),
    )


def _job_stalled(cluster: str, minutes: int) -> Alert:
    step = Training.STEP.of(cluster)
    return Alert(
        "Job stalled",
        "ERROR",
        Query(
            f"max by (workload) (changes({step}[{minutes}m])) == 0 and "
            f"max by (workload) ({step} offset {minutes}m)",  # not one that has only begun
            1,
        ),
        f"A training job runs and has made no step for {minutes} minutes.",
        (
            "See whether accelerators are busy: busy and no step is a collective that waits for a lost worker.",
            "Not busy: the data is not coming; look at the reading of the bucket and at the processors.",
            "Delete the pods of the job; it resumes from its last checkpoint.",
        ),
    )


def _checkpoint_old(cluster: str, minutes: int) -> Alert:
    saved = Training.CHECKPOINT.of(cluster)
    return Alert(
        "Checkpoint too old",
        "WARNING",
        Query(f"time() - max by (workload) ({saved}) > {minutes * 60}", 5),
        f"A training job has saved nothing for {minutes} minutes; a lost node would cost all since.",
        (
            "The job's log says whether saving fails: rights on the bucket, a full disk, a bucket that is gone.",
            "Saving that takes long shows on the training dashboard; save less often, or in the background.",
            "If steps are slow, checkpoints by steps come late: lower the steps between them.",
        ),
    )


def _queue_wait(cluster: str, minutes: int) -> Alert:
    window = min(minutes, LONGEST_WINDOW_MINUTES)
    pending, admitted = Kueue.PENDING.of(cluster), Kueue.ADMITTED.of(cluster)
    waited, count = Kueue.WAIT.total(cluster), Kueue.WAIT.count(cluster)
    by = "sum by (cluster_queue)"
    return Alert(
        "Queue too slow",
        "WARNING",
        Query(
            # nobody is let in, or those who were had waited too long; the histogram's quantiles end below three hours
            f"({by} (min_over_time({pending}[{window}m])) > 0 unless {by} (increase({admitted}[{window}m])) > 0) or "
            f"({by} (increase({waited}[1h])) / {by} (increase({count}[1h])) > {minutes * 60})",
            5,
        ),
        f"Workloads wait for quota for longer than {minutes} minutes.",
        (
            "kubectl describe the ClusterQueue and the workload: its condition QuotaReserved says what is missing.",
            "A workload that can never fit blocks a strict queue: make it smaller, or the quota larger.",
            "Enough quota and no nodes: see the alert stockout.",
        ),
    )


def _serving_errors(cluster: str, share: float) -> Alert:
    requests, failed = Serving.REQUESTS.of(cluster), Serving.REQUESTS.of(cluster, code='=~"5.."')
    return Alert(
        "Requests fail",
        "CRITICAL",
        Query(
            f"sum by (model) (rate({failed}[5m])) / sum by (model) (rate({requests}[5m])) > {share}",
            5,
        ),
        f"More than {share:.4g} of the requests to a model are answered with an error of the server.",
        (
            "If a version was released just before, go back to the earlier one.",
            "Read the server's log: a model that does not load, memory that is used up, a lost accelerator.",
            "See whether there are enough servers for the requests.",
        ),
    )


def _serving_slow(cluster: str, milliseconds: int) -> Alert:
    rates = f"sum by (le, model) (rate({Serving.DURATION.buckets(cluster)}[5m]))"
    return Alert(
        "Requests are slow",
        "ERROR",
        Query(f"histogram_quantile(0.99, {rates}) > {milliseconds / 1000}", 5),
        f"One of a hundred requests to a model takes longer than {milliseconds} ms.",
        (
            "Compare requests a second with what the servers were sized for; add servers.",
            "Accelerators busy: batch more, or use a larger one; not busy: look at the network and at the input.",
            "If a version was released just before, go back to the earlier one.",
        ),
    )
