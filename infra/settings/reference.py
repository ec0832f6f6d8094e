"""``python -m infra.settings.reference``: writes the table and the JSON schema in stacks/ from the models."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from infra.settings import schema
from infra.settings.models import Settings
from workloads.mistakes import sections_in, words_allowed

STACKS = Path(__file__).parents[2] / "stacks"
PAGE = STACKS / "README.md"
SCHEMA = STACKS / "settings.schema.json"
MARKER = "<!-- made by `make docs` from infra/settings and workloads/spec.py -->"
OR = " \\| "  # a bar that ends no cell of the table
NAMES = {int: "whole number", float: "number", str: "text", bool: f"true{OR}false"}


def table() -> str:
    """Every key of a stack file as Markdown."""
    lines = ["| Key | Type | Default | Meaning |", "| --- | --- | --- | --- |"]
    return "\n".join(lines + list(_rows(Settings, "", {}))) + "\n"


def _rows(model: type[BaseModel], prefix: str, explained: dict[type[BaseModel], str]) -> Iterator[str]:
    """explained: the sections that stand above already, and where; a second time they are referred to."""
    for name, field in model.model_fields.items():
        inner, key = sections_in(field.annotation), f"{prefix}{name}"
        if name == "kind" and sections_in(model).keys() != {""}:
            continue  # the heading of a union's member
        if not inner:
            yield f"| `{key}` | {_type(field)} | {_default(field)} | {field.description} |"
            continue
        several = typing.get_origin(field.annotation) is tuple
        above = next((explained[section] for section in inner.values() if section in explained), None)
        reference = f", as `{above}`" if above else ""
        yield f"| `{key}` | {_section(inner, several)}{reference} | {_default(field)} | {field.description} |"
        for kind, section in inner.items():
            if section not in explained:
                explained[section] = key
                below = f"{key}{'[]' if several else ''}{f'({kind})' if kind else ''}."
                yield from _rows(section, below, explained)


def _section(inner: dict[str, type[BaseModel]], several: bool) -> str:
    if len(inner) > 1:
        return f"section of one kind: {OR.join(inner)}"
    return "list of sections" if several else "section"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    return "" if sections_in(field.annotation) or field.default is None else f"`{_plain(field.default)}`"


def _type(field: FieldInfo) -> str:
    """The type and its limits; the schema knows both."""
    words = words_allowed(field.annotation)
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "enum" in extra:
        words = typing.cast("list[str]", extra["enum"])
    several = typing.get_origin(field.annotation) is tuple
    if words:
        return ("list of " if several else "") + OR.join(words)
    limits = {type(item).__name__: item for item in field.metadata}
    kind = next(each for each in _plain_types(field.annotation) if each in NAMES)
    parts = [("list of " if several else "") + NAMES[kind]]
    parts += [f"> {limits['Gt'].gt}"] if "Gt" in limits else []
    parts += [f">= {limits['Ge'].ge}"] if "Ge" in limits else []
    parts += [f"<= {limits['Le'].le}"] if "Le" in limits else []
    parts += [f"< {limits['Lt'].lt}"] if "Lt" in limits else []
    return ", ".join(parts)


def _plain_types(annotation: Any) -> Iterator[type]:
    """The types inside an annotation such as ``tuple[str, ...]`` or ``int | None``."""
    if isinstance(annotation, type) and annotation in NAMES:
        yield annotation
    for part in typing.get_args(annotation):
        yield from _plain_types(part)


def _plain(value: Any) -> str:
    return json.dumps(value, default=str).strip('"')


def page(current: str) -> str:
    """The page with its table made anew; what stands above the marker stays as it is."""
    above, _, _ = current.partition(MARKER)
    return f"{above}{MARKER}\n{table()}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
    SCHEMA.write_text(schema.text())
