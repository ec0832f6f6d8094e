"""What a stack costs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from infra.hardware import CapacityKind
from infra.hardware.prices import HOURS_PER_MONTH, Price
from infra.plan.cost import Basis, Estimate, Line, Scale, estimate
from tests.unit.plan import samples

PRICE = Price("thing", "machine-hour", "us-central1", 10.0, 4.0, "a test", date(2026, 11, 1))


def line(**changes: Any) -> Line:
    plain = Line("thing", "gpu_pools[0]", "machine-hour", 1, 3, PRICE, CapacityKind.ON_DEMAND)
    return replace(plain, **changes)


def of(cost: Estimate, setting: str) -> Line:
    return next(each for each in cost.lines if each.setting == setting and each.unit == "machine-hour")


def test_everything_that_runs_is_in_it() -> None:
    wanted = {"cluster", "network", "cluster.system_pool", "tpu_slices[0]", "tpu_vms[0]", "tpu_queues[0]"}
    wanted |= {f"gpu_pools[{index}]" for index in range(4)}
    wanted |= {f"storage.{kind}[0]" for kind in ("filestore", "lustre", "hyperdisk_ml")}
    assert wanted <= {each.setting for each in estimate(samples.with_everything()).lines}


@pytest.mark.parametrize("basis", Basis)
def test_the_most_costs_no_less_than_the_least(basis: Basis) -> None:
    cost = estimate(samples.with_everything())
    assert cost.total(Scale.LEAST, basis).usd_per_hour <= cost.total(Scale.MOST, basis).usd_per_hour


@pytest.mark.parametrize("scale", Scale)
def test_spot_costs_no_more_than_on_demand_on_any_line(scale: Scale) -> None:
    for each in estimate(samples.with_everything()).lines:
        spot, on_demand = each.usd_per_hour(scale, Basis.SPOT), each.usd_per_hour(scale, Basis.ON_DEMAND)
        if spot is not None and on_demand is not None:
            assert spot <= on_demand


def test_cost_grows_in_step_with_the_nodes() -> None:
    def hourly(nodes: int) -> float | None:
        pool = {**samples.A100, "capacity": samples.SPOT, "max_nodes": nodes}
        return of(estimate(samples.settings(gpu_pools=[pool])), "gpu_pools[0]").usd_per_hour(Scale.MOST, Basis.DECLARED)

    one = hourly(1)
    assert one is not None
    assert hourly(7) == pytest.approx(7 * one)


def test_a_month_has_730_hours() -> None:
    total = estimate(samples.settings()).total(Scale.MOST, Basis.DECLARED)
    assert total.usd_per_month == pytest.approx(total.usd_per_hour * HOURS_PER_MONTH)


@pytest.mark.parametrize(
    ("capacity", "declared"),
    [
        (CapacityKind.ON_DEMAND, 30.0),
        (CapacityKind.SPOT, 12.0),
        (CapacityKind.FLEX_START, 30.0),
        (CapacityKind.RESERVATION, 30.0),
        (None, 30.0),
    ],
)
def test_as_declared_each_thing_has_the_price_of_how_it_is_bought(capacity: Any, declared: float) -> None:
    assert line(capacity=capacity).usd_per_hour(Scale.MOST, Basis.DECLARED) == declared


def test_what_is_not_sold_on_spot_keeps_its_price_where_all_is_spot() -> None:
    assert line(capacity=None).usd_per_hour(Scale.MOST, Basis.SPOT) == 30.0
    assert line().usd_per_hour(Scale.MOST, Basis.SPOT) == 12.0


def test_a_price_for_a_month_is_spread_over_its_hours() -> None:
    monthly = replace(PRICE, unit="GiB-month", on_demand=73.0, spot=None)
    assert line(price=monthly, capacity=None).usd_per_hour(Scale.LEAST, Basis.DECLARED) == pytest.approx(0.1)


@pytest.mark.parametrize("price", [None, replace(PRICE, on_demand=None, spot=None)])
def test_an_unknown_price_is_told_and_never_counts_as_nothing(price: Price | None) -> None:
    cost = Estimate("us-central1", (line(), line(what="riddle", price=price)))
    assert cost.lines[1].usd_per_hour(Scale.MOST, Basis.DECLARED) is None
    total = cost.total(Scale.MOST, Basis.DECLARED)
    assert (total.usd_per_hour, total.complete) == (30.0, False)
    assert any("riddle" in each for each in cost.unpriced)
    assert cost.as_outputs()["most"]["lower_bound"] == ["declared", "on-demand", "spot"]


def test_spot_machines_without_a_spot_price_are_counted_at_the_on_demand_price_and_told() -> None:
    bought = line(price=replace(PRICE, spot=None), capacity=CapacityKind.SPOT)
    assert bought.usd_per_hour(Scale.MOST, Basis.DECLARED) == bought.usd_per_hour(Scale.MOST, Basis.SPOT) == 30.0
    assert any("no spot price" in each for each in Estimate("us-central1", (bought,)).unpriced)


def test_no_machines_cost_nothing_even_without_a_price() -> None:
    assert line(least=0, price=None).usd_per_hour(Scale.LEAST, Basis.DECLARED) == 0


def test_gpus_attached_to_n1_machines_are_not_taken_for_free() -> None:
    cost = estimate(samples.settings(gpu_pools=[{**samples.T4, "capacity": samples.ON_DEMAND}]))
    assert of(cost, "gpu_pools[0]").usd_per_hour(Scale.MOST, Basis.DECLARED) is None


def test_a_price_of_another_region_is_told() -> None:
    cost = Estimate("europe-west4", (line(),))
    assert cost.elsewhere == ("thing (gpu_pools[0]): the price of us-central1 stands in for that of europe-west4",)
    assert not Estimate("us-central1", (line(),)).elsewhere


def test_the_outputs_say_of_which_day_they_are_and_what_is_missing() -> None:
    outputs = estimate(samples.with_everything()).as_outputs()
    assert outputs["prices"].startswith("list prices, no discounts, read on 20")
    assert outputs["not_included"]
    assert outputs["unpriced"]
    assert set(outputs["least"]["hourly_usd"]) == {"declared", "on-demand", "spot"}


def test_a_tpu_slice_costs_its_chips() -> None:
    cost = estimate(samples.settings(tpu_slices=[{**samples.V5E, "capacity": samples.ON_DEMAND}]))
    hourly = of(cost, "tpu_slices[0]").usd_per_hour(Scale.MOST, Basis.DECLARED)
    assert hourly == pytest.approx(2 * 16 * 1.20)  # two slices of 4x4 in us-central1


def test_what_is_reserved_is_paid_for_used_or_not_and_once() -> None:
    reserved = {"kind": "reservation", "name": "h100"}
    pools = [
        {**samples.A100, "name": "large", "capacity": reserved, "max_nodes": 8},
        {**samples.A100, "name": "small", "capacity": reserved, "max_nodes": 2},
    ]
    cost = estimate(samples.settings(gpu_pools=pools))
    large, small = of(cost, "gpu_pools[0]"), of(cost, "gpu_pools[1]")
    assert (large.least, large.most) == (8, 8)
    assert (small.least, small.most) == (0, 0)
    assert "of the reservation that large holds" in small.what
