"""From a program's inputs to the API's body and back.

The way there says everything that is wrong with the inputs by the API document; what is unknown yet is passed over.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from rehearsal.google.discovery import Schema
from rehearsal.google.shapes import Property
from rehearsal.google.table import VARIABLE, Field, Row
from rehearsal.values import Later, State

Nothing = object()
KINDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "string": (str, "text"),
    "boolean": (bool, "true or false"),
    "integer": (int, "a whole number"),
    "number": ((int, float), "a number"),
}
STEP = re.compile(r"([^.\[\]]+)(\[\])?")


@dataclass(frozen=True)
class Fault:
    """What is wrong with an input.

    path:     such as ``nodeConfig.taints[0].effect``.
    allowed:  what would be right, in words.
    source:   who says so.
    """

    path: str
    value: Any
    allowed: str
    source: str

    @property
    def reason(self) -> str:
        """As a person reads it after the property's name."""
        said = "" if self.value is Nothing else f"{json.dumps(self.value, default=str)} is refused: "
        return f"{said}{self.allowed} ({self.source})"


def encode(row: Row, inputs: State) -> tuple[State, list[Fault]]:
    """The body that the provider would send, and what is wrong with the inputs."""
    faults: list[Fault] = []
    body = _encode_object(row.fields, inputs, "", faults.append)
    needed = {*VARIABLE.findall(row.id)} & row.fields.keys() - {row.name_property}
    told = {each.path for each in faults}
    faults += [Fault(name, Nothing, "is missing", "pulumi_gcp") for name in needed - inputs.keys() - told]
    if isinstance(row["body"], str):  # the whole body is in one property
        body = body.get(row["body"], {})
    return body, faults


def fill(body: State, known: Field, value: Any) -> None:
    """Puts in what the service fills in, where nothing is."""
    if _at(body, known.to) is Nothing:
        _put(body, known.to, value)


def decode(row: Row, body: State) -> State:
    """The inputs that a body stands for, of all fields that it has."""
    if isinstance(row["body"], str):
        body = {row["body"]: body}
    return _decode_object(row.fields, body)


def find(value: Any, path: str) -> list[tuple[str, Any]]:
    """What is known at ``path``, with the path in full: ``taints[0].key``."""
    found: list[tuple[str, Any]] = [("", value)]
    for name, many in STEP.findall(path):
        inside = [
            (f"{place}.{name}" if place else name, holder[name])
            for place, holder in found
            if isinstance(holder, dict) and name in holder
        ]
        found = inside
        if many:
            found = [
                (f"{place}[{index}]", each)
                for place, items in inside
                if isinstance(items, list)
                for index, each in enumerate(items)
            ]
    return [(place, each) for place, each in found if each is not Later.VALUE and each is not None]


def _encode_object(fields: dict[str, Field], inputs: Any, path: str, fault: Callable[[Fault], None]) -> State:
    prefix = f"{path}." if path else ""
    body: State = {}
    if not isinstance(inputs, dict):
        fault(Fault(path, inputs, "must be a mapping", "pulumi_gcp"))
        return body
    for name, value in inputs.items():
        known = fields.get(name)
        if known is None:
            fault(Fault(prefix + name, Nothing, f"there is no such property.{_nearest(name, fields)}", "pulumi_gcp"))
        elif known.place == "refused":
            fault(Fault(prefix + name, Nothing, f"is not served by the rehearsal: {known.reason}", "rehearsal"))
        elif value is Later.VALUE:
            continue
        elif known.place == "body":
            _put(body, known.to, _encode(known, value, prefix + name, fault))
        elif not _is_of_kind(known.property, value):
            fault(Fault(prefix + name, value, f"must be {KINDS[known.property.kind][1]}", "pulumi_gcp"))
    for name, known in fields.items():
        if inputs.get(name) is None:
            if known.default is not None and known.place == "body":
                _put(body, known.to, _encode(known, known.default, prefix + name, fault))
            elif not known.property.optional or (known.schema and known.schema.required and known.place == "body"):
                source = known.schema.source if known.schema else "pulumi_gcp"
                fault(Fault(prefix + name, Nothing, "is missing", source))
    return body


