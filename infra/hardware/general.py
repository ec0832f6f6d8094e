"""Machines without accelerators, which the cluster's own services run on."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from infra.hardware.errors import Impossible, allowed, did_you_mean

BOOT_DISKS: Mapping[str, str] = MappingProxyType(
    {
        "e2": "pd-balanced",
        "n1": "pd-balanced",
        "n2": "pd-balanced",
        "n2d": "pd-balanced",
        "t2d": "pd-balanced",
        "c3": "pd-balanced",
        "c3d": "pd-balanced",
        "n4": "hyperdisk-balanced",
        "c4": "hyperdisk-balanced",
    }
)
"""A disk type that each machine series starts from; n4 and c4 take Hyperdisk alone.

Source: Compute Engine, 'General-purpose machine family', 'About Hyperdisk'."""


def boot_disk(machine_type: str) -> str:
    """The disk type that a machine such as ``n2-standard-8`` starts from. Raises Impossible for an unknown series."""
    series, _, size = machine_type.partition("-")
    if series not in BOOT_DISKS or not size:
        examples = [f"{each}-standard-8" for each in BOOT_DISKS]
        raise Impossible(
            f"not a general-purpose machine type; {allowed(examples)}{did_you_mean(machine_type, examples)}",
            "machine_type",
        )
    return BOOT_DISKS[series]
