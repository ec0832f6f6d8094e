"""A workload trained on a cluster: a TrainJob of our TensorFlow runtime, queued by Kueue.

A TrainJob cannot be changed. Whatever changes in it makes another one, which goes on from the checkpoint where what is
learned is the same: so a group grows and shrinks. The pods, the command and what happens after a failure are the
runtime's (``infra.kubeflow.runtimes``).
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from infra.hardware import gke
from infra.jobs import job
from infra.jobs.quantities import quantities
from infra.kubeflow import pods, runtimes
from infra.kubeflow.objects import KubernetesObject
from infra.kubeflow.pods import Object
from infra.plan import footprint
from workloads.spec import WorkloadSpec

WORKER = "worker"
"""The replicated job of the runtime that trains; its first pod is the chief."""

MANAGER = "ai-datacenter/pulumi"
"""Whose the patch of the runtime is. Kueue has another, of its own."""

TOLERATES_GPUS: Object = {"key": gke.GPU_RESOURCE, "operator": "Exists", "effect": gke.GPU_TAINT.effect}


class TrainingJob(pulumi.ComponentResource):
    """A workload trained to its end and released. The `up` waits for it, its time in the queue included.

    version:   of the model that it released.
    accuracy:  on the test examples.
    """

    def __init__(
        self,
        name: str,
        workload: WorkloadSpec,
        namespace: str,
        image: str,
        context: str,
        *,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """
        namespace:  of the workload's team.
        image:      that trains.
        context:    of the kubeconfig, for what waits; the objects go where the provider of ``opts`` leads.
        after:      what has to be there, the platform's ``ready``.
        """
        super().__init__("aidc:jobs:TrainingJob", name, None, opts)
        specification = config_map(workload, namespace)
        made = KubernetesObject(specification, pulumi.ResourceOptions(parent=self, depends_on=[*after]))
        completed = job.run(
            name,
            train_job(workload, namespace, image),
            context,
            chief=WORKER,
            after=[*after, made],
            parent=self,
        )
        self.version: pulumi.Output[int] = completed.outcome.apply(lambda outcome: int(outcome["version"]))
        self.accuracy: pulumi.Output[float] = completed.outcome.apply(lambda outcome: float(outcome["accuracy"]))
        self.register_outputs({"version": self.version, "accuracy": self.accuracy})


def config_map(workload: WorkloadSpec, namespace: str) -> Object:
    """The specification for the pods, without ``serve``, which is no matter of theirs."""
    data = {pods.SPEC_FILE: workload.model_dump_json(exclude={"serve"})}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{workload.name}-spec-{job.digest(data)}", "namespace": namespace},
        "immutable": True,
        "data": data,
    }


def train_job(workload: WorkloadSpec, namespace: str, image: str) -> Object:
    """The TrainJob. Kueue suspends it as it is made, and starts it. Source: Trainer v2.2.1, pkg/apis/trainer."""
    train = workload.train
    amounts = quantities(footprint.of_worker(workload))
    spec: Object = {
        "runtimeRef": {"name": runtimes.MULTI_WORKER},
        "trainer": {
            "image": image,
            "numNodes": train.workers,
            # members wait for each other at every step, so that one which gets more than it asked for helps nobody
            "resourcesPerNode": {"requests": amounts, "limits": amounts},
            "env": [{"name": "WORKLOADS_CLUSTER", "value": f"{WORKER}={train.workers}"}],
        },
        "runtimePatches": [_patch(config_map(workload, namespace)["metadata"]["name"], gpus=bool(train.gpus))],
    }
    if train.max_hours:
        spec["activeDeadlineSeconds"] = train.max_hours * 3600
    metadata = {"name": workload.name, "namespace": namespace, "labels": job.queued(workload.name, workload.priority)}
    return job.named({"apiVersion": runtimes.API, "kind": "TrainJob", "metadata": metadata, "spec": spec})


def _patch(specification: str, *, gpus: bool) -> Object:
    """What a job adds to the runtime's pods: its specification, and to tolerate the taint of the GPUs it asks for."""
    pod: Object = {
        "volumes": [pods.spec_volume(specification)],
        "containers": [{"name": pods.TRAINER, "volumeMounts": [pods.SPEC_MOUNT]}],
    }
    if gpus:
        pod["tolerations"] = [TOLERATES_GPUS]
    jobs = [{"name": WORKER, "template": {"spec": {"template": {"spec": pod}}}}]
    return {"manager": MANAGER, "trainingRuntimeSpec": {"template": {"spec": {"replicatedJobs": jobs}}}}
