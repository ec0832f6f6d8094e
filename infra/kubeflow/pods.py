"""Pods of workloads: under the restricted Pod Security Standard, with the team's artefacts and a /tmp of their own.

Every pod that trains, serves or shows is made of these parts, so that one reading tells what a workload may do: no
root, no token of the API server, nothing to write to but /tmp and /artefacts. Pure functions over plain values; what
runs again after a failure is the runtimes' and the job's to say.

Source: Kubernetes, 'Pod Security Standards', profile Restricted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Object = dict[str, Any]
"""A Kubernetes object or a part of one, as JSON has it. A value may be a ``pulumi.Output``."""

USER = 65532
"""User and group of the images."""

ARTEFACTS, ARTEFACTS_PATH = "artefacts", "/artefacts"
"""Volume claim of a team's namespace, and where pods have it."""

SPEC_VOLUME, SPEC_FOLDER, SPEC_FILE = "spec", "/etc/workload", "spec.json"
"""Volume with a workload's specification, and where pods have it. It is a job's own, so a runtime has none."""

SECURITY: Object = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
"""Of every container."""

TRAINER, TRAINER_PORT = "node", 2222
"""Name of the container that trains, which Kubeflow Trainer prescribes; and what TensorFlow listens on."""

TRAIN = ("python", "-m", "workloads", "train", "--member", "--release")
OUTCOME_PATH = "/dev/termination-log"
"""Where a container leaves what it came to; the kubelet puts it into the pod's status."""


def template(
    containers: Sequence[Object],
    *,
    labels: Mapping[str, str] | None = None,
    volumes: Sequence[Object] = (),
    **spec: Any,
) -> Object:
    """A pod template.

    volumes:  besides /tmp and the artefacts.
    spec:     other keys of the pod's specification.
    """
    return {
        "metadata": {"labels": dict(labels or {})},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "runAsGroup": USER,
                "fsGroup": USER,
                "fsGroupChangePolicy": "OnRootMismatch",
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [*containers],
            "volumes": [
                {"name": "tmp", "emptyDir": {}},
                {"name": ARTEFACTS, "persistentVolumeClaim": {"claimName": ARTEFACTS}},
                *volumes,
            ],
            **spec,
        },
    }


def container(
    name: str,
    image: Any,
    command: Sequence[Any],
    *,
    env: Sequence[Object] = (),
    mounts: Sequence[Object] = (),
    writes: bool = True,
    **rest: Any,
) -> Object:
    """A container.

    mounts:  besides /tmp and the artefacts.
    writes:  whether it may change the artefacts.
    rest:    other keys of the container.
    """
    return {
        "name": name,
        "image": image,
        "command": [*command],
        "env": [{"name": "HOME", "value": "/tmp"}, *env],  # noqa: S108 - the pod's own
        "securityContext": SECURITY,
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
            {"name": ARTEFACTS, "mountPath": ARTEFACTS_PATH, **({} if writes else {"readOnly": True})},
            *mounts,
        ],
        "terminationMessagePath": OUTCOME_PATH,
        "terminationMessagePolicy": "FallbackToLogsOnError",  # a pod that is gone still says why it failed
        **rest,
    }


def trainer(image: Any, *, env: Sequence[Object] = (), mounts: Sequence[Object] = (), **rest: Any) -> Object:
    """The container of a member of a training job, in a pod that JobSet makes (``workloads.train.rendezvous``).

    Whoever makes the job adds WORKLOADS_CLUSTER and, at ``SPEC_FOLDER``, the specification.
    """
    labels = {
        "JOBSET_NAME": "jobset.sigs.k8s.io/jobset-name",
        "JOBSET_REPLICATED_JOB": "jobset.sigs.k8s.io/replicatedjob-name",
        "JOBSET_JOB_INDEX": "jobset.sigs.k8s.io/job-index",
    }
    return container(
        TRAINER,
        image,
        (
            *("python", "-m", "workloads.train.rendezvous", "--"),
            *(*TRAIN, "--spec", f"{SPEC_FOLDER}/{SPEC_FILE}", "--artefacts", ARTEFACTS_PATH),
        ),
        env=[
            *(
                {"name": name, "valueFrom": {"fieldRef": {"fieldPath": f"metadata.labels['{label}']"}}}
                for name, label in labels.items()
            ),
            {"name": "WORKLOADS_OUTCOME", "value": OUTCOME_PATH},
            *env,
        ],
        mounts=mounts,
        ports=[{"containerPort": TRAINER_PORT}],
        **rest,
    )


def spec_volume(config_map: Any) -> Object:
    """The specification of a workload as a volume."""
    return {"name": SPEC_VOLUME, "configMap": {"name": config_map}}


SPEC_MOUNT: Object = {"name": SPEC_VOLUME, "mountPath": SPEC_FOLDER, "readOnly": True}
"""Where a container has it."""
