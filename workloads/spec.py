"""What a workload is: written once in a stack file, declared by the infrastructure, run by the container.

Imports neither TensorFlow nor Pulumi, so that both sides can read it.
"""

from __future__ import annotations

import hashlib
import json
from functools import reduce
from operator import getitem
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from workloads.catalog import DATASETS, MODELS
from workloads.mistakes import Conflict

Name = Annotated[
    str,
    Field(pattern=r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$"),  # a DNS label (RFC 1123), short enough to be extended
]


OPERATIONAL = frozenset(
    {
        "minimum_accuracy",
        "team",
        "priority",
        "train.workers",
        "train.cpu",
        "train.memory_gib",
        "train.gpus",
        "train.max_hours",
        "train.checkpoint_every",
        "train.max_restarts",
    }
)
"""What may change without training again: a run goes on from its checkpoint, also with more workers or fewer. All else
outside ``serve`` changes what is learned."""

ON_A_CLUSTER = (
    "team",
    "priority",
    "train.cpu",
    "train.memory_gib",
    "train.gpus",
    "train.max_hours",
    "serve.replicas",
    "serve.max_replicas",
    "serve.cpu",
    "serve.memory_gib",
    "serve.version",
    "serve.canary",
)
"""What a cluster alone can do: one machine has neither teams, nor quota, nor a second server of a model."""


def choice(value: str, allowed: dict[str, object], what: str) -> str:
    """Returns ``value`` when it is a key of ``allowed``; else a ValueError that lists them."""
    if value not in allowed:
        raise ValueError(f"unknown {what}; allowed: {', '.join(allowed)}")
    return value


class Section(BaseModel):
    """A part of a specification: immutable, and a key it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True)


class TrainSpec(Section):
    """How a model is trained. Everything that changes what is learned is part of the run's fingerprint."""

    workers: int = Field(default=2, ge=1, le=16, description="Processes that train together.")
    global_batch: int = Field(default=64, ge=1, le=65536, description="Examples per step over all workers.")
    steps: int = Field(default=1200, ge=1, le=10_000_000, description="Optimiser steps in all.")
    learning_rate: float = Field(default=0.002, gt=0, le=10, description="Peak of the cosine schedule (Adam).")
    seed: int = Field(default=17, ge=0, le=2**31 - 1, description="Seeds the weights and the order of the examples.")
    checkpoint_every: int = Field(
        default=100, ge=1, description="Steps between checkpoints: the most work that a crash loses."
    )
    max_restarts: int = Field(default=3, ge=0, le=100, description="Times the group is restarted before the job fails.")
    max_hours: int | None = Field(
        default=None, ge=1, le=8760, description="Hours after which the job is ended; never when left out."
    )
    cpu: float = Field(default=1.0, gt=0, le=1024, description="Cores of each worker.")
    memory_gib: float = Field(default=2.0, gt=0, le=65_536, description="Memory of each worker in GiB.")
    gpus: int = Field(default=0, ge=0, le=16, description="GPUs of each worker.")

    @model_validator(mode="after")
    def _batch_divides(self) -> Self:
        if self.global_batch % self.workers:
            lower = self.global_batch - self.global_batch % self.workers
            near = " or ".join(str(size) for size in (lower, lower + self.workers) if size)
            raise Conflict(
                f"global_batch {self.global_batch} does not divide over {self.workers} workers; use {near}",
                ("global_batch",),
                self.global_batch,
            )
        return self


class Canary(Section):
    """A released version that is tried beside the one that is served."""

    version: int = Field(ge=1, description="Released version to try.")
    percent: int = Field(ge=1, le=50, description="Share of the requests that it answers, as near as servers divide.")


class ServeSpec(Section):
    """How a trained model is served."""

    port: int = Field(
        default=8501,
        ge=1024,
        le=65535,
        description="Wanted HTTP port on this machine; the next free one when it is busy.",
    )
    replicas: int = Field(default=1, ge=1, le=1000, description="Servers; the least of them where max_replicas is set.")
    max_replicas: int | None = Field(
        default=None, ge=1, le=1000, description="Servers at most, as load asks for them; replicas when left out."
    )
    cpu: float = Field(default=0.5, gt=0, le=1024, description="Cores of each server.")
    memory_gib: float = Field(default=1.0, gt=0, le=65_536, description="Memory of each server in GiB.")
    version: int | None = Field(
        default=None, ge=1, description="Released version that is served; the one just trained when left out."
    )
    canary: Canary | None = Field(default=None, description="Another version beside it; none when left out.")

    @model_validator(mode="after")
    def _servers_are_between_their_limits(self) -> Self:
        if self.max_replicas is not None and self.max_replicas < self.replicas:
            problem = f"fewer than replicas, {self.replicas}; raise it, or lower replicas"
            raise Conflict(problem, ("max_replicas",), self.max_replicas)
        return self

    @model_validator(mode="after")
    def _a_canary_is_another_version(self) -> Self:
        if self.canary and self.canary.version == self.version:
            problem = "is served already; try another version, or leave canary out"
            raise Conflict(problem, ("canary", "version"), self.canary.version)
        return self

    @property
    def canaries(self) -> int:
        """Servers of the canary: its share, beside the least of the others, as near as can be; one at least."""
        if self.canary is None:
            return 0
        return max(1, round(self.replicas * self.canary.percent / (100 - self.canary.percent)))


class WorkloadSpec(Section):
    """One model, from data to service."""

    name: Name = Field(
        description="Name of the workload, its model and its endpoint: at most 40 lower-case letters, digits and "
        "dashes, a letter first, no dash last."
    )
    model: str = Field(description="Model of the catalogue.", json_schema_extra={"enum": [*MODELS]})
    dataset: str = Field(description="Data set to learn from.", json_schema_extra={"enum": [*DATASETS]})
    minimum_accuracy: float = Field(
        default=0.97, ge=0, le=1, description="Test accuracy below which the model is not released."
    )
    team: Name | None = Field(default=None, description="Team that it belongs to; the first one when left out.")
    priority: Literal["low", "normal", "high"] = Field(
        default="normal", description="Its job's place in the team's queue: a high one may interrupt the others."
    )
    train: TrainSpec = Field(default=TrainSpec(), description="How it is trained.")
    serve: ServeSpec = Field(default=ServeSpec(), description="How it is served.")

    @field_validator("model")
    @classmethod
    def _known_model(cls, value: str) -> str:
        return choice(value, dict(MODELS), "model")

    @field_validator("dataset")
    @classmethod
    def _known_dataset(cls, value: str) -> str:
        return choice(value, dict(DATASETS), "data set")

    @model_validator(mode="after")
    def _data_fits(self) -> Self:
        fitting = MODELS[self.model].datasets
        if self.dataset not in fitting:
            raise Conflict(
                f"model {self.model} does not take data set {self.dataset}; allowed: {', '.join(fitting)}",
                ("dataset",),
                self.dataset,
            )
        return self

    def on_a_cluster(self) -> dict[str, Any]:
        """What it asks for that a cluster alone can do, by paths such as ``train.gpus``."""
        usual = WorkloadSpec(name=self.name, model=self.model, dataset=self.dataset).model_dump()
        asked = self.model_dump()
        return {path: _at(asked, path) for path in ON_A_CLUSTER if _at(asked, path) != _at(usual, path)}

    @property
    def fingerprint(self) -> str:
        """Twelve hex digits that name what is learned: two specifications that share it share their checkpoints."""
        learned = self.model_dump(exclude={"name", "serve"})
        for path in OPERATIONAL:
            section, _, key = path.rpartition(".")
            del (learned[section] if section else learned)[key]
        return hashlib.sha256(json.dumps(learned, sort_keys=True).encode()).hexdigest()[:12]


def _at(values: dict[str, Any], path: str) -> Any:
    return reduce(getitem, path.split("."), values)
