"""TPU generations of Google Cloud, and the slices that exist of each: derived from the topology by rule.

A slice is a block of chips joined by the inter-chip interconnect; its topology, such as ``2x4``, is how many chips it
has along each side. ``v4``, ``v5p`` and ``tpu7x`` are three-dimensional, ``v5e`` and ``v6e`` two-dimensional.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from math import prod
from types import MappingProxyType
from typing import Literal

from infra.hardware.errors import Impossible, allowed, did_you_mean
from infra.hardware.frameworks import TPU_IMAGE_CEILING, Support
from infra.hardware.gke import TPU_ACCELERATOR_LABEL, TPU_TOPOLOGY_LABEL
from infra.hardware.quota import TPU_FAMILY_METRIC, Quota

CUBE = 4  # chips along each side of the block that large three-dimensional slices are built of
LONGEST_SIDE = 256  # chips; the generator of topologies in xpk stops there
SMALL_3D = ("2x2x1", "2x2x2", "2x2x4", "2x4x4")  # less than a cube


class Placement(StrEnum):
    """What a node pool needs for its VMs to become one slice.

    NONE:             nothing: the slice is one VM.
    COMPACT:          ``placement_policy`` of type COMPACT with the topology.
    WORKLOAD_POLICY:  a resource policy of type HIGH_THROUGHPUT with the topology, named by the pool.
    """

    NONE = "none"
    COMPACT = "compact"
    WORKLOAD_POLICY = "workload-policy"


@dataclass(frozen=True)
class TpuMachine:
    """One machine type.

    chips:       per VM.
    vcpus:       of the host, as ``memory_gb``; None where no public source says.
    multi_host:  whether several of these VMs can form one slice.
    """

    name: str
    chips: int
    vcpus: int | None
    memory_gb: int | None
    multi_host: bool


@dataclass(frozen=True)
class TpuGeneration:
    """A generation, and what decides its slices.

    gke_accelerator:   value of the GKE accelerator label.
    dimensions:        sides of a topology: 2 or 3.
    max_chips:         of one slice.
    cores_per_chip:    TensorCores.
    name_prefix:       of Google's accelerator types, such as ``v5litepod`` of ``v5litepod-16``.
    name_counts:       what the number in that name counts.
    api_type:          ``AcceleratorConfig.type`` of the Cloud TPU API; None where that API does not offer it.
    runtimes:          TPU VM software versions without a framework, the default first.
    tensorflow_image:  how the names of its TPU VM images with TensorFlow end; None where there are none.
    tensorflow_note:   why ``tensorflow`` is what it is.
    placement:         what a slice of several VMs needs.
    minimum_gke:       oldest GKE version with it; None where no public page says.
    hbm_gb:            memory per chip.
    peak_bf16_tflops:  per chip.
    boot_disk:         disk type that every machine of the generation can start from.
    quota:             of Compute Engine, which GKE draws on.
    """

    key: str
    gke_accelerator: str
    dimensions: int
    max_chips: int
    machines: tuple[TpuMachine, ...]
    cores_per_chip: int
    name_prefix: str
    name_counts: Literal["chips", "cores"]
    api_type: str | None
    runtimes: tuple[str, ...]
    tensorflow_image: str | None
    tensorflow: Support
    tensorflow_note: str
    placement: Placement
    minimum_gke: str | None
    hbm_gb: int
    peak_bf16_tflops: int
    boot_disk: Literal["pd-balanced", "hyperdisk-balanced"]
    quota: Quota
    source: str


GENERATIONS: Mapping[str, TpuGeneration] = MappingProxyType(
    {
        row.key: row
        for row in (
            TpuGeneration(
                key="v4",
                gke_accelerator="tpu-v4-podslice",
                dimensions=3,
                max_chips=4096,
                machines=(TpuMachine("ct4p-hightpu-4t", 4, 240, 407, True),),
                cores_per_chip=2,
                name_prefix="v4",
                name_counts="cores",
                api_type="V4",
                runtimes=("tpu-ubuntu2204-base",),
                tensorflow_image="v5p-and-below",
                tensorflow=Support.SUPPORTED,
                tensorflow_note=f"Google publishes TensorFlow images up to {TPU_IMAGE_CEILING}",
                placement=Placement.COMPACT,
                minimum_gke=None,
                hbm_gb=32,
                peak_bf16_tflops=275,
                boot_disk="pd-balanced",
                quota=Quota("TPU_PODSLICE_V4", "PREEMPTIBLE_TPU_PODSLICE_V4"),
                source="Cloud TPU, 'TPU v4'; GKE cluster autoscaler and xpk, machine tables; read 2026-11-23",
            ),
            TpuGeneration(
                key="v5e",
                gke_accelerator="tpu-v5-lite-podslice",
                dimensions=2,
                max_chips=256,
                machines=(
                    TpuMachine("ct5lp-hightpu-1t", 1, 24, 48, False),
                    TpuMachine("ct5lp-hightpu-4t", 4, 112, 192, True),
                    TpuMachine("ct5lp-hightpu-8t", 8, 224, 384, False),
                ),
                cores_per_chip=1,
                name_prefix="v5litepod",
                name_counts="chips",
                api_type="V5LITE_POD",
                runtimes=("v2-alpha-tpuv5-lite",),
                tensorflow_image="v5e-and-v6",
                tensorflow=Support.SUPPORTED,
                tensorflow_note=f"Google publishes TensorFlow images up to {TPU_IMAGE_CEILING}",
                placement=Placement.COMPACT,
                minimum_gke=None,
                hbm_gb=16,
                peak_bf16_tflops=197,
                boot_disk="pd-balanced",
                quota=Quota("TPU_LITE_PODSLICE_V5", "PREEMPTIBLE_TPU_LITE_PODSLICE_V5"),
                source="Cloud TPU, 'TPU v5e'; GKE cluster autoscaler and xpk, machine tables; read 2026-11-23",
            ),
            TpuGeneration(
                key="v5p",
                gke_accelerator="tpu-v5p-slice",
                dimensions=3,
                max_chips=6144,
                machines=(TpuMachine("ct5p-hightpu-4t", 4, 208, 448, True),),
                cores_per_chip=2,
                name_prefix="v5p",
                name_counts="cores",
                api_type="V5P",
                runtimes=("v2-alpha-tpuv5",),
                tensorflow_image="v5p-and-below",
                tensorflow=Support.UNPROVEN,
                tensorflow_note="probable: there are images for v5p, and no public run of one was found",
                placement=Placement.COMPACT,
                minimum_gke=None,
                hbm_gb=95,
                peak_bf16_tflops=459,
                boot_disk="pd-balanced",
                quota=Quota("TPU_V5P", "PREEMPTIBLE_TPU_V5P"),
                source="Cloud TPU, 'TPU v5p'; GKE cluster autoscaler and xpk, machine tables; read 2026-11-23",
            ),
            TpuGeneration(
                key="v6e",
                gke_accelerator="tpu-v6e-slice",
                dimensions=2,
                max_chips=256,
                machines=(
                    TpuMachine("ct6e-standard-1t", 1, 44, 176, False),
                    TpuMachine("ct6e-standard-4t", 4, 180, 720, True),
                    TpuMachine("ct6e-standard-8t", 8, 180, 1440, False),
                ),
                cores_per_chip=1,
                name_prefix="v6e",
                name_counts="chips",
                api_type="V6E",
                runtimes=("v2-alpha-tpuv6e",),
                tensorflow_image="v5e-and-v6",
                tensorflow=Support.UNPROVEN,
                tensorflow_note="the image of 2.18.0 is reported to find the chips of v6e and then to crash",
                placement=Placement.COMPACT,
                minimum_gke="1.31.2-gke.1115000",
                hbm_gb=32,
                peak_bf16_tflops=918,
                boot_disk="hyperdisk-balanced",
                quota=Quota(TPU_FAMILY_METRIC, "PREEMPTIBLE_TPU_V6E", "CT6E"),
                source="Cloud TPU, 'TPU v6e'; GKE cluster autoscaler and xpk, machine tables; read 2026-11-23",
            ),
            TpuGeneration(
                key="tpu7x",
                gke_accelerator="tpu7x",
                dimensions=3,
                max_chips=9216,
                machines=(
                    TpuMachine("tpu7x-standard-1t", 1, None, 240, False),
                    TpuMachine("tpu7x-standard-4t", 4, 224, 960, True),
                ),
                cores_per_chip=2,
                name_prefix="tpu7x",
                name_counts="cores",
                api_type=None,
                runtimes=(),
                tensorflow_image=None,
                tensorflow=Support.REFUSED,
                tensorflow_note="Google: 'TensorFlow is not supported' on TPU7x; it runs JAX and PyTorch",
                placement=Placement.WORKLOAD_POLICY,
                minimum_gke="1.34.0-gke.2201000",
                hbm_gb=192,
                peak_bf16_tflops=2307,
                boot_disk="hyperdisk-balanced",
                quota=Quota(TPU_FAMILY_METRIC, None),
                source="Cloud TPU, 'TPU7x (Ironwood)'; xpk and vLLM CI, machine tables; read 2026-11-23",
            ),
        )
    }
)


@dataclass(frozen=True)
class TpuSlice:
    """A slice that exists. Made by ``slice_of`` and ``slice_of_accelerator_type``, which refuse the others."""

    generation: TpuGeneration
    topology: str
    machine: TpuMachine

    @property
    def chips(self) -> int:
        return prod(_sides(self.topology))

    @property
    def vms(self) -> int:
        return self.chips // self.machine.chips

    @property
    def is_multi_host(self) -> bool:
        return self.vms > 1

    @property
    def cores(self) -> int:
        """TensorCores."""
        return self.chips * self.generation.cores_per_chip

    @property
    def accelerator_type(self) -> str:
        """Google's name for a slice of this size, such as ``v5p-8``. Slices of other shapes and this size share it."""
        number = self.chips if self.generation.name_counts == "chips" else self.cores
        return f"{self.generation.name_prefix}-{number}"

    @property
    def placement(self) -> Placement:
        return self.generation.placement if self.is_multi_host else Placement.NONE

    @property
    def node_labels(self) -> dict[str, str]:
        """The labels that GKE puts on its nodes, which are what a pod selects."""
        return {TPU_ACCELERATOR_LABEL: self.generation.gke_accelerator, TPU_TOPOLOGY_LABEL: self.topology}

    @property
    def api_config(self) -> dict[str, str] | None:
        """``acceleratorConfig`` of the Cloud TPU API, which fixes the shape; None where that API does not offer it."""
        if self.generation.api_type is None:
            return None
        return {"type": self.generation.api_type, "topology": self.topology}