def _encode(known: Field, value: Any, path: str, fault: Callable[[Fault], None]) -> Any:
    schema = known.schema
    assert schema is not None
    if known.reshape:
        return _reshaped(known, value, path, fault)
    if known.property.many:
        if not isinstance(value, list):
            fault(Fault(path, value, "must be a list", "pulumi_gcp"))
            return Nothing
        items = schema.items() if schema.kind == "array" else schema
        encoded = [_encode_one(known, items, each, f"{path}[{index}]", fault) for index, each in enumerate(value)]
        return [each for each in encoded if each is not Nothing]
    if schema.kind == "array":
        one = _encode_one(known, schema.items(), value, path, fault)
        return Nothing if one is Nothing else [one]
    return _encode_one(known, schema, value, path, fault)


def _encode_one(known: Field, schema: Schema, value: Any, path: str, fault: Callable[[Fault], None]) -> Any:
    if value is Later.VALUE or value is None:
        return Nothing
    if known.fields:
        return _encode_object(known.fields, value, path, fault)
    if known.property.kind == "map":
        return _encode_map(schema, value, path, fault)
    return _scalar(known.property, schema, value, path, fault)


def _encode_map(schema: Schema, value: Any, path: str, fault: Callable[[Fault], None]) -> Any:
    if not isinstance(value, dict):
        fault(Fault(path, value, "must be a mapping", "pulumi_gcp"))
        return Nothing
    if schema.is_map:
        for key, each in value.items():
            for allowed in schema.items().faults(each) if each is not Later.VALUE else ():
                fault(Fault(f"{path}.{key}", each, allowed, schema.source))
    return {key: each for key, each in value.items() if each is not Later.VALUE}


def _scalar(kind: Property, schema: Schema, value: Any, path: str, fault: Callable[[Fault], None]) -> Any:
    """In the type of the document: the SDK's numbers are texts in the API where they may be large."""
    if kind.kind in ("integer", "number") and isinstance(value, str):
        try:
            value = int(value) if kind.kind == "integer" else float(value)
        except ValueError:
            fault(Fault(path, value, "must be a number", "pulumi_gcp"))
            return Nothing
    if schema.kind == "string" and isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    elif schema.kind in ("integer", "number") and isinstance(value, str) and value.lstrip("-").isdigit():
        value = int(value)
    for allowed in schema.faults(value):
        if not (value == "" and kind.kind == "string"):  # the provider leaves an empty text out
            fault(Fault(path, value, allowed, schema.source))
    return value


def _is_of_kind(kind: Property, value: Any) -> bool:
    """Whether a value that no document describes is of the SDK's kind, as far as that is a simple one."""
    if kind.many or kind.kind not in KINDS or value is None:
        return True
    of, _ = KINDS[kind.kind]
    return isinstance(value, of) and (of is bool or not isinstance(value, bool))


def _reshaped(known: Field, value: Any, path: str, fault: Callable[[Fault], None]) -> Any:
    schema = known.schema
    assert schema is not None
    if choice := known.reshape.get("choice"):
        if not isinstance(value, str) or value not in choice:
            fault(Fault(path, value, f"must be one of {', '.join(choice)}", "pulumi_gcp"))
            return Nothing
        return Nothing if choice[value] is None else choice[value]
    if known.reshape.get("json"):
        try:
            whole = json.loads(value)
        except (TypeError, ValueError) as error:
            fault(Fault(path, value, f"must be JSON: {error}", "pulumi_gcp"))
            return Nothing
        for place, said, allowed in schema.mistakes(whole):
            fault(Fault(path, said, f"{place}: {allowed}", schema.source))
        return whole
    key = known.reshape["keyed"]
    encoded: State = {}
    if not isinstance(value, list):
        fault(Fault(path, value, "must be a list", "pulumi_gcp"))
        return Nothing
    for index, each in enumerate(value):
        inner = f"{path}[{index}]"
        if not isinstance(each, dict):
            fault(Fault(inner, each, "must be a mapping", "pulumi_gcp"))
            continue
        if not isinstance(each.get(key), str):
            fault(Fault(f"{inner}.{key}", each.get(key, Nothing), "must be given, as text", "pulumi_gcp"))
            continue
        rest = {name: item for name, item in each.items() if name != key or known.fields[key].place == "body"}
        without = {name: field for name, field in known.fields.items() if name in rest or name != key}
        encoded[str(each[key])] = _encode_object(without, rest, inner, fault)
    return encoded


