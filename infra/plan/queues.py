"""Kueue from the hardware: who may use how much of which nodes, and in what order.

A *flavour* is a pool of the stack, or several that differ in no more than being spot or on demand. Its quota is what
they can hold at their largest. All quota is the cohort's and none is a team's own: a team uses whatever is free, and
when teams want more than there is, fair sharing brings each to its share by preempting what the others have above
theirs. So nobody owns a part of a slice that cannot be cut, and numbers that do not divide need no rounding. A team's
share is that of the resource of which it uses the largest part, over all flavours: to Kueue a GPU is a GPU, whatever
its model.

A job takes the first flavour that its node selector and tolerations match and that has room, in the order of ``ORDER``:
what is paid for first, then what is cheapest. It has to tolerate the taint of the accelerators that it asks for, so
that a job without accelerators never takes their nodes; GPUs that are shared or divided it has to ask for by name,
tolerating ``cloud.google.com/gke-gpu-sharing-strategy`` or ``cloud.google.com/gke-gpu-partition-size`` (taints of the
flavour, which no node has).

Kueue knows quota, not stock: a job goes on to the next flavour where one is full, and not where the cloud has no
machines for it (kubernetes-sigs/kueue issue 2560). So spot and on-demand pools of the same machines are one flavour and
one ComputeClass: GKE's autoscaler makes nodes in the first of them that has machines (``compute_classes``). What is
reserved does not run out of stock, and what is queued or flex-start waits by its nature: each is a flavour of its own.
With ``concurrent``, a job tries all its flavours at once and stays where it is admitted first, so that it does not wait
for queued machines while others become free: KEP 8691, alpha in Kueue 0.19, for at most 16 flavours.

Topology-aware scheduling is for all flavours or for none: a job that does not ask for a topology is refused by flavours
that have one, unless all have (Kueue 0.19.2, ``checkPodSetAndFlavorMatchForTAS``). It sees nodes that are there, so it
is on where every pool's nodes always are, or come before the job is placed (queued provisioning).

This module does not install Kueue (``infra.kubeflow``) and makes no jobs. Source of every field: Kueue v0.19.2,
apis/kueue/v1beta2 and apis/config/v1beta2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from infra.hardware import CapacityKind, gke
from infra.plan.nodes import Resources, general, with_gpus, with_tpus
from infra.settings import GoogleSettings
from infra.settings.accelerators import GpuPool, TpuSlice
from infra.settings.capacity import Queued
from infra.settings.foundation import SystemPool

Object = dict[str, Any]
"""A Kubernetes object, as JSON has it."""

API = "kueue.x-k8s.io/v1beta2"
CONFIGURATION_API = "config.kueue.x-k8s.io/v1beta2"

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

COHORT = "pools"
QUEUE = "default"
"""Name of the queue in a team's namespace. Kueue gives it to jobs that name none."""

MOST_FLAVORS, MOST_CONCURRENT_FLAVORS = 64, 16
"""Flavours of a resource group, and of one whose jobs try them at once (validation of ClusterQueue)."""

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

COMPUTE_CLASS_API = "cloud.google.com/v1"

QUEUED_CLASS = "queued-provisioning.gke.io"
QUEUED_SELECTOR = "autoscaling.gke.io/provisioning-request"
"""What keeps nodes to the job that they came for (GKE, 'Run a large-scale workload with flex-start with queued
provisioning')."""

PLATFORM = Resources(cpu=4_400, memory=12_595)
"""What the platform's own services ask for and jobs cannot have: Kubeflow's distribution, README, its whole table."""

PRIORITIES = {
    "low": (-1000, "Runs when nothing else wants to."),
    "normal": (0, "What a job without a priority has."),
    "high": (1000, "Preempts its own team's jobs of less priority."),
}

FRAMEWORKS = ("batch/job", "jobset.x-k8s.io/jobset", "trainer.kubeflow.org/trainjob")
"""What is queued: jobs. Services and notebooks are not."""

START_MINUTES, FLEX_START_MINUTES = 30, 24 * 60
"""How long an admitted job may wait for its pods before it makes way: Kueue's default, and where machines are waited
for node by node after the job is admitted."""


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


@dataclass(frozen=True)
class Team:
    """Who shares the pools.

    share:       relative to the other teams' when all want more than there is.
    namespaces:  where its jobs are.
    """

    name: str
    namespaces: tuple[str, ...]
    share: int = 1


