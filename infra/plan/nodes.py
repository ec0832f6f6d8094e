"""What a node of GKE offers to pods: less than its machine has, and more GPUs where pods share them.

GKE keeps a part of each node's CPU and memory for the system (GKE, 'Plan GKE Standard node sizes': 6 % of the first
core, 1 % of the second, 0.5 % of the next two, 0.25 % of the others; 25 % of the first 4 GiB, 20 % of the next 4, 10 %
of the next 8, 6 % of the next 112, 2 % of the rest, and 100 MiB before it evicts). What its daemons ask for is not
taken off: they differ by version, so a pod should leave a node some room.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import inf

from infra.hardware.gpu import ACCELERATORS, N1_GB_PER_VCPU, GpuMachine
from infra.hardware.tpu import TpuSlice

MIB_PER_GIB = 1024
KEPT_CPU = ((1, 0.06), (1, 0.01), (2, 0.005), (inf, 0.0025))
KEPT_MEMORY = ((4, 0.25), (4, 0.20), (8, 0.10), (112, 0.06), (inf, 0.02))
EVICTION_MIB = 100

# Compute Engine, 'General-purpose machine family': GB, which are GiB, for each vCPU of a shape, and what departs from
# that.
_GB_PER_VCPU = {"standard": 4.0, "highmem": 8.0, "highcpu": 1.0}
_GB_PER_VCPU_OF = {
    "n1": N1_GB_PER_VCPU,
    "c3": {"highcpu": 2.0},
    "c3d": {"highcpu": 2.0},
    "n4": {"highcpu": 2.0},
    "c4": {"standard": 3.75, "highmem": 7.75, "highcpu": 2.0},
}
_GB_OF = {"n2-highmem-128": 864.0}


@dataclass(frozen=True)
class Resources:
    """What pods ask for.

    cpu:     thousandths of a core.
    memory:  MiB.
    gpus:    shares of GPUs where pods share them.
    tpus:    chips.
    """

    cpu: int = 0
    memory: int = 0
    gpus: int = 0
    tpus: int = 0

    def times(self, number: int) -> Resources:
        return Resources(self.cpu * number, self.memory * number, self.gpus * number, self.tpus * number)

    def plus(self, other: Resources) -> Resources:
        return Resources(
            self.cpu + other.cpu, self.memory + other.memory, self.gpus + other.gpus, self.tpus + other.tpus
        )

    def holds(self, each: Resources) -> int:
        """How many pods that ask for ``each``, which asks for something, it is enough for."""
        pairs = (
            (self.cpu, each.cpu),
            (self.memory, each.memory),
            (self.gpus, each.gpus),
            (self.tpus, each.tpus),
        )
        return min(mine // asked for mine, asked in pairs if asked)

    def __str__(self) -> str:
        """For a person."""
        named = (
            (f"{self.cpu / 1000:g} cores", self.cpu),
            (f"{self.memory / MIB_PER_GIB:.3g} GiB", self.memory),
            (f"{self.gpus} GPUs", self.gpus),
            (f"{self.tpus} TPU chips", self.tpus),
        )
        return " and ".join(words for words, amount in named if amount) or "nothing"

    def without(self, other: Resources) -> Resources:
        """What is left of it, and never less than nothing."""
        return Resources(
            max(0, self.cpu - other.cpu),
            max(0, self.memory - other.memory),
            max(0, self.gpus - other.gpus),
            max(0, self.tpus - other.tpus),
        )


def general(machine_type: str) -> Resources:
    """Of a node without accelerators, such as ``n2-standard-16``, that ``infra.hardware.general`` knows."""
    series, shape, size = machine_type.split("-")
    vcpus = int(size)
    each = _GB_PER_VCPU_OF.get(series, {}).get(shape, _GB_PER_VCPU[shape])
    return allocatable(vcpus, _GB_OF.get(machine_type, vcpus * each))


def with_gpus(machine: GpuMachine, partition: str | None = None, clients: int = 1) -> Resources:
    """Of a node whose GPUs are divided into MIG partitions, or shared by ``clients`` pods each, or both."""
    left = allocatable(machine.vcpus, machine.memory_gb)
    parts = partitions(machine.accelerator, partition) if partition else 1
    return Resources(left.cpu, left.memory, gpus=machine.gpus * parts * clients)


def with_tpus(tpu_slice: TpuSlice) -> Resources:
    """Of one node of the slice. Where no source tells of its vCPUs, as many as its share of the largest machine's."""
    machine = tpu_slice.machine
    largest = max(tpu_slice.generation.machines, key=lambda each: each.chips)
    vcpus = machine.vcpus or (largest.vcpus or 0) * machine.chips // largest.chips
    left = allocatable(vcpus, machine.memory_gb or 0)
    return Resources(left.cpu, left.memory, tpus=machine.chips)


def allocatable(vcpus: int, memory_gib: float) -> Resources:
    """CPU and memory that GKE leaves to pods of a machine."""
    cpu = 1000 * (vcpus - _kept(vcpus, KEPT_CPU))
    memory = MIB_PER_GIB * (memory_gib - _kept(memory_gib, KEPT_MEMORY)) - EVICTION_MIB
    return Resources(int(round(cpu, 3)), max(0, int(round(memory, 3))))


def _kept(amount: float, bands: tuple[tuple[float, float], ...]) -> float:
    kept = 0.0
    for width, part in bands:
        within = min(amount, width)
        kept += within * part
        amount -= within
    return kept


def partitions(accelerator: str, profile: str) -> int:
    """How many MIG partitions of a profile, such as ``3g.20gb``, one GPU makes.

    A GPU has as many compute slices as its largest profile, and a partition's memory is a part of the GPU's (NVIDIA,
    MIG user guide, 'Supported MIG profiles').
    """
    row = ACCELERATORS[accelerator]
    whole = max(_slices(each)[0] for each in row.mig_profiles)
    compute, memory = _slices(profile)
    return min(whole // compute, round(row.memory_gb / memory))


def _slices(profile: str) -> tuple[int, int]:
    """Compute slices, and GB of memory."""
    found = re.fullmatch(r"(\d+)g\.(\d+)gb", profile)
    assert found, profile
    return int(found[1]), int(found[2])
