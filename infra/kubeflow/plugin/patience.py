"""Looking again and again until something is so, the time is up, or the person at the engine wants it to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from infra.kubeflow.plugin.cluster import Refused
from infra.plugin.handler import ProviderError, Talk

T = TypeVar("T")


class Interrupted(ProviderError):
    """The person at the engine wants it to stop."""

    def __init__(self) -> None:
        super().__init__("interrupted; what runs on the cluster goes on, and the next up or destroy looks again")


@dataclass(frozen=True)
class Pace:
    """All in seconds.

    look:    between two looks.
    absent:  how long an API server may not answer before the wait is given up.
    """

    look: float = 2.0
    absent: float = 300.0


class Patience:
    """The waiting of one handler, for all of its operations."""

    def __init__(self, pace: Pace | None = None) -> None:
        self._pace = pace or Pace()
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Ends every wait."""
        self._cancelled.set()

    def until(self, seconds: float, look: Callable[[], T | None]) -> T | None:
        """The first thing that ``look`` finds; None when the time is up.

        Raises Interrupted, and what ``look`` raises: a failure that may pass only when it lasts.
        """
        end = time.monotonic() + seconds
        answered = time.monotonic()
        while True:
            try:
                if (found := look()) is not None:
                    return found
                answered = time.monotonic()
            except Refused as error:
                if not error.may_pass or time.monotonic() - answered > self._pace.absent:
                    raise
            if time.monotonic() > end:
                return None
            if self._cancelled.wait(self._pace.look):
                raise Interrupted


class News:
    """Tells the person what is waited for, once each time that it changes."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._last = ""
        self._told: set[str] = set()

    def now(self, state: str) -> None:
        """Passing news."""
        if state and state != self._last:
            self._last = state
            self._talk.progress(state)

    def once(self, event: str) -> None:
        """Something that happened, and stays to be read."""
        if event not in self._told:
            self._told.add(event)
            self._talk.info(event)
