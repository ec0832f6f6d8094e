"""Which way of obtaining capacity goes with which hardware."""

from __future__ import annotations

import pytest

from infra.hardware import CapacityKind, Impossible, capacity, gpu, tpu

ON_DEMAND, SPOT, FLEX_START, QUEUED, RESERVATION = CapacityKind


def words(message: str) -> set[str]:
    """What the message says is allowed."""
    return set(message.partition("allowed: ")[2].partition(";")[0].split(", "))


@pytest.mark.parametrize(
    ("machine_type", "kinds"),
    [
        ("g2-standard-4", {ON_DEMAND, SPOT, FLEX_START, QUEUED, RESERVATION}),
        ("a2-highgpu-1g", {ON_DEMAND, SPOT, FLEX_START, QUEUED, RESERVATION}),
        ("a3-highgpu-8g", {ON_DEMAND, SPOT, FLEX_START, QUEUED, RESERVATION}),
        ("a3-highgpu-4g", {SPOT, FLEX_START, QUEUED}),
        ("a3-ultragpu-8g", {SPOT, FLEX_START, QUEUED, RESERVATION}),
        ("a4-highgpu-8g", {SPOT, FLEX_START, QUEUED, RESERVATION}),
        ("a4x-highgpu-4g", {RESERVATION}),
        ("a4x-maxgpu-4g-metal", {RESERVATION}),
    ],
)
def test_a_gpu_pool_is_obtained_as_google_offers_its_machines(machine_type: str, kinds: set[CapacityKind]) -> None:
    machine = gpu.machine(machine_type)
    for kind in CapacityKind:
        if kind in kinds:
            capacity.check_gpu_pool(kind, machine)
        else:
            with pytest.raises(Impossible) as caught:
                capacity.check_gpu_pool(kind, machine)
            assert caught.value.argument == "capacity"
            assert words(str(caught.value)) == {each.value for each in kinds}


@pytest.mark.parametrize("machine_type", ["a3-ultragpu-8g", "a4-highgpu-8g"])
def test_flex_start_nodes_are_placed_compactly_in_families_that_can(machine_type: str) -> None:
    capacity.check_gpu_pool(FLEX_START, gpu.machine(machine_type), compact=True)


def test_flex_start_nodes_of_other_families_are_not_placed_compactly() -> None:
    with pytest.raises(Impossible, match="allowed: a3-ultra, a4, h4d") as caught:
        capacity.check_gpu_pool(FLEX_START, gpu.machine("a3-megagpu-8g"), compact=True)
    assert caught.value.argument == "compact"
    capacity.check_gpu_pool(ON_DEMAND, gpu.machine("a3-megagpu-8g"), compact=True)


def test_n1_machines_are_not_placed_compactly() -> None:
    machine = gpu.attached("n1-standard-8", "nvidia-tesla-t4", 1)
    capacity.check_gpu_pool(ON_DEMAND, machine)
    with pytest.raises(Impossible, match="allowed: g2, g4, a2") as caught:
        capacity.check_gpu_pool(ON_DEMAND, machine, compact=True)
    assert caught.value.argument == "compact"


def test_a_reservation_is_not_placed_compactly() -> None:
    with pytest.raises(Impossible, match="leave compact out") as caught:
        capacity.check_gpu_pool(RESERVATION, gpu.machine("a3-megagpu-8g"), compact=True)
    assert caught.value.argument == "compact"


@pytest.mark.parametrize("key", tpu.GENERATIONS)
def test_no_tpu_slice_of_a_cluster_is_queued(key: str) -> None:
    made = tpu.slice_of(key, "2x2" if tpu.GENERATIONS[key].dimensions == 2 else "2x2x1")
    capacity.check_tpu_slice(SPOT, made)
    with pytest.raises(Impossible, match="allowed: on-demand, spot, flex-start, reservation") as caught:
        capacity.check_tpu_slice(QUEUED, made)
    assert caught.value.argument == "capacity"


def test_v4_slices_are_not_flex_started() -> None:
    capacity.check_tpu_slice(FLEX_START, tpu.slice_of("v6e", "2x2"))
    with pytest.raises(Impossible, match="allowed: on-demand, spot, reservation") as caught:
        capacity.check_tpu_slice(FLEX_START, tpu.slice_of("v4", "2x2x1"))
    assert caught.value.argument == "capacity"


def test_tpu_vms_are_obtained_on_demand_or_as_spot() -> None:
    made = tpu.slice_of_accelerator_type("v5litepod-8")
    for kind in (ON_DEMAND, SPOT):
        capacity.check_tpu_vm(kind, made)
    for kind in (FLEX_START, QUEUED, RESERVATION):
        with pytest.raises(Impossible, match=r"allowed: on-demand, spot$"):
            capacity.check_tpu_vm(kind, made)


def test_queued_tpu_vms_are_obtained_from_a_reservation_too() -> None:
    made = tpu.slice_of_accelerator_type("v5litepod-8")
    for kind in (ON_DEMAND, SPOT, RESERVATION):
        capacity.check_tpu_vm(kind, made, queued=True)
    for kind in (FLEX_START, QUEUED):
        with pytest.raises(Impossible, match="allowed: on-demand, spot, reservation"):
            capacity.check_tpu_vm(kind, made, queued=True)


def test_a_generation_outside_the_tpu_api_is_no_tpu_vm() -> None:
    with pytest.raises(Impossible, match="allowed: v4, v5e, v5p, v6e") as caught:
        capacity.check_tpu_vm(SPOT, tpu.slice_of("tpu7x", "2x2x1"))
    assert caught.value.argument == "accelerator_type"
