"""Google's API discovery documents, which google-api-python-client carries: the fields of a body and their values.

A document says the type, format, enumeration and pattern of a field. What it does not say is in ``rules``. Managed
Lustre has no document there; ``documents`` beside this module holds what its REST reference says, in the same form.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import googleapiclient.discovery_cache

DOCUMENTS = (Path(googleapiclient.discovery_cache.__file__).parent / "documents", Path(__file__).parent / "documents")
DATE = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
FORMATS = {
    "int64": (r"-?\d{1,19}", "a whole number"),
    "uint64": (r"\d{1,20}", "a whole number that is not negative"),
    "google-duration": (r"-?\d+(\.\d{1,9})?s", "seconds, such as 3600s"),
    "google-datetime": (
        DATE + r"T([01]\d|2[0-3])(:[0-5]\d){2}(\.\d+)?(Z|[+-]\d\d:\d\d)",
        "a time as RFC 3339, such as 2026-12-01T06:00:00Z",
    ),
    "date": (DATE, "a date, such as 2026-12-01"),
    "google-fieldmask": (r"[\w.,]*", "names of fields"),
}
RANGES = {"int32": (-(2**31), 2**31 - 1), "uint32": (0, 2**32 - 1)}
KINDS: dict[str, Any] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "array": list,
    "object": dict,
}


@dataclass(frozen=True)
class Schema:
    """A place in a document: the document's name, such as ``compute.beta``, and what it says there."""

    document: str
    said: dict[str, Any]

    @property
    def kind(self) -> str:
        """``array``, ``object``, ``string`` and so on; ``any`` where the document does not say."""
        return str(self.said.get("type", "any"))

    @property
    def read_only(self) -> bool:
        """Whether only the service writes it. Documents say so in the field or in words."""
        return bool(self.said.get("readOnly")) or self._description.startswith(("Output only", "[Output Only]"))

    @property
    def required(self) -> bool:
        """Whether the document says that it must be given."""
        return self._description.startswith("Required.") and not self.read_only

    @property
    def source(self) -> str:
        """Where this is from, for a message."""
        document = _document(self.document)
        return f"API {self.document}, revision {document.get('revision', 'unknown')}"

    @property
    def _description(self) -> str:
        return str(self.said.get("description", ""))

    def fields(self) -> dict[str, Schema]:
        """Of an object, by name; none of a map."""
        return {name: _followed(self.document, each) for name, each in self.said.get("properties", {}).items()}

    def field(self, name: str) -> Schema | None:
        """The field of that name in any spelling of upper and lower case, as SDKs spell acronyms their own way."""
        properties = self.said.get("properties", {})
        if name not in properties:
            name = next((each for each in properties if each.lower() == name.lower()), "")
        return _followed(self.document, properties[name]) if name else None

    def spelling(self, name: str) -> str:
        """How the document spells a field that it has."""
        properties = self.said.get("properties", {})
        return name if name in properties else next(each for each in properties if each.lower() == name.lower())

    def items(self) -> Schema:
        """Of an array; of a map, its values."""
        inner = self.said.get("items") or self.said.get("additionalProperties") or {}
        return _followed(self.document, inner)

    @property
    def is_map(self) -> bool:
        return "additionalProperties" in self.said

    def faults(self, value: Any) -> Iterator[str]:
        """What is wrong with a value that is no object and no list: what is allowed, in words."""
        kind = KINDS.get(self.kind)
        if kind is None:
            return
        if not isinstance(value, kind) or (isinstance(value, bool) and self.kind != "boolean"):
            yield f"must be {_article(self.kind)}"
            return
        yield from self._enumeration(value)
        pattern = self.said.get("pattern")
        if pattern and isinstance(value, str) and not re.fullmatch(pattern, value):
            yield f"must match {pattern}"
        known, allowed = FORMATS.get(self.said.get("format", ""), ("", ""))
        if known and isinstance(value, str) and not re.fullmatch(known, value):
            yield f"must be {allowed}"
        low, high = RANGES.get(self.said.get("format", ""), (None, None))
        if low is not None and high is not None and isinstance(value, int) and not low <= value <= high:
            yield f"must be between {low} and {high}"

    def mistakes(self, value: Any, path: str = "") -> Iterator[tuple[str, Any, str]]:
        """Everything that is wrong with a whole body: path, value, and what is allowed, in words."""
        prefix = f"{path}." if path else ""
        if self.kind in ("array", "object") and not isinstance(value, KINDS[self.kind]):
            yield path, value, f"must be {_article(self.kind)}"
            return
        if self.kind == "array":
            for index, each in enumerate(value):
                yield from self.items().mistakes(each, f"{path}[{index}]")
        elif self.is_map:
            for key, each in value.items():
                yield from self.items().mistakes(each, prefix + key)
        elif self.kind == "object":
            fields = self.fields()
            for name, each in value.items():
                if name not in fields:
                    near = difflib.get_close_matches(name, fields, n=1)
                    yield prefix + name, each, "there is no such field." + (f" Did you mean {near[0]}?" if near else "")
                elif fields[name].read_only:
                    yield prefix + name, each, "only the service writes it"
                else:
                    yield from fields[name].mistakes(each, prefix + name)
            for name, schema in fields.items():
                if schema.required and name not in value:
                    yield prefix + name, None, "is missing"
        else:
            for allowed in self.faults(value):
                yield path, value, allowed

    def _enumeration(self, value: Any) -> Iterator[str]:
        allowed = [each for each in self.said.get("enum", []) if not each.endswith("UNSPECIFIED")]
        if allowed and value not in self.said["enum"]:
            near = difflib.get_close_matches(str(value).upper(), allowed, n=1)
            guess = f". Did you mean {near[0]}?" if near else ""
            yield f"must be one of {', '.join(allowed)}{guess}"


def methods(document: str) -> Iterator[dict[str, Any]]:
    """The methods of an API, as its document says them."""

    def inside(resources: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for each in resources.values():
            yield from each.get("methods", {}).values()
            yield from inside(each.get("resources", {}))

    yield from inside(_document(document)["resources"])


def title(document: str) -> str:
    """What an API is called, such as ``Compute Engine API``."""
    return str(_document(document)["title"])


def schema(document: str, name: str) -> Schema:
    """The schema ``name`` of a document such as ``compute.beta``. Raises KeyError when there is none."""
    return Schema(document, _document(document)["schemas"][name])


@cache
def _document(name: str) -> dict[str, Any]:
    for folder in DOCUMENTS:
        if (file := folder / f"{name}.json").is_file():
            document: dict[str, Any] = json.loads(file.read_text())
            return document
    raise KeyError(f"no discovery document {name}")


def _followed(document: str, said: dict[str, Any]) -> Schema:
    """A reference's target, with what is said of the reference itself."""
    if "$ref" in said:
        target = _document(document)["schemas"][said["$ref"]]
        said = {**target, **{key: value for key, value in said.items() if key in ("description", "readOnly")}}
    return Schema(document, said)


def _article(kind: str) -> str:
    return {
        "integer": "a whole number",
        "array": "a list",
        "object": "a mapping",
        "boolean": "true or false",
        "string": "text",
    }.get(kind, "a number")
