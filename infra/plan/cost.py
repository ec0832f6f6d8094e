"""What a stack costs an hour and a month at list prices.

Three ways to look at it: with the capacity that the stack declares, all of it on demand, and all accelerators on spot.
A price that is not known is told, and never counts as nothing: a total without it says that it is a lower bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from infra.hardware import CapacityKind, prices
from infra.hardware.prices import HOURS_PER_MONTH, Price
from infra.plan.fleet import Machines, fleet
from infra.settings import GoogleSettings


class Basis(StrEnum):
    """At which prices.

    DECLARED:   each group of machines as its ``capacity`` says. A reservation is billed at the on-demand price, used or
                not; flex-start and queued nodes have that price here too, which is an upper bound.
    ON_DEMAND:  everything on demand.
    SPOT:       accelerators on spot; what is not sold so, and what has no known spot price, at the on-demand price.
    """

    DECLARED = "declared"
    ON_DEMAND = "on-demand"
    SPOT = "spot"


class Scale(StrEnum):
    """With how many machines: the least that always run, or the most that the stack may grow to."""

    LEAST = "least"
    MOST = "most"


NOT_INCLUDED = (
    "what the buckets, images and logs hold, and requests to them: their contents are not known",
    "traffic that leaves the region or Google, and what the NAT carries (0.045 USD a GiB)",
    "keys, monitoring and log volume: small, and by use",
)


@dataclass(frozen=True)
class Line:
    """One thing that is paid for by the hour.

    setting:   path of what asks for it, below ``google``.
    least, most:  units at the smallest and at the largest scale.
    capacity:  how it is bought, for what can be bought in several ways.
    price:     list price of a unit; None where none is known.
    """

    what: str
    setting: str
    unit: str
    least: int
    most: int
    price: Price | None
    capacity: CapacityKind | None = None

    def rate(self, basis: Basis) -> float | None:
        """US dollars an hour for a unit; None where not known."""
        if self.price is None:
            return None
        rate = self.price.on_demand
        if self._at_spot(basis):
            rate = self.price.spot if self.price.spot is not None else rate  # an upper bound, and told as such
        monthly = self.price.unit == "GiB-month"
        return rate / HOURS_PER_MONTH if rate is not None and monthly else rate

    def usd_per_hour(self, scale: Scale, basis: Basis) -> float | None:
        """US dollars an hour; None where not known. No units cost nothing, whatever the price."""
        units = self.least if scale is Scale.LEAST else self.most
        rate = self.rate(basis) if units else 0.0
        return None if rate is None else units * rate

    def _at_spot(self, basis: Basis) -> bool:
        if basis is Basis.SPOT:
            return self.capacity is not None
        return basis is Basis.DECLARED and self.capacity is CapacityKind.SPOT


@dataclass(frozen=True)
class Total:
    """A sum of lines in US dollars.

    complete:  False where a price is missing: the sum is then a lower bound.
    """

    usd_per_hour: float
    complete: bool

    @property
    def usd_per_month(self) -> float:
        """For a month of 730 hours."""
        return self.usd_per_hour * HOURS_PER_MONTH


@dataclass(frozen=True)
class Estimate:
    """The cost of a stack.

    region:  of the stack; a price of another region is told as such.
    """

    region: str
    lines: tuple[Line, ...]
    not_included: tuple[str, ...] = NOT_INCLUDED

    @property
    def basis_text(self) -> str:
        """What the numbers are, and of which day."""
        read = min(line.price.read_on for line in self.lines if line.price)  # the cluster's fee is always among them
        return f"list prices, no discounts, read on {read} or later"

    def total(self, scale: Scale, basis: Basis) -> Total:
        amounts = [line.usd_per_hour(scale, basis) for line in self.lines]
        return Total(sum(amount for amount in amounts if amount is not None), None not in amounts)

    @property
    def unpriced(self) -> tuple[str, ...]:
        """What has no known price, and which."""
        return tuple(self._unpriced())

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """Prices that stand in for those of the region, which are not known."""
        return tuple(
            f"{line.what} ({line.setting}): the price of {line.price.region} stands in for that of {self.region}"
            for line in self.lines
            if line.price and line.price.region not in (self.region, "global")
        )

    def as_outputs(self) -> dict[str, Any]:
        """The estimate as plain values, in US dollars rounded to cents."""

        def totals(scale: Scale) -> dict[str, Any]:
            sums = {basis.value: self.total(scale, basis) for basis in Basis}
            return {
                "hourly_usd": {name: round(each.usd_per_hour, 2) for name, each in sums.items()},
                "monthly_usd": {name: round(each.usd_per_month, 2) for name, each in sums.items()},
                "lower_bound": sorted(name for name, each in sums.items() if not each.complete),
            }

        return {
            "prices": self.basis_text,
            **{scale.value: totals(scale) for scale in Scale},
            "unpriced": list(self.unpriced),
            "other_regions": list(self.elsewhere),
            "not_included": list(self.not_included),
        }

    def _unpriced(self) -> Iterator[str]:
        for line in self.lines:
            where = f"{line.what} ({line.setting})"
            if line.price is None:
                yield f"{where}: no price known"
                continue
            why = f": {line.price.note}" if line.price.note else ""
            if line.price.on_demand is None and line.price.spot is None:
                yield f"{where}: no price known{why}"
            elif line.price.on_demand is None:
                yield f"{where}: no on-demand price known{why}"
            elif line.price.spot is None and line.capacity is not None:
                yield f"{where}: no spot price known; the on-demand price stands in for it"


def estimate(settings: GoogleSettings) -> Estimate:
    """What the stack costs. Contents of storage and traffic are not known and not in it."""
    return Estimate(settings.region, tuple(line for line in _lines(settings) if line.most or line.capacity))


def _lines(settings: GoogleSettings) -> Iterator[Line]:
    region, groups = settings.region, fleet(settings)
    yield Line("GKE cluster", "cluster", "cluster-hour", 1, 1, prices.price("gke-cluster", region))
    holders = _holders(groups)
    for group in groups:
        yield _of_machines(group, region, holders)
    for disk_type in sorted({group.boot_disk_type for group in groups}):
        sized = [(each, each.boot_gib or 0) for each in groups if each.boot_disk_type == disk_type]
        yield _of_disks(f"boot disks, {disk_type}", "GiB", disk_type, sized, region)
    local = [(each, each.gpu.local_ssds) for each in groups if each.gpu]
    yield _of_disks("local SSDs", "disk", "local-ssd", local, region)
    yield from _of_the_way_out(groups, region)
    yield from _of_storage(settings)


Reserved = tuple[str, str]
"""A reservation and its zone."""


def _holders(groups: tuple[Machines, ...]) -> dict[Reserved, Machines]:
    """By reservation, the group that could use the most of it: what is reserved is paid for once, used or not."""
    holders: dict[Reserved, Machines] = {}
    for group in groups:
        if group.reservation:
            key = group.reservation.affinity, group.zones[0]
            holders[key] = max(holders.get(key, group), group, key=lambda each: each.most)
    return holders


def _of_machines(group: Machines, region: str, holders: dict[Reserved, Machines]) -> Line:
    least, most, shares = group.least, group.most, ""
    if group.reservation:
        holder = holders[group.reservation.affinity, group.zones[0]]
        least = most = group.most if holder is group else 0
        shares = "" if holder is group else f", of the reservation that {holder.name} holds"
    capacity = group.capacity if group.hardware else None  # the system pool stays on demand
    if group.role == "gpu" and group.series == "n1":
        # The price of an N1 machine is without the GPUs that are attached to it.
        return Line(
            f"{group.name}: {group.machine_type} with GPUs{shares}",
            group.setting,
            "machine-hour",
            least,
            most,
            None,
            capacity,
        )
    price = prices.hourly_of_machine(group.machine_type, region)
    what = f"{group.name}: {group.machine_type}{shares}"
    return Line(what, group.setting, "machine-hour", least, most, price, capacity)


def _of_disks(what: str, unit: str, item: str, groups: list[tuple[Machines, int]], region: str) -> Line:
    """Disks of several groups of machines. groups: with the units that each machine has."""
    settings = ", ".join(group.setting for group, units in groups if units)
    least = sum(group.least * units for group, units in groups)
    most = sum(group.most * units for group, units in groups)
    return Line(what, settings, unit, least, most, prices.price(item, region))


def _of_the_way_out(groups: tuple[Machines, ...], region: str) -> Iterator[Line]:
    least, most = sum(each.least for each in groups), sum(each.most for each in groups)
    # An upper bound: Google charges for no more than 32 VMs.
    yield Line("NAT", "network", "vm-hour", least, most, prices.price("cloud-nat-vm", region))
    yield Line("NAT's address", "network", "address-hour", 1, 1, prices.price("external-address", region))


def _of_storage(settings: GoogleSettings) -> Iterator[Line]:
    storage, region = settings.storage, settings.region
    sized = [
        *(
            ("filestore", i, each.name, f"filestore-{each.tier.lower()}", each.capacity_gib)
            for i, each in enumerate(storage.filestore)
        ),
        *(
            ("lustre", i, each.name, f"lustre-{each.throughput_per_tib}", each.capacity_gib)
            for i, each in enumerate(storage.lustre)
        ),
        *(("hyperdisk_ml", i, each.name, "hyperdisk-ml", each.size_gib) for i, each in enumerate(storage.hyperdisk_ml)),
    ]
    for kind, index, name, item, gib in sized:
        yield Line(f"{name}: {item}", f"storage.{kind}[{index}]", "GiB", gib, gib, prices.price(item, region))
