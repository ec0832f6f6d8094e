"""The input types of the SDK, as data: what a program can give to each resource type that is mapped.

They are read from ``pulumi_gcp`` itself. Importing its modules takes seconds, so what was read is kept in the Python
environment, beside the SDK that it is of, and a plugin imports none of them at its later starts.
``python -m rehearsal.google.shapes`` reads all, so that not even a first preview waits for it.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import inspect
import json
import sys
import tempfile
import typing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(sys.prefix) / "share" / "ai-datacenter" / "shapes"
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
def shape(token: str) -> Shape:
    """Of a type token such as ``gcp:compute/network:Network``. Raises ValueError for one that the SDK does not have."""
    kept = FOLDER / _version() / f"{token.replace(':', '-').replace('/', '-')}.json"
    try:
        said = json.loads(kept.read_text())
    except (OSError, ValueError):
        said = _read_sdk(token)
        _keep(kept, json.dumps(said))
    inputs = {name: _loaded(each) for name, each in said["inputs"].items()}
    return Shape(inputs, said["outputs"])


@cache
def _version() -> str:
    """Of the SDK, and of the way it is read."""
    reader = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
    return f"{importlib.metadata.version('pulumi_gcp')}-{reader}"


def _keep(file: Path, text: str) -> None:
    """Whole or not there, as several plugins may start at once; not at all where the environment cannot be written."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False) as partial:
            partial.write(text)
        Path(partial.name).replace(file)
    except OSError:
        return


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


def _read_sdk(token: str) -> dict[str, Any]:
    """What the SDK says of a type, as a file keeps it."""
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

    for each in tokens():
        shape(each)
