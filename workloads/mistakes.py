"""Mistakes in a file that a person wrote: path, value, what is allowed, the likely fix; each told once.

Turns what pydantic finds into words. Used for stack files by the infrastructure and for specifications by the command
line.
"""

from __future__ import annotations

import difflib
import json
import re
import typing
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

Place = tuple[str | int, ...]
"""A path in a file, such as ``("workloads", 0, "name")``."""


class Conflict(ValueError):
    """A value that is well formed and does not go with the others.

    place: path to it from the section that was checked, such as ``("train", "steps")``.
    """

    def __init__(self, problem: str, place: Place, value: object) -> None:
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
    found = [(_locate(model, each["loc"]), each) for each in error.errors(include_url=False)]
    misspelt = {
        (*where.place[:-1], _near(str(where.place[-1]), where.keys))
        for where, each in found
        if each["type"] == "extra_forbidden"
    }
    mistakes = []
    for where, each in found:
        place, value = where.place, each["input"]
        if each["type"] == "missing":
            if place not in misspelt:  # else it is there under a wrong name, and told already
                example = f" Such as {{kind: {next(iter(where.inner))}}}." if len(where.inner) > 1 else ""
                mistakes.append(Mistake(f"{path(place)} is missing", _allowed(where.field) + example))
            continue
        if each["type"] in ("union_tag_invalid", "union_tag_not_found"):
            mistakes.append(_wrong_kind(where, value))
            continue
        if each["type"] == "too_short" and any(_is_below(other, where) for other, _ in found):
            continue  # what is wrong with its items is told already, and only they are missing
        if each["type"] in NO_SECTION and len(where.inner) > 1:
            mistakes.append(_wrong_kind(where, value))
            continue
        conflict = each.get("ctx", {}).get("error")
        if isinstance(conflict, Conflict):
            place, value = (*place, *conflict.place), conflict.value
        mistakes.append(at(path(place), value, _problem(where, {**each, "input": value})))
    return mistakes


def _is_below(inner: _Where, outer: _Where) -> bool:
    return len(inner.place) > len(outer.place) and inner.place[: len(outer.place)] == outer.place