@dataclass(frozen=True)
class Queues:
    """The queues of a data centre.

    pools:       in the order in which jobs take them.
    concurrent:  whether a job tries all its flavours at once and stays where it is admitted first.
    """

    pools: tuple[Pool, ...]
    teams: tuple[Team, ...]
    concurrent: bool = False

    def objects(self) -> list[Object]:
        """What Kueue is told, in an order in which each comes after what it names."""
        return [
            *self._topologies(),
            *map(self._flavor, self.pools),
            *self._checks(),
            *(
                _object("WorkloadPriorityClass", name, value=value, description=description)
                for name, (value, description) in PRIORITIES.items()
            ),
            _object("Cohort", COHORT, spec={"resourceGroups": self._groups(quota=True)}),
            *map(self._cluster_queue, self.teams),
            *(
                _object("LocalQueue", QUEUE, namespace, spec={"clusterQueue": team.name})
                for team in self.teams
                for namespace in team.namespaces
            ),
        ]

    def compute_classes(self) -> list[Object]:
        """What GKE's autoscaler is told: of which node pools to make nodes first. Source: GKE, 'ComputeClass'."""
        return [
            {
                "apiVersion": COMPUTE_CLASS_API,
                "kind": "ComputeClass",
                "metadata": {"name": pool.name},
                "spec": {
                    "priorities": [{"nodepools": [*node_pools]} for node_pools in pool.members.values()],
                    "whenUnsatisfiable": "DoNotScaleUp",
                },
            }
            for pool in self.pools
            if pool.falls_back
        ]

    def on_nodes(self) -> dict[str, tuple[dict[str, str], tuple[gke.Taint, ...]]]:
        """Labels and taints, besides GKE's own, that nodes have to be given, by their entry in the stack file."""
        return {
            member: (
                {key: pool.labels[key] for key in (POOL_LABEL, gke.COMPUTE_CLASS_LABEL) if key in pool.labels},
                (_class_taint(pool.name),) if pool.falls_back else (),
            )
            for pool in self.pools
            for member in pool.members
        }

    def configuration(self) -> Object:
        """What Kueue's manager is configured with, besides what its installation sets (certificates, ports)."""
        waits = any(pool.capacity is CapacityKind.FLEX_START for pool in self.pools)
        namespaces = [namespace for team in self.teams for namespace in team.namespaces]
        return {
            "apiVersion": CONFIGURATION_API,
            "kind": "Configuration",
            "integrations": {"frameworks": [*FRAMEWORKS]},
            "manageJobsWithoutQueueName": True,  # in the teams' namespaces alone: no job gets round the queue
            "managedJobsNamespaceSelector": _in_namespaces(namespaces),
            # Without fair sharing no team could preempt another: none has quota of its own to reclaim.
            "fairSharing": {"preemptionStrategies": ["LessThanOrEqualToFinalShare", "LessThanInitialShare"]},
            "waitForPodsReady": {
                "timeout": f"{FLEX_START_MINUTES if waits else START_MINUTES}m",
                "recoveryTimeout": f"{START_MINUTES}m",
                "blockAdmission": False,
                # Without a limit: with one, a job is given up for good when capacity is short (kueue issue 15255).
                "requeuingStrategy": {"timestamp": "Eviction", "backoffBaseSeconds": 60, "backoffMaxSeconds": 1800},
            },
            "resources": {"excludeResourcePrefixes": ["ephemeral-storage"]},  # else a job that asks for it never runs
            **({"featureGates": {"ConcurrentAdmission": True}} if self.concurrent else {}),
        }

    @cached_property
    def placed(self) -> bool:
        """Whether jobs are placed by topology."""
        return all(pool.can_be_placed for pool in self.pools)

    @cached_property
    def _resources(self) -> dict[str, str]:
        """The resources that have quota, with their field; those of accelerators where there are any."""
        named = {"cpu": "cpu", "memory": "memory", gke.GPU_RESOURCE: "gpus", gke.TPU_RESOURCE: "tpus"}
        return {
            name: attribute
            for name, attribute in named.items()
            if attribute in ("cpu", "memory") or any(getattr(pool.each, attribute) for pool in self.pools)
        }

    def _topologies(self) -> Iterator[Object]:
        if self.placed:
            for levels in dict.fromkeys(pool.levels for pool in self.pools):
                yield _object("Topology", _topology(levels), spec={"levels": [{"nodeLabel": each} for each in levels]})

    def _flavor(self, pool: Pool) -> Object:
        spec: Object = {"nodeLabels": dict(pool.labels)}
        if pool.taints:
            spec["nodeTaints"] = [{"key": each.key, "value": each.value, "effect": each.effect} for each in pool.taints]
        if pool.tolerated:
            spec["tolerations"] = [
                {"key": each.key, "operator": "Equal", "value": each.value, "effect": each.effect}
                for each in pool.tolerated
            ]
        if self.placed:
            spec["topologyName"] = _topology(pool.levels)
        return _object("ResourceFlavor", pool.name, spec=spec)

    def _checks(self) -> Iterator[Object]:
        """Nodes that are asked for by a request, a check for each pool: each has a longest run of its own."""
        for pool in self.pools:
            if pool.run_hours is None:
                continue
            yield _object(
                "ProvisioningRequestConfig",
                pool.name,
                spec={
                    "provisioningClassName": QUEUED_CLASS,
                    "parameters": {"maxRunDurationSeconds": str(pool.run_hours * 3600)},
                    "managedResources": [gke.GPU_RESOURCE],
                    "podSetUpdates": {
                        "nodeSelector": [
                            {"key": QUEUED_SELECTOR, "valueFromProvisioningClassDetail": "ResizeRequestName"}
                        ]
                    },
                },
            )
            parameters = {"apiGroup": "kueue.x-k8s.io", "kind": "ProvisioningRequestConfig", "name": pool.name}
            spec = {"controllerName": "kueue.x-k8s.io/provisioning-request", "parameters": parameters}
            yield _object("AdmissionCheck", pool.name, spec=spec)

    def _groups(self, *, quota: bool) -> list[Object]:
        """One group, for a resource can be in no other, and every job asks for CPU.

        quota:  the pools' own, or none at all.
        """

        def resources(pool: Pool) -> list[Object]:
            amounts = pool.quota if quota else Resources()
            return [
                {"name": name, "nominalQuota": _quantity(attribute, getattr(amounts, attribute))}
                for name, attribute in self._resources.items()
            ]

        flavors = [{"name": pool.name, "resources": resources(pool)} for pool in self.pools]
        return [{"coveredResources": [*self._resources], "flavors": flavors}]

    def _cluster_queue(self, team: Team) -> Object:
        spec: Object = {
            "cohortName": COHORT,
            "namespaceSelector": _in_namespaces(team.namespaces),
            "queueingStrategy": "BestEffortFIFO",
            "resourceGroups": self._groups(quota=False),
            "flavorFungibility": {"whenCanBorrow": "MayStopSearch", "whenCanPreempt": "TryNextFlavor"},
            "preemption": {"reclaimWithinCohort": "Any", "withinClusterQueue": "LowerPriority"},
            "fairSharing": {"weight": str(team.share)},
        }
        if checked := [pool.name for pool in self.pools if pool.run_hours is not None]:
            checks = [{"name": name, "onFlavors": [name]} for name in checked]
            spec["admissionChecksStrategy"] = {"admissionChecks": checks}
        if self.concurrent:
            spec["concurrentAdmissionPolicy"] = {"migration": {"mode": "RetainFirstAdmission"}}
        return _object("ClusterQueue", team.name, spec=spec)


