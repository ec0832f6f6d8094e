"""Requests again what may pass, as the vendor's provider does, in simulated time.

Source: hashicorp/terraform-provider-google-beta, commit 93c65b2d60fe, google-beta/transport: retry_transport.go (pauses
that grow as Fibonacci's numbers, 90 s in all), error_retry_predicates.go (``isCommonRetryableErrorCode``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from rehearsal.cloud.errors import ApiError
from rehearsal.cloud.store import Cloud

PASSING = (429, 500, 502, 503)
LONGEST_SECONDS = 90.0
FIRST_PAUSE_SECONDS = 0.5

Answer = TypeVar("Answer")


def patiently(cloud: Cloud, request: Callable[[], Answer]) -> Answer:
    """The answer to ``request``, which is repeated while its refusal may pass. Raises the last refusal."""
    for seconds in pauses():
        try:
            return request()
        except ApiError as error:
            if error.code not in PASSING:
                raise
        cloud.wait(seconds / 60)
    return request()


def pauses() -> Iterator[float]:
    """Seconds between one request and the next."""
    waited, pause, following = 0.0, FIRST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS
    while waited + pause <= LONGEST_SECONDS:
        yield pause
        waited += pause
        pause, following = pause + following, pause


ATTEMPTS = 1 + sum(1 for _ in pauses())
"""How often a request is made that is refused every time."""