def generation(key: str) -> TpuGeneration:
    """The generation named ``key``. Raises Impossible."""
    try:
        return GENERATIONS[key]
    except KeyError:
        hint = did_you_mean(key, GENERATIONS)
        raise Impossible(f"no TPU generation {key!r}; {allowed(GENERATIONS)}{hint}", "generation") from None


@cache
def topologies(generation: TpuGeneration, machine: TpuMachine | None = None) -> tuple[str, ...]:
    """Every topology of the generation, smallest first; only those that ``machine`` can form, if one is given."""
    shapes = _shapes_2d(generation) if generation.dimensions == 2 else _shapes_3d(generation)
    machines = generation.machines if machine is None else (machine,)
    return tuple(shape for shape in shapes if any(_forms(each, shape) for each in machines))


def slice_of(generation_key: str, topology: str, machine_type: str | None = None) -> TpuSlice:
    """The slice of that shape. The machine type may be left out where only one can form it. Raises Impossible."""
    row = generation(generation_key)
    machine = _machine(row, machine_type) if machine_type is not None else None
    if topology not in topologies(row, machine):
        raise Impossible(_why_no_topology(row, topology, machine), "topology")
    fitting = [each for each in row.machines if machine in (None, each) and _forms(each, topology)]
    if len(fitting) > 1:
        choices = ", ".join(f"{each.name} ({_vms(prod(_sides(topology)) // each.chips)})" for each in fitting)
        raise Impossible(
            f"{row.key} {topology} can be made of several machine types; choose one of: {choices}", "machine_type"
        )
    return TpuSlice(row, topology, fitting[0])