def queues(pools: Sequence[Pool], teams: Sequence[Team], *, concurrent: bool = False) -> Queues:
    """The queues over ``pools``, which are put in order; those of one kind of capacity stay in theirs.

    Raises ValueError, for a person, when Kueue would refuse them.
    """
    most = MOST_CONCURRENT_FLAVORS if concurrent else MOST_FLAVORS
    if not 1 <= len(pools) <= most:
        way = "tried at once" if concurrent else "queued for"
        raise ValueError(f"{len(pools)} pools; Kueue takes 1 to {most} that are {way}: merge pools that are alike")
    if not teams:
        raise ValueError("no teams; name at least one, with the namespaces of its jobs")
    seen: dict[str, str] = {}
    for team in teams:
        for namespace in team.namespaces:
            if namespace in seen:
                raise ValueError(f"namespace {namespace} is of {seen[namespace]} and of {team.name}; give it to one")
            seen[namespace] = team.name
    return Queues(tuple(sorted(pools, key=lambda pool: ORDER.index(pool.capacity))), tuple(teams), concurrent)


def pools(settings: GoogleSettings, platform: Resources = PLATFORM) -> tuple[Pool, ...]:
    """The pools of the cluster. TPU VMs and requests to the TPU API are outside it.

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
        tolerated=(_class_taint(first.name),),
    )


def _own_labels(pool: Pool) -> dict[str, str]:
    """The labels that tell a pool from those that are otherwise like it."""
    return {POOL_LABEL: pool.name, **_capacity_labels(pool.capacity)}


def _class_taint(name: str) -> gke.Taint:
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


def _topology(levels: tuple[str, ...]) -> str:
    """A name that tells topologies apart: their outermost level, such as ``gce-topology-block``."""
    return levels[0].rpartition("/")[2]


def _quantity(attribute: str, amount: int) -> str:
    """As Kubernetes writes it."""
    return f"{amount}{ {'cpu': 'm', 'memory': 'Mi'}.get(attribute, '') if amount else '' }"


def _in_namespaces(namespaces: Sequence[str]) -> Object:
    return {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": [*namespaces]}]}


def _object(kind: str, name: str, namespace: str | None = None, **content: Any) -> Object:
    metadata = {"name": name} if namespace is None else {"name": name, "namespace": namespace}
    return {"apiVersion": API, "kind": kind, "metadata": metadata, **content}
