"""A Kubernetes that is there already: how it is reached, what nodes it has, and where artefacts lie."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import permutations
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from infra.hardware import gke
from workloads.mistakes import Conflict
from workloads.spec import Name, Section

_KEY = r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_VALUE = r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?"

LevelKey = Annotated[str, Field(pattern=r"^([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$")]
"""A label that can name a topology: without capitals and underscores."""

Label = Annotated[str, Field(pattern=f"^{_KEY}={_VALUE}$")]
NodeTaint = Annotated[str, Field(pattern=f"^{_KEY}={_VALUE}:(NoSchedule|NoExecute)$")]
"""As ``kubectl taint`` writes it. PreferNoSchedule keeps no pod away."""

EVERY_NODE = "kubernetes.io/os=linux"
"""A label that each node has ('Well-known labels'). Kueue asks for one where jobs are placed by topology."""


class NodePool(Section):
    """Nodes of the cluster that are alike."""

    name: Name = Field(description="Name of the pool: at most 40 lower-case letters, digits and dashes.")
    nodes: int = Field(ge=1, le=15_000, description="How many there are.")
    cpu: float = Field(gt=0, le=4096, description="Cores of a node that pods can have, its allocatable.")
    memory_gib: float = Field(gt=0, le=65_536, description="Memory of a node that pods can have, in GiB.")
    gpus: int = Field(default=0, ge=0, le=64, description="GPUs of a node, or shares of them.")
    tpus: int = Field(default=0, ge=0, le=8, description="TPU chips of a node.")
    labels: tuple[Label, ...] = Field(
        default=(EVERY_NODE,),
        strict=False,
        min_length=1,
        max_length=8,
        description="Labels that all of its nodes have, and that together no other nodes have; each as key=value.",
    )
    taints: tuple[NodeTaint, ...] = Field(
        default=(),
        strict=False,
        max_length=8,
        description="Taints of its nodes, each as key=value:NoSchedule or key=value:NoExecute.",
    )
    slice_label: LevelKey | None = Field(
        default=None,
        description="Label, in lower case, that is equal on the nodes of one TPU slice, such as "
        "cloud.google.com/gke-nodepool; none where a slice is one node.",
    )

    @field_validator("labels")
    @classmethod
    def _each_label_once(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        keys = [value.partition("=")[0] for value in values]
        for key in keys:
            if keys.count(key) > 1:
                raise ValueError(f"{key} is there twice; a node has one value of it")
        return values

    @model_validator(mode="after")
    def _has_accelerators_of_one_kind(self) -> Self:
        if self.gpus and self.tpus:
            raise Conflict("a node has GPUs or TPUs; make two pools of them", ("tpus",), self.tpus)
        for resource, amount in ((gke.GPU_RESOURCE, self.gpus), (gke.TPU_RESOURCE, self.tpus)):
            for index, taint in enumerate(self.node_taints if amount else ()):
                if (taint.key, taint.effect) != (resource, "NoSchedule"):
                    problem = (
                        f"jobs that ask for {resource} tolerate {resource}=...:NoSchedule alone; take it off the nodes"
                    )
                    raise Conflict(problem, ("taints", index), self.taints[index])
        if self.slice_label and not self.tpus:
            raise Conflict("slices are of TPUs; set tpus, or leave it out", ("slice_label",), self.slice_label)
        return self

    @property
    def node_labels(self) -> Mapping[str, str]:
        return dict(label.split("=") for label in self.labels)

    @property
    def node_taints(self) -> tuple[gke.Taint, ...]:
        return tuple(gke.Taint(*re.split("[=:]", taint)) for taint in self.taints)


class ArtefactVolume(Section):
    """The volume of a team's data sets, checkpoints, models and logs."""

    storage_class: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$",
        description="StorageClass whose volumes several nodes can write to (ReadWriteMany), such as filestore-rwx; the "
        "cluster's default one when left out.",
    )
    size_gib: int = Field(default=50, ge=1, le=65_536, description="Size for each team in GiB.")
    host_path: str | None = Field(
        default=None,
        pattern=r"^(/[\w.-]+)+$",
        description="Folder of the nodes in place of a StorageClass, such as /srv/artefacts; with several nodes, one "
        "that they share.",
    )

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        if self.storage_class and self.host_path:
            raise Conflict("there is a host_path too; keep one of them", ("storage_class",), self.storage_class)
        return self


class KubernetesSettings(Section):
    """A cluster that this program does not make, and installs the platform on."""

    context: str = Field(min_length=1, description="Context of the kubeconfig file (KUBECONFIG) that leads to it.")
    version: str = Field(
        pattern=r"^v?\d+\.\d+(\.\d+)?([-+.].*)?$", description="Version of its API server, such as 1.34.4."
    )
    pools: tuple[NodePool, ...] = Field(strict=False, min_length=1, max_length=64, description="Its nodes, by kind.")
    artefacts: ArtefactVolume = Field(default=ArtefactVolume(), description="Where artefacts lie.")

    @model_validator(mode="after")
    def _labels_tell_pools_apart(self) -> Self:
        names = [pool.name for pool in self.pools]
        for index, name in enumerate(names):
            if name in names[:index]:
                problem = f"pools[{names.index(name)}] has it too; give each its own"
                raise Conflict(problem, ("pools", index, "name"), name)
        for (index, pool), (_, other) in permutations(enumerate(self.pools), 2):
            if set(pool.labels) <= set(other.labels):
                problem = f"nodes of {other.name} have these too; add a label that the nodes of {pool.name} alone have"
                raise Conflict(problem, ("pools", index, "labels"), pool.labels)
        return self

    @model_validator(mode="after")
    def _some_nodes_take_any_pod(self) -> Self:
        if all(pool.taints for pool in self.pools):
            problem = "every pool has taints, and the platform's own pods tolerate none; add a pool without taints"
            raise Conflict(problem, ("pools", 0, "taints"), self.pools[0].taints)
        return self
