"""A resource as a rule sees it: inputs that are read by path and type, and what the program said beside them.

A value that a preview does not know raises ``NotKnown``, and one of another type ``WrongType``: a rule never takes
either for an answer, and whoever runs it tells which it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any


class Unknown:
    """What will be known when the resource has been made."""

    def __repr__(self) -> str:
        return "[unknown]"


UNKNOWN = Unknown()


class NotKnown(Exception):
    """A preview does not know the property at ``path``."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is not known before it is made; looked at again in the up")


class WrongType(Exception):
    """The property at ``path`` is not what the provider's schema says."""

    def __init__(self, path: str, wanted: str, found: object) -> None:
        super().__init__(f"{path} is {shown(found)}, where {wanted} belongs")


@dataclass(frozen=True)
class Value:
    """The property at ``path``; ``raw`` is None where there is none."""

    path: str
    raw: Any

    def at(self, path: str) -> Value:
        """The property below this one; None where this one is."""
        value = self
        for key in path.split("."):
            inner = value._mapping()
            value = Value(f"{value.path}.{key}".lstrip("."), inner.get(key))
        return value

    def is_set(self) -> bool:
        """Whether there is anything, known or not: an empty list or mapping is nothing."""
        return self.raw is UNKNOWN or self.raw not in (None, "", [], {})

    def text(self) -> str | None:
        found: str | None = self._of(str, "text")
        return found

    def flag(self) -> bool | None:
        found: bool | None = self._of(bool, "true or false")
        return found

    def number(self) -> float | None:
        if isinstance(self.raw, bool):
            raise WrongType(self.path, "a number", self.raw)
        found: float | None = self._of((int, float), "a number")
        return found

    def moment(self) -> datetime | None:
        """A date, or a moment, as RFC 3339 has it."""
        text = self.text()
        try:
            return datetime.fromisoformat(text) if text else None
        except ValueError as error:
            raise WrongType(self.path, "a date", text) from error

    def items(self) -> list[Value]:
        """The elements of a list."""
        found: list[Any] = self._of(list, "a list") or []
        return [Value(f"{self.path}[{index}]", each) for index, each in enumerate(found)]

    def texts(self) -> list[str]:
        """The elements of a list of texts."""
        return [each.text() or "" for each in self.items()]

    def entries(self) -> dict[str, Value]:
        """The values of a mapping."""
        return {key: Value(f"{self.path}.{key}".lstrip("."), each) for key, each in self._mapping().items()}

    def strings(self) -> Iterator[Value]:
        """Every text in it, however deep; what is not known is passed over."""
        if isinstance(self.raw, str):
            yield self
        elif isinstance(self.raw, Mapping):
            for value in self.entries().values():
                yield from value.strings()
        elif isinstance(self.raw, list):
            for value in self.items():
                yield from value.strings()

    def _mapping(self) -> Mapping[str, Any]:
        return self._of(Mapping, "a mapping") or {}

    def _of(self, kind: Any, wanted: str) -> Any:
        if self.raw is UNKNOWN:
            raise NotKnown(self.path)
        if self.raw is not None and not isinstance(self.raw, kind):
            raise WrongType(self.path, wanted, self.raw)
        return self.raw


@dataclass(frozen=True)
class Resource:
    """One resource of a stack.

    inputs:     as the provider is given them; ``UNKNOWN`` where a preview does not know.
    protected:  whether the engine refuses to delete it.
    parent:     its URN; empty where the stack is the parent.
    provider:   name and inputs of its provider; None where it needs none.
    timeouts:   whether the program says how long to wait.
    """

    urn: str
    type: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    protected: bool = False
    parent: str = ""
    provider: Resource | None = None
    timeouts: bool = False

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2]

    @property
    def stack(self) -> str:
        return self.urn.split(":")[2] if self.urn.startswith("urn:pulumi:") else ""

    def at(self, path: str) -> Value:
        return self.whole.at(path)

    @property
    def whole(self) -> Value:
        return Value("", self.inputs)

    def is_a(self, *types: str) -> bool:
        """Whether it is of one of these types; ``*`` in one stands for anything."""
        return any(fnmatchcase(self.type, each) for each in types)


def shown(value: object) -> str:
    """A value for a sentence."""
    match value:
        case None:
            return "not set"
        case bool():
            return str(value).lower()
        case str():
            return repr(value if len(value) <= 60 else f"{value[:57]}...")
        case Mapping():
            return "a mapping"
        case list():
            return f"[{', '.join(map(shown, value[:5]))}{', ...' if len(value) > 5 else ''}]"
        case _:
            return str(value)