def path(place: Place) -> str:
    """``a[0].b`` for ``("a", 0, "b")``."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


@dataclass(frozen=True)
class _Where:
    """A place in a file, and what its model knows of it.

    place:   the path that a person reads: pydantic's without the names of union members.
    holder:  the section that ``place`` ends in; None when the model has no such place.
    field:   the key there, None when the section does not know it.
    kind:    which member of ``kinds`` the holder is, where it is one of several.
    kinds:   the sections that the holder could be, by their kind.
    """

    place: Place
    holder: type[BaseModel] | None
    field: FieldInfo | None
    kind: str
    kinds: dict[str, type[BaseModel]]

    @property
    def keys(self) -> list[str]:
        """The keys that may stand beside the last of ``place``."""
        return list(self.holder.model_fields) if self.holder else []

    @property
    def inner(self) -> dict[str, type[BaseModel]]:
        """The sections that may stand at ``place``, by their kind."""
        return sections_in(self.field.annotation) if self.field else {}


def _locate(model: type[BaseModel], loc: Place) -> _Where:
    shown: list[str | int] = []
    inside: dict[str, type[BaseModel]] = {"": model}
    holder: type[BaseModel] | None = None
    field: FieldInfo | None = None
    kind, kinds = "", inside
    for part in loc:
        if isinstance(part, int):
            shown.append(part)
            continue
        if len(inside) > 1:  # the name of a union's member, not a key of the file
            kind, kinds = part, inside
            inside = {"": inside[part]} if part in inside else {}
            continue
        shown.append(part)
        holder = next(iter(inside.values()), None)
        if holder not in kinds.values():
            kind, kinds = "", inside
        field = holder.model_fields.get(part) if holder else None
        inside = sections_in(field.annotation) if field else {}
    return _Where(tuple(shown), holder, field, kind, kinds)


def sections_in(annotation: Any) -> dict[str, type[BaseModel]]:
    """The settings models inside an annotation such as ``tuple[WorkloadSpec, ...]`` or ``Spot | OnDemand``.

    By kind, the literal that tells the members of a union apart; a lone model has none.
    """
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        kind = annotation.model_fields.get("kind")
        words = typing.get_args(kind.annotation) if kind else ()
        return {words[0] if len(words) == 1 else "": annotation}
    found: dict[str, type[BaseModel]] = {}
    for part in typing.get_args(annotation):
        found |= sections_in(part)
    return found


ELSEWHERE = {("sharing", "mig"): "A MIG partition is set by partition"}
"""What is no kind of a section, and where it is said instead."""


def _wrong_kind(where: _Where, value: Any) -> Mistake:
    """The mistake of a section that does not say, or says wrongly, which of several it is."""
    kinds, told = list(where.inner), _allowed(where.field)
    if isinstance(value, dict) and "kind" in value:
        kind = str(value["kind"])
        instead = ELSEWHERE.get((str(where.place[-1]), kind.casefold()))
        advice = f" {instead}." if instead else _guess(kind, kinds)
        return at(path((*where.place, "kind")), value["kind"], told + advice)
    if isinstance(value, dict):
        fitting = [
            kind for kind, section in where.inner.items() if value and value.keys() <= section.model_fields.keys()
        ]
        meant = f" Did you mean {' or '.join(fitting)}?" if fitting else ""
        return Mistake(f"{path(where.place)}.kind is missing", told + meant)
    near = _near(value, kinds) if isinstance(value, str) else None
    word = f" Write {{kind: {near}}}." if near else ""
    return at(path(where.place), value, f"must be a section with a kind. {told}{word}")


NO_SECTION = ("model_type", "model_attributes_type", "dict_type")
WRONG_TYPE = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "string_type": "must be text",
    "bool_type": "must be true or false",
}
OUT_OF_RANGE = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")


def _problem(where: _Where, error: dict[str, Any]) -> str:
    """What is wrong and what would be right."""
    value, field = error["input"], where.field
    empty = " It is empty: fill it in, or leave it out." if value is None else ""
    match error["type"]:
        case "extra_forbidden":
            key = str(where.place[-1])
            owners = [kind for kind, section in where.kinds.items() if key in section.model_fields]
            if owners:
                return f"no key of kind {where.kind}, but of {' or '.join(owners)}; change kind, or leave {key} out."
            return f"unknown key. Allowed: {', '.join(where.keys)}." + _guess(key, where.keys)
        case "value_error":
            message = str(error["ctx"]["error"])
            if "did you mean" in message:
                return f"{message.rstrip('?')}?"
            options = message.partition("allowed: ")[2]
            if not isinstance(value, str) or ";" in options:  # what follows is advice of its own
                return f"{message}."
            return f"{message}." + _guess(value, options.split(", "))
        case "enum" | "is_instance_of" | "literal_error":
            words = words_allowed(field.annotation) if field else []
            return f"Allowed: {', '.join(words)}." + _guess(str(value), words)
        case kind if kind in NO_SECTION:
            return f"must be {_section(where.inner)}.{empty}"
        case "tuple_type" | "list_type":
            of = f" of sections with the keys {_keys(where.inner)}" if where.inner else ""
            written = f" Write [{value}]." if isinstance(value, str) and not where.inner else ""
            return f"must be a list{of}.{empty}{written}"
        case "too_short":
            return f"must not be empty. {_allowed(field)}"
        case "too_long":
            return f"has more than {error['ctx']['max_length']}. {_allowed(field)}"
        case kind if kind in WRONG_TYPE:
            quoted = " Write it without quotes." if _is_quoted_number(value, kind) else ""
            return f"{WRONG_TYPE[kind]}.{quoted} {_allowed(field)}".rstrip()
        case kind if kind in OUT_OF_RANGE:
            return f"out of range. {_allowed(field)}"
        case "string_too_short":
            return f"must not be empty. {_allowed(field)}"
        case "string_pattern_mismatch":
            region = _region_of(value) if where.place[-1] == "region" else None
            return f"that is a zone; its region is {region}." if region else f"not allowed. {_allowed(field)}"
        case _:
            message = error["msg"].replace("Input should be", "must be").replace("String should", "must")
            return f"{message}. {_allowed(field)}".rstrip()


def _is_quoted_number(value: Any, kind: str) -> bool:
    try:
        return isinstance(value, str) and kind != "string_type" and float(value) is not None
    except ValueError:
        return False


def _region_of(zone: Any) -> str | None:
    """The region in the name of a cloud's zone: ``us-central1`` of ``us-central1-a``."""
    found = re.fullmatch(r"([a-z]+-[a-z]+\d+)-[a-z]", str(zone))
    return found[1] if found else None


