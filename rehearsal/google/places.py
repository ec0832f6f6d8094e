"""What Google Cloud has: places (``places.yaml``), machines (``accelerators.yaml``) and roles (``roles.yaml``)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from rehearsal.google.table import read_yaml

HERE = Path(__file__).parent
SOURCE = "Compute Engine, 'Regions and zones'"


@cache
def regions() -> dict[str, tuple[str, ...]]:
    """Zones by region."""
    said = _read("places.yaml")["regions"]
    return {region: tuple(f"{region}-{letter}" for letter in letters.split(",")) for region, letters in said.items()}


@cache
def zones() -> tuple[str, ...]:
    return tuple(zone for each in regions().values() for zone in each)


def multi_regions() -> tuple[str, ...]:
    """Locations of buckets that are no regions."""
    return tuple(_read("places.yaml")["multi_regions"])


@cache
def accelerators() -> dict[str, Any]:
    """What ``accelerators.yaml`` says, with zones in full."""
    said = _read("accelerators.yaml")
    lists = {name: _zones(text) for name, text in said["zones"].items()}
    for machine in said["machines"].values():
        machine["zones"] = lists.get(machine.get("zones"), ())
    return said


@cache
def roles() -> dict[str, tuple[str, ...]]:
    """Names of roles by service, of the services that ``roles.yaml`` has."""
    return {service: tuple(names.split()) for service, names in _read("roles.yaml")["roles"].items()}


@cache
def is_general_machine(name: str) -> bool:
    """Whether it is a machine type without accelerators, by ``accelerators.yaml``."""
    return any(re.fullmatch(pattern, name) for pattern in _read("accelerators.yaml")["general"])


def region_of(place: str) -> str:
    """The region of a zone or a region."""
    return place if place.lower() in regions() else place.rpartition("-")[0]


def nearest(wrong: object, among: Iterable[str]) -> str:
    """``. Did you mean ...?``, or nothing."""
    near = difflib.get_close_matches(str(wrong), list(among), n=1)
    return f". Did you mean {near[0]}?" if near else ""


def _zones(text: str) -> tuple[str, ...]:
    found = []
    for word in text.split():
        region, _, letters = word.rpartition("-")
        found += [f"{region}-{letter}" for letter in letters.split(",")]
    return tuple(found)


@cache
def _read(name: str) -> dict[str, Any]:
    said: dict[str, Any] = read_yaml(HERE / name)
    return said
