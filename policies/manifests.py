"""Where the pods are in what is given to Kubernetes, whatever makes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from policies.resource import Resource, Value

POD = "kubernetes:core/v1:Pod"
TEMPLATED = (
    "kubernetes:apps/v1:Deployment",
    "kubernetes:apps/v1:StatefulSet",
    "kubernetes:apps/v1:DaemonSet",
    "kubernetes:apps/v1:ReplicaSet",
    "kubernetes:batch/v1:Job",
)
CRON_JOB = "kubernetes:batch/v1:CronJob"
JOB_SET = "kubernetes:jobset.x-k8s.io/*:JobSet"
RUNTIMES = (
    "kubernetes:trainer.kubeflow.org/*:TrainingRuntime",
    "kubernetes:trainer.kubeflow.org/*:ClusterTrainingRuntime",
)
WORKLOADS = (POD, *TEMPLATED, CRON_JOB, JOB_SET, *RUNTIMES)
"""Types whose pods are written down in them. A TrainJob's are in its runtime."""

TRAIN_JOB = "kubernetes:trainer.kubeflow.org/*:TrainJob"


@dataclass(frozen=True)
class Pod:
    """A pod, or what pods are made from.

    spec:        its specification.
    labels:      of the pod, and of the object that makes it.
    containers:  all of them, also those that come first.
    """

    spec: Value
    labels: dict[str, Value]

    @property
    def path(self) -> str:
        return self.spec.path

    @property
    def nothing(self) -> Value:
        return Value(self.spec.path, None)

    @property
    def containers(self) -> list[Value]:
        return [*self.spec.at("initContainers").items(), *self.spec.at("containers").items()]


def pods_of(resource: Resource) -> Iterator[Pod]:
    """The pods of a resource of a type of ``WORKLOADS``."""
    if resource.type == POD:
        yield _pod(resource, resource.whole)
    elif resource.type == CRON_JOB:
        yield _pod(resource, resource.at("spec.jobTemplate.spec.template"))
    elif resource.is_a(JOB_SET, *RUNTIMES):
        jobs = "spec.replicatedJobs" if resource.is_a(JOB_SET) else "spec.template.spec.replicatedJobs"
        for each in resource.at(jobs).items():
            yield _pod(resource, each.at("template.spec.template"))
    elif resource.is_a(*TEMPLATED):
        yield _pod(resource, resource.at("spec.template"))


def _pod(resource: Resource, template: Value) -> Pod:
    labels = {**resource.at("metadata.labels").entries(), **template.at("metadata.labels").entries()}
    return Pod(template.at("spec"), labels)


def namespace_of(resource: Resource) -> str:
    """Where it is; ``default`` where nothing is said."""
    return resource.at("metadata.namespace").text() or "default"


def name_of(resource: Resource) -> str:
    return resource.at("metadata.name").text() or resource.name