SYNONYMS = {
    "preemptible": "spot",
    "ondemand": "on-demand",
    "standard": "on-demand",
    "dws": "flex-start",
    "flex": "flex-start",
    "reserved": "reservation",
}
"""Other words for what files say, as clouds and their older documents use them."""


def _near(word: str, options: list[str]) -> str | None:
    if (same := SYNONYMS.get(word.casefold().replace("_", "-"))) in options:
        return same
    by_fold = {option.casefold(): option for option in options}
    return next((by_fold[near] for near in difflib.get_close_matches(word.casefold(), by_fold, n=1)), None)


def _guess(word: str, options: list[str]) -> str:
    near = _near(word, options)
    return f" Did you mean {near}?" if near else ""


def words_allowed(annotation: Any) -> list[str]:
    """The words that an enumeration or a Literal allows, also inside a tuple."""
    members = getattr(annotation, "__members__", None)
    if members:
        return [str(member.value) for member in members.values()]
    if typing.get_origin(annotation) is typing.Literal:
        return [str(word) for word in typing.get_args(annotation)]
    return [word for part in typing.get_args(annotation) for word in words_allowed(part)]


def _keys(inner: dict[str, type[BaseModel]]) -> str:
    return ", ".join(dict.fromkeys(key for section in inner.values() for key in section.model_fields))


def _section(inner: dict[str, type[BaseModel]]) -> str:
    return f"a section with the keys {_keys(inner)}"


def _allowed(field: FieldInfo | None) -> str:
    """The field's meaning, limits and default, from its declaration."""
    if field is None:
        return ""
    words = [limits] if (limits := _limits(field)) else []
    extra = field.json_schema_extra
    if isinstance(extra, dict) and isinstance(extra.get("enum"), list):
        words.append(", ".join(map(str, typing.cast("list[Any]", extra["enum"]))))
    inner = sections_in(field.annotation)
    if len(inner) > 1:
        words.append(", ".join(inner))
    elif inner and field.is_required():
        words.append(_section(inner))
    allowed = f" Allowed: {'; '.join(words)}." if words else ""
    default = field.get_default()
    shown = f" Default: {str(default).lower() if isinstance(default, bool) else default}."
    return f"{field.description or ''}{allowed}{shown if isinstance(default, str | int | float) else ''}".strip()


def _limits(field: FieldInfo) -> str:
    """The range of the field's numbers, or of those in its list."""
    found = {type(item).__name__: item for item in _metadata(field)}
    least, above, most, below = (found.get(name) for name in ("Ge", "Gt", "Le", "Lt"))
    low = str(least.ge) if least else f"more than {above.gt}" if above else ""
    if low and most:
        return f"{low} to {most.le}"
    high = f"at most {most.le}" if most else f"less than {below.lt}" if below else ""
    return ", ".join(end for end in (f"at least {low}" if least else low, high) if end)


def _metadata(field: FieldInfo) -> list[Any]:
    """What the declaration says of a value besides its type, also of the items of a list."""
    items = [item for part in typing.get_args(field.annotation) for item in getattr(part, "__metadata__", ())]
    return [*field.metadata, *(each for item in items for each in getattr(item, "metadata", [item]))]
