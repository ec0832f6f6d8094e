"""A real API server, as a kubeconfig names it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import yaml
from kubernetes import client, config
from urllib3.exceptions import HTTPError

from rehearsal.kubernetes.api import FIELD_MANAGER, Cause, Json, Kind, Refused
from rehearsal.kubernetes.kubeconfig import text_of
from rehearsal.kubernetes.schema import Schemas

APPLY = "application/apply-patch+yaml"  # JSON is YAML


class Real:
    """Speaks to the server of one context of a kubeconfig."""

    def __init__(self, kubeconfig: str, context: str | None = None) -> None:
        """
        kubeconfig:  a path, or the content.
        context:     one of its contexts; None is the current one.
        Raises Refused when it is neither, or has no such context.
        """
        try:
            content = yaml.safe_load(text_of(kubeconfig))
            self._client = config.new_client_from_config_dict(content, context=context, persist_config=False)
        except (yaml.YAMLError, config.ConfigException, TypeError, OSError) as error:
            raise Refused(HTTPStatus.BAD_REQUEST, f"kubeconfig: {error}") from error
        self._schemas = Schemas(self.document)
        self._documents: dict[str, Json] = {}

    at_once = False

    def version(self) -> str:
        return str(self._ask("GET", "/version")["gitVersion"])

    def document(self, api_version: str) -> Json | None:
        """While a definition goes, its document is still listed, and is empty or not found."""
        path = f"apis/{api_version}" if "/" in api_version else f"api/{api_version}"
        listed = self._ask("GET", "/openapi/v3")["paths"].get(path)
        if listed is None:
            return None
        address = listed["serverRelativeURL"]  # with a hash of what is behind it
        if address not in self._documents:
            try:
                found = self._ask("GET", address)
            except Refused as error:
                if error.code == HTTPStatus.NOT_FOUND:
                    return None
                raise
            if not found:
                return None
            self._documents[address] = found
        return self._documents[address]

    def kinds(self) -> list[tuple[str, str]]:
        return sorted(set(self._served()))

    def faults(self, kind: Kind, value: Json) -> Iterator[Cause]:
        return self._schemas.faults(kind, value)

    def get(self, kind: Kind, namespace: str, name: str) -> Json | None:
        try:
            return self._ask("GET", kind.path(namespace, name))
        except Refused as error:
            if error.code == HTTPStatus.NOT_FOUND:
                return None
            raise

    def all(self, kind: Kind, namespace: str = "") -> list[Json]:
        return [dict(each) for each in self._ask("GET", kind.path(namespace))["items"]]

    def apply(self, kind: Kind, wanted: Json, *, dry_run: bool = False, force: bool = False) -> Json:
        metadata = wanted["metadata"]
        query = [("fieldManager", FIELD_MANAGER), ("fieldValidation", "Strict"), ("force", str(force).lower())]
        query += [("dryRun", "All")] if dry_run else []
        return self._ask("PATCH", kind.path(metadata.get("namespace", ""), metadata["name"]), query, wanted, APPLY)

    def delete(self, kind: Kind, namespace: str, name: str, propagation: str = "Foreground") -> None:
        try:
            self._ask("DELETE", kind.path(namespace, name), body={"propagationPolicy": propagation})
        except Refused as error:
            if error.code != HTTPStatus.NOT_FOUND:
                raise

    def _served(self) -> Iterator[tuple[str, str]]:
        groups = self._ask("GET", "/apis")["groups"]
        versions = ["v1", *(each["groupVersion"] for group in groups for each in group["versions"])]
        for version in versions:
            root = "apis" if "/" in version else "api"
            for each in self._ask("GET", f"/{root}/{version}")["resources"]:
                if "/" not in each["name"]:
                    yield version, each["kind"]

    def _ask(
        self,
        method: str,
        path: str,
        query: list[tuple[str, str]] | None = None,
        body: Json | None = None,
        content: str = "application/json",
    ) -> Json:
        headers = {"Accept": "application/json", "Content-Type": content}
        url, _, said = path.partition("?")
        arguments = [*(query or []), *(tuple(each.split("=", 1)) for each in said.split("&") if each)]
        self._client.update_params_for_auth(headers, arguments, ["BearerToken"])
        address = f"{self._client.configuration.host}{url}"
        try:
            answer = self._client.rest_client.request(method, address, arguments, headers, body=body)
        except client.ApiException as error:
            raise _refused(error) from error
        except HTTPError as error:
            raise Refused(0, f"{self._client.configuration.host} does not answer: {error}") from error
        return dict(json.loads(answer.data or "{}"))


def _refused(error: Any) -> Refused:
    try:
        said = json.loads(error.body)
        causes = (said.get("details") or {}).get("causes") or []
        message = said["message"]
    except (TypeError, ValueError, KeyError):
        return Refused(error.status, f"{error.status} {error.reason}")
    found = [Cause(each.get("field", ""), each.get("message", "")) for each in causes]
    return Refused(error.status, message, found)
