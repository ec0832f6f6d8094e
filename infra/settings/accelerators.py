"""GPUs and TPUs: pools and slices of the cluster, TPU VMs, and requests to the TPU API's queue.

What a machine is and what goes with what is known to ``infra.hardware``; here it is asked, and its answer becomes a
mistake at a key of the stack file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from infra.hardware import CapacityKind, Impossible, capacity, frameworks, gpu, tpu
from infra.settings.capacity import MachineCapacity, PoolCapacity, QueueCapacity, Reservation, SliceCapacity
from infra.settings.foundation import Instant, Zone, none_twice
from workloads.mistakes import Conflict, Place
from workloads.spec import Section

PoolName = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]{0,22}[a-z0-9])?$")]
"""Leaves room for the environment and a slice's number in the 40 characters of a node pool's name."""

Framework = Literal["tensorflow", "jax", "pytorch"]


@contextmanager
def _answered_by_the_hardware(section: Section) -> Iterator[None]:
    """Turns what the registry finds impossible into a mistake at the key that is at fault."""
    try:
        yield
    except Impossible as impossible:
        place: Place = (impossible.argument,)
        value = getattr(section, impossible.argument, None)
        if isinstance(value, Section):  # one of a union, at fault for being that one
            place, value = (*place, "kind"), getattr(value, "kind", None)
        raise Conflict(str(impossible), place, value) from impossible


class NoSharing(Section):
    """A pod gets a whole GPU."""

    kind: Literal["none"] = Field(default="none", description="A pod gets a whole GPU.")


class TimeSharing(Section):
    """Pods take turns on a GPU, without memory protection."""

    kind: Literal["time-sharing"] = Field(description="Pods take turns on a GPU.")
    clients: int = Field(ge=2, le=gpu.MAX_SHARED_CLIENTS, description="Pods that share a GPU.")


class Mps(Section):
    """Pods run at the same time on a GPU (CUDA Multi-Process Service)."""

    kind: Literal["mps"] = Field(description="Pods run at the same time on a GPU.")
    clients: int = Field(ge=2, le=gpu.MAX_SHARED_CLIENTS, description="Pods that share a GPU.")


Sharing = Annotated[NoSharing | TimeSharing | Mps, Field(discriminator="kind")]


class GpuPool(Section):
    """A node pool of GPU machines, scaled by the cluster autoscaler."""

    name: PoolName = Field(description="Name of the pool: at most 24 lower-case letters, digits and dashes.")
    machine_type: str = Field(description="Machine type, such as a3-highgpu-8g.")
    accelerator: str | None = Field(default=None, description="GPU to attach; for N1 machines alone.")
    count: int | None = Field(default=None, ge=1, le=8, description="GPUs to attach to each N1 machine.")
    zones: tuple[Zone, ...] = Field(
        strict=False, min_length=1, description="Zones of the nodes, such as us-central1-a."
    )
    capacity: PoolCapacity = Field(description="How the machines are bought.")
    min_nodes: int = Field(default=0, ge=0, le=1000, description="Nodes that are always there, over all zones.")
    max_nodes: int = Field(ge=1, le=1000, description="Nodes at most, over all zones: the ceiling of the bill.")
    driver: Literal["default", "latest", "disabled"] = Field(
        default="default", description="GPU driver that GKE installs; a change replaces the pool."
    )
    sharing: Sharing = Field(default=NoSharing(), description="How pods share a GPU.")
    partition: str | None = Field(default=None, description="MIG partition of each GPU, such as 1g.5gb.")
    compact: bool = Field(default=False, description="Nodes close to each other, for training over several nodes.")
    disk_gib: int = Field(default=200, ge=50, le=65_536, description="Boot disk of a node in GiB.")

    _each_zone_once = field_validator("zones")(none_twice)

    @model_validator(mode="after")
    def _the_hardware_agrees(self) -> Self:
        with _answered_by_the_hardware(self):
            machine = self.machine
            if self.partition:
                gpu.check_partition(machine, self.partition)
            if self.sharing.kind != "none":
                gpu.check_sharing(machine, gpu.Sharing(self.sharing.kind), self.partition)
            capacity.check_gpu_pool(CapacityKind(self.capacity.kind), machine, compact=self.compact)
        return self

    @model_validator(mode="after")
    def _scales_as_its_capacity_can(self) -> Self:
        if self.min_nodes > self.max_nodes:
            problem = f"more than max_nodes, {self.max_nodes}; lower it, or raise max_nodes"
            raise Conflict(problem, ("min_nodes",), self.min_nodes)
        if self.min_nodes and self.capacity.kind in ("flex-start", "queued"):
            problem = f"{self.capacity.kind} nodes come for a job and go after it; set min_nodes to 0"
            raise Conflict(problem, ("min_nodes",), self.min_nodes)
        if self.compact and len(self.zones) > 1:
            raise Conflict("compact placement is inside one zone; name one", ("zones",), self.zones)
        if self.capacity.kind == "reservation" and len(self.zones) > 1:
            raise Conflict("a reservation is in one zone; name that one", ("zones",), self.zones)
        return self

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the node pools."""
        return (self.name,)

    @property
    def machine(self) -> gpu.GpuMachine:
        """The registry's row. Raises Impossible."""
        if self.accelerator or self.count:
            return gpu.attached(self.machine_type, self.accelerator or "", self.count or 1)
        return gpu.machine(self.machine_type)


