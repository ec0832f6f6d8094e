"""ClusterTrainingRuntimes for TensorFlow, which Kubeflow Trainer has none for: how a TrainJob's pods run, and rerun.

A member's image, size, number and specification are the TrainJob's (``infra.jobs``); what is the same for every job is
here: the pods (``pods``), the command, which finds the other members (``workloads.train.rendezvous``), and what happens
when one of them ends.

Members of a group need each other: where one ends, none can go on, and they start again together from the last
checkpoint. So a Job never replaces a pod; it fails, and the JobSet makes all Jobs anew once the old pods are gone. The
Job says by which of its rules it failed, and the JobSet goes by that:

- exit 2 or 74, a mistake that another attempt would not mend: the JobSet fails at once;
- exit 42, the work is saved because SIGTERM came; 143, SIGTERM came before there was any; or Kubernetes itself took the
  pod away (a drain, a preemption, a node that is gone): all start again, and it is not counted;
- anything else: all start again, at most ``MAX_RESTARTS`` times.

A job that Kueue stops ends in the second way too: its Jobs fail while they are suspended, and wait as new ones.

Sources: Kubernetes v1.34, pkg/controller/job/pod_failure_policy.go (the message, and that a Job has failed only when
its pods are gone); JobSet v0.12.0, pkg/controllers/failure_policy.go; Trainer v2.2.1, pkg/webhooks and
pkg/runtime/framework/plugins/plainml.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from infra.kubeflow import pods
from infra.kubeflow.pods import Object

API = "trainer.kubeflow.org/v1alpha1"
FRAMEWORK = {"trainer.kubeflow.org/framework": "tensorflow"}
TRAINS = {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}
"""Label of what Trainer gives a TrainJob's image, command, environment and resources to."""

MULTI_WORKER, PARAMETER_SERVER, TPU = "tensorflow-multiworker", "tensorflow-parameter-server", "tensorflow-tpu"

MAX_RESTARTS = 3
"""Of a TrainJob, which cannot say how many; as many as a specification has by default (``max_restarts``)."""

FINAL = (2, 74)
"""Exit statuses USAGE and FINAL of ``workloads.train.status``."""

PREEMPTED = (42, 143)
"""Exit status PREEMPTED of ``workloads.train.status``, and the one of a process that SIGTERM ended."""

POD_FAILURE_POLICY: Object = {
    "rules": [
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [*FINAL]}},
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [*PREEMPTED]}},
        {"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
    ]
}
"""Of a Job. The order counts: ``failure_policy`` tells the rules by their number."""


def failure_policy(max_restarts: int = MAX_RESTARTS) -> Object:
    """Of a JobSet whose Jobs have ``POD_FAILURE_POLICY``. No new pod starts before the last old one is gone."""

    def rule(name: str, action: str, number: str) -> Object:
        return {
            "name": name,
            "action": action,
            "onJobFailureReasons": ["PodFailurePolicy"],
            "onJobFailureMessagePatterns": [f"rule at index {number}$"],
        }

    return {
        "maxRestarts": max_restarts,
        "restartStrategy": "BlockingRecreate",
        "rules": [
            rule("final", "FailJobSet", "0"),
            rule("preempted", "RestartJobSetAndIgnoreMaxRestarts", "[12]"),
        ],
    }


def multi_worker(name: str = MULTI_WORKER) -> Object:
    """Workers that train together (MultiWorkerMirroredStrategy), or one alone; with GPUs where the TrainJob asks so."""
    return _runtime(name, [_job("worker", _trainer())])


def tpu() -> Object:
    """One worker on the TPUs of its host, which the TrainJob asks for by ``google.com/tpu``.

    TensorFlow trains on one host's: a slice of several hosts is a plain JobSet's. Kueue puts the pod on a pool by the
    labels of its flavour.
    """
    toleration = {"key": "google.com/tpu", "operator": "Exists", "effect": "NoSchedule"}
    container = _trainer(env=[{"name": "TPU_NAME", "value": "local"}])
    return _runtime(TPU, [_job("worker", container, tolerations=[toleration])])


def parameter_server() -> Object:
    """Workers, a chief and a parameter server, for a program of a team's own (ParameterServerStrategy).

    Our own training loop is synchronous and does not use it. All members run the module of the TrainJob's image that
    its environment names in WORKLOADS_MODULE, and find in TF_CONFIG what they are; WORKLOADS_CLUSTER is such as
    ``worker=4,chief=1,ps=1``. The TrainJob's nodes are the workers: Trainer scales the first of the jobs that have its
    label, and gives image, environment and resources to all of them. The job is done when the chief is; the others
    serve for ever.
    """
    command = ["python", "-m", "workloads.train.rendezvous", "--", "python", "-m", "$(WORKLOADS_MODULE)"]
    runtime = _runtime(
        PARAMETER_SERVER, [_job(role, _trainer() | {"command": command}) for role in ("worker", "chief", "ps")]
    )
    runtime["spec"]["template"]["spec"]["successPolicy"] = {"operator": "All", "targetReplicatedJobs": ["chief"]}
    return runtime


def _trainer(**settings: Any) -> Object:
    """The container of a member, without the image, which is the TrainJob's."""
    container = pods.trainer(None, **settings)
    del container["image"]
    return container


def _job(name: str, container: Object, **pod: Any) -> Object:
    """A replicated job of one Job, which has as many pods as the role has members."""
    return {
        "name": name,
        "replicas": 1,
        "template": {
            "metadata": {"labels": TRAINS},
            "spec": {
                "backoffLimit": 0,
                "podReplacementPolicy": "Failed",
                "podFailurePolicy": POD_FAILURE_POLICY,
                "template": pods.template([container], restartPolicy="Never", **pod),
            },
        },
    }


def _runtime(name: str, jobs: Sequence[Object]) -> Object:
    jobset: Object = {
        "network": {"enableDNSHostnames": True, "publishNotReadyAddresses": True},
        "failurePolicy": failure_policy(),
        "replicatedJobs": [*jobs],
    }
    return {
        "apiVersion": API,
        "kind": "ClusterTrainingRuntime",
        "metadata": {"name": name, "labels": FRAMEWORK},
        "spec": {"mlPolicy": {"numNodes": 1}, "template": {"spec": jobset}},
    }
