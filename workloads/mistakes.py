"""Mistakes in a file that a person wrote: path, value, what is allowed, the likely fix; each told once.

Turns what pydantic finds into words. Used for stack files by the infrastructure and for specifications by the command
line.
"""

from __future__ import annotations

import difflib
import json
import typing
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo


class Conflict(ValueError):
    """A value that is well formed and does not go with the others.

    place: path to it from the section that was checked, such as ``("train", "steps")``.
    """

    def __init__(self, problem: str, place: tuple[str | int, ...], value: object) -> None:
        super().__init__(problem)
        self.place = place
        self.value = value


@dataclass(frozen=True)
class Mistake:
    """One mistake.

    what:    the key and its value, such as ``train.steps = "many"``.
    problem: what is wrong and what would be right.
    """

    what: str
    problem: str


def at(path: str, value: Any, problem: str) -> Mistake:
    """The mistake that ``value`` stands at ``path``."""
    return Mistake(f"{path} = {json.dumps(value, default=str)}", problem)


def explain(model: type[BaseModel], error: ValidationError) -> list[Mistake]:
    """Every mistake that the validation of a ``model`` found."""
    found = error.errors(include_url=False)
    misspelt = {
        (*each["loc"][:-1], _near(str(each["loc"][-1]), _keys(model, each["loc"])))
        for each in found
        if each["type"] == "extra_forbidden"
    }
    mistakes = []
    for each in found:
        place, value = each["loc"], each["input"]
        if each["type"] == "missing":
            if place not in misspelt:  # else it is there under a wrong name, and told already
                mistakes.append(Mistake(f"{_path(place)} is missing", _allowed(_lookup(model, place)[1])))
            continue
        conflict = each.get("ctx", {}).get("error")
        if isinstance(conflict, Conflict):
            place, value = (*place, *conflict.place), conflict.value
        mistakes.append(at(_path(place), value, _problem(model, place, dict(each))))
    return mistakes


def _path(place: tuple[int | str, ...]) -> str:
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


WRONG_TYPE = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "string_type": "must be text",
    "bool_type": "must be true or false",
}
LIMITS = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")


def _problem(model: type[BaseModel], place: tuple[int | str, ...], error: dict[str, Any]) -> str:
    """What is wrong and what would be right."""
    _, field = _lookup(model, place)
    value = error["input"]
    match error["type"]:
        case "extra_forbidden":
            known = _keys(model, place)
            return f"unknown key. Allowed: {', '.join(known)}." + _guess(str(place[-1]), known)
        case "value_error":
            message = str(error["ctx"]["error"])
            options = message.partition("allowed: ")[2].split(", ")
            return message + "." + _guess(str(value), options)
        case "enum" | "is_instance_of":
            options = _options(field)
            return f"Allowed: {', '.join(options)}." + _guess(str(value), options)
        case "model_type" | "model_attributes_type" | "dict_type":
            keys = _keys(model, (*place, ""))
            instead = " It is empty: fill it in, or leave it out." if value is None else ""
            return f"must be a section with the keys {', '.join(keys)}.{instead}"
        case "tuple_type" | "list_type":
            keys = _keys(model, (*place, 0, ""))
            of = f" of sections with the keys {', '.join(keys)}" if keys else ""
            instead = " It is empty: fill it in, or leave it out." if value is None else ""
            return f"must be a list{of}.{instead}"
        case kind if kind in WRONG_TYPE:
            quoted = " Write it without quotes." if _is_quoted_number(value, kind) else ""
            return f"{WRONG_TYPE[kind]}.{quoted} {_allowed(field)}".rstrip()
        case kind if kind in LIMITS:
            return f"out of range. {_allowed(field)}"
        case "string_too_short":
            return f"must not be empty. {_allowed(field)}"
        case "string_pattern_mismatch":
            return f"not allowed. {_allowed(field)}"
        case _:
            message = error["msg"].replace("Input should be", "must be").replace("String should", "must")
            return f"{message}. {_allowed(field)}".rstrip()


def _is_quoted_number(value: Any, kind: str) -> bool:
    try:
        return isinstance(value, str) and kind != "string_type" and float(value) is not None
    except ValueError:
        return False


def _near(word: str, options: list[str]) -> str | None:
    return next(iter(difflib.get_close_matches(word, options, n=1)), None)


def _guess(word: str, options: list[str]) -> str:
    near = _near(word, options)
    return f" Did you mean {near}?" if near else ""


def _keys(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """The keys that may stand where ``place`` ends."""
    holder, _ = _lookup(model, place)
    return list(holder.model_fields) if holder else []


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
            holder = section_in(field.annotation) if field else None
    return holder, field


def section_in(annotation: Any) -> type[BaseModel] | None:
    """The settings model inside an annotation such as ``tuple[WorkloadSpec, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(section_in, typing.get_args(annotation))), None)


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
