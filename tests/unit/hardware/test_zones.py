"""Where hardware is offered."""

from __future__ import annotations

import pytest

from infra.hardware import Impossible, gpu, tpu, zones

TPU_MACHINES = {machine.name: row.key for row in tpu.GENERATIONS.values() for machine in row.machines}


def test_the_table_is_of_machines_that_exist_and_of_zones() -> None:
    for machine_type, offering in zones.OFFERED.items():
        assert machine_type in gpu.MACHINES or machine_type in TPU_MACHINES
        assert len(set(offering)) == len(offering) > 0
        assert all(zones.region_of(zone) for zone in offering)


def test_a_zone_that_offers_a_machine_type_passes_and_another_is_refused_with_those_that_do() -> None:
    zones.require("a4-highgpu-8g", "us-central1-b")
    with pytest.raises(Impossible) as caught:
        zones.require("a4-highgpu-8g", "us-central1-a")
    assert caught.value.argument == "zone"
    assert "allowed: asia-northeast1-b" in str(caught.value)
    assert "in us-central1: us-central1-b" in str(caught.value)


@pytest.mark.parametrize("machine_type", ["e2-standard-4", "g4-standard-48", "n1-standard-8", "a-machine-of-tomorrow"])
def test_what_is_not_known_is_not_refused(machine_type: str) -> None:
    assert zones.offered(machine_type) == ()
    zones.require(machine_type, "us-central1-a")


def test_the_zone_of_v4_has_no_general_purpose_machines_for_the_system_pool() -> None:
    zones.require("ct4p-hightpu-4t", "us-central2-b")
    with pytest.raises(Impossible, match="us-central2-b has no e2 machines") as caught:
        zones.require("e2-standard-4", "us-central2-b")
    assert caught.value.argument == "zone"


@pytest.mark.parametrize(
    ("zone", "region"),
    [
        ("us-central1-a", "us-central1"),
        ("europe-west4-b", "europe-west4"),
        ("us-south1-ai1b", "us-south1"),
        ("northamerica-northeast1-c", "northamerica-northeast1"),
    ],
)
def test_a_zone_is_in_its_region(zone: str, region: str) -> None:
    assert zones.region_of(zone) == region


@pytest.mark.parametrize("zone", ["us-central1", "central", "", "us-central1-A", "us-central1-a-b"])
def test_what_is_no_zone_is_refused(zone: str) -> None:
    with pytest.raises(Impossible, match="allowed: a region and a letter") as caught:
        zones.region_of(zone)
    assert caught.value.argument == "zone"


def test_tpus_of_a_generation_are_offered_where_their_machines_are() -> None:
    for machine_type, key in TPU_MACHINES.items():
        assert all(zones.offered_tpu(key, zone) for zone in zones.offered(machine_type))
    assert zones.offered_tpu("v4", "us-central2-b")
    assert not zones.offered_tpu("v4", "us-central1-a")
    assert zones.offered_tpu("tpu7x", "us-central1-c"), "not known, so not refused"
