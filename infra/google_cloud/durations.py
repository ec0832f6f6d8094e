"""Lengths of time as Google's APIs write them."""

from __future__ import annotations

HOUR_SECONDS = 3_600
DAY_SECONDS = 24 * HOUR_SECONDS


def duration(*, days: int = 0, hours: int = 0) -> str:
    """Such as ``86400s`` for a day."""
    return f"{days * DAY_SECONDS + hours * HOUR_SECONDS}s"
