"""The outcome of looking at one thing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What came out.

    OK:       as it must be.
    WARN:     comes up, and somebody should know.
    FAIL:     does not come up, or not whole.
    SKIPPED:  could not be looked at.
    """

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Check:
    """One outcome.

    name:     what was looked for, such as ``quota``.
    subject:  in what.
    fix:      what to do about it; empty where nothing is to be done.
    """

    name: str
    subject: str
    verdict: Verdict
    detail: str
    fix: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)
