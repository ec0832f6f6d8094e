"""What a resource type has to answer, in plain Python values."""

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


class ProviderError(Exception):
    """What went wrong, for the person who runs the engine; shown without a traceback."""


class Unfinished(ProviderError):
    """The resource is there, and the engine must keep it in the state, but it did not become what it should be.

    The next ``up`` calls ``update`` even when nothing differs.
    """

    def __init__(self, message: str, state: State) -> None:
        super().__init__(message)
        self.state = state


@dataclass(frozen=True)
class Mistake:
    """An input that cannot be.

    path:  of the input, such as ``accelerator_config.topology``.
    """

    path: str
    reason: str


@dataclass(frozen=True)
class Talk:
    """Messages to the person at the engine, shown at the resource they are about, and what that person said of it.

    progress:  passing news; each replaces the one before.
    urn:       the resource.
    seconds:   time that the operation may take (``customTimeouts``); None where the resource type decides.
    """

    info: Callable[[str], None]
    warn: Callable[[str], None]
    progress: Callable[[str], None]
    urn: str = ""
    seconds: float | None = None


class Handler(ABC):
    """One resource type. Its state holds the inputs too, so that the next difference can be told."""

    wanted: ClassVar[State] = {}
    """Inputs that no program sets: what a healthy resource reads as. A read that finds otherwise is drift to mend."""

    defaults: ClassVar[State] = {}
    """Values of inputs that a program left out."""

    outputs: tuple[str, ...] = ()
    """Names of what the resource adds to its inputs."""

    volatile: tuple[str, ...] = ()
    """Those of ``outputs`` that an update changes."""

    delete_before_replace: bool = False
    """Whether the old one must be gone before a new one can be made, as when both have one name."""

    def check(self, inputs: State) -> Iterator[Mistake]:
        """What cannot be, found without asking anybody. A value may be ``Later.VALUE``."""
        yield from ()

    def differences(self, old: State, new: State) -> Iterator[str]:
        """Paths of the inputs at which a resource in the state ``old`` is not what ``new`` asks for."""
        declared = {key: value for key, value in old.items() if key in new or key not in self.outputs}
        yield from differences(declared, new)

    def replaces(self, path: str) -> bool:
        """Whether a change of the input at ``path``, such as ``workload.train.steps``, takes a new resource."""
        return False

    def identity(self, name: str, state: State) -> str:
        """The id by which the engine knows the resource."""
        return name

    @abstractmethod
    def create(self, name: str, inputs: State, talk: Talk) -> State:
        """Makes the resource real. Must converge when an earlier attempt was cut off at any point."""

    @abstractmethod
    def read(self, name: str, state: State) -> State | None:
        """The state as it is now; None when nothing of the resource is left."""

    def adopt(self, identity: str) -> tuple[State, State] | None:
        """Inputs and state of a resource of which only the id is known; None when there is none."""
        raise ProviderError(f"{identity}: resources of this type cannot be imported")

    def concern(self, state: State) -> str | None:
        """What the person should know or do about a resource in this state; None when it is well."""
        return None

    def news(self, old: State, new: State) -> str | None:
        """What a read found changed that is no difference from the inputs, which is all that the engine shows."""
        return None

    @abstractmethod
    def update(self, name: str, state: State, inputs: State, talk: Talk) -> State:
        """Brings the resource to ``inputs`` and mends drift."""

    @abstractmethod
    def delete(self, name: str, state: State, talk: Talk) -> None:
        """Removes what runs; what was made stays unless the person asked for its removal."""

    def cancel(self) -> None:
        """Ends every operation that runs, orderly; each then fails with a plain message."""
        return


def differences(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Paths at which two plain values differ, as deep as both are mappings."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {**old, **new}:
            yield from differences(old.get(key), new.get(key), f"{path}.{key}" if path else key)
    elif old != new:
        yield path
