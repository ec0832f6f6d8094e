"""What an environment decides: how much it may cost, what it may use, how strict it is. One file a stack.

``python -m policies docs`` writes the JSON schema beside the files, which an editor completes keys with.
"""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

FOLDER = Path(__file__).parent / "config"
SCHEMA = FOLDER / "schema.json"


class Level(StrEnum):
    """What a finding does: stops the change, is told, or is not looked for."""

    MANDATORY = "mandatory"
    ADVISORY = "advisory"
    OFF = "off"


Capacity = Literal["on-demand", "spot", "flex-start", "queued", "reservation"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Gpu(_Model):
    """A GPU machine type that may be used, and how it may be bought."""

    gpu: str = Field(description="Machine type, such as g2-standard-8.")
    capacity: tuple[Capacity, ...] = Field(min_length=1)


class Tpu(_Model):
    """A TPU generation that may be used, up to a size, and how it may be bought."""

    tpu: str = Field(description="Generation, such as v5e.")
    max_chips: int = Field(gt=0, description="Of one slice.")
    capacity: tuple[Capacity, ...] = Field(min_length=1)


class Cost(_Model):
    """What the stack may cost with everything that it may grow to, at list prices."""

    max_hourly_usd: float = Field(gt=0)
    max_monthly_usd: float = Field(gt=0, description="For 730 hours.")
    assumed_hourly_usd: dict[str, float] = Field(
        default={}, description="By machine type, where no list price is known: what you were told it costs."
    )


class Accelerators(_Model):
    """Which accelerators the stack may use, and how many nodes of a pool."""

    allowed: tuple[Gpu | Tpu, ...] = ()
    max_nodes: int = Field(gt=0, description="Of one pool, over all zones.")
    max_idle_nodes: int = Field(ge=0, description="That a pool may keep while nothing wants them.")
    max_ttl_hours: int | None = Field(
        default=None, gt=0, description="What holds accelerators and never lets go of them ends after at most so long."
    )


class Labels(_Model):
    required: tuple[str, ...] = ("env", "owner", "cost-centre", "workload", "managed-by")


class Images(_Model):
    registries: tuple[str, ...] = Field(default=(), description="What names of images may begin with.")
    by_digest: bool = Field(description="Whether images must be named by digest.")
    enforced: bool = Field(description="Whether Binary Authorization refuses, or only logs.")


class Kubernetes(_Model):
    privileged: tuple[str, ...] = Field(
        default=(), description="Namespaces whose pods may touch the node: drivers, metrics."
    )
    public_services: tuple[str, ...] = Field(default=(), description="namespace/name of those that face the internet.")
    administrators: tuple[str, ...] = Field(
        default=(), description="Names of cluster roles and bindings that rule all."
    )


class Configuration(_Model):
    """Of one stack."""

    project: str | None = Field(description="Google's; none for a stack that has none.")
    locations: tuple[str, ...] = Field(description="Regions that anything may be in.")
    protection: Literal["none", "data", "all"] = Field(
        description="What a mistake cannot delete; as in the stack file."
    )
    regional: bool = Field(description="Whether the control plane must survive a zone.")
    own_keys: bool = Field(description="Whether everything is encrypted with keys of the project.")
    groups: bool = Field(default=False, description="Whether Kubernetes' rights go to groups of the organisation.")
    max_exclusion_days: int = Field(default=30, ge=0, description="Of one pause of upgrades.")
    cost: Cost
    accelerators: Accelerators
    labels: Labels = Labels()
    images: Images
    kubernetes: Kubernetes = Kubernetes()
    rebuilt_from: str | None = Field(
        default=None, description="Where it is written how what is in the cluster is made again without a backup."
    )
    organisation_policies: Literal["here", "above"] = Field(
        default="above", description="Whether the stack sets the organisation's policies, or those who own the folder."
    )
    stack_references: tuple[str, ...] = Field(default=(), description="Other stacks that it may read.")
    levels: dict[str, Level] = Field(default={}, description="By rule, where it differs from the rule's own.")


class Misconfigured(Exception):
    """The configuration of a stack cannot be used; the message says where and why."""


def load(stack: str, folder: Path = FOLDER) -> Configuration:
    """The configuration of ``stack``. Raises Misconfigured."""
    file = folder / f"{stack}.yaml"
    if not file.is_file():
        there = ", ".join(sorted(each.stem for each in folder.glob("*.yaml")))
        raise Misconfigured(
            f"policies/config/{stack}.yaml: there is none, so nothing says what {stack} may cost and use.\n"
            f"  Copy the one that is most like it: {there}"
        )
    try:
        return Configuration.model_validate(yaml.safe_load(file.read_text()))
    except (ValidationError, yaml.YAMLError) as error:
        raise Misconfigured(f"policies/config/{file.name}: {told(error)}") from error


def told(error: ValidationError | yaml.YAMLError) -> str:
    """The first mistake in a file, with its place."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}"
    return str(error)


def schema() -> dict[str, Any]:
    """The JSON schema of a configuration file."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Configuration.model_json_schema()}


def schema_text() -> str:
    return json.dumps(schema(), indent=2) + "\n"
