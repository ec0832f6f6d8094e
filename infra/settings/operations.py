"""How the data centre is watched, paid for and delivered."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from workloads.mistakes import Conflict
from workloads.spec import Section

Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[a-z]{2,}$")]


class Observability(Section):
    """Who is told, and from when on."""

    emails: tuple[Email, ...] = Field(
        strict=False,
        min_length=1,
        max_length=5,
        description="Addresses that alerts and the budget are sent to, such as ml-platform@example.com; at most five, "
        "which is what a budget tells.",
    )
    pool_short_minutes: int = Field(
        default=30, ge=5, le=1440, description="Minutes that a pool may be short of its size, or without capacity."
    )
    job_stalled_minutes: int = Field(default=15, ge=1, le=1440, description="Minutes that a job may make no step.")
    checkpoint_minutes: int = Field(default=60, ge=5, le=1440, description="Age that a checkpoint may reach.")
    queue_minutes: int = Field(default=120, ge=5, le=10_080, description="Minutes that a job may wait for quota.")
    error_rate: float = Field(default=0.01, gt=0, lt=1, description="Share of requests to a model that may fail.")
    p99_ms: int = Field(default=500, ge=1, le=60_000, description="Latency in ms that 99 % of requests must meet.")


class Budget(Section):
    """What may be spent. A budget tells; it does not stop anything."""

    billing_account: str = Field(
        pattern=r"^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", description="Billing account, such as 012345-6789AB-CDEF01."
    )
    monthly_usd: int = Field(
        ge=1,
        le=1_000_000_000,
        description="Amount in a calendar month, in the billing account's currency; costs are shown in USD.",
    )
    thresholds: tuple[Annotated[float, Field(gt=0, le=10)], ...] = Field(
        default=(0.5, 0.8, 1.0),
        strict=False,
        min_length=1,
        description="Shares of it that are told when spent, such as 0.8 for 80 %.",
    )
    forecast: float = Field(default=1.0, gt=0, le=10, description="Share of it that is told when forecast.")

    @model_validator(mode="after")
    def _thresholds_ascend(self) -> Self:
        """Google sorts them, and unsorted ones differ at every preview (terraform-provider-google issue 8444)."""
        if any(low >= high for low, high in pairwise(self.thresholds)):
            ascending = ", ".join(map(str, sorted(set(self.thresholds))))
            raise Conflict(f"must ascend; use [{ascending}]", ("thresholds",), self.thresholds)
        return self


class Delivery(Section):
    """The GitHub repository whose workflows may preview and deploy this stack, without keys."""

    repository: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$",
        description="Owner and name on GitHub, such as example/ai-datacenter.",
    )
    repository_id: int = Field(
        ge=1, description="GitHub's number of the repository: a name can be taken over by somebody else, this cannot."
    )
    branch: str = Field(
        default="main", pattern=r"^[A-Za-z0-9._/-]{1,100}$", description="Branch whose workflows may deploy."
    )
