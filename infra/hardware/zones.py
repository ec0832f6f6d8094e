"""Zones that offer accelerators.

The tables are generous: a pair that any source lists is in them, and a machine type that no source lists by zone has no
row. Whether there is capacity, and whether a project may use it, only the cloud knows.

Sources: GPUs and TPUs, the SkyPilot catalogue of Google Cloud (skypilot-catalog, ``catalogs/v8/gcp/vms.csv`` at commit
006059e, made from the Compute Engine API on a day that it does not record; read 2026-11-23); TPUs besides, Cloud TPU,
'TPU regions and zones' (read 2026-11-23).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from infra.hardware.errors import Impossible, allowed
from infra.hardware.gpu import MACHINES
from infra.hardware.tpu import GENERATIONS


def _zones(text: str) -> tuple[str, ...]:
    """``us-central1-a,b us-east1-c`` as zones."""
    zones = []
    for word in text.split():
        region, _, letters = word.rpartition("-")
        zones += [f"{region}-{letter}" for letter in letters.split(",")]
    return tuple(zones)


_H100_8 = (
    "asia-east1-c asia-northeast1-b asia-south1-c asia-south2-b asia-southeast1-b,c australia-southeast1-c "
    "europe-north1-c europe-west1-b,c europe-west3-c europe-west4-b,c europe-west9-c us-central1-a,b,c us-east4-a,b,c "
    "us-east5-a us-west1-a,b us-west4-a"
)
_BY_FAMILY = {
    "g2": "asia-east1-a,b,c asia-northeast1-a,b,c asia-northeast3-a,b asia-south1-a,b,c asia-southeast1-a,b,c "
    "europe-west1-b,c europe-west2-a,b europe-west3-a,b europe-west4-a,b,c europe-west6-b,c me-central2-a,c "
    "northamerica-northeast1-b,c northamerica-northeast2-a,b us-central1-a,b,c us-east1-b,c,d us-east4-a,c "
    "us-west1-a,b,c us-west4-a,c",
    "a2": "asia-northeast1-a,c asia-northeast3-a,b asia-southeast1-a,b,c europe-west4-a,b me-west1-a,c "
    "us-central1-a,b,c,f us-east1-b us-west1-b us-west3-b us-west4-b",
    "a2-ultra": "asia-southeast1-c europe-west4-a us-central1-a,c us-east4-c us-east5-a,b",
    "a3-high": _H100_8,
    "a3-mega": "asia-east1-c asia-northeast1-b asia-southeast1-b,c australia-southeast1-c europe-north1-c "
    "europe-west1-b,c europe-west3-c europe-west4-b,c us-central1-a,b,c us-east4-a,b,c us-east5-a us-west1-a,b "
    "us-west4-a",
    "a3-ultra": "asia-south1-b asia-south2-c europe-west1-b europe-west4-a us-central1-b us-east4-b us-east5-a "
    "us-south1-b us-west1-c",
    "a4": "asia-northeast1-b asia-southeast1-b europe-north1-b europe-west4-b us-central1-b us-east1-b us-east4-b "
    "us-south1-b us-west2-c us-west3-b,c",
}
_BY_MACHINE = {
    "a2-megagpu-16g": "asia-southeast1-a,c europe-west4-a,b us-central1-a,b,c,f",
    "a3-highgpu-1g": f"{_H100_8} europe-west8-c",
    "a3-highgpu-2g": f"{_H100_8} europe-west8-c",
    "a3-highgpu-4g": f"{_H100_8} europe-west8-c",
}
# TPU7x has no row: only its zones in North America could be read (us-central1-c, us-central1-ai1a).
_BY_GENERATION = {
    "v4": "us-central2-b",
    "v5e": "asia-east1-a,b,c asia-northeast1-b asia-southeast1-b europe-north1-a,c europe-west1-b,c europe-west3-c "
    "europe-west4-a,b northamerica-northeast1-b southamerica-west1-b,c us-central1-a us-east1-b,c us-east4-b "
    "us-east5-a,b,c us-south1-a,b us-west1-c us-west4-a,b",
    "v5p": "europe-west1-b,d europe-west4-b us-central1-a us-east1-d us-east5-a,b,c us-south1-a,b,c",
    "v6e": "asia-east1-c asia-northeast1-b asia-south1-b,c asia-southeast1-b europe-west4-a southamerica-east1-c "
    "southamerica-west1-a us-central1-a,b,c us-central2-b us-east1-d us-east4-a,b us-east5-a,b,c us-south1-a,c,ai1b "
    "us-west1-c",
}

OFFERED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {name: _zones(_BY_FAMILY[row.family]) for name, row in MACHINES.items() if row.family in _BY_FAMILY}
    | {name: _zones(text) for name, text in _BY_MACHINE.items()}
    | {machine.name: _zones(text) for key, text in _BY_GENERATION.items() for machine in GENERATIONS[key].machines}
)

# Series of general-purpose machines that a zone lacks. Source: keras-team/kinetic, issue 305.
LACKING: Mapping[str, tuple[str, ...]] = MappingProxyType({"us-central2-b": ("e2",)})

_ZONE = re.compile(r"(?P<region>[a-z]+-[a-z]+\d+)-(ai\d+)?[a-z]")


def region_of(zone: str) -> str:
    """The region of a zone: ``us-central1`` of ``us-central1-a``. Raises Impossible for what is no zone."""
    found = _ZONE.fullmatch(zone)
    if not found:
        raise Impossible(f"{zone!r} is not a zone; allowed: a region and a letter, such as us-central1-a", "zone")
    return found["region"]


def offered(machine_type: str) -> tuple[str, ...]:
    """The zones that offer the machine type; none for one that no source lists, such as general-purpose machines."""
    return OFFERED.get(machine_type, ())


def require(machine_type: str, zone: str) -> None:
    """Raises Impossible when the zone is known not to offer the machine type. What is not known passes."""
    region = region_of(zone)
    zones = offered(machine_type)
    if zones and zone not in zones:
        near = [each for each in zones if region_of(each) == region]
        hint = f"; in {region}: {', '.join(near) or 'none, so use another machine or region'}"
        raise Impossible(f"{zone} does not offer {machine_type}; {allowed(zones)}{hint}", "zone")
    series = machine_type.partition("-")[0]
    if series in LACKING.get(zone, ()):
        raise Impossible(
            f"{zone} has no {series} machines; allowed: any other zone; put this pool there, and only TPUs in {zone}",
            "zone",
        )


def offered_tpu(generation: str, zone: str) -> bool:
    """Whether the zone offers TPUs of the generation; True where the generation's zones are not known."""
    text = _BY_GENERATION.get(generation)
    return text is None or zone in _zones(text)
