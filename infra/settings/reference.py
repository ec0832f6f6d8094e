"""``python -m infra.settings.reference``: writes the table of stacks/README.md from the models."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from infra.settings.models import Settings
from workloads.mistakes import section_in

PAGE = Path(__file__).parents[2] / "stacks" / "README.md"
MARKER = "<!-- made by `make docs` from infra/settings/models.py and workloads/spec.py -->"
NAMES = {int: "whole number", float: "number", str: "text"}


def table() -> str:
    """Every key of a stack file as Markdown."""
    lines = ["| Key | Type | Default | Meaning |", "| --- | --- | --- | --- |"]
    return "\n".join(lines + list(_rows(Settings, ""))) + "\n"


def _rows(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = section_in(field.annotation)
        if inner:
            several = typing.get_origin(field.annotation) is tuple
            yield f"| `{prefix}{name}` | {'list of sections' if several else 'section'} | | {field.description} |"
            yield from _rows(inner, f"{prefix}{name}{'[]' if several else ''}.")
        else:
            default = "required" if field.is_required() else f"`{_plain(field.default)}`"
            yield f"| `{prefix}{name}` | {_type(field)} | {default} | {field.description} |"


def _type(field: FieldInfo) -> str:
    """The type and its limits; the schema knows both."""
    members = getattr(field.annotation, "__members__", None)
    if members:
        return " \\| ".join(str(member.value) for member in members.values())
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "enum" in extra:
        return " \\| ".join(typing.cast("list[str]", extra["enum"]))
    limits = {type(item).__name__: item for item in field.metadata}
    words = [NAMES[typing.cast("type", field.annotation)]]
    words += [f"> {limits['Gt'].gt}"] if "Gt" in limits else []
    words += [f">= {limits['Ge'].ge}"] if "Ge" in limits else []
    words += [f"<= {limits['Le'].le}"] if "Le" in limits else []
    return ", ".join(words)


def _plain(value: Any) -> str:
    return json.dumps(value, default=str).strip('"')


def page(current: str) -> str:
    """The page with its table made anew; what stands above the marker stays as it is."""
    above, _, _ = current.partition(MARKER)
    return f"{above}{MARKER}\n{table()}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
