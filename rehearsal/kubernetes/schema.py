"""Objects against the OpenAPI documents of an API server: what is unknown, of the wrong type, missing or out of range.

The same for kinds that are built in and for those of a CustomResourceDefinition. Rules in CEL
(``x-kubernetes-validations``) are not evaluated.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import re
from collections.abc import Callable, Iterator
from typing import Any

from rehearsal.kubernetes import quantity
from rehearsal.kubernetes.api import Cause, Json, Kind
from rehearsal.values import Later

DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
LIMITS = {"int32": 2**31, "int64": 2**63}
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}
ANYTHING = "x-kubernetes-preserve-unknown-fields"


class Schemas:
    """Kinds and their schemas, from the documents that ``document`` gives by apiVersion."""

    def __init__(self, document: Callable[[str], Json | None]) -> None:
        self._document = document

    def kind(self, api_version: str, name: str) -> Kind | None:
        """None when it is not served."""
        for path, operations in ((self._document(api_version) or {}).get("paths") or {}).items():
            said = operations.get("post", {})
            if said.get("x-kubernetes-action") != "post" or "{name}" in path:
                continue
            if said.get("x-kubernetes-group-version-kind", {}).get("kind") == name:
                return Kind(api_version, name, path.rpartition("/")[2], "{namespace}" in path)
        return None

    def faults(self, kind: Kind, value: Json) -> Iterator[Cause]:
        """All that is wrong with an object of ``kind``, in the order of its fields."""
        return Walk(self._definitions(kind)).faults(self.schema(kind), value, "")

    def schema(self, kind: Kind) -> Json:
        group, _, version = kind.api_version.rpartition("/")
        wanted = {"group": group, "version": version, "kind": kind.name}
        for schema in self._definitions(kind).values():
            if wanted in schema.get("x-kubernetes-group-version-kind", ()):
                return dict(schema)
        raise KeyError(f"no schema of {kind}")

    def walk(self, kind: Kind) -> Walk:
        return Walk(self._definitions(kind))

    def _definitions(self, kind: Kind) -> Json:
        document = self._document(kind.api_version)
        assert document is not None
        return dict(document["components"]["schemas"])


class Walk:
    """Follows values and schemas side by side, within one document."""

    def __init__(self, definitions: Json) -> None:
        self._definitions = definitions

    def resolved(self, schema: Json) -> Json:
        """Without references: what it refers to, and what stands beside the reference."""
        while "$ref" in schema or len(schema.get("allOf", ())) == 1:
            inside = schema.get("allOf", [schema])[0]
            if "$ref" not in inside:
                break
            beside = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
            schema = {**self._definitions[inside["$ref"].rpartition("/")[2]], **beside}
        return schema

    def faults(self, schema: Json, value: Any, path: str) -> Iterator[Cause]:
        schema = self.resolved(schema)
        if value is None or value is Later.VALUE:
            return
        if _is_either(schema):
            if isinstance(value, bool) or not isinstance(value, int | str):
                yield Cause(path, f"must be an integer or a string, not {_told(value)}")
            elif isinstance(value, str) and (pattern := schema.get("pattern")) and not re.search(pattern, value):
                yield Cause(path, f"{value!r} does not match {pattern}")
            return
        if _is_quantity(schema):
            if not quantity.is_one(value):
                yield Cause(path, f"{value!r} is no quantity, such as 500m, 2 or 1Gi")
            return
        said = schema.get("type")
        if said and not _is(value, said):
            yield Cause(path, f"must be {_article(said)}, not {_told(value)}")
            return
        yield from _value_faults(schema, value, path)
        if isinstance(value, dict):
            yield from self._object_faults(schema, value, path)
        elif isinstance(value, list) and "items" in schema:
            yield from self._list_faults(schema, value, path)
        yield from self._combination_faults(schema, value, path)

    def defaulted(self, schema: Json, value: Any) -> Any:
        """With the defaults of the schema where an object has no value."""
        schema = self.resolved(schema)
        if isinstance(value, dict):
            known, others = schema.get("properties", {}), schema.get("additionalProperties")
            filled = dict(value)
            for name, inner in known.items():
                whole = self.resolved(inner)
                if name not in filled and whole.get("default") is not None:
                    filled[name] = whole["default"]
            return {
                name: self.defaulted(known.get(name, others if isinstance(others, dict) else {}), each)
                for name, each in filled.items()
            }
        if isinstance(value, list):
            return [self.defaulted(schema.get("items", {}), each) for each in value]
        if _is_quantity(schema) and quantity.is_one(value):
            return quantity.canonical(value)
        return value

    def _object_faults(self, schema: Json, value: Json, path: str) -> Iterator[Cause]:
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        for name in schema.get("required", ()):
            if value.get(name) is None:
                yield Cause(_join(path, name), "Required value")
        for name, each in value.items():
            if name in known:
                yield from self.faults(known[name], each, _join(path, name))
            elif isinstance(others, dict):
                yield from self.faults(others, each, _key(path, name))
            elif not (others or schema.get(ANYTHING)) and (known or not _is_free(schema)):
                near = difflib.get_close_matches(name, known, n=1)
                guess = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(known))}"
                yield Cause(_join(path, name), f"unknown field{guess}")

    def _list_faults(self, schema: Json, value: list[Any], path: str) -> Iterator[Cause]:
        keys = schema.get("x-kubernetes-list-map-keys", ())
        seen = []
        for index, each in enumerate(value):
            yield from self.faults(schema["items"], each, f"{path}[{index}]")
            if schema.get("x-kubernetes-list-type") == "set":
                mark: Any = each
            elif keys and isinstance(each, dict):
                inner = self.resolved(schema["items"]).get("properties", {})
                mark = tuple(each.get(key, inner.get(key, {}).get("default")) for key in keys)
            else:
                continue
            if mark in seen and Later.VALUE not in (mark if isinstance(mark, tuple) else (mark,)):
                yield Cause(f"{path}[{index}]", f"Duplicate value: {mark!r}")
            seen.append(mark)

    def _combination_faults(self, schema: Json, value: Any, path: str) -> Iterator[Cause]:
        def fits(each: Json) -> bool:
            return not any(self._constraint_faults(each, value, path))

        for each in schema.get("allOf", ()):
            yield from self._constraint_faults(each, value, path)
        if (said := schema.get("anyOf")) and not any(map(fits, said)):
            yield Cause(path, f"{_told(value)} fits none of the {len(said)} forms that are allowed")
        if (said := schema.get("oneOf")) and sum(map(fits, said)) != 1:
            yield Cause(path, f"{_told(value)} must fit exactly one of the {len(said)} forms that are allowed")
        if (said := schema.get("not")) and fits(said):
            yield Cause(path, f"{_told(value)} is what is not allowed")

    def _constraint_faults(self, schema: Json, value: Any, path: str) -> Iterator[Cause]:
        """Of a part of a schema, which does not say what fields there are."""
        return self.faults({ANYTHING: True, **schema}, value, path)


def _value_faults(schema: Json, value: Any, path: str) -> Iterator[Cause]:
    allowed = schema.get("enum")
    if allowed and value not in allowed:
        yield Cause(path, f"Unsupported value: {value!r}: supported values: {', '.join(map(str, allowed))}")
    if isinstance(value, str):
        yield from _text_faults(schema, value, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number_faults(schema, value, path)
    elif isinstance(value, dict | list):
        word = "Items" if isinstance(value, list) else "Properties"
        if len(value) < schema.get(f"min{word}", 0):
            yield Cause(path, f"must have at least {schema[f'min{word}']} {word.lower()}")
        if len(value) > schema.get(f"max{word}", len(value)):
            yield Cause(path, f"must have at most {schema[f'max{word}']} {word.lower()}")


def _text_faults(schema: Json, value: str, path: str) -> Iterator[Cause]:
    if (pattern := schema.get("pattern")) and not re.search(pattern, value):
        yield Cause(path, f"{value!r} does not match {pattern}")
    if len(value) < schema.get("minLength", 0):
        yield Cause(path, f"{value!r} must have at least {schema['minLength']} characters")
    if len(value) > schema.get("maxLength", len(value)):
        yield Cause(path, f"must have at most {schema['maxLength']} characters, not {len(value)}")
    if schema.get("format") == "byte" and not _is_base64(value):
        yield Cause(path, "must be base64; to give it as it is, use stringData of a Secret or data of a ConfigMap")
    if schema.get("format") == "date-time" and not DATE_TIME.fullmatch(value):
        yield Cause(path, f"{value!r} is no time, such as 2026-01-31T12:00:00Z")


def _number_faults(schema: Json, value: float, path: str) -> Iterator[Cause]:
    limit = LIMITS.get(schema.get("format", ""))
    if limit and not -limit <= value < limit:
        yield Cause(path, f"{value} does not fit {schema['format']}")
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and (value < least or (schema.get("exclusiveMinimum") and value == least)):
        yield Cause(path, f"{value} must be at least {least}")
    if most is not None and (value > most or (schema.get("exclusiveMaximum") and value == most)):
        yield Cause(path, f"{value} must be at most {most}")


def _is(value: Any, said: str) -> bool:
    return isinstance(value, TYPES[said]) and (said == "boolean" or not isinstance(value, bool))


def _is_either(schema: Json) -> bool:
    return bool(schema.get("x-kubernetes-int-or-string")) or schema.get("format") == "int-or-string"


def _is_quantity(schema: Json) -> bool:
    return [each.get("type") for each in schema.get("oneOf", ())] == ["string", "number"]


def _is_free(schema: Json) -> bool:
    """Whether it says nothing of what is inside."""
    return schema.get("type") != "object" or "properties" not in schema


def _is_base64(value: str) -> bool:
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error:
        return False
    return True


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _key(path: str, name: str) -> str:
    return f"{path}[{name}]"


def _article(said: str) -> str:
    return f"{'an' if said[0] in 'aoi' else 'a'} {'list' if said == 'array' else said}".replace("an list", "a list")


def _told(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return f"the {'boolean' if isinstance(value, bool) else 'string' if isinstance(value, str) else 'number'} {value!r}"
