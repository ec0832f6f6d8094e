"""Refusals in the form that Google's APIs give them."""

from __future__ import annotations

CODES = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


class ApiError(Exception):
    """An answer that is no success: HTTP status, name of the status, and what the service says."""

    def __init__(self, status: str, message: str, code: int | None = None) -> None:
        super().__init__(f"Error {code or CODES[status]} ({status}): {message}")
        self.status = status
        self.code = code or CODES[status]
        self.message = message


class Unfinished(ApiError):
    """A refusal after which the resource is there, and its provider knows it, such as a pool without its nodes."""


def not_found(identity: str) -> ApiError:
    return ApiError("NOT_FOUND", f"The resource '{identity}' was not found")


def already_exists(identity: str) -> ApiError:
    return ApiError("ALREADY_EXISTS", f"The resource '{identity}' already exists")


def in_use(identity: str, users: list[str]) -> ApiError:
    """``users``: ids of what is in the way."""
    listed = ", ".join(f"'{each}'" for each in users[:3]) + (f" and {len(users) - 3} more" if len(users) > 3 else "")
    return ApiError("FAILED_PRECONDITION", f"The resource '{identity}' is already being used by {listed}")


def not_enabled(title: str, service: str, number: str) -> ApiError:
    """``title``: what the API is called; ``number``: of the project. As in terraform-provider-google#2971, #16883."""
    return ApiError(
        "PERMISSION_DENIED",
        f"{title} has not been used in project {number} before or it is disabled. Enable it by visiting "
        f"https://console.developers.google.com/apis/api/{service}/overview?project={number} then retry. If you "
        "enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.",
    )
