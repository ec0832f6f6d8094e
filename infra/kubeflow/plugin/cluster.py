"""A cluster's API server, as KUBECONFIG and a context name it."""

from __future__ import annotations

import json
import os
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from kubernetes import config
from urllib3.exceptions import HTTPError

from infra.plugin.handler import ProviderError

Json = dict[str, Any]

ANSWER_SECONDS = 30.0
JSON_PATCH = "application/json-patch+json"
MANAGER = "aidc-kubeflow"
"""Field manager of what this plugin changes."""


class Refused(ProviderError):
    """The API server does not answer (``code`` 0), or says no."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def may_pass(self) -> bool:
        """Whether the same request may be taken later. A webhook that does not answer yet is a 500."""
        return self.code in (0, HTTPStatus.TOO_MANY_REQUESTS) or self.code >= HTTPStatus.INTERNAL_SERVER_ERROR


class Cluster:
    """Speaks to the API server in plain values. Its methods raise Refused."""

    def __init__(self, context: str) -> None:
        """Raises ProviderError when there is no such context."""
        self.context = context
        self._client = self._connected()
        self._plurals: dict[str, dict[str, Json]] = {}

    def get(self, path: str, **query: str) -> Json | None:
        """What is at ``path``, such as ``/api/v1/namespaces/team``; None when nothing is."""
        try:
            return self._ask("GET", path, query)
        except Refused as error:
            if error.code == HTTPStatus.NOT_FOUND:
                return None
            raise

    def items(self, path: str, **query: str) -> list[Json]:
        """A list's items; none where the kind is not known."""
        return [*((self.get(path, **query) or {}).get("items") or [])]

    def create_dry(self, wanted: Json) -> None:
        """Creates an object in a dry run: the server says what it would say, and keeps nothing."""
        path = self.path(wanted["apiVersion"], wanted["kind"], wanted["metadata"].get("namespace", ""))
        self._ask("POST", path, {"dryRun": "All", "fieldManager": MANAGER}, wanted)

    def replace(self, path: str, pointer: str, value: Any) -> None:
        """Puts ``value`` in the place of what ``pointer``, such as ``/spec/template``, points to (RFC 6902)."""
        change = [{"op": "add", "path": pointer, "value": value}]
        self._ask("PATCH", path, {"fieldManager": MANAGER}, change, JSON_PATCH)

    def delete(self, path: str) -> None:
        """Asks for the deletion of an object and of what it owns. It may be gone already."""
        try:
            self._ask("DELETE", path, body={"propagationPolicy": "Foreground"})
        except Refused as error:
            if error.code != HTTPStatus.NOT_FOUND:
                raise

    def lines(self, pod: Json, container: str, count: int) -> list[str]:
        """The last lines that a container wrote; none when they are gone or not there yet."""
        place = pod["metadata"]
        path = f"/api/v1/namespaces/{place['namespace']}/pods/{place['name']}/log"
        query = {"container": container, "tailLines": str(count)}
        try:
            return self._text("GET", path, query).splitlines()
        except Refused:
            return []

    def path(self, api_version: str, kind: str, namespace: str = "", name: str = "") -> str:
        """Of objects of a kind, or of one of them."""
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        if kind not in self._plurals.get(api_version, {}):
            found = self._ask("GET", root)["resources"]
            self._plurals[api_version] = {each["kind"]: each for each in found if "/" not in each["name"]}
        served = self._plurals[api_version].get(kind)
        if served is None:
            raise Refused(HTTPStatus.NOT_FOUND, f"the server has no {kind} of {api_version} yet")
        place = f"/namespaces/{namespace}" if served["namespaced"] else ""
        return f"{root}{place}/{served['name']}" + (f"/{name}" if name else "")

    def _connected(self) -> Any:
        kubeconfig = os.environ.get("KUBECONFIG")
        try:
            return config.new_client_from_config(kubeconfig, self.context, persist_config=False)
        except (config.ConfigException, OSError) as error:
            raise ProviderError(
                f"context {self.context}: {error}\n  KUBECONFIG is {kubeconfig or 'not set'}; "
                "`kubectl config get-contexts` lists what it has"
            ) from error

    def _ask(
        self, method: str, path: str, query: Json | None = None, body: Any = None, content: str = "application/json"
    ) -> Json:
        return dict(json.loads(self._text(method, path, query, body, content) or "{}"))

    def _text(
        self, method: str, path: str, query: Json | None = None, body: Any = None, content: str = "application/json"
    ) -> str:
        try:
            return self._send(method, path, query, body, content)
        except Refused as error:
            if error.code != HTTPStatus.UNAUTHORIZED:
                raise
            self._client = self._connected()  # a token does not last as long as a training job
            return self._send(method, path, query, body, content)

    def _send(self, method: str, path: str, query: Json | None, body: Any, content: str) -> str:
        headers, arguments = {"Accept": "*/*", "Content-Type": content}, [*(query or {}).items()]
        self._client.update_params_for_auth(headers, arguments, ["BearerToken"])
        url = f"{self._client.configuration.host}{path}" + (f"?{urlencode(arguments)}" if arguments else "")
        encoded = None if body is None else json.dumps(body).encode()
        try:
            answer = self._client.rest_client.pool_manager.request(
                method, url, body=encoded, headers=headers, timeout=ANSWER_SECONDS, retries=False
            )
        except HTTPError as error:
            raise Refused(0, f"{self._client.configuration.host} does not answer: {error}") from error
        text = bytes(answer.data).decode(errors="replace")  # logs are whatever a container wrote
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise Refused(answer.status, _message(text) or f"{answer.status} {answer.reason}")
        return text


def _message(text: str) -> str:
    """What the server says, without what surrounds it; nothing when it is no Status."""
    try:
        return str(json.loads(text)["message"])
    except (TypeError, ValueError, KeyError):
        return ""
