"""What an edit of a stack file replaces: never what holds data or capacity, but where the edit is about just that.

``python -m tests.google.test_replacement`` writes docs/replacement.md, the same table for readers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pulumi_gcp as gcp
import pytest
import yaml

from infra.tpu_queue.plugin import spec
from infra.tpu_queue.resource import QueuedResource
from tests.google.conftest import Site, edited, stack_site, values
from tests.google.mocks import Declared

TABLE = yaml.safe_load((Path(__file__).parent / "inventory/replacement.yaml").read_text())
TYPES: dict[str, dict[str, Any]] = TABLE["types"]
EDITS: list[dict[str, Any]] = TABLE["edits"]
NEWLINE = "\n"
PAGE = Path(__file__).resolve().parents[2] / "docs/replacement.md"

HOLDS_NOTHING = {
    "gcp:projects/iAMCustomRole:IAMCustomRole",
    "gcp:iam/workloadIdentityPool:WorkloadIdentityPool",
    "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider",
}
"""Protected, and yet without data or capacity: deployments stop until it is brought back."""

WATCHES = ("observability-", "apis-", "delivery-")
"""What may change with another pool: charts and alerts, APIs, and who may deploy."""


def kept(site: Site) -> dict[str, Declared]:
    """By URN, what holds data or capacity."""
    return {each.urn: each for each in site.declared if each.type in TYPES}


@cache
def after(name: str) -> Site:
    """What is declared after the edit called ``name``."""
    (edit,) = (each for each in EDITS if each["edit"] == name)
    return edited("prod", edit.get("change", {}), edit.get("add"), tuple(edit.get("remove", ())))


def reasons(old: Declared, new: Declared) -> Iterator[str]:
    """The properties for which ``new`` replaces ``old``."""
    rule = TYPES[old.type]
    if "all_but" in rule:
        paths = [path for path in old.inputs.keys() | new.inputs.keys() if path not in rule["all_but"]]
    else:
        paths = [*rule["values"], *new.replace_on_changes]
    ignored = set(new.ignore_changes)
    for path in paths:
        if path.partition(".")[0] not in ignored and list(values(old, path)) != list(values(new, path)):
            yield path
    for path in rule.get("blocks", ()):
        if path.partition(".")[0] not in ignored and blocks(old, path) != blocks(new, path):
            yield path
    for path in rule.get("shrinks", ()):
        if any(map(shrinks, values(old, path), values(new, path))):
            yield path


def blocks(declared: Declared, path: str) -> list[int]:
    """How many of a block there are, in each of the places that may have it."""
    return [len(found) if isinstance(found, list) else 1 for found in values(declared, path)]


def shrinks(old: Any, new: Any) -> bool:
    if isinstance(old, str):
        return not IPv4Network(old).subnet_of(IPv4Network(new))
    return bool(new < old)


@pytest.mark.parametrize("edit", EDITS, ids=[each["edit"].replace(" ", "-") for each in EDITS])
def test_an_edit_replaces_what_it_is_about_and_nothing_else_that_holds_data_or_capacity(edit: dict[str, Any]) -> None:
    before, now = kept(stack_site("prod")), kept(after(edit["edit"]))
    why = {old.name: list(reasons(old, now[urn])) for urn, old in before.items() if urn in now}
    replaced = {name: paths for name, paths in why.items() if paths}
    told = f"{edit['edit']}: {replaced}"
    assert sorted(replaced) == sorted(edit.get("replaces", [])), told
    assert sorted(each.name for urn, each in before.items() if urn not in now) == sorted(edit.get("goes", [])), told
    assert sorted(each.name for urn, each in now.items() if urn not in before) == sorted(edit.get("comes", [])), told


@pytest.mark.parametrize("name", [each["edit"] for each in EDITS if "add" in each])
def test_what_is_added_changes_nothing_that_is_there(name: str) -> None:
    now = {each.urn: each for each in after(name).declared}
    for old in stack_site("prod").declared:
        if not old.name.startswith(WATCHES):
            assert now[old.urn].inputs == old.inputs, old.name


def test_the_table_knows_everything_that_holds_data_or_capacity() -> None:
    known = {each.type for each in stack_site("prod").declared if each.protect or each.timeouts}
    assert known - HOLDS_NOTHING <= TYPES.keys()


@pytest.mark.parametrize("type_", [each for each in TYPES if each.startswith("gcp:")])
def test_the_table_names_properties_that_exist(type_: str) -> None:
    module, class_ = re.fullmatch(r"gcp:(\w+)/\w+:(\w+)", type_).groups()  # type: ignore[union-attr]
    package = getattr(gcp, module)
    rule = TYPES[type_]
    for path in (*rule["values"], *rule.get("blocks", ()), *rule.get("shrinks", ())):
        holder: Any = getattr(package, class_)
        for step in path.replace("[]", "").split("."):
            assert holder, f"{path}: there is nothing below the step before {step}"
            named = {_pulumi_name(holder, attribute): attribute for attribute in dir(holder)}
            assert step in named, f"{path}: {holder.__name__} has no {step}"
            inner = re.search(r"outputs\.(\w+)", str(getattr(holder, named[step]).fget.__annotations__))
            holder = getattr(package.outputs, inner[1]) if inner else None


def test_the_table_says_of_a_request_what_its_plugin_says() -> None:
    assert TYPES[QueuedResource.TYPE] == {"all_but": list(spec.LOCAL)}


def _pulumi_name(class_: type, attribute: str) -> str:
    """The name in a stack's state of an attribute of the SDK."""
    getter = getattr(getattr(class_, attribute), "fget", None)
    return str(getattr(getter, "_pulumi_name", ""))


def page() -> str:
    """The edits that cost something, and those that do not, for those who make them."""
    source = TABLE["source"]
    costly = [f"| {each['edit']} | {_keys(each)} | {each['advice']} |" for each in EDITS if "replaces" in each]
    free = [f"- {each['edit']}: {_keys(each)}" for each in EDITS if not {"replaces", "goes", "comes"} & each.keys()]
    return f"""# What an edit replaces

Most edits of a stack file change things where they are. Some make a thing anew, and what it held is gone: a
preview shows it as `replace`, and `protection` (stacks/README.md) refuses it for what it protects. A list's items are
known by their names, so one can be added, taken out or moved without touching the others.

Keys are those of the production stack, as examples. This page is made from `tests/google/inventory/replacement.yaml`,
and tests hold the program to it; which properties replace is read from {source["repository"]}
at {source["commit"][:12]}.

| Edit | Keys | Instead |
| --- | --- | --- |
{NEWLINE.join(costly)}

These replace nothing that holds data or capacity:

{NEWLINE.join(free)}
"""


def _keys(edit: dict[str, Any]) -> str:
    return ", ".join(f"`{path}`" for path in (*edit.get("change", ()), *edit.get("remove", ())))


def test_the_page_is_the_table() -> None:
    assert PAGE.read_text() == page(), "run: python -m tests.google.test_replacement"


if __name__ == "__main__":
    PAGE.write_text(page())
