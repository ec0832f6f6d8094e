"""What is secret in a program stays secret in the state.

A provider that declares components has to mark secrets itself; from others the engine takes that work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pulumi.provider.experimental.property_value import PropertyValue

from rehearsal.kubernetes.objects import ASKED
from rehearsal.values import State, properties

OF_A_SECRET = ("data", "stringData", ASKED)


def guarded(values: State, like: Mapping[str, PropertyValue]) -> dict[str, PropertyValue]:
    """``values`` as properties, secret where ``like`` is; of a Secret also what it holds."""
    made = {name: _as(value, like.get(name)) for name, value in properties(values).items()}
    secret = (
        OF_A_SECRET
        if values.get("kind") == "Secret"
        else (ASKED,)
        if any(each.contains_secret() for each in like.values())
        else ()
    )
    return {name: value.with_secret(True) if name in secret else value for name, value in made.items()}


def _as(value: PropertyValue, like: PropertyValue | None) -> PropertyValue:
    if like is None:
        return value
    if like.is_secret:
        return value.with_secret(True)
    inside, other = value.value, like.value
    if isinstance(inside, Mapping) and isinstance(other, Mapping):
        return PropertyValue({name: _as(each, other.get(name)) for name, each in inside.items()})
    if _is_list(inside) and _is_list(other) and len(inside) == len(other):  # type: ignore[arg-type]
        return PropertyValue([_as(each, its) for each, its in zip(inside, other, strict=True)])  # type: ignore[arg-type]
    return value


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
