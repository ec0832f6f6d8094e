"""The ways to obtain accelerators, which exclude one another, and what each excludes besides.

Sources: Compute Engine, 'GPU machine types' (page of 2026-04-14); the preconditions of cluster-toolkit's
``modules/compute/gke-node-pool``; the GKE cluster autoscaler's machine tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from infra.hardware.errors import Impossible, allowed
from infra.hardware.gpu import GpuMachine
from infra.hardware.tpu import GENERATIONS, TpuSlice


class CapacityKind(StrEnum):
    """How capacity is obtained.

    ON_DEMAND:    now or not at all, until deleted.
    SPOT:         cheaper, taken away at any time.
    FLEX_START:   waits for capacity, node by node, and keeps it for at most seven days.
    QUEUED:       waits for all nodes of a job at once (a ProvisioningRequest).
    RESERVATION:  capacity that was reserved before.
    """

    ON_DEMAND = "on-demand"
    SPOT = "spot"
    FLEX_START = "flex-start"
    QUEUED = "queued"
    RESERVATION = "reservation"


_NOT_ON_DEMAND = tuple(kind for kind in CapacityKind if kind is not CapacityKind.ON_DEMAND)
_KINDS_BY_FAMILY: Mapping[str, tuple[CapacityKind, ...]] = MappingProxyType(
    {
        "a3-ultra": _NOT_ON_DEMAND,
        "a4": _NOT_ON_DEMAND,
        "a4x": (CapacityKind.RESERVATION,),
        "a4x-max": (CapacityKind.RESERVATION,),
    }
)
# Part of an eight-GPU host: offered as spot or flex-start alone.
_KINDS_OF_SMALL_A3 = (CapacityKind.SPOT, CapacityKind.FLEX_START, CapacityKind.QUEUED)

COMPACT_FAMILIES = ("g2", "g4", "a2", "a2-ultra", "a3-high", "a3-mega", "a3-ultra", "a4")
# AI Hypercomputer, 'Compact placement policy and workload policy overview'; a4x comes from reservations alone.
FLEX_START_COMPACT_FAMILIES = ("a3-ultra", "a4", "h4d")
NO_FLEX_START_GENERATIONS = ("v4",)
TPU_SLICE_KINDS = tuple(kind for kind in CapacityKind if kind is not CapacityKind.QUEUED)
TPU_VM_KINDS = (CapacityKind.ON_DEMAND, CapacityKind.SPOT)  # a reservation is named by a queued resource alone
TPU_QUEUE_KINDS = (*TPU_VM_KINDS, CapacityKind.RESERVATION)


def gpu_kinds(machine: GpuMachine) -> tuple[CapacityKind, ...]:
    """How the machine can be obtained."""
    if machine.family == "a3-high" and machine.gpus < 8:
        return _KINDS_OF_SMALL_A3
    return _KINDS_BY_FAMILY.get(machine.family, tuple(CapacityKind))


def check_gpu_pool(kind: CapacityKind, machine: GpuMachine, *, compact: bool = False) -> None:
    """Whether a GKE node pool can obtain the machine that way. Raises Impossible.

    compact:  with the nodes close together.
    """
    kinds = gpu_kinds(machine)
    if kind not in kinds:
        raise Impossible(f"{machine.name} cannot be had {kind}; {allowed(kinds)}", "capacity")
    if compact and machine.family not in COMPACT_FAMILIES:
        raise Impossible(
            f"{machine.name} cannot be placed compactly; {allowed(COMPACT_FAMILIES)}; leave compact out", "compact"
        )
    if compact and kind is CapacityKind.RESERVATION:
        raise Impossible("the machines of a reservation stand where it is; leave compact out", "compact")
    if compact and kind is CapacityKind.FLEX_START and machine.family not in FLEX_START_COMPACT_FAMILIES:
        raise Impossible(
            f"{machine.name} cannot be placed compactly with flex-start; {allowed(FLEX_START_COMPACT_FAMILIES)};"
            " leave compact out, or use another capacity",
            "compact",
        )


def check_tpu_slice(kind: CapacityKind, tpu_slice: TpuSlice) -> None:
    """Whether GKE can obtain the slice that way. Raises Impossible."""
    key = tpu_slice.generation.key
    if kind not in TPU_SLICE_KINDS:
        raise Impossible(f"GKE cannot queue TPUs such as {key}; {allowed(TPU_SLICE_KINDS)}", "capacity")
    if kind is CapacityKind.FLEX_START and key in NO_FLEX_START_GENERATIONS:
        kinds = [each for each in TPU_SLICE_KINDS if each is not CapacityKind.FLEX_START]
        raise Impossible(f"{key} cannot be had flex-start; {allowed(kinds)}", "capacity")


def check_tpu_vm(kind: CapacityKind, tpu_slice: TpuSlice, *, queued: bool = False) -> None:
    """Whether the Cloud TPU API can obtain TPU VMs of the slice that way. Raises Impossible.

    queued:  through the API's queue and not at once.
    """
    if tpu_slice.generation.api_type is None:
        keys = [row.key for row in GENERATIONS.values() if row.api_type]
        raise Impossible(
            f"{tpu_slice.generation.key} is not offered as TPU VMs; {allowed(keys)}; make it a slice of the cluster",
            "accelerator_type",
        )
    kinds = TPU_QUEUE_KINDS if queued else TPU_VM_KINDS
    if kind not in kinds:
        raise Impossible(f"TPU VMs cannot be had {kind}; {allowed(kinds)}", "capacity")
