"""Machines without accelerators, which the cluster's own services run on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from infra.hardware.errors import Impossible, allowed, did_you_mean

LEAST_VCPUS = 4
"""Of a node: the cluster's own services do not fit a smaller one."""


@dataclass(frozen=True)
class Series:
    """A machine series.

    boot_disk:  a disk type that its machines start from; n4 and c4 take Hyperdisk alone.
    vcpus:      by shape, the sizes of LEAST_VCPUS or more.
    """

    boot_disk: str
    vcpus: Mapping[str, tuple[int, ...]]

    def machines(self, series: str) -> list[str]:
        """The names of its machine types."""
        return [f"{series}-{shape}-{size}" for shape, sizes in self.vcpus.items() for size in sizes]


_N2 = (4, 8, 16, 32, 48, 64, 80, 96)
_C3 = (4, 8, 22, 44, 88, 176)
_C3D = (4, 8, 16, 30, 60, 90, 180, 360)
_N4 = (4, 8, 16, 32, 48, 64, 80)
_C4 = (4, 8, 16, 24, 32, 48, 96, 144, 192, 288)
SERIES: Mapping[str, Series] = MappingProxyType(
    {
        "e2": Series("pd-balanced", {"standard": (4, 8, 16, 32), "highmem": (4, 8, 16), "highcpu": (4, 8, 16, 32)}),
        "n1": Series("pd-balanced", dict.fromkeys(("standard", "highmem", "highcpu"), (4, 8, 16, 32, 64, 96))),
        "n2": Series("pd-balanced", {"standard": (*_N2, 128), "highmem": (*_N2, 128), "highcpu": _N2}),
        "n2d": Series("pd-balanced", {"standard": (*_N2, 128, 224), "highmem": _N2, "highcpu": (*_N2, 128, 224)}),
        "t2d": Series("pd-balanced", {"standard": (4, 8, 16, 32, 48, 60)}),
        "c3": Series("pd-balanced", dict.fromkeys(("standard", "highmem", "highcpu"), _C3)),
        "c3d": Series("pd-balanced", dict.fromkeys(("standard", "highmem", "highcpu"), _C3D)),
        "n4": Series("hyperdisk-balanced", dict.fromkeys(("standard", "highmem", "highcpu"), _N4)),
        "c4": Series("hyperdisk-balanced", dict.fromkeys(("standard", "highmem", "highcpu"), _C4)),
    }
)
"""Source: Compute Engine, 'General-purpose machine family', 'About Hyperdisk'."""


def boot_disk(machine_type: str) -> str:
    """The disk type that a machine such as ``n2-standard-8`` starts from. Raises Impossible for an unknown one."""
    series, _, size = machine_type.partition("-")
    if series not in SERIES or not size:
        examples = [f"{each}-standard-8" for each in SERIES]
        raise Impossible(
            f"not a general-purpose machine type; {allowed(examples)}{did_you_mean(machine_type, examples)}",
            "machine_type",
        )
    machines = SERIES[series].machines(series)
    if machine_type not in machines:
        raise Impossible(
            f"not one of the {series} machines of {LEAST_VCPUS} vCPUs or more; {allowed(machines)}", "machine_type"
        )
    return SERIES[series].boot_disk
