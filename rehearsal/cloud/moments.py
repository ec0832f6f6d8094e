"""Where something can go wrong, and what then happens.

A plan says at which moments what happens; ``rehearsal.faults`` makes plans, ``Cloud.plan`` keeps them. A moment is
before an operation, when nothing was done, or after it, when it was done and nobody was told.
"""

from __future__ import annotations

import fnmatch
from dataclasses import asdict, dataclass
from typing import Any, Literal

Phase = Literal["before", "after"]


@dataclass(frozen=True)
class Moment:
    """One operation and where it is.

    number:  counts all operations of the cloud, from 1.
    verb:    create, read, update or delete.
    """

    number: int
    verb: str
    token: str
    identity: str
    phase: Phase


@dataclass(frozen=True)
class Plan:
    """What happens at the moments that fit, ``times`` times.

    effect:    ``error``: the operation is refused with ``status`` and ``message``; after it, although it was done.
               ``kill``: the engine and the plugin end at once, as with ``kill -9``.
               ``slow``: it takes ``minutes`` of simulated time.
               ``keep``: cloud and ``files`` are copied into ``folder``/NUMBER, as a kill at this moment leaves them.
    nth:       the first of those that fit that it happens to.
    partial:   of an error after the operation: that the provider knows of the resource, and says that it is unfinished.
    token, verb, identity:  patterns with ``*``.
    """

    effect: Literal["error", "kill", "slow", "keep"]
    token: str = "*"  # noqa: S105 - the token of a resource type
    verb: str = "*"
    identity: str = "*"
    phase: Phase = "before"
    nth: int = 1
    times: int = 1
    status: str = "INTERNAL"
    message: str = ""
    code: int | None = None
    minutes: float = 0.0
    partial: bool = False
    folder: str = ""
    files: tuple[str, ...] = ()

    def fits(self, moment: Moment) -> bool:
        return (
            self.phase == moment.phase
            and fnmatch.fnmatchcase(moment.token, self.token)
            and fnmatch.fnmatchcase(moment.verb, self.verb)
            and fnmatch.fnmatchcase(moment.identity, self.identity)
        )

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