def slice_of_accelerator_type(accelerator_type: str) -> TpuSlice:
    """The slice that the Cloud TPU API makes for a name such as ``v5p-8``: its most cubic shape, on the fewest VMs.

    Raises Impossible. Source: Cloud TPU, the tables of configurations of each generation.
    """
    by_prefix = {row.name_prefix: row for row in GENERATIONS.values()}
    prefix, _, number = accelerator_type.rpartition("-")
    row = by_prefix.get(prefix) or GENERATIONS.get(prefix)
    if row is None or not number.isdecimal():
        names = [
            slices[0].accelerator_type for slices in map(_named, by_prefix.values()) if slices[0].generation.api_type
        ]
        raise Impossible(
            f"no TPU accelerator type {accelerator_type!r}; allowed: a prefix and a size, such as {', '.join(names)}",
            "accelerator_type",
        )
    if row.api_type is None:
        keys = [each.key for each in GENERATIONS.values() if each.api_type]
        raise Impossible(
            f"{row.key} is not offered as TPU VMs; {allowed(keys)}; use a GKE slice for {row.key}", "accelerator_type"
        )
    named = _named(row)
    found = next((each for each in named if each.accelerator_type == accelerator_type), None)
    if found is None:
        size = int(number)
        near = min(named, key=lambda each: (abs(_number(each) - size), -each.chips)).accelerator_type
        counts = "chips" if row.name_counts == "chips" else f"TensorCores, {row.cores_per_chip} a chip"
        names = [each.accelerator_type for each in named]
        raise Impossible(
            f"{accelerator_type}: {row.name_prefix} names count {counts}; {allowed(names)}; did you mean {near}?",
            "accelerator_type",
        )
    return found


