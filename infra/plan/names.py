"""What the things of a stack are called in the cloud, and how long such a name may be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from infra.hardware.tpu import Placement
from infra.settings import GoogleSettings

ACCOUNTS = ("nodes", "training", "serving", "pipelines", "tpu-vm")
"""Service accounts of the roles in ``infra.google_cloud.identity``."""

_LETTERS = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")


@dataclass(frozen=True)
class Name:
    """The name of one thing.

    setting:  what decides it, below ``google``; the stack's name does too.
    longest:  characters that Google allows: 63 for most (RFC 1035), 40 for clusters and node pools, 30 for service
              accounts.
    """

    kind: str
    text: str
    setting: str
    longest: int = 63

    @property
    def fits(self) -> bool:
        """Whether Google takes it: lower-case letters, digits and dashes, a letter first and no dash last."""
        return len(self.text) <= self.longest and _LETTERS.fullmatch(self.text) is not None


def names(stack: str, settings: GoogleSettings) -> tuple[Name, ...]:
    """The names of everything whose length depends on the stack, adopted things excepted."""
    return tuple(_names(stack, settings))


def _names(stack: str, settings: GoogleSettings) -> Iterator[Name]:
    network = settings.network
    if not network.adopt:
        yield Name("network", f"{stack}-network", "network")
    if not network.adopt_subnetwork:
        yield Name("subnetwork", f"{stack}-nodes", "network")
    yield Name("firewall rule", f"{stack}-allow-health-checks", "network")
    for index, fabric in enumerate(network.fabrics):
        # The longest of a fabric's names: none has more host networks than one digit tells.
        yield Name("firewall rule", f"{stack}-{fabric.name}-host-8-internal", f"network.fabrics[{index}].name")
    for kind, bucket in settings.storage.buckets.items():
        if not bucket.adopt:
            yield Name("bucket", f"{settings.project}-{stack}-{kind}", f"storage.{kind}")
    for volumes, what in (("filestore", "share"), ("lustre", "file system"), ("hyperdisk_ml", "disk")):
        for index, volume in enumerate(getattr(settings.storage, volumes)):
            yield Name(what, f"{stack}-{volume.name}", f"storage.{volumes}[{index}].name")
    yield Name("image registry", f"{stack}-images", "registry")
    yield Name("key ring", f"{stack}-keys", "encryption")
    for account in ACCOUNTS:
        yield Name("service account", f"{stack}-{account}", "the stack", longest=30)
    if not settings.cluster.adopt:
        yield Name("cluster", f"{stack}-cluster", "cluster", longest=40)
    for index, pool in enumerate(settings.gpu_pools):
        yield Name("node pool", pool.name, f"gpu_pools[{index}].name", longest=40)
        if pool.machine.topology:
            yield Name("placement policy", f"{stack}-{pool.name}-placement", f"gpu_pools[{index}].name")
    for index, each in enumerate(settings.tpu_slices):
        last = each.parts[-1]
        yield Name("node pool", last, f"tpu_slices[{index}].name", longest=40)
        if each.shape.placement is Placement.WORKLOAD_POLICY:
            yield Name("placement policy", f"{stack}-{last}-placement", f"tpu_slices[{index}].name")
    for index, vm in enumerate(settings.tpu_vms):
        yield Name("TPU VM", f"{stack}-{vm.name}", f"tpu_vms[{index}].name")
    for index, queue in enumerate(settings.tpu_queues):
        yield Name("queued resource", f"{stack}-{queue.name}", f"tpu_queues[{index}].name")
