"""How much of each address range the stack uses at full scale."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network

from infra.plan.fleet import Machines, fleet
from infra.settings import GoogleSettings
from infra.settings.google import ACCELERATOR_PODS_PER_NODE, RESERVED_ADDRESSES, SYSTEM_PODS_PER_NODE, pod_addresses

FABRIC_PARTS = 16
"""A fabric's range is cut into as many equal subnetworks, more than any has today, so that none moves when it grows.
Each of its machines has an address in each one that it uses."""


@dataclass(frozen=True)
class RangeUse:
    """One address range.

    setting:  path of it below ``google``.
    used:     addresses that are taken at full scale, those that Google reserves included.
    """

    setting: str
    cidr: str
    used: int
    available: int

    @property
    def share(self) -> float:
        return self.used / self.available


def ranges(settings: GoogleSettings) -> tuple[RangeUse, ...]:
    """Every range whose use follows from the number of machines. Services take theirs as applications come."""
    return tuple(_ranges(settings))


def _ranges(settings: GoogleSettings) -> Iterator[RangeUse]:
    groups, network = fleet(settings), settings.network
    nodes = RESERVED_ADDRESSES + sum(group.most for group in groups)
    yield RangeUse("network.nodes", network.nodes, nodes, IPv4Network(network.nodes).num_addresses)
    pods = sum(group.most * _pod_addresses(group) for group in groups)
    yield RangeUse("network.pods", network.pods, pods, IPv4Network(network.pods).num_addresses)
    for index, fabric in enumerate(network.fabrics):
        machines = sum(
            group.most for group in groups if _stands_in(group, fabric.kind) and fabric.zone in (None, *group.zones)
        )
        part = IPv4Network(fabric.range).num_addresses // FABRIC_PARTS
        yield RangeUse(f"network.fabrics[{index}].range", fabric.range, machines + RESERVED_ADDRESSES, part)


def _pod_addresses(group: Machines) -> int:
    """Addresses of the pod range that one of the machines takes; TPU VMs have no pods."""
    if group.role in ("tpu-vm", "tpu-queue"):
        return 0
    pods = SYSTEM_PODS_PER_NODE if group.role == "system" else ACCELERATOR_PODS_PER_NODE
    return pod_addresses(pods)


def _stands_in(group: Machines, kind: str) -> bool:
    if kind == "multislice":
        return group.role == "tpu-slice"
    return group.gpu is not None and group.gpu.fabric.value == kind
