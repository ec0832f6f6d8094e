"""The price list, and what is refused from it."""

from __future__ import annotations

import warnings
from dataclasses import replace
from datetime import date, timedelta

import pytest

from infra.hardware import gpu, prices, tpu
from infra.hardware.prices import PRICES, Price

GOOD = Price("v5e", "chip-hour", "us-central1", 1.2, 0.25, "a page", date(2026, 11, 23))


def test_the_table_passes_its_own_validation() -> None:
    prices.validate(PRICES)
    prices.validate([GOOD])


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([replace(GOOD, spot=1.2)], "spot at 1.2 is not below on-demand"),
        ([replace(GOOD, spot=1.9)], "spot at 1.9 is not below on-demand"),
        ([replace(GOOD, on_demand=0.0, spot=None)], "a price of 0.0"),
        ([replace(GOOD, spot=-1.0)], "a price of -1.0"),
        ([replace(GOOD, on_demand=700.0)], "stands for an unknown one"),
        ([replace(GOOD, item="a3-megagpu-8g", unit="machine-hour", on_demand=701.0)], "stands for an unknown one"),
        ([GOOD, replace(GOOD, region="us-east5", on_demand=0.5)], "less than half of 1.2 in us-central1"),
        ([GOOD, GOOD], "priced twice"),
        ([replace(GOOD, source=" ")], "no source"),
        ([replace(GOOD, on_demand=None)], "no note why"),
        ([replace(GOOD, item="a2-ultragpu-16g", unit="machine-hour")], "nothing is called that"),
        ([replace(GOOD, unit="machine-hour")], "allowed: chip-hour"),
    ],
)
def test_a_row_that_cannot_be_true_is_refused(rows: list[Price], said: str) -> None:
    with pytest.raises(ValueError, match=r"^(v5e|a2|a3)") as caught:
        prices.validate(rows)
    assert said in str(caught.value)


def test_sixteen_gpus_may_cost_more_than_the_sentinel() -> None:
    prices.validate([replace(GOOD, item="a2-megagpu-16g", unit="machine-hour", on_demand=701.0)])


@pytest.mark.parametrize("row", PRICES, ids=lambda row: f"{row.item}-{row.region}")
def test_spot_is_cheaper_and_every_row_says_where_and_when_it_was_read(row: Price) -> None:
    assert row.source
    assert row.read_on <= date(2026, 11, 23)
    assert row.on_demand is not None or row.note
    if row.on_demand is not None and row.spot is not None:
        assert 0 < row.spot < row.on_demand


def test_the_price_of_a_region_is_that_of_its_row() -> None:
    found = prices.hourly_of_chip("v6e", "us-east5")
    assert found is not None
    assert (found.region, found.on_demand, found.spot) == ("us-east5", 2.7, 1.215)


def test_a_region_without_a_row_gets_the_cheapest_that_is_known_and_says_whose() -> None:
    found = prices.hourly_of_machine("a3-highgpu-8g", "africa-south1")
    assert found is not None
    assert found.region == "us-east4"
    known = [row.on_demand for row in PRICES if row.item == "a3-highgpu-8g" and row.on_demand is not None]
    assert found.on_demand == min(known)


def test_an_item_without_any_row_has_no_price() -> None:
    assert prices.hourly_of_chip("tpu7x", "us-central1") is None
    assert prices.hourly_of_machine("g4-standard-48", "us-central1") is None
    assert prices.hourly_of_machine("tpu7x-standard-4t", "us-central1") is None


@pytest.mark.parametrize("key", ["v4", "v5e", "v5p", "v6e"])
def test_a_tpu_machine_costs_its_chips(key: str) -> None:
    chip = prices.hourly_of_chip(key, "us-central1")
    for machine in tpu.GENERATIONS[key].machines:
        whole = prices.hourly_of_machine(machine.name, "us-central1")
        assert chip is not None
        assert whole is not None
        assert whole.on_demand == pytest.approx((chip.on_demand or 0) * machine.chips)
        assert whole.spot == pytest.approx((chip.spot or 0) * machine.chips)


@pytest.mark.parametrize(
    ("machine_type", "region", "on_demand", "spot"),
    [
        ("a2-highgpu-1g", "us-central1", 3.673, 1.804),
        ("a3-highgpu-8g", "us-east4", 87.83, 20.04),
        ("a3-megagpu-8g", "us-central1", 92.21, 28.17),
        ("a3-ultragpu-8g", "us-central1", 86.76, 40.99),
        ("g2-standard-4", "us-central1", 0.707, None),
        ("n2-standard-4", "us-central1", 0.1942, None),
        ("e2-standard-4", "us-central1", 0.134, None),
    ],
)
def test_machines_cost_their_vm_and_their_gpus(
    machine_type: str, region: str, on_demand: float, spot: float | None
) -> None:
    found = prices.hourly_of_machine(machine_type, region)
    assert found is not None
    assert found.on_demand == pytest.approx(on_demand, rel=1e-3)
    assert found.spot == (None if spot is None else pytest.approx(spot, rel=1e-3))


@pytest.mark.parametrize(
    ("machine_type", "region"),
    [("a3-highgpu-8g", "us-central1"), ("a2-ultragpu-1g", "us-central1"), ("a4-highgpu-8g", "us-central1")],
)
def test_a_price_that_no_source_could_be_trusted_for_is_none_with_a_note(machine_type: str, region: str) -> None:
    found = prices.hourly_of_machine(machine_type, region)
    assert found is not None
    assert found.on_demand is None
    assert found.note


def test_a_machine_that_is_never_on_demand_has_no_on_demand_price() -> None:
    small = [row for row in PRICES if row.item in ("a3-highgpu-1g", "a3-highgpu-2g", "a3-highgpu-4g")]
    assert small
    assert {row.on_demand for row in small} == {None}


def test_the_gpus_of_a_family_cost_the_same_in_every_size() -> None:
    for family in ("a2", "a2-ultra"):
        each = {
            (row.region, round(row.spot / gpu.MACHINES[row.item].gpus, 3))
            for row in PRICES
            if row.spot is not None and row.item in gpu.MACHINES and gpu.MACHINES[row.item].family == family
        }
        assert len(each) == len({region for region, _ in each})


def test_a_row_is_stale_once_it_is_older_than_the_limit() -> None:
    newest = max(row.read_on for row in PRICES)
    oldest = min(row.read_on for row in PRICES)
    limit = timedelta(days=prices.MAX_AGE_DAYS)
    assert prices.stale(oldest + limit) == ()
    assert {row.read_on for row in prices.stale(oldest + limit + timedelta(days=1))} == {oldest}
    assert set(prices.stale(newest + limit + timedelta(days=1))) == set(PRICES)


def test_stale_prices_are_told_of() -> None:
    """A warning and no failure: time alone breaks no build, and the rows say their age to whoever quotes them."""
    old = prices.stale(date.today())
    if old:
        items = ", ".join(sorted({row.item for row in old}))
        warnings.warn(f"prices older than {prices.MAX_AGE_DAYS} days, read them again: {items}", stacklevel=1)