class TpuSlice(Section):
    """TPU slices of one shape in the cluster.

    A slice on one machine is a node of a pool; one on several machines is a pool of its own that comes and goes whole.
    """

    name: PoolName = Field(description="Name of the pool: at most 24 lower-case letters, digits and dashes.")
    generation: str = Field(description="TPU generation.", json_schema_extra={"enum": [*tpu.GENERATIONS]})
    topology: str = Field(description="Chips in each dimension, such as 4x4 or 2x2x2.")
    machine_type: str | None = Field(default=None, description="Machine type; needed where several make the topology.")
    zone: Zone = Field(description="Zone of the slices, such as us-central1-a.")
    capacity: SliceCapacity = Field(description="How the slices are bought; only tpu_queues wait in a queue for TPUs.")
    slices: int = Field(default=1, ge=1, le=64, description="Slices at most: more than one is multislice.")
    min_slices: int = Field(default=0, ge=0, le=64, description="Slices that are always there.")
    fabric: str | None = Field(
        default=None, description="Multislice fabric of network.fabrics that is the slices' second network."
    )
    framework: Framework = Field(default="tensorflow", description="What runs on the slices.")

    @model_validator(mode="after")
    def _the_hardware_agrees(self) -> Self:
        with _answered_by_the_hardware(self):
            capacity.check_tpu_slice(CapacityKind(self.capacity.kind), self.shape)
        _check_framework(self.framework, self.shape.generation)
        return self

    @model_validator(mode="after")
    def _scales_as_its_capacity_can(self) -> Self:
        if self.min_slices > self.slices:
            problem = f"more than slices, {self.slices}; lower it, or raise slices"
            raise Conflict(problem, ("min_slices",), self.min_slices)
        if self.min_slices and self.capacity.kind == "flex-start":
            problem = "flex-start slices come for a job and go after it; set min_slices to 0"
            raise Conflict(problem, ("min_slices",), self.min_slices)
        return self

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the node pools: one for each slice on several machines, else one for all."""
        return tuple(f"{self.name}-{n}" for n in range(self.slices)) if self.shape.is_multi_host else (self.name,)

    @property
    def shape(self) -> tpu.TpuSlice:
        """The registry's slice. Raises Impossible."""
        return tpu.slice_of(self.generation, self.topology, self.machine_type)


