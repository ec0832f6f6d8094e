"""Objects against the definitions that Kueue publishes: what its API server would refuse, rules in CEL excepted."""

from __future__ import annotations

from functools import cache
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from toolchain.kubernetes import sources

Object = dict[str, Any]


def faults(thing: Object) -> list[str]:
    """All that is wrong with it, unknown fields included."""
    version = thing["apiVersion"].rpartition("/")[2]
    return [f"{each.json_path}: {each.message}" for each in _validators(version)[thing["kind"]].iter_errors(thing)]


@cache
def _validators(version: str) -> dict[str, Draft202012Validator]:
    """By kind."""
    folder = sources.module(sources.KUEUE) / "config" / "components" / "crd" / "bases"
    found = {}
    for path in folder.glob("*.yaml"):
        if path.name.endswith("_workloads.yaml"):  # large, and Kueue's own
            continue
        spec = yaml.load(path.read_text(), yaml.CSafeLoader)["spec"]
        served = {each["name"]: each["schema"]["openAPIV3Schema"] for each in spec["versions"] if each["served"]}
        found[spec["names"]["kind"]] = Draft202012Validator(_closed(served[version]))
    return found


def _closed(schema: Any) -> Any:
    """The schema, which refuses fields that it does not know, as a strict API server does."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if isinstance(closed.get("pattern"), str):
        closed["pattern"] = closed["pattern"].replace("^(?i)", "(?i)^")  # Go takes flags anywhere, Python at the start
    if isinstance(closed.get("properties"), dict) and closed.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed
