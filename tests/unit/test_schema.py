"""The JSON schema beside the stack files: what an editor checks is what the models check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from infra.settings import read
from infra.settings.capacity import MachineCapacity, PoolCapacity, SliceCapacity
from infra.settings.reference import SCHEMA, STACKS
from infra.settings.schema import schema, text

CHECKED = jsonschema.Draft202012Validator(schema())
FILES = sorted(STACKS.glob("Pulumi.*.yaml"))
UNIONS: dict[str, TypeAdapter[Any]] = {
    "gpu_pools": TypeAdapter(PoolCapacity),
    "tpu_slices": TypeAdapter(SliceCapacity),
    "tpu_vms": TypeAdapter(MachineCapacity),
}
KINDS: dict[str, dict[str, Any]] = {
    "on-demand": {},
    "spot": {},
    "flex-start": {},
    "queued": {},
    "reservation": {"name": "n"},
    "nothing": {},
}
"""The keys that each kind needs beside ``kind``."""
KEYS = {"max_run_hours": 24, "name": "n", "project": "example-ai", "block": "b", "spott": True}


def content(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


@pytest.fixture
def dev() -> Any:
    """The file of a Google stack."""
    return content(STACKS / "Pulumi.dev.yaml")


def test_the_schema_in_stacks_is_what_the_models_say() -> None:
    assert SCHEMA.read_text() == text(), "stacks/settings.schema.json is out of date; run: make docs"


def test_the_schema_is_one_of_its_draft() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(text()))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_stack_file_is_accepted_by_the_schema_and_by_the_models(path: Path) -> None:
    CHECKED.validate(content(path))
    stack = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
    assert read(stack).stack == stack


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_a_google_stack_file_names_the_schema_to_the_editor(stack: str) -> None:
    first, _, _ = (STACKS / f"Pulumi.{stack}.yaml").read_text().partition("\n")
    assert first == f"# yaml-language-server: $schema={SCHEMA.name}"


@pytest.mark.parametrize(
    "place",
    [
        [],
        ["config"],
        ["config", "ai-datacenter:google"],
        ["config", "ai-datacenter:google", "cluster", "system_pool"],
        ["config", "ai-datacenter:google", "gpu_pools", 0],
        ["config", "ai-datacenter:google", "gpu_pools", 0, "capacity"],
        ["config", "ai-datacenter:google", "budget"],
    ],
    ids=str,
)
def test_a_key_that_does_not_exist_is_refused_by_the_schema(dev: Any, place: list[str | int]) -> None:
    inside = dev
    for step in place:
        inside = inside[step]
    inside["ai-datacenter:wrokloads"] = []
    assert not CHECKED.is_valid(dev)


def test_keys_of_other_packages_are_theirs_to_check(dev: Any) -> None:
    dev["config"]["gcp:project"] = "example-ai-dev"
    CHECKED.validate(dev)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("key", [None, *KEYS])
@pytest.mark.parametrize("union", UNIONS)
def test_schema_and_models_accept_the_same_keys_for_each_kind_of_capacity(
    dev: Any, union: str, key: str | None, kind: str
) -> None:
    capacity = {"kind": kind, **KINDS[kind], **({key: KEYS[key]} if key else {})}
    google = dev["config"]["ai-datacenter:google"]
    machine = {"name": "vm", "accelerator_type": "v5litepod-8", "zone": "us-central1-a"}
    google.setdefault(union, [machine])[0]["capacity"] = capacity
    assert CHECKED.is_valid(dev) == accepts(UNIONS[union], capacity)


def accepts(union: TypeAdapter[Any], capacity: dict[str, Any]) -> bool:
    try:
        union.validate_python(capacity)
    except ValidationError:
        return False
    return True
