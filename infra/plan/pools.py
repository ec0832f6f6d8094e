"""The nodes of a stack as jobs see them: pools of what is alike, on Google Cloud or on a Kubernetes that is there.

A job takes the first pool that its node selector and tolerations match and that has room, in the order of ``ORDER``:
what is paid for first, then what is cheapest. It has to tolerate the taint of the accelerators that it asks for, so
that a job without accelerators never takes their nodes; GPUs that are shared or divided it has to ask for by name,
tolerating ``cloud.google.com/gke-gpu-sharing-strategy`` or ``cloud.google.com/gke-gpu-partition-size`` (taints of the
flavour, which no node has).

Spot and on-demand pools of the same machines are one: GKE's autoscaler makes nodes in the first of them that has
machines. What is reserved does not run out of stock, and what is queued or flex-start waits by its nature: each is a
pool of its own. A Kubernetes that is there has the nodes that it has, all of them paid for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from infra.hardware import CapacityKind, gke
from infra.plan.nodes import MIB_PER_GIB, Resources, general, with_gpus, with_tpus
from infra.settings import GoogleSettings, KubernetesSettings, NodePool
from infra.settings.accelerators import GpuPool, TpuSlice
from infra.settings.capacity import Queued
from infra.settings.foundation import SystemPool

POOL_LABEL = "ai-datacenter/pool"
"""Label of a node with the name of its flavour: the one label that all of its nodes have, and no other's. Slices on
several machines are several node pools."""

ORDER = (
    CapacityKind.RESERVATION,
    CapacityKind.QUEUED,
    CapacityKind.FLEX_START,
    CapacityKind.SPOT,
    CapacityKind.ON_DEMAND,
)
"""Which capacity a job takes first: the paid one, then the others from the cheapest to the dearest."""

HOSTNAME = "kubernetes.io/hostname"
GPU_LEVELS = tuple(f"cloud.google.com/gce-topology-{level}" for level in ("block", "subblock", "host"))
"""Labels of nodes that stand close together (AI Hypercomputer, 'Schedule GKE workloads with Topology Aware
Scheduling'). Nodes without them would be invisible, so they are used only where the machines are placed compactly."""

QUEUED_TAINT = gke.Taint(gke.QUEUED_LABEL, "true", "NoSchedule")
"""On nodes of queued provisioning. A job cannot know that it gets such a node, so the flavour tolerates it."""

FALLING_BACK = (CapacityKind.SPOT, CapacityKind.ON_DEMAND)
"""Capacity that is there at once or not at all, so that the autoscaler can go on to the next (GKE, 'About custom
ComputeClasses', 'Fallback compute priorities')."""

DIFFERING = {"name", "capacity", "zone", "zones", "disk_gib", "min_nodes", "max_nodes", "slices", "min_slices"}
"""Keys of pools that a job cannot tell by: those whose others are the same can stand in for each other."""

PLATFORM = Resources(cpu=4_400, memory=12_595)
"""What the platform's own services ask for and jobs cannot have: Kubeflow's distribution, README, its whole table."""


@dataclass(frozen=True)
class Pool:
    """Nodes that are alike, as jobs see them: a pool of the stack file, or several.

    members:      entries of the stack file that it is of, in the order in which nodes are made of them, and the node
                  pools of each.
    each:         what one node offers to pods.
    always, most: nodes at the smallest and at the largest scale.
    labels:       that all of its nodes have, and that together no other's have; at most 8.
    taints:       that a job has to tolerate.
    tolerated:    taints that every job tolerates that comes here. Where there are any, Kueue before 0.20 drops the
                  tolerations of a TrainJob's runtime; GKE gives pods back the one of their accelerators.
    levels:       labels of its topology from the outermost to the node.
    run_hours:    longest run of a job whose nodes come by a request; None where nodes come otherwise.
    reserved:     what of all nodes is not for jobs.
    """

    name: str
    members: Mapping[str, tuple[str, ...]]
    capacity: CapacityKind
    each: Resources
    always: int
    most: int
    labels: Mapping[str, str]
    taints: tuple[gke.Taint, ...] = ()
    tolerated: tuple[gke.Taint, ...] = ()
    levels: tuple[str, ...] = (HOSTNAME,)
    run_hours: int | None = None
    reserved: Resources = field(default=Resources())

    @property
    def falls_back(self) -> bool:
        """Whether nodes are made of one member where there are none of another."""
        return len(self.members) > 1

    @property
    def quota(self) -> Resources:
        """What jobs may use of it at most."""
        return self.each.times(self.most).without(self.reserved)

    @property
    def can_be_placed(self) -> bool:
        """Whether its nodes are there when a job is placed."""
        return self.always == self.most or self.run_hours is not None

    def workers(self, each: Resources) -> int:
        """How many pods that ask for ``each`` it holds at its largest. Without accelerators they are kept out of a pool
        that has them."""
        if (each.gpus, each.tpus) == (0, 0) and (self.each.gpus or self.each.tpus):
            return 0
        return min(self.most * self.each.holds(each), self.quota.holds(each))


def pools(settings: GoogleSettings, platform: Resources = PLATFORM) -> tuple[Pool, ...]:
    """The pools of a cluster on Google Cloud. TPU VMs and requests to the TPU API are outside it.

    Spot and on-demand ones that differ in no more than ``DIFFERING`` are one, under the name of the first in the file.

    platform:  what the platform's services need of the system pool.
    """
    alike = {"system": [_of_system(settings.cluster.system_pool, platform)]}
    entries: tuple[GpuPool | TpuSlice, ...] = (*settings.gpu_pools, *settings.tpu_slices)
    for entry in entries:
        pool = _of_gpus(entry) if isinstance(entry, GpuPool) else _of_slices(entry)
        likeness = entry.model_dump_json(exclude=DIFFERING) if pool.capacity in FALLING_BACK else pool.name
        alike.setdefault(likeness, []).append(pool)
    return tuple(_one(each) for each in alike.values())


def pools_there(settings: KubernetesSettings, platform: Resources) -> tuple[Pool, ...]:
    """The pools of a Kubernetes that is there.

    platform:  what the platform's and the stack's services need. They tolerate no taint and ask for no accelerators.
    """
    first = home(settings)
    return tuple(_of_nodes(each, platform if each is first else Resources()) for each in settings.pools)


def home(settings: KubernetesSettings) -> NodePool:
    """Where the platform's services are: the first pool without taints, and without accelerators if there is such."""
    return min((pool for pool in settings.pools if not pool.taints), key=lambda pool: bool(pool.gpus or pool.tpus))


def _one(alike: list[Pool]) -> Pool:
    """Pools that are alike as one. The first capacity of ``ORDER`` leads, and the first in the file gives the name."""
    first = alike[0]
    if len(alike) == 1:
        return first
    ordered = sorted(alike, key=lambda pool: ORDER.index(pool.capacity))
    labels = {key: value for key, value in first.labels.items() if key not in _own_labels(first)}
    return replace(
        first,
        members={name: node_pools for pool in ordered for name, node_pools in pool.members.items()},
        capacity=ordered[0].capacity,
        always=sum(pool.always for pool in alike),
        most=sum(pool.most for pool in alike),
        labels={POOL_LABEL: first.name, gke.COMPUTE_CLASS_LABEL: first.name, **labels},
        tolerated=(class_taint(first.name),),
    )


def _own_labels(pool: Pool) -> dict[str, str]:
    """The labels that tell a pool from those that are otherwise like it."""
    return {POOL_LABEL: pool.name, **_capacity_labels(pool.capacity)}


def class_taint(name: str) -> gke.Taint:
    """On nodes of a ComputeClass (GKE, 'Control autoscaled node attributes with custom ComputeClasses')."""
    return gke.Taint(gke.COMPUTE_CLASS_LABEL, name, "NoSchedule")


def _of_system(pool: SystemPool, platform: Resources) -> Pool:
    zones = len(pool.zones)
    return Pool(
        "system",
        {"system": ("system",)},
        CapacityKind.ON_DEMAND,
        general(pool.machine_type),
        pool.min_nodes * zones,
        pool.max_nodes * zones,
        {POOL_LABEL: "system"},
        reserved=platform,
    )


def _of_gpus(pool: GpuPool) -> Pool:
    machine, capacity = pool.machine, CapacityKind(pool.capacity.kind)
    clients = getattr(pool.sharing, "clients", 1)
    labels = {POOL_LABEL: pool.name, gke.GPU_ACCELERATOR_LABEL: machine.accelerator, **_capacity_labels(capacity)}
    asked_by_name: dict[str, str] = {}
    if pool.sharing.kind != "none":
        asked_by_name[gke.GPU_SHARING_LABEL] = pool.sharing.kind
        labels[gke.GPU_CLIENTS_LABEL] = str(clients)
    if pool.partition:
        asked_by_name[gke.GPU_PARTITION_LABEL] = pool.partition
    return Pool(
        pool.name,
        {pool.name: pool.parts},
        capacity,
        with_gpus(machine, pool.partition, clients),
        pool.min_nodes,
        pool.max_nodes,
        labels | asked_by_name,
        (gke.GPU_TAINT, *(gke.Taint(key, value, "NoSchedule") for key, value in asked_by_name.items())),
        (QUEUED_TAINT,) if capacity is CapacityKind.QUEUED else (),
        (*GPU_LEVELS, HOSTNAME) if pool.compact else (HOSTNAME,),
        pool.capacity.max_run_hours if isinstance(pool.capacity, Queued) else None,
    )


def _of_slices(slices: TpuSlice) -> Pool:
    shape, capacity = slices.shape, CapacityKind(slices.capacity.kind)
    return Pool(
        slices.name,
        {slices.name: slices.parts},
        capacity,
        with_tpus(shape),
        slices.min_slices * shape.vms,
        slices.slices * shape.vms,
        {POOL_LABEL: slices.name, **shape.node_labels, **_capacity_labels(capacity)},
        (gke.TPU_TAINT,),
        levels=(gke.NODE_POOL_LABEL, HOSTNAME) if shape.is_multi_host else (HOSTNAME,),
    )


def _capacity_labels(capacity: CapacityKind) -> dict[str, str]:
    """Labels that GKE gives such nodes, so that a job can ask for them or shun them."""
    labels = {CapacityKind.SPOT: gke.SPOT_LABEL, CapacityKind.FLEX_START: gke.FLEX_START_LABEL}
    return {labels[capacity]: "true"} if capacity in labels else {}


def _of_nodes(pool: NodePool, platform: Resources) -> Pool:
    accelerated = [taint for amount, taint in ((pool.gpus, gke.GPU_TAINT), (pool.tpus, gke.TPU_TAINT)) if amount]
    return Pool(
        pool.name,
        {pool.name: (pool.name,)},
        CapacityKind.RESERVATION,
        Resources(round(pool.cpu * 1000), int(pool.memory_gib * MIB_PER_GIB), pool.gpus, pool.tpus),
        pool.nodes,
        pool.nodes,
        pool.node_labels,
        pool.node_taints or tuple(accelerated),
        () if accelerated else pool.node_taints,
        (pool.slice_label, HOSTNAME) if pool.slice_label else (HOSTNAME,),
        reserved=platform,
    )
