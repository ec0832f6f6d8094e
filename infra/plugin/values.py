"""Between the engine's property values and plain Python values.

An unknown value travels as the protocol's marker string; the SDK's ``Computed`` cannot be marshalled (3.259).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.rpc import UNKNOWN

from infra.plugin.handler import Later, State


def plain(properties: Mapping[str, PropertyValue]) -> State:
    """Plain values of a resource's properties; unknown ones become ``Later.VALUE``."""
    return {key: _plain(value) for key, value in properties.items()}


def properties(state: State) -> dict[str, PropertyValue]:
    """The way back."""
    return {key: _property(value) for key, value in state.items()}


def _plain(property_value: PropertyValue) -> Any:
    value: Any = property_value.value
    match value:
        case str() if value == UNKNOWN:
            return Later.VALUE
        case float() if value.is_integer():  # the protocol has one kind of number
            return int(value)
        case str():
            return value
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
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
