"""What the provider asks of an API server, be it real or simulated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

Json = dict[str, Any]

FIELD_MANAGER = "pulumi-kubernetes"
"""One for all, so that what a rehearsal imports it also owns; the vendor's adds digits that differ by resource."""


IMMUTABLE = re.compile(r"immutable|updates? (to|may not)|may not (be changed|change)|cannot change roleRef|oldSelf")
"""How servers say that a field cannot change; each kind has its own words."""


@dataclass(frozen=True)
class Kind:
    """A kind that an API server serves. ``plural``: as in its paths."""

    api_version: str
    name: str
    plural: str
    namespaced: bool

    @property
    def group(self) -> str:
        return self.api_version.partition("/")[0] if "/" in self.api_version else ""

    def path(self, namespace: str, name: str = "") -> str:
        """Of one object, or of all in ``namespace`` ("": everywhere)."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"
        inside = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{root}{inside}/{self.plural}" + (f"/{name}" if name else "")

    def __str__(self) -> str:
        return f"{self.api_version}/{self.name}"


@dataclass(frozen=True)
class Cause:
    """What is wrong with one field, such as ``spec.replicas``; "" is the whole object."""

    field: str
    message: str


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, code: int, message: str, causes: Sequence[Cause] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.causes = tuple(causes)

    @property
    def immutable(self) -> list[str]:
        """Fields that another object would have to have."""
        return [each.field for each in self.causes if IMMUTABLE.search(each.message)]


def not_found(what: str) -> Refused:
    return Refused(HTTPStatus.NOT_FOUND, f"{what} not found")


def invalid(what: str, causes: Sequence[Cause]) -> Refused:
    """As an API server words it."""
    listed = ", ".join(f"{each.field}: {each.message}" if each.field else each.message for each in causes)
    text = listed if len(causes) == 1 else f"[{listed}]"
    return Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"{what} is invalid: {text}", causes)


class ApiServer(Protocol):
    """Objects are JSON as the API has them. Everything raises Refused when the server does not do it."""

    @property
    def at_once(self) -> bool:
        """Whether everything is at once as it will be, so that there is nothing to wait for."""

    def version(self) -> str:
        """Of Kubernetes, such as ``v1.34.4``."""

    def document(self, api_version: str) -> Json | None:
        """The OpenAPI v3 document of a group and version; None when it is not served."""

    def kinds(self) -> list[tuple[str, str]]:
        """All that it serves, as (apiVersion, kind)."""

    def faults(self, kind: Kind, value: Json) -> Iterator[Cause]:
        """What is wrong with an object whatever there is; what it cannot know of it, it does not ask for."""

    def get(self, kind: Kind, namespace: str, name: str) -> Json | None:
        """None when it is not there."""

    def all(self, kind: Kind, namespace: str = "") -> list[Json]:
        """In one namespace, or everywhere."""

    def apply(self, kind: Kind, wanted: Json, *, dry_run: bool = False, force: bool = False) -> Json:
        """Server-side apply as FIELD_MANAGER: what was applied before and is not wanted now goes.

        force:  takes over fields that others own.
        """

    def delete(self, kind: Kind, namespace: str, name: str, propagation: str = "Foreground") -> None:
        """Begins; it is over when ``get`` finds nothing. Does nothing when it is not there."""


def identity(wanted: Json) -> str:
    """By which the engine knows an object, as the vendor's provider has it: ``namespace/name``, or ``name``."""
    namespace, name = (wanted["metadata"].get(each, "") for each in ("namespace", "name"))
    return f"{namespace}/{name}" if namespace else str(name)
