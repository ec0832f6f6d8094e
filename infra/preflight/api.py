"""Reads Google's REST APIs. Every refusal becomes a sentence and what to do about it; nothing is ever written."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import quote

import requests
from google.auth import exceptions as auth_errors
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

TIMEOUT_SECONDS = 20.0
ATTEMPTS = 5
LONGEST_PAUSE_SECONDS = 8.0
MOST_PAGES = 100

SCOPE = "https://www.googleapis.com/auth/cloud-platform.read-only"
LOGIN = "run `gcloud auth application-default login`"

ROLES = {
    "billingbudgets": "roles/billing.viewer",
    "cloudquotas": "roles/cloudquotas.viewer",
    "cloudresourcemanager": "roles/browser",
    "compute": "roles/compute.viewer",
    "container": "roles/container.clusterViewer",
    "monitoring": "roles/monitoring.viewer",
    "serviceusage": "roles/serviceusage.serviceUsageViewer",
    "storage": "roles/storage.legacyBucketReader",
    "tpu": "roles/tpu.viewer",
}
"""The smallest predefined role that may read what is asked of each service (IAM, 'Roles and permissions')."""


class Trouble(StrEnum):
    """Why there is no answer."""

    PERMISSION = "permission"
    DISABLED = "disabled"
    MISSING = "missing"
    CREDENTIALS = "credentials"
    NETWORK = "network"
    BUSY = "busy"
    OTHER = "other"


class Refused(Exception):
    """A request without an answer, in words for a person.

    fix:  what to do about it.
    """

    def __init__(self, trouble: Trouble, detail: str, fix: str = "") -> None:
        super().__init__(detail)
        self.trouble = trouble
        self.detail = detail
        self.fix = fix


class Session(Protocol):
    """What is needed of ``google.auth.transport.requests.AuthorizedSession``."""

    def request(
        self, method: str, url: str, *, params: dict[str, Any], timeout: float
    ) -> requests.Response: ...  # pragma: no cover


class Google:
    """Google's APIs, read with the credentials of ``session``.

    endpoint:  where every service is found instead, each below a folder of its host's name; for tests.
    pause:     seconds before the first repetition of a request that was refused as one too many; grows from there.
    """

    def __init__(self, session: Session, endpoint: str | None = None, pause: float = 0.5) -> None:
        self._session = session
        self._endpoint = endpoint
        self._retrying = Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential_jitter(multiplier=pause, max=LONGEST_PAUSE_SECONDS, jitter=pause),
            retry=retry_if_exception_type(_Again),
            reraise=True,
        )

    def get(self, service: str, path: str, **params: Any) -> dict[str, Any]:
        """The answer to one request. ``service`` is the first word of the host. Raises Refused."""
        try:
            return self._retrying(self._once, service, path, params)
        except _Again as again:
            raise again.refused from again

    def pages(self, service: str, path: str, key: str, **params: Any) -> Iterator[dict[str, Any]]:
        """Every element of the list ``key``, over all pages. Raises Refused."""
        token = None
        for _ in range(MOST_PAGES):
            answer = self.get(service, path, **params, **({"pageToken": token} if token else {}))
            yield from answer.get(key, [])
            token = answer.get("nextPageToken")
            if not token:
                return
        raise Refused(Trouble.OTHER, f"{service}: more than {MOST_PAGES} pages of {key}")

    def _once(self, service: str, path: str, params: dict[str, Any]) -> dict[str, Any]:
        host = f"{service}.googleapis.com"
        url = f"{self._endpoint}/{host}" if self._endpoint else f"https://{host}"
        try:
            response = self._session.request(
                "GET", f"{url}/{quote(path, safe='/:')}", params=params, timeout=TIMEOUT_SECONDS
            )
        except (requests.RequestException, auth_errors.TransportError) as error:
            kind = "does not answer" if isinstance(error, requests.Timeout) else "cannot be reached"
            raise Refused(Trouble.NETWORK, f"{host} {kind}", "check the network, its proxy and firewall") from error
        except auth_errors.GoogleAuthError as error:
            raise Refused(Trouble.CREDENTIALS, "the Google credentials have expired or were revoked", LOGIN) from error
        if response.status_code in (429, 500, 502, 503, 504):
            refused = Refused(Trouble.BUSY, f"{host} answers {response.status_code} again and again", "try again later")
            raise _Again(refused)
        if response.status_code != 200:
            raise _refusal(service, response)
        try:
            answer = response.json()
        except ValueError as error:
            raise Refused(Trouble.OTHER, f"{host} answers something else than JSON", "check the proxy") from error
        return dict(answer)


class _Again(Exception):
    """A refusal that may pass."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.detail)
        self.refused = refused


def _refusal(service: str, response: requests.Response) -> Refused:
    error = _error(response)
    message = " ".join(str(error.get("message") or "without a reason").split())
    reasons = {
        each.get("reason") for key in ("details", "errors") for each in error.get(key, []) if isinstance(each, dict)
    }
    if response.status_code == 401:
        return Refused(Trouble.CREDENTIALS, f"{service}: the credentials are not accepted", LOGIN)
    if response.status_code == 403 and reasons & {"SERVICE_DISABLED", "accessNotConfigured"}:
        fix = f"run `gcloud services enable {service}.googleapis.com`"
        return Refused(Trouble.DISABLED, f"the API {service}.googleapis.com is not enabled", fix)
    if response.status_code == 403:
        return Refused(Trouble.PERMISSION, f"no permission: {message}", f"ask for {ROLES[service]}")
    if response.status_code == 404:
        return Refused(Trouble.MISSING, f"not found: {message}")
    return Refused(Trouble.OTHER, f"{service} answers {response.status_code}: {message}")


def _error(response: requests.Response) -> dict[str, Any]:
    """The ``error`` of an answer, as Google's APIs shape it; empty for an answer of another shape."""
    try:
        error = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        return {}
    return error if isinstance(error, dict) else {"message": error}
