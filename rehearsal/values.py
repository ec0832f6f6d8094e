"""Between the engine's property values and plain Python values.

An unknown value travels as the protocol's marker string; the SDK's ``Computed`` cannot be marshalled (3.259).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.rpc import UNKNOWN

State = dict[str, Any]


class Later(Enum):
    """A value that a preview does not know yet."""

    VALUE = "known later"


def plain(properties: Mapping[str, PropertyValue]) -> State:
    """Plain values of a resource's properties; unknown ones become ``Later.VALUE``, absent ones are left out."""
    values = {key: _plain(value) for key, value in properties.items()}
    return {key: value for key, value in values.items() if value is not None}


def properties(state: State) -> dict[str, PropertyValue]:
    """The way back."""
    return {key: _property(value) for key, value in state.items()}


def is_known(value: Any) -> bool:
    """Whether nothing in ``value`` is unknown."""
    if isinstance(value, dict):
        return all(map(is_known, value.values()))
    if isinstance(value, list):
        return all(map(is_known, value))
    return value is not Later.VALUE


def _plain(property_value: PropertyValue) -> Any:
    value: Any = property_value.value
    match value:
        case str():
            return Later.VALUE if value == UNKNOWN else value
        case float() if value.is_integer():  # the protocol has one kind of number
            return int(value)
        case Mapping():
            inside = {key: _plain(item) for key, item in value.items()}
            return {key: item for key, item in inside.items() if item is not None}
        case Sequence():
            return [_plain(item) for item in value]
        case _:
            return value


def _property(value: Any) -> PropertyValue:
    match value:
        case Later():
            return PropertyValue(UNKNOWN)
        case bool() | str() | None:
            return PropertyValue(value)
        case int() | float():
            return PropertyValue(float(value))
        case dict():
            return PropertyValue({key: _property(item) for key, item in value.items()})
        case list() | tuple():
            return PropertyValue([_property(item) for item in value])
        case _:
            raise TypeError(f"no property value for {type(value).__name__}")
