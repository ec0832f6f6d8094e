"""The stack files of this project declare what their inventories say: how many of what, and what tells them apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.google.conftest import STACKS, Site, stack_site, within

FOLDER = Path(__file__).parent / "inventory"
OPTIONS = ("protect", "timeouts", "imports")
"""What is said of a resource beside its inputs."""


def differences(site: Site, inventory: dict[str, Any]) -> Iterator[str]:
    """What is otherwise than the inventory says, in its own words."""
    counts = Counter(each.type for each in site.declared)
    for type_ in sorted(counts.keys() | inventory["counts"].keys()):
        if counts[type_] != inventory["counts"].get(type_, 0):
            yield f"counts: {type_}: {counts[type_]}, and not {inventory['counts'].get(type_, 0)}"
    for name, wanted in inventory["values"].items():
        declared = site.named(name)
        options = {key: option for key, option in asdict(declared).items() if key in OPTIONS}
        yield from _differences(f"values: {name}", declared.inputs | options, wanted)
    yield from _differences("outputs", site.outputs, inventory["outputs"])


def _differences(place: str, there: dict[str, Any], wanted: dict[str, Any]) -> Iterator[str]:
    for path, expected in wanted.items():
        found = next(within(there, path), None)
        if found != expected:
            yield f"{place}: {path}: {found!r}, and not {expected!r}"


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_declares_what_its_inventory_says(stack: str) -> None:
    path = FOLDER / f"{stack}.yaml"
    found = list(differences(stack_site(stack), yaml.safe_load(path.read_text())))
    told = "\n  ".join(found)
    assert not found, f"\n  {told}\nIf that is what you want, write it so in {path.relative_to(Path.cwd())}"


@pytest.mark.parametrize(
    ("section", "change", "told"),
    [
        ("counts", {"gcp:kms/keyRing:KeyRing": 2}, "counts: gcp:kms/keyRing:KeyRing: 1, and not 2"),
        ("counts", {"gcp:sql/database:Database": 1}, "counts: gcp:sql/database:Database: 0, and not 1"),
        ("values", {"network-vpc": {"protect": True}}, "values: network-vpc: protect: False, and not True"),
        ("outputs", {"cluster": "c"}, "outputs: cluster: 'dev-cluster', and not 'c'"),
    ],
)
def test_an_inventory_that_is_wrong_is_told_where(dev: Site, section: str, change: dict[str, Any], told: str) -> None:
    right = yaml.safe_load((FOLDER / "dev.yaml").read_text())
    assert list(differences(dev, right | {section: right[section] | change})) == [told]
