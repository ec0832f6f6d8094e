"""Where a team's data sets, checkpoints, models and logs lie: one claim, which all of its pods mount.

With a StorageClass the cluster makes the volume. With a folder of the nodes it is declared here, and a Job makes the
folder, for Kubernetes neither makes it writable for pods without root nor refuses it when it is missing. A claim is
never deleted or replaced on its own, for the data would go with it; it goes with its namespace. What was in a folder
stays there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pulumi
from pulumi_kubernetes.core.v1 import Namespace

from infra.kubeflow.objects import KubernetesObject
from infra.kubeflow.pods import ARTEFACTS, SECURITY, USER, Object
from infra.settings import ArtefactVolume

NAMESPACE = "ai-datacenter"
"""Of the Job that makes folders. Its pods may mount them from a node, as no team's may."""

MAKE = "import os, sys; [(os.makedirs(each, exist_ok=True), os.chown(each, {0}, {0})) for each in sys.argv[1:]]"


class Folders(pulumi.ComponentResource):
    """The folders of teams under a folder of the nodes, made by a Job on one of them; several nodes share it.

    ready:  the Job, done.
    """

    def __init__(
        self,
        name: str,
        host_path: str,
        teams: Sequence[str],
        image: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """image: one with Python."""
        super().__init__("aidc:kubeflow:Folders", name, None, opts)
        namespace = Namespace(
            NAMESPACE,
            metadata={"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "privileged"}},
            opts=pulumi.ResourceOptions(parent=self),
        )
        inside = pulumi.ResourceOptions(
            parent=self, depends_on=[namespace], replace_on_changes=["spec"], delete_before_replace=True
        )
        self.ready = KubernetesObject(maker(host_path, teams, image), inside)
        self.register_outputs({})


def claim(team: str, volume: ArtefactVolume) -> Object:
    spec: Object = {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": f"{volume.size_gib}Gi"}},
    }
    if volume.host_path:
        spec |= {"storageClassName": "", "volumeName": _volume_name(team)}
    elif volume.storage_class:
        spec["storageClassName"] = volume.storage_class
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": ARTEFACTS,
            "namespace": team,
            "annotations": {"pulumi.com/skipAwait": "true"},  # some classes make the volume when a pod first wants it
        },
        "spec": spec,
    }


def volumes(team: str, volume: ArtefactVolume) -> Iterator[Object]:
    """What the claim is of, where no StorageClass makes it."""
    if not volume.host_path:
        return
    yield {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": _volume_name(team)},
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "capacity": {"storage": f"{volume.size_gib}Gi"},
            "claimRef": {"namespace": team, "name": ARTEFACTS},
            "hostPath": {"path": f"{volume.host_path}/{team}", "type": "Directory"},
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
        },
    }


def maker(host_path: str, teams: Sequence[str], image: str) -> Object:
    """The Job: root, for what it makes is given away, and able to do nothing else."""
    here = "/folder"
    container: Object = {
        "name": "maker",
        "image": image,
        "command": ["python", "-c", MAKE.format(USER), *(f"{here}/{team}" for team in teams)],
        "securityContext": {**SECURITY, "runAsUser": 0, "capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}},
        "volumeMounts": [{"name": "folder", "mountPath": here}],
    }
    pod: Object = {
        "automountServiceAccountToken": False,
        "restartPolicy": "Never",
        "containers": [container],
        "volumes": [{"name": "folder", "hostPath": {"path": host_path, "type": "DirectoryOrCreate"}}],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "folders", "namespace": NAMESPACE},
        "spec": {"backoffLimit": 3, "template": {"spec": pod}},
    }


def _volume_name(team: str) -> str:
    return f"{team}-{ARTEFACTS}"
