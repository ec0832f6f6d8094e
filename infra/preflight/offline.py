"""What follows from the stack file alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from ipaddress import IPv4Network
from itertools import combinations

from infra.hardware import CapacityKind, prices, zones
from infra.hardware.frameworks import Support
from infra.plan.addresses import ranges
from infra.plan.cost import Basis, Estimate, Scale, estimate
from infra.plan.fleet import fleet
from infra.plan.names import names
from infra.plan.services import services
from infra.preflight.checks import Check, Verdict
from infra.settings import GoogleSettings

FULL = 0.8
"""Share of a range from which on there is a warning: the next pool may not fit."""


def check(stack: str, settings: GoogleSettings, today: date) -> list[Check]:
    """Every check that needs no network."""
    return [
        Check("settings", f"stacks/Pulumi.{stack}.yaml", Verdict.OK, "valid"),
        *_names(stack, settings),
        *_services(settings),
        *_zones(settings),
        *_addresses(settings),
        *_frameworks(settings),
        *_capacity(settings),
        *_prices(settings, today),
    ]


def _names(stack: str, settings: GoogleSettings) -> Iterator[Check]:
    made = names(stack, settings)
    for name in made:
        if not name.fits:
            yield Check(
                "names",
                f"{name.kind} {name.text}",
                Verdict.FAIL,
                f"{len(name.text)} characters; Google allows {name.longest}, lower-case letters, digits and dashes",
                f"shorten {name.setting} or the name of the stack",
            )
    if all(name.fits for name in made):
        longest = max(made, key=lambda name: len(name.text) / name.longest)
        detail = (
            f"{len(made)} fit; the closest to its limit is {longest.text}: {len(longest.text)} of {longest.longest}"
        )
        yield Check("names", "resources", Verdict.OK, detail)


def _services(settings: GoogleSettings) -> Iterator[Check]:
    needed = [name.removesuffix(".googleapis.com") for name in services(settings)]
    yield Check("APIs", settings.project, Verdict.OK, f"needs {', '.join(needed)}")


def _zones(settings: GoogleSettings) -> Iterator[Check]:
    for group in fleet(settings):
        subject = f"{group.machine_type} in {', '.join(group.zones)}"
        offered = zones.offered(group.machine_type)
        if offered:
            yield Check("zones", subject, Verdict.OK, f"offered there ({group.setting})")
        elif group.hardware:
            detail = f"no source lists the zones of {group.machine_type} ({group.setting})"
            yield Check("zones", subject, Verdict.WARN, detail, "run with credentials: Google is asked then")
        else:
            yield Check("zones", subject, Verdict.OK, f"a general-purpose machine ({group.setting})")


def _addresses(settings: GoogleSettings) -> Iterator[Check]:
    for use in ranges(settings):
        detail = f"{use.used:,} of {use.available:,} addresses at full scale, {use.share:.0%}"
        if use.used > use.available:
            fix = f"use a /{IPv4Network(use.cidr).prefixlen - (use.used // use.available).bit_length()} or larger"
            yield Check("addresses", f"{use.setting} {use.cidr}", Verdict.FAIL, detail, fix)
        elif use.share > FULL:
            fix = "enlarge it now: the range of a cluster cannot be changed later"
            yield Check("addresses", f"{use.setting} {use.cidr}", Verdict.WARN, detail, fix)
        else:
            yield Check("addresses", f"{use.setting} {use.cidr}", Verdict.OK, detail)
    network = settings.network
    all_ranges = [network.nodes, network.pods, network.services, *(fabric.range for fabric in network.fabrics)]
    all_ranges += [*network.used_elsewhere, *([network.peering] if network.peering else [])]
    apart = not any(IPv4Network(one).overlaps(IPv4Network(other)) for one, other in combinations(all_ranges, 2))
    yield Check(
        "addresses",
        "overlaps",
        Verdict.OK if apart else Verdict.FAIL,
        f"{len(all_ranges)} ranges, {'none overlaps another' if apart else 'and some overlap'}",
    )


def _frameworks(settings: GoogleSettings) -> Iterator[Check]:
    for kind in ("tpu_slices", "tpu_vms", "tpu_queues"):
        for index, each in enumerate(getattr(settings, kind)):
            generation = each.shape.generation
            subject = f"{each.framework} on TPU {generation.key}"
            setting = f"{kind}[{index}]"
            if each.framework != "tensorflow":
                yield Check("frameworks", subject, Verdict.OK, f"not this project's to check ({setting})")
            elif generation.tensorflow is Support.SUPPORTED:
                yield Check("frameworks", subject, Verdict.OK, f"{generation.tensorflow_note} ({setting})")
            else:
                fix = "try one slice before depending on it, or use v5e"
                yield Check("frameworks", subject, Verdict.WARN, f"{generation.tensorflow_note} ({setting})", fix)


def _capacity(settings: GoogleSettings) -> Iterator[Check]:
    for group in fleet(settings):
        if not group.hardware or not group.least or group.capacity not in (CapacityKind.ON_DEMAND, CapacityKind.SPOT):
            continue
        queue = "use tpu_queues, which waits" if group.role == "tpu-vm" else "let it begin at 0, or reserve capacity"
        yield Check(
            "capacity",
            f"{group.name}: {group.least} x {group.machine_type}",
            Verdict.WARN,
            f"asked for at once, {group.capacity}; `up` fails while the zone has none, for quota is no promise of "
            f"capacity ({group.setting})",
            queue,
        )


def _prices(settings: GoogleSettings, today: date) -> Iterator[Check]:
    cost = estimate(settings)
    used = {(line.price.item, line.price.region) for line in cost.lines if line.price}
    old = sorted(f"{row.item} ({row.read_on})" for row in prices.stale(today) if (row.item, row.region) in used)
    if old:
        fix = "read them anew into infra/hardware/prices.py"
        yield Check("prices", "age", Verdict.WARN, f"read long ago: {', '.join(old)}", fix)
    else:
        yield Check("prices", "age", Verdict.OK, f"none is older than {prices.MAX_AGE_DAYS} days")
    if cost.unpriced:
        detail = (
            f"{len(cost.unpriced)} not known, listed below the cost; what nothing stands in for is not in the totals"
        )
        yield Check("prices", "gaps", Verdict.WARN, detail, "look them up before relying on the totals")
    if cost.elsewhere:
        detail = (
            f"{len(cost.elsewhere)} of another region stand in for those of {settings.region}, listed below the cost"
        )
        yield Check("prices", "region", Verdict.WARN, detail)
    yield _budget(settings, cost)


def _budget(settings: GoogleSettings, cost: Estimate) -> Check:
    budget = settings.budget.monthly_usd
    least, most = (cost.total(scale, Basis.DECLARED) for scale in Scale)
    takes = [f"{'' if each.complete else 'at least '}{each.usd_per_month:,.0f}" for each in (least, most)]
    detail = f"{budget:,} USD a month; the stack takes {takes[0]} at its least scale and {takes[1]} at its most"
    if least.usd_per_month > budget:
        fix = "raise google.budget.monthly_usd, or keep less running"
        return Check("budget", "google.budget.monthly_usd", Verdict.WARN, detail, fix)
    if most.usd_per_month > budget:
        fix = "the budget tells and stops nothing: lower what pools may grow to, or expect to be told"
        return Check("budget", "google.budget.monthly_usd", Verdict.WARN, detail, fix)
    return Check("budget", "google.budget.monthly_usd", Verdict.OK, detail)