def runtimes_of(tpu_slice: TpuSlice) -> tuple[str, ...]:
    """Software versions that TPU VMs of the slice can start with, the default first.

    Slices of several VMs have TensorFlow images of their own. Source: Cloud TPU, 'TPU software versions'.
    """
    row = tpu_slice.generation
    if row.tensorflow_image is None:
        return row.runtimes
    pod = "-pod" if tpu_slice.is_multi_host else ""
    return (*row.runtimes, f"tpu-vm-tf-{TPU_IMAGE_CEILING}{pod}-pjrt-{row.tensorflow_image}")


def runtime_of(tpu_slice: TpuSlice, runtime: str | None = None) -> str:
    """``runtime`` if TPU VMs of the slice can start with it, and their default if it is None. Raises Impossible."""
    known = runtimes_of(tpu_slice)
    if not known:
        keys = [each.key for each in GENERATIONS.values() if each.runtimes]
        raise Impossible(f"{tpu_slice.generation.key} has no TPU VM runtimes; {allowed(keys)}", "runtime")
    if runtime is not None and runtime not in known:
        hint = did_you_mean(runtime, known)
        raise Impossible(
            f"{tpu_slice.accelerator_type} cannot start with runtime {runtime!r}; {allowed(known)}{hint}", "runtime"
        )
    return runtime or known[0]


def _sides(topology: str) -> tuple[int, ...]:
    return tuple(int(side) for side in topology.split("x"))


def _text(sides: tuple[int, ...]) -> str:
    return "x".join(map(str, sides))


