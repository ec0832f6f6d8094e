"""The machines that a stack file asks for, whatever section they are in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from infra.hardware import CapacityKind, general
from infra.hardware.gpu import GpuMachine
from infra.hardware.tpu import TpuSlice
from infra.settings import GoogleSettings
from infra.settings.capacity import Reservation

Role = Literal["system", "gpu", "tpu-slice", "tpu-vm", "tpu-queue"]

DEFAULT_BOOT_GIB = 100
"""Boot disk of a node whose settings name no size; it is GKE's default too ('Configuring a custom boot disk')."""


@dataclass(frozen=True)
class Machines:
    """Machines of one kind that one entry of the stack file asks for.

    setting:      path of the entry below ``google``, such as ``gpu_pools[0]``.
    least, most:  how many run at the smallest and at the largest scale, over all zones.
    hardware:     the registry's row; None for machines without accelerators.
    boot_gib:     boot disk of each in GiB; None for TPU VMs, whose disks are Google's own.
    reservation:  what they are bound to, where ``capacity`` says so.
    """

    role: Role
    setting: str
    name: str
    machine_type: str
    zones: tuple[str, ...]
    capacity: CapacityKind
    least: int
    most: int
    hardware: GpuMachine | TpuSlice | None
    boot_gib: int | None
    reservation: Reservation | None = None

    @property
    def tpu(self) -> TpuSlice | None:
        return self.hardware if isinstance(self.hardware, TpuSlice) else None

    @property
    def gpu(self) -> GpuMachine | None:
        return self.hardware if isinstance(self.hardware, GpuMachine) else None

    @property
    def series(self) -> str:
        """Of the machine type: ``a3`` of ``a3-highgpu-8g``."""
        return self.machine_type.partition("-")[0]

    @property
    def boot_disk_type(self) -> str:
        """``pd-balanced``, or ``hyperdisk-balanced`` for machines that boot from nothing else."""
        if self.tpu:
            return self.tpu.generation.boot_disk
        return self.gpu.boot_disk if self.gpu else general.boot_disk(self.machine_type)


def fleet(settings: GoogleSettings) -> tuple[Machines, ...]:
    """Every group of machines, in the order of the stack file."""
    return tuple(_groups(settings))


def _groups(settings: GoogleSettings) -> Iterator[Machines]:
    pool = settings.cluster.system_pool
    yield Machines(
        "system",
        "cluster.system_pool",
        "system",
        pool.machine_type,
        pool.zones,
        CapacityKind.ON_DEMAND,
        pool.min_nodes * len(pool.zones),
        pool.max_nodes * len(pool.zones),
        None,
        DEFAULT_BOOT_GIB,
    )
    for index, each in enumerate(settings.gpu_pools):
        yield Machines(
            "gpu",
            f"gpu_pools[{index}]",
            each.name,
            each.machine_type,
            each.zones,
            CapacityKind(each.capacity.kind),
            each.min_nodes,
            each.max_nodes,
            each.machine,
            each.disk_gib,
            _reservation(each.capacity),
        )
    for index, slices in enumerate(settings.tpu_slices):
        yield Machines(
            "tpu-slice",
            f"tpu_slices[{index}]",
            slices.name,
            slices.shape.machine.name,
            (slices.zone,),
            CapacityKind(slices.capacity.kind),
            slices.min_slices * slices.shape.vms,
            slices.slices * slices.shape.vms,
            slices.shape,
            DEFAULT_BOOT_GIB,
            _reservation(slices.capacity),
        )
    for index, vm in enumerate(settings.tpu_vms):
        yield Machines(
            "tpu-vm",
            f"tpu_vms[{index}]",
            vm.name,
            vm.shape.machine.name,
            (vm.zone,),
            CapacityKind(vm.capacity.kind),
            vm.shape.vms,
            vm.shape.vms,
            vm.shape,
            None,
            _reservation(vm.capacity),
        )
    for index, queue in enumerate(settings.tpu_queues):
        yield Machines(
            "tpu-queue",
            f"tpu_queues[{index}]",
            queue.name,
            queue.shape.machine.name,
            (queue.zone,),
            CapacityKind(queue.capacity.kind),
            0,  # a request that still waits
            queue.slices * queue.shape.vms,
            queue.shape,
            None,
            _reservation(queue.capacity),
        )


def _reservation(capacity: object) -> Reservation | None:
    return capacity if isinstance(capacity, Reservation) else None
