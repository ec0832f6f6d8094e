"""What a node offers to pods."""

from __future__ import annotations

import pytest

from infra.hardware import gpu, tpu
from infra.plan import nodes
from infra.plan.nodes import Resources


@pytest.mark.parametrize(("vcpus", "cpu"), [(1, 940), (2, 1930), (4, 3920), (8, 7910), (16, 15890), (96, 95690)])
def test_a_node_offers_the_cpu_that_gke_lists_as_allocatable(vcpus: int, cpu: int) -> None:
    assert nodes.allocatable(vcpus, 4).cpu == cpu


@pytest.mark.parametrize(
    ("memory_gib", "kept_gib"), [(4, 1), (8, 1.8), (16, 2.6), (32, 2.6 + 0.96), (128, 9.32), (256, 9.32 + 2.56)]
)
def test_a_node_keeps_memory_by_bands_and_some_to_evict_in(memory_gib: int, kept_gib: float) -> None:
    assert nodes.allocatable(4, memory_gib).memory == int(1024 * (memory_gib - kept_gib)) - 100


def test_a_node_never_offers_less_than_nothing() -> None:
    assert nodes.allocatable(1, 0.1) == Resources(940, 0)


@pytest.mark.parametrize(
    ("machine", "memory_gib"),
    [("n2-standard-16", 64), ("e2-highcpu-8", 8), ("c3-highcpu-4", 8), ("n1-highmem-4", 26), ("n2-highmem-128", 864)],
)
def test_a_machine_has_the_memory_of_its_shape(machine: str, memory_gib: float) -> None:
    assert nodes.general(machine) == nodes.allocatable(int(machine.rpartition("-")[2]), memory_gib)


@pytest.mark.parametrize(
    ("accelerator", "profile", "count"),
    [
        ("nvidia-tesla-a100", "1g.5gb", 7),
        ("nvidia-tesla-a100", "2g.10gb", 3),
        ("nvidia-tesla-a100", "3g.20gb", 2),
        ("nvidia-h100-80gb", "1g.20gb", 4),
        ("nvidia-h200-141gb", "1g.35gb", 4),
        ("nvidia-h200-141gb", "3g.71gb", 2),
        ("nvidia-b200", "7g.180gb", 1),
        ("nvidia-rtx-pro-6000", "2g.48gb", 2),
    ],
)
def test_a_gpu_makes_as_many_partitions_as_nvidia_lists(accelerator: str, profile: str, count: int) -> None:
    assert nodes.partitions(accelerator, profile) == count


def test_partitions_and_clients_multiply_what_pods_can_ask_for() -> None:
    machine = gpu.machine("a2-highgpu-2g")
    assert nodes.with_gpus(machine).gpus == 2
    assert nodes.with_gpus(machine, "3g.20gb").gpus == 4
    assert nodes.with_gpus(machine, "3g.20gb", clients=5).gpus == 20


def test_a_tpu_node_offers_the_chips_of_its_machine_and_not_of_its_slice() -> None:
    assert nodes.with_tpus(tpu.slice_of("v5e", "16x16")).tpus == 4


@pytest.mark.parametrize("generation", tpu.GENERATIONS)
def test_every_tpu_machine_offers_cpu_and_memory(generation: str) -> None:
    row = tpu.GENERATIONS[generation]
    for machine in row.machines:
        topology = tpu.topologies(row, machine)[0]
        offered = nodes.with_tpus(tpu.slice_of(generation, topology, machine.name))
        assert offered.cpu > 10_000
        assert offered.memory > 30_000