def _shapes_2d(generation: TpuGeneration) -> Iterator[str]:
    """Squares and double squares of powers of two. Two chips are among them, and no machine has two."""
    side = 1
    while side * side <= generation.max_chips:
        for shape in ((side, side), (side, 2 * side)):
            if prod(shape) <= generation.max_chips:
                yield _text(shape)
        side *= 2


def _shapes_3d(generation: TpuGeneration) -> tuple[str, ...]:
    """The parts of a cube, and every block of cubes up to the largest slice, shortest side first."""
    cubes = generation.max_chips // CUBE**3
    blocks = [
        (CUBE * a, CUBE * b, CUBE * c)
        for a in range(1, cubes + 1)
        for b in range(a, cubes // a + 1)
        for c in range(b, min(cubes // (a * b), LONGEST_SIDE // CUBE) + 1)
    ]
    return ("1x1x1", *SMALL_3D, *map(_text, sorted(blocks, key=lambda shape: (prod(shape), sum(shape)))))


def _forms(machine: TpuMachine, topology: str) -> bool:
    chips = prod(_sides(topology))
    return chips == machine.chips or (machine.multi_host and chips % machine.chips == 0)


def _machine(row: TpuGeneration, name: str) -> TpuMachine:
    for machine in row.machines:
        if machine.name == name:
            return machine
    names = [machine.name for machine in row.machines]
    owner = next((each.key for each in GENERATIONS.values() for machine in each.machines if machine.name == name), None)
    hint = f"; {name} is of generation {owner}" if owner else did_you_mean(name, names)
    raise Impossible(f"{row.key} has no machine type {name!r}; {allowed(names)}{hint}", "machine_type")


def _why_no_topology(row: TpuGeneration, topology: str, machine: TpuMachine | None) -> str:
    """What is wrong with a topology that the row, on that machine, does not have."""
    on = f" with {machine.name}" if machine else ""
    choices = f"{allowed(topologies(row, machine))}{on}"
    if not re.fullmatch(r"[1-9]\d*(x[1-9]\d*)*", topology):
        return f"topology {topology!r} is not sides joined by x, such as {topologies(row)[1]}; {choices}"
    sides = _sides(topology)
    others = [each.key for each in GENERATIONS.values() if topology in topologies(each)]
    if len(sides) != row.dimensions:
        hint = f"; did you mean generation {' or '.join(others)}, which has {len(sides)} dimensions?" if others else ""
        if len(sides) == 1:
            same = [each for each in topologies(row, machine) if prod(_sides(each)) == sides[0]]
            hint = f"; did you mean {' or '.join(same)}, which has {topology} chips?" if same else ""
        return f"topology {topology!r}: {row.key} slices have {row.dimensions} dimensions; {choices}{hint}"
    if machine and topology in topologies(row):
        able = ", ".join(each.name for each in row.machines if _forms(each, topology))
        return f"topology {topology!r} cannot be made of {machine.name}; {choices}; {able} can make it"
    near = next((each for each in topologies(row, machine) if sorted(_sides(each)) == sorted(sides)), None)
    hint = f"; did you mean {near}?" if near else ""
    rule = f"at most {row.max_chips} chips" + ("" if row.dimensions == 2 else f", larger sides in multiples of {CUBE}")
    return f"topology {topology!r}: {row.key} has no such slice ({rule}); {choices}{hint}"


def _vms(count: int) -> str:
    return "one VM" if count == 1 else f"{count} VMs, which work as one slice"


def _number(slice_: TpuSlice) -> int:
    return int(slice_.accelerator_type.rpartition("-")[2])


@cache
def _named(row: TpuGeneration) -> tuple[TpuSlice, ...]:
    """The slice that each accelerator type of the generation stands for, smallest first."""
    best: dict[str, TpuSlice] = {}
    for topology in topologies(row):
        machine = max((each for each in row.machines if _forms(each, topology)), key=lambda each: each.chips)
        made = TpuSlice(row, topology, machine)
        best.setdefault(made.accelerator_type, made)
    return tuple(best.values())
