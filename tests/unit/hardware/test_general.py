"""The system pool's machines are known by their series."""

from __future__ import annotations

import pytest

from infra.hardware import Impossible, general


@pytest.mark.parametrize(
    ("machine_type", "disk"),
    [("e2-standard-4", "pd-balanced"), ("n4-standard-8", "hyperdisk-balanced"), ("c3-highmem-22", "pd-balanced")],
)
def test_a_machine_starts_from_a_disk_of_its_series(machine_type: str, disk: str) -> None:
    assert general.boot_disk(machine_type) == disk


@pytest.mark.parametrize("machine_type", ["a3-highgpu-8g", "e3-standard-8", "n2", ""])
def test_what_is_no_general_purpose_machine_is_refused_with_those_that_are(machine_type: str) -> None:
    with pytest.raises(Impossible, match="allowed: e2-standard-8, n1-standard-8") as caught:
        general.boot_disk(machine_type)
    assert caught.value.argument == "machine_type"


@pytest.mark.parametrize("machine_type", ["e2-standard-2", "e2-standard-12", "e2-medium", "e2-highmem-32"])
def test_a_size_that_there_is_not_or_that_is_too_small_is_refused_with_those_of_the_series(machine_type: str) -> None:
    with pytest.raises(Impossible, match="4 vCPUs or more; allowed: e2-standard-4, e2-standard-8") as caught:
        general.boot_disk(machine_type)
    assert caught.value.argument == "machine_type"
