"""How capacity is bought: exactly one kind for each pool, slice or machine.

The kinds exclude each other in Google's API too (spot, flex-start, queued provisioning and reservation affinity), so a
stack file names one by ``kind`` (the words of ``infra.hardware.CapacityKind``) and gives the keys of that kind alone.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from workloads.mistakes import Conflict
from workloads.spec import Section

LONGEST_FLEX_RUN_HOURS = 168
"""Seven days, the most that Dynamic Workload Scheduler gives (GKE, 'About flex-start')."""


class OnDemand(Section):
    """Pay per use, no promise that there is any."""

    kind: Literal["on-demand"] = Field(description="Pay per use; no promise that there is capacity.")


class Spot(Section):
    """Cheap, and taken back with 30 seconds' notice."""

    kind: Literal["spot"] = Field(description="Spare capacity, taken back with 30 seconds' notice.")


class FlexStart(Section):
    """Dynamic Workload Scheduler: waits for capacity node by node, then keeps it for a bounded time."""

    kind: Literal["flex-start"] = Field(description="Waits for capacity, then keeps it for a bounded time.")
    max_run_hours: int = Field(
        default=LONGEST_FLEX_RUN_HOURS, ge=1, le=LONGEST_FLEX_RUN_HOURS, description="Longest life of a node."
    )


class Queued(Section):
    """Queued provisioning: all nodes of a job at once, through a ProvisioningRequest."""

    kind: Literal["queued"] = Field(description="All nodes of a job at once, through a ProvisioningRequest.")
    max_run_hours: int = Field(
        default=LONGEST_FLEX_RUN_HOURS, ge=1, le=LONGEST_FLEX_RUN_HOURS, description="Longest life of a node."
    )


class Reservation(Section):
    """Capacity that is paid for already: a specific reservation, one shared by another project, or a block of one."""

    kind: Literal["reservation"] = Field(description="Capacity that is paid for already.")
    name: str = Field(
        pattern=r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$",
        description="Name of the reservation: at most 63 lower-case letters, digits and dashes, without its project or "
        "block.",
    )
    project: str | None = Field(
        default=None,
        pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$",
        description="Project that shares the reservation, such as example-capacity; the stack's own when left out.",
    )
    block: str | None = Field(default=None, min_length=1, description="Block of the reservation to stay in.")
    sub_block: str | None = Field(default=None, min_length=1, description="Sub-block of the block to stay in.")

    @property
    def affinity(self) -> str:
        """The value of a node's reservation affinity (GKE, 'Consume reserved zonal resources')."""
        name = f"projects/{self.project}/reservations/{self.name}" if self.project else self.name
        block = f"/reservationBlocks/{self.block}" if self.block else ""
        sub_block = f"/reservationSubBlocks/{self.sub_block}" if self.sub_block else ""
        return f"{name}{block}{sub_block}"

    @model_validator(mode="after")
    def _a_sub_block_is_in_a_block(self) -> Self:
        if self.sub_block and not self.block:
            raise Conflict("a sub-block is part of a block; set block too", ("sub_block",), self.sub_block)
        return self


PoolCapacity = Annotated[OnDemand | Spot | FlexStart | Queued | Reservation, Field(discriminator="kind")]
"""What a GPU pool may use."""

SliceCapacity = Annotated[OnDemand | Spot | FlexStart | Reservation, Field(discriminator="kind")]
"""What a TPU slice on GKE may use: queued provisioning does not know TPUs."""

MachineCapacity = Annotated[OnDemand | Spot, Field(discriminator="kind")]
"""What a TPU VM may use: its resource says that it is reserved, and cannot say by which reservation."""

QueueCapacity = Annotated[OnDemand | Spot | Reservation, Field(discriminator="kind")]
"""What a queued resource of the TPU API may use."""
