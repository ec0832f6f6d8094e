"""The table: one row a resource type, which says how the SDK's properties and the API's fields belong together.

A property is in the body under its own name (in singular, where the SDK made it plural), unless the row says where else
it is. What is in no such place is not served: a program that sets it is refused, and so is a type without a row.

A row of ``types/*.yaml``:

document, schema:  of the API (``discovery``); ``Policy.bindings`` is an item of that field.
id:         what the resource is called, in the templates of ``made``; ``{property}`` is one of the address.
named:      the property that the provider makes up when a program leaves it out, where that is not ``name``.
address:    properties that the service asks for and does not give back, besides those of the id.
import:     other spellings of the id that an import takes; none where ``importable: false``.
rename:     property to field, from the body of its parent: ``routingMode: routingConfig.routingMode``.
reshape:    property to how its value is written otherwise in the body (``body.Reshape``).
provider:   what lives in the provider alone, with what it is after an import.
defaults:   what the provider sends when a property is left out.
server:     what the service fills in when a property is left out.
outputs:    what the service makes besides, by rule.
immutable:  what replaces the resource when it changes.
refused:    properties of the SDK that are not served, with the reason.
body:       the property that holds the whole body, as JSON.
refers:     property to type: what must be there.
uses:       property to type: what must be there, and cannot be deleted before this.
parent:     the type of the resource that this is inside of, and goes with.
permission, service: what the caller and the project need.
exists:     what happens when it is made twice: ``refused`` (409), or ``adopted`` where the call is idempotent.
stays:      why it is still there when it is deleted.
keeps:      settings of the provider with which it is left in the project: ``disableOnDestroy: false``.
protection: the property with which the service refuses to delete it.
quota:      the metric that counts it.
shrinks:    properties, sizes or ranges, whose change replaces when it makes them smaller.
minutes:    create, update, delete: how long an operation takes; an estimate where ``source`` says no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from rehearsal.google import discovery
from rehearsal.google.discovery import Schema
from rehearsal.google.shapes import Property, Shape, shape

FOLDER = Path(__file__).parent / "types"
VARIABLE = re.compile(r"\{(\w+)")


class NotServed(Exception):
    """A type or a function that the stand-in does not serve, and so cannot say anything of."""


@dataclass(frozen=True)
class Field:
    """A property of the SDK and where it is.

    name:       as the SDK spells it, with the names of what it is in: ``nodeConfig.machineType``.
    place:      ``body``, ``address``, ``provider`` or ``refused``.
    to:         names of the fields that lead there, from the body of what it is in.
    schema:     what the document says of it; None outside of the body.
    """

    name: str
    property: Property
    place: str
    to: tuple[str, ...] = ()
    schema: Schema | None = None
    reshape: dict[str, Any] = field(default_factory=dict)
    default: Any = None
    immutable: bool = False
    reason: str = ""
    fields: dict[str, Field] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """A resource type. Attributes that are not explained here are those of the table."""

    token: str
    said: dict[str, Any]
    shape: Shape
    fields: dict[str, Field]
    schema: Schema

    @property
    def id(self) -> str:
        return str(self.said["id"])

    @property
    def spellings(self) -> list[str]:
        """Forms of the id that an import takes."""
        return [self.id, *self.said.get("import", [])] if self.said.get("importable", True) else []

    @property
    def provider(self) -> dict[str, Any]:
        return dict(self.said.get("provider", {}))

    @property
    def server(self) -> dict[str, Any]:
        return dict(self.said.get("server", {}))

    @property
    def outputs(self) -> dict[str, Any]:
        return dict(self.said.get("outputs", {}))

    @property
    def refers(self) -> dict[str, str]:
        return {**self.said.get("refers", {}), **self.uses}

    @property
    def uses(self) -> dict[str, str]:
        return dict(self.said.get("uses", {}))

    @property
    def name_property(self) -> str | None:
        """The property that the provider makes up when a program leaves it out."""
        if "named" in self.said:
            return str(self.said["named"])
        name = self.shape.inputs.get("name")
        return "name" if name and name.optional and "{name}" in self.id else None

    def minutes(self, verb: str) -> float:
        """Simulated minutes of ``create``, ``update`` or ``delete``."""
        return float(self.said.get("minutes", {}).get(verb, 0.1))

    def __getitem__(self, key: str) -> Any:
        return self.said.get(key)


def tokens() -> list[str]:
    """The types that are served."""
    return sorted(_rows())


@cache
def row(token: str) -> Row:
    """The row of a type. Raises NotServed for one that has none."""
    said = _rows().get(token)
    if said is None:
        raise NotServed(
            f"{token} has no row in rehearsal/google/types, so the rehearsal knows nothing of it. Add one: "
            "rehearsal/google/table.py says what is in it"
        )
    name, *inside = said["schema"].split(".")
    schema = discovery.schema(said["document"], name)
    for each in inside:
        schema = _of_one(schema.fields()[each])
    given = shape(token)
    return Row(token, said, given, dict(_fields(said, given.inputs, schema, "")), schema)


@cache
def _rows() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(FOLDER.glob("*.yaml")):
        found |= read_yaml(file)
    return found


def read_yaml(file: Path) -> Any:
    """What a file of this package says; with the fast loader where there is one."""
    return yaml.load(file.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506


def _fields(
    said: dict[str, Any], properties: dict[str, Property], schema: Schema, prefix: str
) -> Iterator[tuple[str, Field]]:
    address = set() if prefix else {*VARIABLE.findall(said["id"]), *said.get("address", ())}
    key = said.get("reshape", {}).get(prefix.removesuffix("."), {}).get("keyed")
    for name, each in properties.items():
        path = prefix + name
        common: dict[str, Any] = {
            "reshape": said.get("reshape", {}).get(path, {}),
            "default": said.get("defaults", {}).get(path),
            "immutable": path in said.get("immutable", ()),
        }
        if path in said.get("refused", {}):
            yield name, Field(path, each, "refused", reason=said["refused"][path])
        elif path in said.get("provider", {}):
            yield name, Field(path, each, "provider", **{**common, "default": said["provider"][path]})
        elif path == said.get("body"):
            yield name, Field(path, each, "body", (name,), schema, **common)
        elif place := _place(said, path, name, schema, address):
            to, inner = place
            inside = _of_one(inner)
            fields = dict(_fields(said, each.fields, inside, f"{path}.")) if each.fields else {}
            yield name, Field(path, each, "body", to, inner, fields=fields, **common)
        elif name in address or name == key:
            yield name, Field(path, each, "address", **common)
        else:
            yield name, Field(path, each, "refused", reason="the API document has no such field")


def _place(
    said: dict[str, Any], path: str, name: str, schema: Schema, address: set[str]
) -> tuple[tuple[str, ...], Schema] | None:
    """Where in the body, and what the document says there. What the service writes itself is in the address alone."""
    if path in said.get("rename", {}):
        to: list[str] = []
        for step in said["rename"][path].split("."):
            inner = _of_one(schema).field(step)
            if inner is None:
                raise KeyError(f"{path}: renamed to {said['rename'][path]!r}, and {schema.source} has no {step!r}")
            to.append(_of_one(schema).spelling(step))
            schema = inner
        return tuple(to), schema
    if name in address and (schema.field(name) is None or schema.field(name).read_only):  # type: ignore[union-attr]
        return None
    for spelled in _spellings(name):
        if inner := schema.field(spelled):
            return (schema.spelling(spelled),), inner
    return None


def _spellings(name: str) -> Iterator[str]:
    """The SDK makes names of lists plural, and not always well: ``networks``, ``policies``, ``addresses``."""
    yield name
    if name.endswith("ies"):
        yield f"{name[:-3]}y"
    if name.endswith("es"):
        yield name[:-2]
    if name.endswith("s"):
        yield name[:-1]
    yield f"{name}s"


def _of_one(schema: Schema) -> Schema:
    """What one item of a list or a mapping is."""
    while schema.kind == "array" or schema.is_map:
        schema = schema.items()
    return schema
