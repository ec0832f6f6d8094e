"""What the platform and the services of a stack ask of a cluster, which jobs then cannot have.

The requests of the controllers are our own decision, and their installation sets them from here: small enough for a
node of two cores, and what they were seen to use. What a stack brings itself is not known, nor are daemons of the
cluster: a pool is declared without what they take.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from math import ceil
from types import MappingProxyType

from infra.plan.nodes import MIB_PER_GIB, Resources
from workloads.spec import ServeSpec, WorkloadSpec


@dataclass(frozen=True)
class Controllers:
    """The pods of a component. each: what one of them asks for."""

    each: Resources
    pods: int = 1

    @property
    def requests(self) -> dict[str, str]:
        """Of a container, as Kubernetes writes it."""
        return {"cpu": f"{self.each.cpu}m", "memory": f"{self.each.memory}Mi"}


CONTROLLERS: Mapping[str, Controllers] = MappingProxyType(
    {
        "cert-manager": Controllers(Resources(cpu=20, memory=64), pods=3),  # controller, webhook, cainjector
        "jobset": Controllers(Resources(cpu=50, memory=64)),
        "kserve": Controllers(Resources(cpu=25, memory=96), pods=2),  # the controller, and the proxy of its metrics
        "kueue": Controllers(Resources(cpu=100, memory=192)),
        "lws": Controllers(Resources(cpu=50, memory=64)),
        "trainer": Controllers(Resources(cpu=50, memory=96)),
    }
)

TENSORBOARD = Resources(cpu=100, memory=512)
"""One for each team that has workloads."""


def of_platform(installed: Iterable[str]) -> Resources:
    """What the controllers of the components ask for that a stack installs."""
    return _sum(CONTROLLERS[name].each.times(CONTROLLERS[name].pods) for name in installed)


def of_services(workloads: Iterable[WorkloadSpec], first_team: str) -> Resources:
    """What model servers and TensorBoards ask for at their most: with the server that comes before another goes."""
    workloads = tuple(workloads)
    servers = (of_server(each.serve).times(_most_servers(each.serve)) for each in workloads)
    teams = {each.team or first_team for each in workloads}
    return _sum((*servers, TENSORBOARD.times(len(teams))))


def of_worker(workload: WorkloadSpec) -> Resources:
    """What each member of its training job asks for."""
    train = workload.train
    return Resources(round(train.cpu * 1000), ceil(train.memory_gib * MIB_PER_GIB), train.gpus)


def of_server(serve: ServeSpec) -> Resources:
    """What each server of a model asks for."""
    return Resources(round(serve.cpu * 1000), ceil(serve.memory_gib * MIB_PER_GIB))


def _most_servers(serve: ServeSpec) -> int:
    """Those that are served from, the canary's, and the one of each that comes before another goes."""
    return (serve.max_replicas or serve.replicas) + serve.canaries + (2 if serve.canary else 1)


def _sum(parts: Iterable[Resources]) -> Resources:
    return reduce(Resources.plus, parts, Resources())
