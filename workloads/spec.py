"""What a workload is: written once in a stack file, declared by the infrastructure, run by the container.

Imports neither TensorFlow nor Pulumi, so that both sides can read it.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from workloads.catalog import DATASETS, MODELS
from workloads.mistakes import Conflict

Name = Annotated[
    str,
    Field(pattern=r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$"),  # a DNS label (RFC 1123), short enough to be extended
]


OPERATIONAL = frozenset({"minimum_accuracy", "train.checkpoint_every", "train.max_restarts"})
"""What may change without training again; everything else outside ``serve`` changes what is learned."""


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


class ServeSpec(Section):
    """How a trained model is served."""

    port: int = Field(
        default=8501, ge=1024, le=65535, description="Wanted HTTP port; the next free one when it is busy."
    )


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

    @property
    def fingerprint(self) -> str:
        """Twelve hex digits that name what is learned: two specifications that share it share their checkpoints."""
        learned = self.model_dump(exclude={"name", "serve"})
        for path in OPERATIONAL:
            section, _, key = path.rpartition(".")
            del (learned[section] if section else learned)[key]
        return hashlib.sha256(json.dumps(learned, sort_keys=True).encode()).hexdigest()[:12]
