"""What the preflight sees in the stack file alone."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from infra.preflight import offline
from infra.preflight.checks import Check, Verdict
from tests.unit.plan import samples

TODAY = date(2026, 11, 24)


def looked(name: str, subject: str = "", today: date = TODAY, **changes: Any) -> list[Check]:
    found = offline.check(samples.STACK, samples.settings(**changes), today)
    return [each for each in found if each.name == name and subject in each.subject]


def test_a_small_stack_has_nothing_wrong() -> None:
    found = offline.check(samples.STACK, samples.settings(), TODAY)
    assert {each.verdict for each in found if each.name != "prices"} == {Verdict.OK}


def test_nothing_that_is_right_asks_for_a_fix() -> None:
    found = offline.check(samples.STACK, samples.with_everything(), TODAY)
    assert not any(each.fix for each in found if each.verdict is Verdict.OK)


def test_a_machine_whose_zones_nobody_lists_is_a_warning() -> None:
    rare = {**samples.L4, "machine_type": "g4-standard-48", "capacity": samples.SPOT}
    [check] = looked("zones", "g4-standard-48", gpu_pools=[rare])
    assert (check.verdict, "with credentials" in check.fix) == (Verdict.WARN, True)
    [known] = looked("zones", "g2-standard-8", gpu_pools=[{**samples.L4, "capacity": samples.SPOT}])
    assert known.verdict is Verdict.OK


@pytest.mark.parametrize(("nodes", "verdict"), [(100, Verdict.OK), (220, Verdict.WARN)])
def test_a_range_that_is_nearly_full_at_full_scale_is_a_warning(nodes: int, verdict: Verdict) -> None:
    pool = {**samples.L4, "capacity": samples.SPOT, "max_nodes": nodes}
    [check] = looked("addresses", "network.nodes", network={"nodes": "10.0.0.0/24"}, gpu_pools=[pool])
    assert check.verdict is verdict
    assert f"{nodes + 6 + 4} of 256" in check.detail


def test_a_fabric_that_is_too_small_for_its_machines_fails_and_the_size_that_is_enough_is_told() -> None:
    fabric = {**samples.TCPXO, "range": "172.16.0.0/20"}  # sixteen parts of 256 addresses
    pool = {**samples.H100, "capacity": samples.ON_DEMAND, "max_nodes": 600}
    [check] = looked("addresses", "fabrics[0]", network={"fabrics": [fabric]}, gpu_pools=[pool])
    assert (check.verdict, check.fix) == (Verdict.FAIL, "use a /18 or larger")


@pytest.mark.parametrize(
    ("generation", "framework", "verdict"),
    [
        ("v5e", "tensorflow", Verdict.OK),
        ("v6e", "tensorflow", Verdict.WARN),
        ("v5p", "tensorflow", Verdict.WARN),
        ("v6e", "jax", Verdict.OK),
    ],
)
def test_tensorflow_where_it_is_not_proven_is_a_warning(generation: str, framework: str, verdict: Verdict) -> None:
    topology = "2x2x2" if generation == "v5p" else "4x4"
    slices = {**samples.V5E, "generation": generation, "topology": topology, "framework": framework}
    [check] = looked("frameworks", tpu_slices=[{**slices, "capacity": samples.SPOT}])
    assert check.verdict is verdict


@pytest.mark.parametrize(
    ("capacity", "least", "warned"),
    [(samples.ON_DEMAND, 0, False), (samples.ON_DEMAND, 1, True), (samples.SPOT, 1, True)],
)
def test_accelerators_that_must_be_there_at_once_are_a_warning(
    capacity: dict[str, Any], least: int, warned: bool
) -> None:
    pool = {**samples.L4, "capacity": capacity, "min_nodes": least}
    assert bool(looked("capacity", gpu_pools=[pool])) is warned


def test_prices_that_were_read_long_ago_are_a_warning() -> None:
    assert looked("prices", "age")[0].verdict is Verdict.OK
    [old] = looked("prices", "age", today=date(2027, 11, 24))
    assert (old.verdict, "gke-cluster" in old.detail) == (Verdict.WARN, True)


def test_prices_that_are_not_known_or_of_another_region_are_a_warning() -> None:
    assert looked("prices", "gaps") == looked("prices", "region") == []
    unpriced = {"lustre": [{"name": "corpus", "zone": "us-central1-a"}]}
    peered = {"peering": "172.30.0.0/20"}
    assert looked("prices", "gaps", storage=unpriced, network=peered)[0].verdict is Verdict.WARN
    away = {"region": "us-south1", "cluster": {"system_pool": {"zones": ["us-south1-a"]}}}
    assert looked("prices", "region", **away)[0].verdict is Verdict.WARN


@pytest.mark.parametrize(("budget", "verdict"), [(100_000, Verdict.OK), (100, Verdict.WARN)])
def test_a_budget_below_what_always_runs_is_a_warning(budget: int, verdict: Verdict) -> None:
    wanted = {"billing_account": "012345-6789AB-CDEF01", "monthly_usd": budget}
    [check] = looked("budget", budget=wanted)
    assert check.verdict is verdict


def test_a_budget_that_full_scale_exceeds_is_a_warning() -> None:
    cheap = {"billing_account": "012345-6789AB-CDEF01", "monthly_usd": 2000}
    assert looked("budget", budget=cheap)[0].verdict is Verdict.OK
    pool = {**samples.A100, "capacity": samples.ON_DEMAND}
    assert looked("budget", budget=cheap, gpu_pools=[pool])[0].verdict is Verdict.WARN
