"""Legal objects, and wrong ones made of them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

from rehearsal.kubernetes.api import ApiServer, Kind
from rehearsal.kubernetes.schema import Schemas

HERE = Path(__file__).parent
LEGAL: dict[str, dict[str, Any]] = yaml.safe_load((HERE / "legal.yaml").read_text())
WRONG: list[dict[str, Any]] = yaml.safe_load((HERE / "wrong.yaml").read_text())
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ml"}}


def wrong_objects() -> list[Any]:
    """(name, object, where it is wrong)."""
    return [(_name(each), changed(each["of"], each["set"]), each["at"]) for each in WRONG]


def changed(name: str, changes: dict[str, Any]) -> dict[str, Any]:
    """A legal object with values at paths, such as ``spec.ports.0.port``; None takes out."""
    value = copy.deepcopy(LEGAL[name])
    for path, new in changes.items():
        *way, last = [int(each) if each.isdecimal() else each for each in _split(path)]
        where: Any = value
        for each in way:
            where = where[each]
        if new is None:
            del where[last]
        else:
            where[last] = new
    return value


def kind_of(server: ApiServer, value: dict[str, Any]) -> Kind:
    found = Schemas(server.document).kind(value["apiVersion"], value["kind"])
    assert found is not None
    return found


def _split(path: str) -> list[str]:
    return path.split(".")


def _name(case: dict[str, Any]) -> str:
    said = ", ".join(f"{path}={value!r:.30}" for path, value in case["set"].items())
    return f"{case['of']}: {said}"