class TpuVm(Section):
    """A TPU VM outside the cluster, for interactive work."""

    name: PoolName = Field(description="Name of the machine: at most 24 lower-case letters, digits and dashes.")
    accelerator_type: str = Field(description="Type of the TPU API, such as v5litepod-8.")
    runtime: str | None = Field(default=None, description="Runtime version; the generation's own when left out.")
    zone: Zone = Field(description="Zone of the machine, such as us-central1-a.")
    capacity: MachineCapacity = Field(description="How the machine is bought; tpu_queues wait and name reservations.")
    framework: Framework = Field(default="tensorflow", description="What runs on it.")

    @model_validator(mode="after")
    def _the_hardware_agrees(self) -> Self:
        with _answered_by_the_hardware(self):
            capacity.check_tpu_vm(CapacityKind(self.capacity.kind), self.shape)
            tpu.runtime_of(self.shape, self.runtime)
        _check_framework(self.framework, self.shape.generation)
        return self

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the nodes, without the environment's."""
        return (self.name,)

    @property
    def shape(self) -> tpu.TpuSlice:
        """The registry's slice. Raises Impossible."""
        return tpu.slice_of_accelerator_type(self.accelerator_type)


class TpuQueue(Section):
    """A request to the TPU API's queue: granted when there is capacity, for one slice or several that work together."""

    name: PoolName = Field(description="Name of the request: at most 24 lower-case letters, digits and dashes.")
    accelerator_type: str = Field(description="Type of the TPU API, such as v5litepod-16.")
    runtime: str | None = Field(default=None, description="Runtime version; the generation's own when left out.")
    zone: Zone = Field(description="Zone of the slices, such as us-central1-a.")
    capacity: QueueCapacity = Field(description="How the slices are bought once it is the request's turn.")
    slices: int = Field(default=1, ge=1, le=256, description="Slices granted together: more than one is multislice.")
    valid_hours: int | None = Field(
        default=None, ge=1, le=8760, description="Hours after which the request is given up; never when left out."
    )
    not_before: Instant | None = Field(default=None, description="Time from which it may be granted, UTC.")
    not_after: Instant | None = Field(default=None, description="Time at which the request is given up, UTC.")
    guaranteed_hours: int | None = Field(
        default=None, ge=1, le=8760, description="Hours that the slices are sure to stay; for on-demand capacity."
    )
    wait: bool = Field(default=False, description="Whether `up` waits until the slices are there.")
    framework: Framework = Field(default="tensorflow", description="What runs on the slices.")

    @model_validator(mode="after")
    def _the_hardware_agrees(self) -> Self:
        with _answered_by_the_hardware(self):
            capacity.check_tpu_vm(CapacityKind(self.capacity.kind), self.shape, queued=True)
            tpu.runtime_of(self.shape, self.runtime)
        _check_framework(self.framework, self.shape.generation)
        if isinstance(self.capacity, Reservation) and self.capacity.block:
            problem = "the TPU API takes a reservation by its name alone; leave block and sub_block out"
            raise Conflict(problem, ("capacity", "block"), self.capacity.block)
        return self

    @model_validator(mode="after")
    def _is_granted_in_one_window(self) -> Self:
        if self.valid_hours and (self.not_before or self.not_after):
            problem = "hours from now and a time of its own exclude each other; leave out valid_hours, or the times"
            raise Conflict(problem, ("valid_hours",), self.valid_hours)
        if self.not_before and self.not_after and self.not_after <= self.not_before:
            raise Conflict(f"must be later than not_before, {self.not_before}", ("not_after",), self.not_after)
        if self.guaranteed_hours and self.capacity.kind != "on-demand":
            problem = f"{self.capacity.kind} capacity has no such promise; leave it out, or use kind: on-demand"
            raise Conflict(problem, ("guaranteed_hours",), self.guaranteed_hours)
        return self

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the nodes, without the environment's; the API numbers those of a multislice."""
        return tuple(f"{self.name}-{n}" for n in range(self.slices)) if self.slices > 1 else (self.name,)

    @property
    def shape(self) -> tpu.TpuSlice:
        """The registry's slice. Raises Impossible."""
        return tpu.slice_of_accelerator_type(self.accelerator_type)


def _check_framework(framework: Framework, generation: tpu.TpuGeneration) -> None:
    if framework == "tensorflow" and generation.tensorflow is frameworks.Support.REFUSED:
        fit = [key for key, each in tpu.GENERATIONS.items() if each.tensorflow is frameworks.Support.SUPPORTED]
        raise Conflict(
            f"TensorFlow does not run on {generation.key} ({generation.tensorflow_note}). "
            f"Use generation {' or '.join(fit)}, or say what runs on it: framework jax or pytorch",
            ("framework",),
            framework,
        )
