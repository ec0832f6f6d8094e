"""The cases of ``cases.yaml``: a property for each rule, and the value that breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from policies import configuration
from policies.configuration import Configuration
from policies.resource import Resource, Value
from policies.review import Finding, review
from policies.rules import RULES
from policies.waivers import Waivers

FILE: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "cases.yaml").read_text())
TODAY = date(2026, 11, 23)
REMOVED = object()


@dataclass(frozen=True)
class Case:
    """One rule, in one stack."""

    rule: str
    stack: str
    row: dict[str, Any]

    @classmethod
    def all(cls) -> list[Case]:
        """Every case in every stack that it can break in."""
        return [
            cls(rule, stack, {**row, **(here or {})})
            for rule, row in FILE["cases"].items()
            for stack, here in row.get("stacks", dict.fromkeys(("dev", "staging", "prod"))).items()
        ]

    def __str__(self) -> str:
        return f"{self.rule}-{self.stack}"

    @property
    def guarded(self) -> str:
        """The path of the property; empty where the configuration alone decides."""
        return next(iter(self.row.get("breaks", {})), "")

    @property
    def breaking(self) -> Any:
        return self.row["breaks"][self.guarded]

    @property
    def collateral(self) -> set[str]:
        return set(self.row.get("collateral", ()))

    @property
    def is_made(self) -> bool:
        return self.row["of"] in FILE["made"]

    def configured(self, breaks: bool = False) -> Configuration:
        """The stack's configuration, with what made resources need. breaks: so that the rule does."""
        overrides = dict(FILE["configuration"]) if self.is_made else {}
        if breaks or self.guarded:
            overrides |= self.row.get("configuration", {})
        return Configuration.model_validate(_configured(self.stack) | overrides)

    def resource(self, shipped: Sequence[Resource]) -> Resource:
        """The one that the case is about, as it holds."""
        kind = FILE["types"][self.row["of"]]
        if self.is_made:
            urn = f"urn:pulumi:{self.stack}::ai-datacenter::{kind}::made"
            found = Resource(urn, kind, FILE["made"][self.row["of"]], parent="component")
        else:
            found = next(each for each in shipped if each.type == kind and self._chosen(each))
        for path, value in self.row.get("prepare", {}).items():
            found = with_value(found, path, value)
        return found

    def beside(self) -> list[Resource]:
        """What a made resource needs beside it."""
        prefix = f"urn:pulumi:{self.stack}::ai-datacenter"
        return [
            Resource(f"{prefix}::{each['type']}::beside", each["type"], each["inputs"])
            for each in FILE["beside"].get(self.row["of"], ())
        ]

    def _chosen(self, resource: Resource) -> bool:
        for path, wanted in self.row.get("where", {}).items():
            found = raw(resource, path)
            if found is None or not fnmatchcase(str(found), str(wanted)):
                return False
        return True


@cache
def _configured(stack: str) -> dict[str, Any]:
    return configuration.load(stack).model_dump()


def raw(resource: Resource, path: str) -> Any:
    value: Value = resource.whole
    for key in path.split("."):
        if not isinstance(value.raw, dict):
            return None
        value = value.at(key)
    return value.raw


def with_value(resource: Resource, path: str, value: object) -> Resource:
    """The same resource with another value at ``path``. One that begins with @ is beside the inputs."""
    if path == "@provider":
        kind = "pulumi:providers:gcp"
        return replace(resource, provider=Resource(f"urn:pulumi:s::p::{kind}::{value}", kind))
    if path == "@parent":
        return replace(resource, parent=str(value))
    inputs: Any = deepcopy(resource.inputs)
    *parents, last = path.split(".")
    place = inputs
    for key in parents:
        if isinstance(place, list):
            place = place[int(key)]
            continue
        if not isinstance(place.get(key), dict | list):
            place[key] = {}
        place = place[key]
    if value is REMOVED:
        place.pop(last, None)
    else:
        place[last] = value
    return replace(resource, inputs=inputs)


def judged(
    case: Case,
    resources: Iterable[Resource],
    breaks: bool = False,
    waivers: Waivers | None = None,
    only: str | None = None,
) -> list[Finding]:
    """What all rules, or only one, say of the resources under the case's configuration."""
    rules = {only: RULES[only]} if only else RULES
    return review(case.stack, resources, rules, case.configured(breaks), waivers or Waivers(TODAY)).findings


def stack_with(shipped: Sequence[Resource], *resources: Resource) -> list[Resource]:
    """The stack with these in place of those that have their URNs, or beside the others."""
    made = {each.urn: each for each in shipped} | {each.urn: each for each in resources}
    return list(made.values())


Shipped = Callable[[str], list[Resource]]