def _decode_object(fields: dict[str, Field], body: State) -> State:
    found: State = {}
    for name, known in fields.items():
        if known.place != "body":
            continue
        value = _at(body, known.to)
        decoded = _decode(known, value)
        if decoded is not Nothing:
            found[name] = decoded
    return found


def _decode(known: Field, value: Any) -> Any:
    if "choice" in known.reshape:
        backwards = {stands: said for said, stands in known.reshape["choice"].items()}
        return backwards.get(None if value is Nothing else value, Nothing)
    if value is Nothing or value is None:
        return Nothing
    if "json" in known.reshape:
        return json.dumps(value, sort_keys=True)
    if "keyed" in known.reshape:
        key = known.reshape["keyed"]
        return [{key: name, **_decode_object(known.fields, each)} for name, each in value.items()]
    if known.property.many:
        return [_decode_one(known, each) for each in value] if isinstance(value, list) else [_decode_one(known, value)]
    if isinstance(value, list):
        return _decode_one(known, value[0]) if value else Nothing
    return _decode_one(known, value)


def _decode_one(known: Field, value: Any) -> Any:
    if known.fields:
        return _decode_object(known.fields, value)
    if known.property.kind in ("integer", "number") and isinstance(value, str):
        return int(value) if known.property.kind == "integer" else float(value)
    if known.property.kind == "string" and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value


def _put(body: State, to: tuple[str, ...], value: Any) -> None:
    if value is Nothing:
        return
    for step in to[:-1]:
        body = body.setdefault(step, {})
    last = to[-1]
    if isinstance(value, dict) and isinstance(body.get(last), dict):
        body[last] |= value  # two properties of the SDK may fill one object of the API
    else:
        body[last] = value


def _at(body: Any, to: tuple[str, ...]) -> Any:
    for step in to:
        if not isinstance(body, dict) or step not in body:
            return Nothing
        body = body[step]
    return body


def _nearest(name: str, among: Any) -> str:
    near = difflib.get_close_matches(name, list(among), n=1)
    return f" Did you mean {near[0]}?" if near else ""


def same(known: Field, old: Any, new: Any) -> Iterator[str]:
    """Paths, from the property itself, at which a new input is a difference from what is there."""
    yield from _differences(known, known.property.many, old, new, known.name)


def _differences(known: Field, many: bool, old: Any, new: Any, path: str) -> Iterator[str]:
    if new is None:  # left out: the service's choice stays, and so does what the provider sends by itself
        if not (known.property.computed or _is_nothing(old) or old == known.default):
            yield path
    elif many and isinstance(old, list) and isinstance(new, list) and len(old) == len(new) and known.fields:
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _differences(known, False, before, after, f"{path}[{index}]")
    elif known.fields and isinstance(old, dict) and isinstance(new, dict):
        for name, inner in known.fields.items():
            yield from _differences(inner, inner.property.many, old.get(name), new.get(name), f"{path}.{name}")
    elif not _equal(known, old, new):
        yield path


def _equal(known: Field, old: Any, new: Any) -> bool:
    if "json" in known.reshape and isinstance(old, str) and isinstance(new, str):
        return bool(json.loads(old) == json.loads(new))
    if _is_nothing(old) and _is_nothing(new):
        return True
    if isinstance(old, str) and isinstance(new, str):
        return _bare(old) == _bare(new)
    return bool(old == new) or str(old) == str(new)


def _bare(text: str) -> str:
    """Links to resources are equal with and without the address of the API."""
    return text.partition("/compute/v1/")[2] or text.partition("/compute/beta/")[2] or text


def _is_nothing(value: Any) -> bool:
    """What the provider cannot tell from a value that was left out."""
    return (
        value is None
        or value in ("", 0, False)
        or value == []
        or value == {}
        or (isinstance(value, dict) and all(map(_is_nothing, value.values())))
    )
