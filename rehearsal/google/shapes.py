"""The input types of the SDK, as data: what a program can give to each resource type that is mapped.

They are read from ``pulumi_gcp`` itself and kept in ``shapes.json``, since importing all of its modules takes seconds
at every start of a plugin. ``python -m rehearsal.google.shapes`` writes the file; a test holds it against the SDK.
"""

from __future__ import annotations

import importlib
import inspect
import json
import typing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("shapes.json")
KINDS = {str: "string", int: "integer", float: "number", bool: "boolean", dict: "map"}


@dataclass(frozen=True)
class Property:
    """One property of an input type.

    kind:      string, integer, number, boolean, map (of strings), object or any.
    many:      a list of it.
    optional:  a program may leave it out.
    computed:  and then the service chooses: what comes back is no difference.
    fields:    of an object.
    """

    kind: str
    many: bool = False
    optional: bool = True
    computed: bool = False
    fields: dict[str, Property] = field(default_factory=dict)


@dataclass(frozen=True)
class Shape:
    """A resource type of the SDK: what goes in, and the kind of each property that comes out."""

    inputs: dict[str, Property]
    outputs: dict[str, str]


@cache
def shapes() -> dict[str, Shape]:
    """By type token. Raises nothing: the file is part of the package."""
    return {
        token: Shape({name: _loaded(each) for name, each in shape["inputs"].items()}, shape["outputs"])
        for token, shape in json.loads(FILE.read_text()).items()
    }


def _loaded(said: str | list[Any]) -> Property:
    text, fields = (said, {}) if isinstance(said, str) else (said[0], said[1])
    kind = text.rstrip("?!").removesuffix("[]")
    return Property(
        kind,
        many="[]" in text,
        optional="?" in text,
        computed="!" in text,
        fields={name: _loaded(each) for name, each in fields.items()},
    )


def read_sdk(token: str) -> dict[str, Any]:
    """What the SDK says of a type token such as ``gcp:compute/network:Network``, as the file keeps it.

    Raises ValueError for a token that the SDK does not have.
    """
    module, name = _python_class(token)
    resource = getattr(module, name)
    arguments = getattr(importlib.import_module(resource.__module__), f"{name}Args")
    return {"inputs": _inputs(arguments, resource), "outputs": _outputs(resource)}


def _python_class(token: str) -> tuple[Any, str]:
    _, place, name = token.split(":")
    try:
        module = importlib.import_module(f"pulumi_gcp.{place.partition('/')[0]}")
    except ModuleNotFoundError as error:
        raise ValueError(f"{token}: pulumi_gcp has no module {place.partition('/')[0]}") from error
    if not hasattr(module, name):
        raise ValueError(f"{token}: pulumi_gcp.{place.partition('/')[0]} has no {name}")
    return module, name


def _inputs(arguments: type, gives: type) -> dict[str, Any]:
    """``gives``: the class of the same thing as it comes out, which tells what the service may fill in."""
    from pulumi import _types

    types = _types.input_type_types(arguments)
    names = _types.input_type_py_to_pulumi_names(arguments)
    parameters = inspect.signature(arguments.__init__).parameters  # type: ignore[misc]
    return {
        name: _said(types[name], parameters[python].default is None, gives, python)
        for python, name in names.items()
        if python in parameters
    }


def _said(kind: Any, optional: bool, gives: type, python: str) -> Any:
    kind, many = _unwrapped(kind)
    out = _output_type(gives, python)
    marks = ("[]" if many else "") + ("?" if optional else "") + ("!" if optional and not _is_optional(out) else "")
    if kind in KINDS:
        return KINDS[kind] + marks
    if inspect.isclass(kind) and kind.__name__.endswith("Args"):
        inner, _ = _unwrapped(_without_none(out))
        return ["object" + marks, _inputs(kind, inner)]
    return "any" + marks


def _unwrapped(kind: Any) -> tuple[Any, bool]:
    """Without ``Input``, ``Sequence`` and the like; and whether it was a list."""
    many = False
    while True:
        origin, inside = typing.get_origin(kind), typing.get_args(kind)
        if origin is None:
            return kind, many
        if origin is dict or "Mapping" in str(origin):
            return dict, many
        if "Sequence" in str(origin) or origin is list:
            many, kind = True, inside[0]
        elif "Union" in str(origin):
            kind = inside[0]
        else:
            return kind, many


def _output_type(gives: type, python: str) -> Any:
    getter = getattr(gives, python, None)
    hints = typing.get_type_hints(getter.fget, vars(inspect.getmodule(gives))) if isinstance(getter, property) else {}
    said = hints.get("return")
    if said is None:
        return None
    return typing.get_args(said)[0] if "Output" in str(typing.get_origin(said)) else said


def _is_optional(kind: Any) -> bool:
    return kind is None or type(None) in typing.get_args(kind)


def _without_none(kind: Any) -> Any:
    return (
        next((each for each in typing.get_args(kind) if each is not type(None)), kind) if _is_optional(kind) else kind
    )


def _outputs(resource: type) -> dict[str, str]:
    from pulumi import _types

    kinds = {}
    for name, kind in _types.resource_types(resource).items():
        inner, many = _unwrapped(kind)
        kinds[name] = KINDS.get(inner, "object") + ("[]" if many else "")
    return kinds


if __name__ == "__main__":
    from rehearsal.google.table import tokens

    FILE.write_text(json.dumps({token: read_sdk(token) for token in tokens()}, indent=1, sort_keys=True) + "\n")
