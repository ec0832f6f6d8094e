"""Jobs on slices of TPUs: a JobSet with a Job for each slice, which has a pod on each of the slice's hosts.

A TrainJob cannot have several slices, nor our TensorFlow runtime several hosts of one (``infra.kubeflow.runtimes``), so
this is a plain JobSet, whose container is the caller's. It is one attempt of all slices together: where one pod ends,
all start again (``runtimes.failure_policy``).

Sources: JobSet v0.12.0, pkg/webhooks/pod_webhook.go; Kueue v0.19.2, apis/kueue/v1beta2/topology_types.go; Google's
cluster-toolkit, examples/gke-tpu-v6e/tpu-multislice.yaml.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from infra.hardware import gke
from infra.hardware.tpu import TpuSlice
from infra.jobs import job
from infra.jobs.quantities import quantities
from infra.kubeflow import pods, runtimes
from infra.kubeflow.pods import Object
from infra.plan.nodes import Resources

API = "jobset.x-k8s.io/v1alpha2"
SLICE = "slice"
"""Name of the replicated job."""

EXCLUSIVE = "alpha.jobset.sigs.k8s.io/exclusive-topology"
PLACED, PLACED_SIZE = "kueue.x-k8s.io/podset-slice-required-topology", "kueue.x-k8s.io/podset-slice-size"


class SliceJob(pulumi.ComponentResource):
    """A job on TPU slices, run to its end. The `up` waits for it."""

    def __init__(
        self,
        name: str,
        jobset: Object,
        context: str,
        *,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """jobset: as ``slice_job`` gives it."""
        super().__init__("aidc:jobs:SliceJob", name, None, opts)
        job.run(name, jobset, context, chief=None, after=after, parent=self)
        self.register_outputs({})


def slice_job(
    name: str,
    namespace: str,
    container: Object,
    shape: TpuSlice,
    *,
    slices: int = 1,
    slice_label: str = gke.NODE_POOL_LABEL,
    placed: bool = False,
    priority: str = "normal",
    max_restarts: int = runtimes.MAX_RESTARTS,
) -> Object:
    """The JobSet.

    container:    of every pod, as ``pods.container`` makes it; it gets all chips of its host.
    slices:       how many, each with all hosts of ``shape``.
    slice_label:  of nodes, equal on those of one slice.
    placed:       whether Kueue places jobs by topology, which then keeps each Job on one slice; else JobSet does,
                  after its first pod.
    """
    chips = quantities(Resources(tpus=shape.machine.chips))
    tolerates = {"key": gke.TPU_RESOURCE, "operator": "Exists", "effect": gke.TPU_TAINT.effect}
    own = container.get("resources", {})
    whole_host = {"requests": {**own.get("requests", {}), **chips}, "limits": {**own.get("limits", {}), **chips}}
    pod = pods.template(
        [{**container, "resources": whole_host}],
        restartPolicy="Never",
        nodeSelector=shape.node_labels,
        tolerations=[tolerates],
    )
    metadata: Object = {"name": name, "namespace": namespace, "labels": job.queued(name, priority)}
    if placed:
        pod["metadata"]["annotations"] = {PLACED: slice_label, PLACED_SIZE: str(shape.vms)}
    else:
        metadata["annotations"] = {EXCLUSIVE: slice_label}
    spec = {
        "network": {"enableDNSHostnames": True, "publishNotReadyAddresses": True},
        "failurePolicy": runtimes.failure_policy(max_restarts),
        "replicatedJobs": [
            {
                "name": SLICE,
                "replicas": slices,
                "template": {
                    "spec": {
                        "parallelism": shape.vms,
                        "completions": shape.vms,
                        "backoffLimit": 0,
                        "podReplacementPolicy": "Failed",
                        "podFailurePolicy": runtimes.POD_FAILURE_POLICY,
                        "template": pod,
                    }
                },
            }
        ],
    }
    return job.named({"apiVersion": API, "kind": "JobSet", "metadata": metadata, "spec": spec})
