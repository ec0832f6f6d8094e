"""How long things take: between two looks, between two tries, and at most."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass

from infra.plugin.handler import ProviderError, Talk

POLL_VARIABLE = "AIDC_TPU_POLL_SECONDS"


class Interrupted(ProviderError):
    """The person at the engine wants it to stop."""

    def __init__(self) -> None:
        super().__init__("interrupted; the next up or destroy goes on from here")


@dataclass(frozen=True)
class Pace:
    """All in seconds.

    poll_seconds:     between two looks at a request. AIDC_TPU_POLL_SECONDS sets it.
    backoff_seconds:  the longest first pause before a failed HTTP request is repeated; it doubles up to 30 times that.
    request_seconds:  an HTTP request is repeated no longer than this.
    news_seconds:     between two lines about something that does not change.
    """

    poll_seconds: float = 10.0
    backoff_seconds: float = 1.0
    request_seconds: float = 120.0
    news_seconds: float = 60.0

    @classmethod
    def of_environment(cls) -> Pace:
        """Raises ProviderError when AIDC_TPU_POLL_SECONDS is not a positive number."""
        wanted = os.environ.get(POLL_VARIABLE)
        if not wanted:
            return cls()
        try:
            seconds = float(wanted)
        except ValueError:
            seconds = 0.0
        if not 0 < seconds < float("inf"):
            raise ProviderError(f"{POLL_VARIABLE} = {wanted!r}: must be seconds above 0, such as 10")
        return cls(poll_seconds=seconds)

    def sleep(self, seconds: float, cancelled: threading.Event) -> None:
        """Raises Interrupted as soon as ``cancelled`` is set."""
        if cancelled.wait(seconds):
            raise Interrupted


class Deadline:
    """The end of an operation's time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds; negative when the time is over."""
        return self._end - time.monotonic()


class News:
    """Tells the person what is waited for: a change at once, else now and then that it goes on."""

    def __init__(self, talk: Talk, pace: Pace) -> None:
        self._talk = talk
        self._pace = pace
        self._since = self._told = time.monotonic()
        self._last = ""

    def tell(self, state: str, detail: str) -> None:
        now = time.monotonic()
        if state != self._last:
            self._since, self._last = now, state
            self._talk.info(f"{state}: {detail}" if detail else state)
        elif now - self._told >= self._pace.news_seconds:
            self._talk.progress(f"{state} for {(now - self._since) / 60:.0f} min")
        else:
            return
        self._told = now
