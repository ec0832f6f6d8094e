"""Errors for the person who has to mend a stack file: path, value, what is allowed, the likely fix."""

from __future__ import annotations

import difflib
import json
import typing
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

PROJECT = "ai-datacenter"


class SettingsError(Exception):
    """One or more mistakes in a stack file, each told once."""

    @classmethod
    def at(cls, file: str, path: str, value: Any, problem: str) -> SettingsError:
        """A single mistake. ``path`` is the key below the project's name."""
        return cls(f"{file}: {PROJECT}:{path} = {json.dumps(value, default=str)}\n  {problem}")

    @classmethod
    def of(cls, file: str, model: type[BaseModel], error: ValidationError) -> SettingsError:
        """Every mistake that validation found."""
        mistakes = []
        for each in error.errors(include_url=False):
            place = each["loc"]
            path = _path(place)
            mistakes.append(str(cls.at(file, path, each["input"], _problem(model, place, dict(each)))))
        return cls("\n".join(mistakes))


def _path(place: tuple[int | str, ...]) -> str:
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _problem(model: type[BaseModel], place: tuple[int | str, ...], error: dict[str, Any]) -> str:
    """What is wrong and what would be right."""
    holder, field = _lookup(model, place)
    name = str(place[-1]) if place else ""
    match error["type"]:
        case "extra_forbidden":
            known = list(holder.model_fields) if holder else []
            return f"unknown key. Allowed: {', '.join(known)}." + _guess(name, known)
        case "missing":
            return f"required, and not there. {_allowed(field)}".rstrip()
        case "value_error":
            message = str(error["ctx"]["error"])
            options = message.partition("allowed: ")[2].split(", ")
            return message + "." + _guess(str(error["input"]), options)
        case "enum" | "is_instance_of":
            options = _options(field)
            return f"Allowed: {', '.join(options)}." + _guess(str(error["input"]), options)
        case _:
            message = error["msg"].replace("Input should be", "must be").replace("String should", "must")
            return f"{message}. {_allowed(field)}".rstrip()


def _guess(word: str, options: list[str]) -> str:
    near = difflib.get_close_matches(word, options, n=1)
    return f" Did you mean {near[0]}?" if near else ""


def _lookup(model: type[BaseModel], place: tuple[int | str, ...]) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """The model that holds ``place``, and the field there when there is one."""
    holder: type[BaseModel] | None = model
    field: FieldInfo | None = None
    for position, part in enumerate(place):
        if isinstance(part, int):
            continue
        if holder is None:
            return None, None
        field = holder.model_fields.get(part)
        if any(isinstance(later, str) for later in place[position + 1 :]):
            holder = _model_in(field.annotation) if field else None
    return holder, field


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The settings model inside an annotation such as ``tuple[WorkloadSpec, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, typing.get_args(annotation))), None)


def _options(field: FieldInfo | None) -> list[str]:
    members = getattr(field.annotation, "__members__", {}) if field else {}
    return [str(member.value) for member in members.values()]


def _allowed(field: FieldInfo | None) -> str:
    """The field's meaning, limits and default, from its declaration."""
    if field is None:
        return ""
    limits = {type(item).__name__: item for item in field.metadata}
    words = []
    low, high = limits.get("Ge") or limits.get("Gt"), limits.get("Le")
    if low is not None and high is not None:
        above = "" if "Ge" in limits else "more than "
        words.append(f"{above}{getattr(low, 'ge', None) or getattr(low, 'gt', 0)} to {high.le}")
    elif low is not None:
        words.append(f"at least {getattr(low, 'ge', None) or getattr(low, 'gt', 0)}")
    extra = field.json_schema_extra
    if isinstance(extra, dict) and isinstance(extra.get("enum"), list):
        words.append(", ".join(map(str, typing.cast("list[Any]", extra["enum"]))))
    allowed = f" Allowed: {'; '.join(words)}." if words else ""
    default = field.get_default()
    shown = f" Default: {default}." if isinstance(default, str | int | float) else ""
    return f"{field.description or ''}{allowed}{shown}".strip()
