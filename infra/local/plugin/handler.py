"""What a resource type of the local site has to answer, in plain Python values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar

State = dict[str, Any]
"""Inputs and outputs of a resource as plain values; whole numbers are ``int``."""


class Later(Enum):
    """A value that a preview cannot know yet."""

    VALUE = "known after up"


class SiteError(Exception):
    """What went wrong, for the person who runs the engine; shown without a traceback."""


@dataclass(frozen=True)
class Talk:
    """Messages to the person at the engine, shown at the resource they are about.

    progress: passing news; each replaces the one before.
    """

    info: Callable[[str], None]
    warn: Callable[[str], None]
    progress: Callable[[str], None]


class Handler(ABC):
    """One resource type. Its state holds the inputs too, so that the next difference can be told."""

    wanted: ClassVar[State] = {}
    """Inputs that no program sets: what a healthy resource reads as. A read that finds otherwise is drift to mend."""

    outputs: tuple[str, ...] = ()
    """Names of what the resource adds to its inputs."""

    volatile: tuple[str, ...] = ()
    """Those of ``outputs`` that an update changes."""

    def replaces(self, path: str) -> bool:
        """Whether a change of the input at ``path``, such as ``workload.train.steps``, takes a new resource."""
        return False

    @abstractmethod
    def create(self, name: str, inputs: State, talk: Talk) -> State:
        """Makes the resource real. Must converge when an earlier attempt was cut off at any point."""

    @abstractmethod
    def read(self, name: str, state: State) -> State | None:
        """The state as it is now; None when nothing of the resource is left."""

    @abstractmethod
    def update(self, name: str, state: State, inputs: State, talk: Talk) -> State:
        """Brings the resource to ``inputs`` and mends drift."""

    @abstractmethod
    def delete(self, name: str, state: State, talk: Talk) -> None:
        """Removes what runs; what was made stays unless the person asked for its removal."""


def differences(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Paths at which two plain values differ, as deep as both are mappings."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {**old, **new}:
            yield from differences(old.get(key), new.get(key), f"{path}.{key}" if path else key)
    elif old != new:
        yield path
