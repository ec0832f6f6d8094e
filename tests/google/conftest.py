"""What the tests of the whole site share: a stack file, an edit of it, and what either declares."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pulumi
import pytest
import yaml

from infra import datacenter
from infra.settings import GoogleSettings, Settings, parse, project_directory, read
from tests.google.mocks import Declared, declare, of_type

STACKS = ("dev", "staging", "prod")


@dataclass(frozen=True)
class Site:
    """An environment as the engine would be told of it.

    outputs:  of the stack, as they are after an `up`.
    """

    settings: Settings
    declared: list[Declared]
    outputs: dict[str, Any]

    @property
    def google(self) -> GoogleSettings:
        assert self.settings.google
        return self.settings.google

    def named(self, name: str) -> Declared:
        """The one Google resource or request whose Pulumi name is ``name``."""
        found = [each for each in self.declared if each.name == name and each.type.startswith(("gcp:", "aidc-tpu:"))]
        assert len(found) == 1, f"{len(found)} of {name}; there are {sorted(each.name for each in self.declared)}"
        return found[0]

    def of(self, type_: str) -> list[Declared]:
        """The resources of a type such as ``gcp:storage/bucket:Bucket``; at least one."""
        return of_type(self.declared, type_)


def declare_site(settings: Settings, *, preview: bool = False) -> Site:
    """Declares what ``settings`` say, through the function that the program calls."""
    outputs: dict[str, Any] = {}

    def build() -> None:
        pulumi.Output.from_input(datacenter.build(settings)).apply(outputs.update)

    return Site(settings, declare(build, preview=preview, stack_name=settings.stack), outputs)


@cache
def stack_site(stack: str) -> Site:
    """What the stack file of ``stack`` declares. Declared once: nothing changes it."""
    return declare_site(read(stack))


@pytest.fixture(params=STACKS)
def site(request: pytest.FixtureRequest) -> Site:
    """Each of the stacks."""
    return stack_site(request.param)


@pytest.fixture
def dev() -> Site:
    return stack_site("dev")


@pytest.fixture
def staging() -> Site:
    return stack_site("staging")


@pytest.fixture
def prod() -> Site:
    return stack_site("prod")


def edited(
    stack: str,
    change: dict[str, Any],
    add: dict[str, Any] | None = None,
    remove: tuple[str, ...] = (),
    platform: dict[str, Any] | None = None,
) -> Site:
    """What is declared after an edit of the stack file of ``stack``.

    Paths are below ``google``, and an item of a list is told by its name: ``gpu_pools[serve].max_nodes``.
    change: the new value by path. add: an item by the path of its list. remove: paths of what is taken out.
    platform: that section, where the stack is to have one.
    """
    content = yaml.safe_load((project_directory() / f"stacks/Pulumi.{stack}.yaml").read_text())["config"]
    google = copy.deepcopy(content["ai-datacenter:google"])
    for path, value in change.items():
        holder, key = _place(google, path)
        holder[key] = value
    for path, value in (add or {}).items():
        holder, key = _place(google, path)
        holder.setdefault(key, []).append(value)
    for path in remove:
        holder, key = _place(google, path)
        del holder[key]
    more = {"platform": platform} if platform else {}
    return declare_site(parse(stack, {"site": "google", "google": google, **more}))


def _place(google: dict[str, Any], path: str) -> tuple[Any, Any]:
    """What holds the value at ``path``, and under which key or index. Sections that are not there are made."""
    holder: Any = google
    steps = re.findall(r"\[([^\]]+)\]|([^.\[\]]+)", path)
    for position, (name, key) in enumerate(steps):
        step = [each["name"] for each in holder].index(name) if name else key
        if position == len(steps) - 1:
            return holder, step
        holder = holder[step] if name else holder.setdefault(step, {})
    raise AssertionError("a path has at least one step")


def values(declared: Declared, path: str) -> Iterator[Any]:
    """The values at ``path`` of the inputs, such as ``nodeConfig.taints[].key``; none where it leads nowhere."""
    return within(declared.inputs, path)


def value(declared: Declared, path: str) -> Any:
    """The one value at ``path`` of the inputs; None where it leads nowhere."""
    return next(values(declared, path), None)


def within(value: Any, path: str) -> Iterator[Any]:
    """As ``values``, of any nested value. Every item of a list is looked into by ``[]``."""
    step, rest = path, ""
    if match := re.match(r"(\[\]|[^.\[\]]+)\.?(.*)", path):
        step, rest = match.groups()
    if not step:
        yield value
    elif step == "[]":
        for each in value if isinstance(value, list) else []:
            yield from within(each, rest)
    elif isinstance(value, dict) and step in value:
        yield from within(value[step], rest)
