"""The part of the TPU API, version 2, that queued resources need, over REST.

Credentials are the application default ones. AIDC_TPU_ENDPOINT names another endpoint, such as one of Private Service
Connect; one on loopback is asked without credentials.
"""

from __future__ import annotations

import ipaddress
import os
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self
from urllib.parse import quote, urlsplit

import google.auth
import google.auth.credentials
import google.auth.exceptions
import requests
import tenacity
from google.auth.transport.requests import AuthorizedSession

from infra.plugin.handler import ProviderError
from infra.tpu_queue.plugin.errors import ApiError, answered, is_passing
from infra.tpu_queue.plugin.pace import Deadline, Interrupted, Pace

ENDPOINT = "https://tpu.googleapis.com"
ENDPOINT_VARIABLE = "AIDC_TPU_ENDPOINT"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
ANSWER_SECONDS = 60.0
LOGIN = "run: gcloud auth application-default login; or let GOOGLE_APPLICATION_CREDENTIALS name a key file"

Json = dict[str, Any]


class Api:
    """One operation's way to the API: every request is repeated while its failure may pass and there is time.

    Raises ApiError for what the API refuses, Interrupted when ``cancelled`` is set, and ProviderError when the API
    cannot be reached.
    """

    def __init__(self, deadline: Deadline, pace: Pace, cancelled: threading.Event) -> None:
        self._deadline = deadline
        self._pace = pace
        self._cancelled = cancelled
        self._endpoint = endpoint()
        self._session = _session(self._endpoint)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def create(self, parent: str, queued_resource_id: str, body: Json) -> Json:
        """Asks for a queued resource; returns the operation. A repeated request carries the id of the first."""
        query = {"queuedResourceId": queued_resource_id, "requestId": str(uuid.uuid4())}
        return self._request("POST", f"{parent}/queuedResources", "create", query, body)

    def get(self, name: str) -> Json | None:
        """A queued resource or a node by its full name; None when there is none."""
        return self._found("GET", name, "read")

    def operation(self, name: str) -> Json | None:
        """A long-running operation; None when the API does not remember it."""
        return self.get(name)

    def delete(self, name: str, *, force: bool) -> Json | None:
        """Asks for the deletion; returns the operation, or None when there is nothing to delete.

        force:  with the nodes. Without, the API refuses what has nodes.
        """
        query = {"requestId": str(uuid.uuid4())} | ({"force": "true"} if force else {})
        return self._found("DELETE", name, "delete", query)

    def _found(self, method: str, path: str, verb: str, query: Json | None = None) -> Json | None:
        try:
            return self._request(method, path, verb, query)
        except ApiError as error:
            if error.status != "NOT_FOUND":
                raise
            return None

    def _request(self, method: str, path: str, verb: str, query: Json | None = None, body: Json | None = None) -> Json:
        url = f"{self._endpoint}/v2/{quote(path)}"

        def attempt() -> Json:
            if self._cancelled.is_set():
                raise Interrupted
            seconds = max(1.0, min(ANSWER_SECONDS, self._deadline.left))
            answer = self._session.request(method, url, params=query, json=body, timeout=seconds)
            return answered(answer, f"{verb} {path}")

        longest = min(self._pace.request_seconds, self._deadline.left)
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(is_passing),
            wait=self._wait,
            stop=lambda state: state.seconds_since_start + state.upcoming_sleep > longest,  # type: ignore[operator]
            sleep=lambda seconds: self._pace.sleep(seconds, self._cancelled),
            reraise=True,
        )
        try:
            return retrying(attempt)
        except (requests.RequestException, google.auth.exceptions.TransportError) as error:
            raise ProviderError(f"cannot {verb} {path}: no answer from {self._endpoint} ({error})") from error
        except google.auth.exceptions.GoogleAuthError as error:
            raise ProviderError(f"cannot {verb} {path}: Google refused the credentials ({error}); {LOGIN}") from error

    def _wait(self, state: tenacity.RetryCallState) -> float:
        """Seconds: what the API asks for, else growing and random so that many clients do not come back at once."""
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, ApiError) else 0.0
        jitter: Callable[[tenacity.RetryCallState], float] = tenacity.wait_random_exponential(
            multiplier=self._pace.backoff_seconds, max=30 * self._pace.backoff_seconds
        )
        return max(asked, jitter(state))


def endpoint() -> str:
    """Where the API is. Raises ProviderError for an endpoint that would get credentials in clear text."""
    chosen = os.environ.get(ENDPOINT_VARIABLE) or ENDPOINT
    if urlsplit(chosen).scheme != "https" and not _is_loopback(chosen):
        raise ProviderError(f"{ENDPOINT_VARIABLE} = {chosen!r}: must be https, or http on loopback")
    return chosen.rstrip("/")


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _session(url: str) -> requests.Session:
    if _is_loopback(url):
        anonymous = google.auth.credentials.AnonymousCredentials()  # type: ignore[no-untyped-call]
        session: requests.Session = AuthorizedSession(anonymous)  # type: ignore[no-untyped-call]
        session.trust_env = False  # no proxy is asked for what is on this machine
        return session
    try:
        credentials, _ = google.auth.default(scopes=[SCOPE])
    except google.auth.exceptions.DefaultCredentialsError as error:
        raise ProviderError(f"no Google credentials on this machine; {LOGIN}") from error
    authorised: requests.Session = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]
    return authorised
