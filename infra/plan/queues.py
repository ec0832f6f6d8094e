"""Kueue from the hardware: who may use how much of which nodes, and in what order.

A *flavour* is a pool of the stack, or several that differ in no more than being spot or on demand. Its quota is what
they can hold at their largest. All quota is the cohort's and none is a team's own: a team uses whatever is free, and
when teams want more than there is, fair sharing brings each to its share by preempting what the others have above
theirs. So nobody owns a part of a slice that cannot be cut, and numbers that do not divide need no rounding. A team's
share is that of the resource of which it uses the largest part, over all flavours: to Kueue a GPU is a GPU, whatever
its model.

Kueue knows quota, not stock: a job goes on to the next flavour where one is full, and not where the cloud has no
machines for it (kubernetes-sigs/kueue issue 2560). So pools that stand in for each other are one flavour and one
ComputeClass (``compute_classes``), by which GKE's autoscaler goes on to the next.
With ``concurrent``, a job tries all its flavours at once and stays where it is admitted first, so that it does not wait
for queued machines while others become free: KEP 8691, alpha in Kueue 0.19, for at most 16 flavours.

Topology-aware scheduling is for all flavours or for none: a job that does not ask for a topology is refused by flavours
that have one, unless all have (Kueue 0.19.2, ``checkPodSetAndFlavorMatchForTAS``). It sees nodes that are there, so it
is on where every pool's nodes always are, or come before the job is placed (queued provisioning).

This module does not install Kueue (``infra.kubeflow``) and makes no jobs. Source of every field: Kueue v0.19.2,
apis/kueue/v1beta2 and apis/config/v1beta2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from infra.hardware import CapacityKind, gke
from infra.plan import footprint
from infra.plan.nodes import Resources
from infra.plan.pools import ORDER, POOL_LABEL, Pool, class_taint, home, pools, pools_there
from infra.settings import KubernetesSettings, Settings

Object = dict[str, Any]
"""A Kubernetes object, as JSON has it."""

API = "kueue.x-k8s.io/v1beta2"
CONFIGURATION_API = "config.kueue.x-k8s.io/v1beta2"

COHORT = "pools"
QUEUE = "default"
"""Name of the queue in a team's namespace. Kueue gives it to jobs that name none."""

MOST_FLAVORS, MOST_CONCURRENT_FLAVORS = 64, 16
"""Flavours of a resource group, and of one whose jobs try them at once (validation of ClusterQueue)."""

COMPUTE_CLASS_API = "cloud.google.com/v1"

QUEUED_CLASS = "queued-provisioning.gke.io"
QUEUED_SELECTOR = "autoscaling.gke.io/provisioning-request"
"""What keeps nodes to the job that they came for (GKE, 'Run a large-scale workload with flex-start with queued
provisioning')."""

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
                (class_taint(pool.name),) if pool.falls_back else (),
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


def of(settings: Settings) -> Queues:
    """The queues of a stack that has a platform. Raises SettingsError where a job of it could never start."""
    platform = settings.platform
    assert platform is not None
    teams = [Team(each.name, (each.name,), each.share) for each in platform.teams]
    if settings.google:
        found = pools(settings.google)
    else:
        assert settings.kubernetes is not None  # as the settings have checked
        services = footprint.of_services(settings.workloads, teams[0].name)
        found = _with_room(settings, settings.kubernetes, footprint.of_platform(platform.install).plus(services))
    try:
        return queues(found, teams, concurrent=platform.concurrent)
    except ValueError as error:
        raise settings.mistake("platform.concurrent", f"{error}.") from error


def _with_room(settings: Settings, cluster: KubernetesSettings, services: Resources) -> tuple[Pool, ...]:
    """The pools, which have room for the services and for each job of the stack."""
    first = home(cluster)
    found = pools_there(cluster, services)
    lacking = services.without(next(pool.each.times(pool.most) for pool in found if pool.name == first.name))
    if lacking != Resources():
        where = f"kubernetes.pools[{cluster.pools.index(first)}].nodes"
        problem = f"the platform and the services of the stack need {services}; {lacking} more than it has: add nodes."
        raise settings.mistake(where, problem)
    for index, workload in enumerate(settings.workloads):
        each, wanted = footprint.of_worker(workload), workload.train.workers
        room = {pool.name: pool.workers(each) for pool in found}
        if wanted > max(room.values()):
            holds = ", ".join(f"{name} holds {number}" for name, number in room.items())
            problem = (
                f"workers of {each} each are in one pool together, and {holds}, with {services} of {first.name} kept "
                "for services; the job would wait for ever: use fewer or smaller workers, or add nodes."
            )
            raise settings.mistake(f"workloads[{index}].train.workers", problem)
    return found


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
