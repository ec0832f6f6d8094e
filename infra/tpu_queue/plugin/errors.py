"""What the API answers when it does not do what it was asked, for the person who asked."""

from __future__ import annotations

import email.utils
import re
import time
from typing import Any

import google.auth.exceptions
import requests

from infra.plugin.handler import ProviderError

REPEATED = (429, 500, 502, 503, 504)
"""HTTP status codes of failures that may pass."""

STATUS = {
    1: "CANCELLED",
    2: "UNKNOWN",
    3: "INVALID_ARGUMENT",
    4: "DEADLINE_EXCEEDED",
    5: "NOT_FOUND",
    6: "ALREADY_EXISTS",
    7: "PERMISSION_DENIED",
    8: "RESOURCE_EXHAUSTED",
    9: "FAILED_PRECONDITION",
    10: "ABORTED",
    11: "OUT_OF_RANGE",
    12: "UNIMPLEMENTED",
    13: "INTERNAL",
    14: "UNAVAILABLE",
    15: "DATA_LOSS",
    16: "UNAUTHENTICATED",
}
"""The codes of ``google.rpc.Code``, which operations carry as numbers and HTTP answers by name."""

USED_UP = re.compile(r"quota\b.*(exceeded|exhausted)", re.IGNORECASE | re.DOTALL)
PER_TIME = re.compile(r"per (minute|second|day)", re.IGNORECASE)


class ApiError(ProviderError):
    """What the API refused.

    code:         of HTTP; 0 for an operation's error.
    status:       such as ``FAILED_PRECONDITION``.
    retry_after:  seconds that the API asks to wait before the request is repeated.
    """

    def __init__(self, error: dict[str, Any], what: str, code: int = 0, retry_after: float = 0.0) -> None:
        number = error.get("code")
        self.code = code
        self.status: str = error.get("status") or STATUS.get(number if isinstance(number, int) else 0, f"HTTP {code}")
        self.reason: str = next((each["reason"] for each in error.get("details", []) if "reason" in each), "")
        self.said: str = (error.get("message") or "no reason given").strip()
        self.retry_after = retry_after
        super().__init__(f"cannot {what}: {self.said}{_advice(self, what)}")

    @property
    def is_quota(self) -> bool:
        """Whether the project has used up what it may have, which waiting does not mend."""
        return self.status == "RESOURCE_EXHAUSTED" and bool(
            USED_UP.search(self.said) and not PER_TIME.search(self.said)
        )


def answered(answer: requests.Response, what: str) -> dict[str, Any]:
    """The body of an answer. Raises ApiError unless it is a success."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    if answer.ok and isinstance(body, dict):
        return body
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        error = {"message": f"HTTP {answer.status_code} {answer.reason}, which is not an answer of the TPU API"}
    raise ApiError(error, what, answer.status_code, _retry_after(answer))


def is_passing(error: BaseException) -> bool:
    """Whether the same request may succeed a little later."""
    if isinstance(error, ApiError):
        return error.code in REPEATED and not error.is_quota
    return isinstance(
        error,
        requests.ConnectionError
        | requests.Timeout
        | requests.exceptions.ChunkedEncodingError
        | google.auth.exceptions.TransportError,
    )


def _retry_after(answer: requests.Response) -> float:
    """Seconds, from a header that holds seconds or a date (RFC 9110)."""
    header = answer.headers.get("Retry-After", "")
    if header.isdigit():
        return float(header)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return 0.0


def _advice(error: ApiError, what: str) -> str:
    place = re.search(r"projects/([^/]+)/locations/([^/]+)", what)
    project, zone = place.groups() if place else ("PROJECT", "ZONE")
    if error.reason == "SERVICE_DISABLED":
        return f"\n  Turn the API on: gcloud services enable tpu.googleapis.com --project={project}"
    if error.status == "PERMISSION_DENIED" and "actAs" in error.said:
        return "\n  Give your account the role roles/iam.serviceAccountUser on the service account of the nodes"
    if error.status == "PERMISSION_DENIED":
        role = "roles/tpu.viewer" if what.startswith("read ") else "roles/tpu.admin"
        return (
            f"\n  Give your account the role {role}: gcloud projects add-iam-policy-binding {project} "
            f"--member=user:YOU --role={role}"
        )
    if error.status == "UNAUTHENTICATED":
        return "\n  Log in: gcloud auth application-default login"
    if error.is_quota:
        return (
            f"\n  Ask for more quota of the TPU API in {zone}, wait until other nodes are deleted, or ask for less: "
            f"console.cloud.google.com/iam-admin/quotas?project={project}"
        )
    if error.status == "RESOURCE_EXHAUSTED":
        return f"\n  {zone} has not enough capacity now: use another zone, a smaller slice, spot or a reservation"
    return ""
