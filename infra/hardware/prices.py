"""List prices in US dollars, before any discount, tax or credit, each with its source and the day that it was read.

Published tables of Google Cloud's prices contain wrong rows (a commitment's price as the on-demand one, 700.0 or 0.0
for what is not known). ``validate`` refuses such rows, and runs over the table when this module is imported; a price
that could not be trusted is None with a note, not a number. Local SSDs of accelerator machines are not in their prices.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType
from typing import Literal

from infra.hardware import gpu, tpu

HOURS_PER_MONTH = 730
MAX_AGE_DAYS = 180

Unit = Literal["chip-hour", "machine-hour", "cluster-hour", "vm-hour", "address-hour", "GiB", "GiB-month"]


@dataclass(frozen=True)
class Price:
    """One list price.

    item:       TPU generation (a chip of it), machine type (with its GPUs), or a key of ``OTHER_ITEMS``.
    region:     of the price; ``global`` where it is the same everywhere.
    on_demand:  per unit; None where it is not offered or no source could be trusted, see ``note``.
    spot:       per unit; None where there is none or it is not known.
    read_on:    when the source was read.
    """

    item: str
    unit: Unit
    region: str
    on_demand: float | None
    spot: float | None
    source: str
    read_on: date
    note: str = ""


OTHER_ITEMS: Mapping[str, Unit] = MappingProxyType(
    {
        "gke-cluster": "cluster-hour",
        "cloud-nat-vm": "vm-hour",
        "cloud-nat-data": "GiB",
        "external-address": "address-hour",
        "pd-balanced": "GiB-month",
        "gcs-standard": "GiB-month",
        "gcs-nearline": "GiB-month",
        "gcs-coldline": "GiB-month",
        "gcs-archive": "GiB-month",
    }
)
_GENERAL_PURPOSE = re.compile(r"(e2|n1|n2|n4)-(standard|highmem|highcpu)-\d+")

SENTINEL = 700.0  # what one catalogue says for a price that it does not know
SPREAD = 2.0  # the most that on-demand prices of an item differ between regions

_CATALOGUE = "SkyPilot catalogue of Google Cloud, vms.csv at 006059e, made from the Cloud Billing API"
_AUTOSCALER = "GKE cluster autoscaler, list prices of machine families"
_CORRUPT = "the catalogue's on-demand price is that of a commitment"
_READ = date(2026, 11, 23)


def _chip(key: str, region: str, on_demand: float, spot: float, source: str = _CATALOGUE) -> Price:
    return Price(key, "chip-hour", region, on_demand, spot, source, _READ)


def _machines(
    names: str,
    region: str,
    on_demand: tuple[float, float] | None,
    spot: tuple[float, float] | None,
    note: str = "",
) -> list[Price]:
    """Machines of a family, from what the VM and the GPU cost for each GPU: the price grows with the GPUs.

    names:  with ``{}`` for the number of GPUs, and the numbers: ``a2-highgpu-{}g 1 2 4 8``.
    """
    pattern, *counts = names.split()
    return [
        Price(
            pattern.format(count),
            "machine-hour",
            region,
            None if on_demand is None else round(sum(on_demand) * int(count), 5),
            None if spot is None else round(sum(spot) * int(count), 5),
            _CATALOGUE,
            _READ,
            note,
        )
        for count in counts
    ]


def _general_purpose(
    series: str, sizes: tuple[int, ...], region: str, per_vcpu: float, spot_per_vcpu: float | None, source: str
) -> list[Price]:
    """Machines ``<series>-standard-<vCPUs>``, whose price is proportional to their vCPUs (4 GB come with each)."""
    return [
        Price(
            f"{series}-standard-{size}",
            "machine-hour",
            region,
            round(per_vcpu * size, 6),
            None if spot_per_vcpu is None else round(spot_per_vcpu * size, 6),
            source,
            _READ,
        )
        for size in sizes
    ]


def _g2(name: str) -> Price:
    """L4 machines in us-central1: vCPUs, GB and GPUs are priced apart."""
    row = gpu.MACHINES[name]
    price = row.vcpus * 0.024988 + row.memory_gb * 0.002927 + row.gpus * 0.56004
    return Price(name, "machine-hour", "us-central1", round(price, 5), None, f"{_AUTOSCALER}; {_CATALOGUE}", _READ)


def _storage(item: str, per_gib_hour: float) -> Price:
    source, read_on = "Cloud Storage pricing, us-central1, per GiB and hour", date(2026, 9, 20)
    return Price(item, "GiB-month", "us-central1", round(per_gib_hour * HOURS_PER_MONTH, 4), None, source, read_on)


def _network(item: str, unit: Unit, on_demand: float, spot: float | None = None) -> Price:
    return Price(item, unit, "global", on_demand, spot, "Cloud NAT and network pricing", date(2026, 10, 16))


_ONLY_SPOT = "offered as spot or flex-start alone"
_NOT_ON_DEMAND = "not offered on demand; the price is what a reservation is billed at"
_A4 = "regions of the catalogue contradict one another, and it has no price for the VM around the GPUs"

PRICES: tuple[Price, ...] = (
    _chip("v4", "us-central2", 3.22, 0.97, _AUTOSCALER),
    _chip("v5e", "us-central1", 1.20, 0.24493),
    _chip("v5e", "us-east1", 1.20, 0.24493),
    _chip("v5e", "us-east5", 1.20, 0.60),
    _chip("v5e", "us-south1", 1.416, 0.5664),
    _chip("v5e", "us-west1", 1.20, 0.24493),
    _chip("v5e", "us-west4", 1.20, 0.48),
    _chip("v5e", "europe-west4", 1.56, 0.44498),
    _chip("v5e", "asia-northeast1", 1.54104, 0.4244),
    _chip("v5e", "asia-southeast1", 1.56, 0.78),
    _chip("v5p", "us-central1", 4.20, 0.8357),
    _chip("v5p", "us-east1", 4.20, 0.8357),
    _chip("v5p", "us-east5", 4.20, 1.68),
    _chip("v5p", "us-south1", 4.779, 1.31614),
    _chip("v5p", "europe-west1", 4.45946, 1.78378),
    _chip("v5p", "europe-west4", 4.2525, 1.34849),
    _chip("v6e", "us-central1", 2.70, 0.54421),
    _chip("v6e", "us-east1", 2.70, 0.54421),
    _chip("v6e", "us-east4", 2.70, 0.57766),
    _chip("v6e", "us-east5", 2.70, 1.215),
    _chip("v6e", "us-south1", 2.70, 1.35),
    _chip("v6e", "us-west1", 2.70, 0.54421),
    _chip("v6e", "europe-west4", 2.97, 1.03748),
    _chip("v6e", "asia-northeast1", 3.24, 0.94352),
    _chip("v6e", "asia-southeast1", 2.97, 0.36292),
    *(_g2(name) for name in gpu.MACHINES if name.startswith("g2-")),
    *_machines("a2-highgpu-{}g 1 2 4 8", "us-central1", (0.73948, 2.93391), (0.36975, 1.43425)),
    *_machines("a2-ultragpu-{}g 1 2 4 8", "us-central1", None, (0.54978, 1.964), _CORRUPT),
    *_machines("a2-ultragpu-{}g 1 2 4 8", "us-east5", (1.09962, 4.4242), (0.31193, 1.3356)),
    *_machines("a2-ultragpu-{}g 1 2 4 8", "asia-southeast1", (1.35641, 4.84607), (0.62379, 1.823)),
    *_machines("a3-highgpu-{}g 1 2 4", "us-central1", None, (0.36117, 2.9926), _ONLY_SPOT),
    *_machines("a3-highgpu-{}g 1 2 4", "us-east4", None, (0.26996, 2.2356), _ONLY_SPOT),
    *_machines("a3-highgpu-{}g 1 2 4", "us-east5", None, (0.29078, 2.4081), _ONLY_SPOT),
    *_machines("a3-highgpu-{}g 1 2 4", "europe-west4", None, (0.28434, 2.9112), _ONLY_SPOT),
    *_machines("a3-highgpu-{}g 8", "us-central1", None, (0.36117, 2.9926), _CORRUPT),
    *_machines("a3-highgpu-{}g 8", "us-east4", (1.18251, 9.79655), (0.26996, 2.2356)),
    *_machines("a3-highgpu-{}g 8", "us-east5", (1.33186, 11.03385), (0.29078, 2.4081)),
    *_machines("a3-highgpu-{}g 8", "europe-west4", (1.24163, 12.73552), (0.28434, 2.9112)),
    *_machines("a3-megagpu-{}g 8", "us-central1", (1.18251, 10.34428), (0.36117, 3.1601)),
    *_machines("a3-megagpu-{}g 8", "us-east4", (1.18251, 10.34428), (0.26996, 1.8619)),
    *_machines("a3-megagpu-{}g 8", "us-west1", (1.18251, 10.34428), (0.36117, 3.1601)),
    *_machines("a3-megagpu-{}g 8", "us-west4", (1.33186, 11.65076), (0.30467, 2.0971)),
    *_machines("a3-megagpu-{}g 8", "europe-west4", (1.24163, 13.44756), (0.28434, 3.0754)),
    *_machines("a3-ultragpu-{}g 8", "us-central1", (1.53325, 9.31174), (0.46839, 4.6559), _NOT_ON_DEMAND),
    *_machines("a3-ultragpu-{}g 8", "us-east4", (1.53325, 9.31174), (0.35004, 3.6567), _NOT_ON_DEMAND),
    *_machines("a3-ultragpu-{}g 8", "us-west1", (1.53325, 9.31174), (0.46839, 4.6559), _NOT_ON_DEMAND),
    *_machines("a3-ultragpu-{}g 8", "europe-west4", None, (0.36869, 4.8887), _CORRUPT),
    *_machines("a4-highgpu-{}g 8", "us-central1", None, None, _A4),
    *_general_purpose("e2", (2, 4, 8, 16, 32), "us-central1", 0.033503, None, _AUTOSCALER),
    *_general_purpose(
        "n2",
        (2, 4, 8, 16, 32),
        "us-central1",
        0.048559,
        None,
        "Compute Engine, VM instance pricing (Iowa), as public tables of 2024 to 2026 quote it",
    ),
    *_general_purpose("n4", (2, 4, 8, 16, 32), "us-central1", 0.04535, 0.016788, _CATALOGUE),
    *_general_purpose("n4", (2, 4, 8, 16, 32), "us-east5", 0.04535, 0.012245, _CATALOGUE),
    *_general_purpose("n4", (2, 4, 8, 16, 32), "europe-west4", 0.047618, 0.013223, _CATALOGUE),
    *_general_purpose("n1", (4, 32, 64), "us-central1", 0.0475, 0.013058, _CATALOGUE),
    Price("gke-cluster", "cluster-hour", "global", 0.10, None, "Google Kubernetes Engine pricing", _READ),
    _network("cloud-nat-vm", "vm-hour", 0.0014),
    _network("cloud-nat-data", "GiB", 0.045),
    _network("external-address", "address-hour", 0.005, 0.0025),
    Price("pd-balanced", "GiB-month", "us-central1", 0.10, None, "C3X, 'GCP persistent disk types cost', 2026", _READ),
    _storage("gcs-standard", 0.000027397),
    _storage("gcs-nearline", 0.000013699),
    _storage("gcs-coldline", 0.000005479),
    _storage("gcs-archive", 0.000001644),
)


def validate(rows: Iterable[Price]) -> None:
    """Raises ValueError naming every row that cannot be true, and why."""
    table = tuple(rows)
    problems = [f"{row.item} in {row.region}: {problem}" for row in table for problem in _problems(row, table)]
    if problems:
        raise ValueError("\n".join(problems))


def price(item: str, region: str) -> Price | None:
    """The price of the item in the region; else of the cheapest region that is known, which ``region`` of it tells.

    None when no price of the item is known.
    """
    rows = [row for row in PRICES if row.item == item]
    here = [row for row in rows if row.region == region]
    return min(here or rows, key=_cheapness, default=None)


def hourly_of_chip(generation: str, region: str) -> Price | None:
    """What a chip of the TPU generation costs an hour; see ``price``."""
    return price(generation, region)


def hourly_of_machine(name: str, region: str) -> Price | None:
    """What a machine of the type costs an hour, with its GPUs or TPU chips; see ``price``."""
    for row in tpu.GENERATIONS.values():
        for machine in row.machines:
            if machine.name == name:
                chip = hourly_of_chip(row.key, region)
                return None if chip is None else _of_chips(chip, machine)
    return price(name, region)


def stale(today: date) -> tuple[Price, ...]:
    """The rows that were read more than ``MAX_AGE_DAYS`` before ``today``."""
    return tuple(row for row in PRICES if (today - row.read_on).days > MAX_AGE_DAYS)


def _of_chips(chip: Price, machine: tpu.TpuMachine) -> Price:
    return replace(
        chip,
        item=machine.name,
        unit="machine-hour",
        on_demand=None if chip.on_demand is None else chip.on_demand * machine.chips,
        spot=None if chip.spot is None else chip.spot * machine.chips,
    )


def _cheapness(row: Price) -> tuple[bool, float]:
    """Rows with an on-demand price come first, then the lower one."""
    known = row.on_demand if row.on_demand is not None else row.spot
    return row.on_demand is None, known if known is not None else float("inf")


def _unit_of(item: str) -> Unit | None:
    """The unit that the item is priced in; None for an item that nothing knows."""
    if item in tpu.GENERATIONS:
        return "chip-hour"
    if item in gpu.MACHINES or _GENERAL_PURPOSE.fullmatch(item):
        return "machine-hour"
    return OTHER_ITEMS.get(item)


def _problems(row: Price, table: tuple[Price, ...]) -> Iterable[str]:
    unit = _unit_of(row.item)
    if unit is None:
        yield "nothing is called that"
    elif row.unit != unit:
        yield f"priced per {row.unit}; allowed: {unit}"
    if not row.source.strip():
        yield "no source"
    if row.on_demand is None and not row.note:
        yield "no on-demand price and no note why"
    if sum(other.item == row.item and other.region == row.region for other in table) > 1:
        yield "priced twice"
    for amount in (row.on_demand, row.spot):
        if amount is not None and amount <= 0:
            yield f"a price of {amount}"
        if amount is not None and amount >= SENTINEL and _gpus(row.item) < 16:
            yield f"a price of {amount}, which stands for an unknown one"
    if row.on_demand is None:
        return
    if row.spot is not None and row.spot >= row.on_demand:
        yield f"spot at {row.spot} is not below on-demand at {row.on_demand}"
    for other in table:
        if other.item == row.item and other.on_demand and row.on_demand * SPREAD < other.on_demand:
            yield f"on-demand at {row.on_demand} is less than half of {other.on_demand} in {other.region}"


def _gpus(item: str) -> int:
    return gpu.MACHINES[item].gpus if item in gpu.MACHINES else 1


validate(PRICES)
