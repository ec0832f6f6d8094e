"""One object of an API server, from a program's inputs to its end.

Its state is the object as the server has it, and under ``__inputs`` what the program asked for: what was asked for then
and is not any more has to go.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from rehearsal.kubernetes import waiting
from rehearsal.kubernetes.api import ApiServer, Cause, Json, Kind, Refused, identity, not_found
from rehearsal.kubernetes.replaces import replacing
from rehearsal.kubernetes.schema import Schemas
from rehearsal.kubernetes.simulated import NAMESPACE, custom_document
from rehearsal.values import Later, State, is_known

ASKED = "__inputs"
AUTONAMED = "pulumi.com/autonamed"
BY_THE_SERVER = ("uid", "resourceVersion", "generation", "creationTimestamp", "selfLink", "deletionTimestamp")
LATER_OF_A_SERVICE = ("clusterIP", "clusterIPs")


class NotServed(Exception):
    """A type that this stand-in does not know."""


class Unready(Exception):
    """An object that is there, and not what it is to be."""

    def __init__(self, where: str, state: State, inputs: State, reason: str) -> None:
        super().__init__(reason)
        self.identity, self.state, self.inputs = where, state, inputs


@dataclass(frozen=True)
class Settings:
    """What a program says of its provider."""

    namespace: str = "default"
    config_maps_change: bool = False
    secrets_change: bool = False
    force: bool = False
    adopts: bool = False


@dataclass(frozen=True)
class Difference:
    """Paths that differ, those of them that take a new object, and whether the old one has to go first."""

    paths: list[str] = field(default_factory=list)
    replacing: list[str] = field(default_factory=list)
    old_first: bool = False


class Objects:
    """Objects of one API server."""

    def __init__(self, server: ApiServer, settings: Settings) -> None:
        self.server, self.settings = server, settings
        self._definitions: list[Json] = []
        self._namespaces: set[str] = set()
        self._schemas = Schemas(self._document)

    def check(self, token: str, name: str, old: State, new: State, seed: bytes) -> tuple[State, list[Cause]]:
        """The inputs with what the provider adds, and what is wrong with them.

        token:  such as ``kubernetes:apps/v1:Deployment``.
        old:    inputs of the object that is there; a name that was made up for it stays.
        """
        api_version, said = of_token(token)
        if said.endswith("Patch"):
            raise NotServed(f"{token}: patches of objects that others own are not served by this stand-in")
        kind = self._schemas.kind(api_version, said)
        if kind is None:
            return new, [self._no_kind(api_version, said)]
        inputs = {**new, "apiVersion": api_version, "kind": said}
        if inputs.get("metadata") is not Later.VALUE:
            inputs["metadata"] = self._metadata(kind, name, old.get("metadata", {}), new.get("metadata", {}), seed)
        self.declare(inputs)
        return inputs, self.faults(kind, inputs)

    def declare(self, value: Json) -> None:
        """Remembers what objects that come after ``value`` may be in or of, though it is only to be made."""
        name = _at(value, "metadata", "name")
        if value.get("kind") == "Namespace" and value.get("apiVersion") == "v1":
            self._namespaces.add(name)
        if value.get("kind") == "CustomResourceDefinition" and is_known(value.get("spec")):
            self._definitions.append(value)

    def kind(self, api_version: str, name: str) -> Kind:
        """Raises Refused when there is none."""
        found = self._schemas.kind(api_version, name)
        if found is None:
            raise Refused(HTTPStatus.NOT_FOUND, self._no_kind(api_version, name).message)
        return found

    def namespaced(self, value: Json) -> Json:
        """With the namespace that an object without one gets."""
        kind = self.kind(value["apiVersion"], value["kind"])
        if not kind.namespaced or value["metadata"].get("namespace"):
            return value
        return {**value, "metadata": {**value["metadata"], "namespace": self.settings.namespace}}

    def diff(self, state: State, inputs: State) -> Difference:
        kind = self.kind(inputs["apiVersion"], inputs["kind"])
        old, new, before = _comparable(state), _comparable(inputs), _comparable(state.get(ASKED, {}))
        made, refused = None, []
        if _place(old) == _place(new) and self._can_be_tried(kind, inputs):
            try:
                made = _comparable(self.server.apply(kind, inputs, dry_run=True, force=True))
            except Refused as error:
                refused = error.immutable
                if not refused:
                    raise
        paths = sorted({*_differences(new, made, old, before, ""), *refused})
        mutable = (self.settings.config_maps_change, self.settings.secrets_change)
        taking = sorted({*replacing(kind, paths, new, *mutable), *refused})
        autonamed = _at(new, "metadata", "annotations", AUTONAMED) == "true"
        return Difference(paths, taking, bool(taking) and _place(old) == _place(new) and not autonamed)

    def preview(self, inputs: State, state: State | None = None) -> State:
        """What it will be; ``state`` when it is there."""
        kind = self.kind(inputs["apiVersion"], inputs["kind"])
        made: Json = {**(state or {}), **inputs}
        namespace = _at(inputs, "metadata", "namespace")
        if self._can_be_tried(kind, inputs):
            try:
                made = self.server.apply(kind, inputs, dry_run=True, force=True)
            except Refused as error:
                if not error.immutable:  # another object of the name is to go first
                    raise
        elif isinstance(namespace, str) and kind.namespaced and not self.is_namespace(namespace):
            raise not_found(f'namespaces "{namespace}": make it first, and let this depend on it;')
        if state is not None:
            return {**made, ASKED: inputs}
        metadata = {**made.get("metadata", {}), **dict.fromkeys(BY_THE_SERVER[:4], Later.VALUE)}
        later: State = {**made, "metadata": metadata, "status": Later.VALUE}
        if (kind.group, kind.name) == ("", "Service") and isinstance(made.get("spec"), dict):
            asked = inputs.get("spec", {})
            unknown = {name: Later.VALUE for name in LATER_OF_A_SERVICE if name not in asked}
            later["spec"] = {**made["spec"], **unknown}
        return later

    def create(self, inputs: State, seconds: float) -> tuple[str, State]:
        """Id and state. Raises Refused, or Unready when it is made and does not become ready."""
        kind = self.kind(inputs["apiVersion"], inputs["kind"])
        namespace, name = _place(inputs)
        there = self.server.get(kind, namespace, name)
        if there and _at(there, "metadata", "deletionTimestamp"):  # nobody waited for the end of the one before
            self._gone(kind, there, waiting.seconds(inputs, seconds))
        elif there and not self.settings.adopts:
            raise Refused(
                HTTPStatus.CONFLICT,
                f"{kind} {identity(inputs)!r} already exists: import it by that id (import_ in its options), give this"
                " another name, or set upsert_existing_objects on the provider to take it over",
            )
        self.server.apply(kind, inputs, force=self._forces(inputs))
        return identity(inputs), self._ready(kind, inputs, seconds)

    def read(self, token: str, where: str, state: State, inputs: State) -> tuple[State, State] | None:
        """State and inputs as they are now; None when it is gone. ``state`` is empty for an import."""
        kind = self.kind(*of_token(token))
        namespace, _, name = where.rpartition("/")
        live = self.server.get(kind, namespace or (self.settings.namespace if kind.namespaced else ""), name)
        if live is None:
            return None
        if not state:
            found = _comparable(live)
            return _state(live, found), found
        return _state(live, state.get(ASKED, inputs)), _drifted(inputs, state, live)

    def update(self, inputs: State, seconds: float) -> State:
        """The state. Raises Refused, or Unready when it does not become ready."""
        kind = self.kind(inputs["apiVersion"], inputs["kind"])
        self.server.apply(kind, inputs, force=self._forces(inputs))
        return self._ready(kind, inputs, seconds)

    def delete(self, token: str, where: str, state: State, seconds: float) -> None:
        """Until it is gone. Raises Refused when it does not go."""
        api_version, said = of_token(token)
        kind = self._schemas.kind(api_version, said)
        if kind is None:  # its definition is gone, and it with it
            return
        namespace, _, name = where.rpartition("/")
        asked = waiting.annotation(state, "deletionPropagationPolicy") or "foreground"
        self.server.delete(kind, namespace, name, asked.capitalize())
        if waiting.annotation(state, "skipAwait") == "true":
            return
        self._gone(kind, state, waiting.seconds(state, seconds))

    # -- inside

    def _document(self, api_version: str) -> Json | None:
        """Of the server, with the definitions that are to be made."""
        found = self.server.document(api_version)
        group, _, version = api_version.rpartition("/")
        declared = [each for each in self._definitions if each["spec"]["group"] == group]
        own = custom_document(declared, group, version) if declared else None
        if found is None or own is None:
            return found or own
        schemas = {**own["components"]["schemas"], **found["components"]["schemas"]}
        return {"components": {"schemas": schemas}, "paths": {**own["paths"], **found["paths"]}}

    def faults(self, kind: Kind, inputs: State) -> list[Cause]:
        """What is wrong with an object, of a kind that may be to come."""
        if self.server.document(kind.api_version) is not None:
            try:
                return list(self.server.faults(kind, inputs))
            except KeyError:  # the group is there, and the kind is to come
                pass
        return list(self._schemas.faults(kind, inputs))

    def _metadata(self, kind: Kind, name: str, old: Any, new: State, seed: bytes) -> State:
        metadata = dict(new)
        if "name" not in metadata and not metadata.get("generateName"):
            kept = old.get("name") if _at(old, "annotations", AUTONAMED) == "true" else None
            metadata["name"] = kept or f"{name}-{hashlib.sha256(seed or name.encode()).hexdigest()[:8]}"
            if metadata.get("annotations") is not Later.VALUE:
                metadata["annotations"] = {**metadata.get("annotations", {}), AUTONAMED: "true"}
        if not kind.namespaced:
            metadata.pop("namespace", None)  # as the server does
        elif not metadata.get("namespace"):
            metadata["namespace"] = self.settings.namespace
        return metadata

    def _no_kind(self, api_version: str, name: str) -> Cause:
        served = [version for version, kind in self.server.kinds() if kind == name]
        guess = f" There is {name} in {', '.join(served)}." if served else ""
        return Cause(
            "kind",
            f"no kind {name!r} in apiVersion {api_version!r}.{guess} An object comes after the definition of its kind:"
            " depends_on=[what installs the CustomResourceDefinition]",
        )

    def _can_be_tried(self, kind: Kind, inputs: State) -> bool:
        """Whether the server can say now what would become of it."""
        if not is_known(inputs) or not _at(inputs, "metadata", "name"):
            return False
        paths = (self.server.document(kind.api_version) or {}).get("paths", {})
        if kind.path("") not in paths and kind.path("{namespace}") not in paths:
            return False
        return not kind.namespaced or self.server.get(NAMESPACE, "", inputs["metadata"]["namespace"]) is not None

    def is_namespace(self, name: str) -> bool:
        """Whether it is there or to come."""
        return name in self._namespaces or self.server.get(NAMESPACE, "", name) is not None

    def _forces(self, inputs: State) -> bool:
        return self.settings.force or waiting.annotation(inputs, "patchForce") == "true"

    def _gone(self, kind: Kind, value: Json, seconds: float) -> None:
        """Waits until the object is there no more; another of its name is another. Raises Refused when it stays."""
        namespace, name = _place(value)
        until = time.monotonic() + seconds
        while there := self.server.get(kind, namespace, name):
            if _at(there, "metadata", "uid") != _at(value, "metadata", "uid"):
                return
            if time.monotonic() > until:
                holding = ", ".join(_at(there, "metadata", "finalizers") or []) or "none"
                reason = f"{kind} {identity(value)!r} is still there; finalizers that hold it: {holding}"
                raise Refused(HTTPStatus.GATEWAY_TIMEOUT, reason)
            time.sleep(waiting.POLL_SECONDS)

    def _ready(self, kind: Kind, inputs: State, seconds: float) -> State:
        """The state when it is ready."""
        namespace, name = _place(inputs)
        until = time.monotonic() + waiting.seconds(inputs, seconds)
        while True:
            live = self.server.get(kind, namespace, name)
            if live is None:
                raise Refused(HTTPStatus.GONE, f"{kind} {identity(inputs)!r} went away while it was waited for")
            left = "" if self.server.at_once else waiting.missing(kind, live, self.server)
            if not left:
                return _state(live, inputs)
            if time.monotonic() > until or left.startswith("it failed"):
                reason = f"{kind} {identity(inputs)!r} is made and not ready: {left}"
                raise Unready(identity(inputs), _state(live, inputs), inputs, reason)
            time.sleep(waiting.POLL_SECONDS)


def of_token(token: str) -> tuple[str, str]:
    """apiVersion and kind, such as ``v1`` and ``Namespace`` of ``kubernetes:core/v1:Namespace``."""
    _, middle, kind = token.split(":")
    return middle.removeprefix("core/"), kind


def _state(live: Json, inputs: State) -> State:
    metadata = {name: value for name, value in live["metadata"].items() if name != "managedFields"}
    return {**live, "metadata": metadata, ASKED: inputs}


def _comparable(value: State) -> State:
    """Without what the server sets for itself; with ``stringData`` where the server puts it."""
    kept = {name: each for name, each in value.items() if name not in ("status", ASKED)}
    if isinstance(kept.get("metadata"), dict):
        dropped = (*BY_THE_SERVER, "managedFields")
        kept["metadata"] = {name: each for name, each in kept["metadata"].items() if name not in dropped}
    if kept.get("kind") == "Secret" and isinstance(kept.get("stringData"), dict):
        plain = kept.pop("stringData")
        kept["data"] = {**kept.get("data", {}), **{key: _encoded(each) for key, each in plain.items()}}
    return kept


def _encoded(value: Any) -> Any:
    return value if value is Later.VALUE else base64.b64encode(str(value).encode()).decode()


def _place(value: State) -> tuple[str, str]:
    return _at(value, "metadata", "namespace") or "", _at(value, "metadata", "name") or ""


def _at(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _differences(wanted: Any, made: Any, old: Any, before: Any, path: str) -> Iterator[str]:
    """Paths at which what is ``wanted`` now, or was ``before``, is not what is there.

    made:  what the server would make of ``wanted``; None when it was not asked.
    """
    if wanted is Later.VALUE:
        yield path
    elif isinstance(wanted, dict) and isinstance(old, dict):
        before = before if isinstance(before, dict) else {}
        for name in {**before, **wanted}:
            inner = f"{path}.{name}" if path else name
            if name in wanted:
                yield from _differences(wanted[name], _at(made, name), old.get(name), before.get(name), inner)
            elif made is None or _at(made, name) != old.get(name):
                yield inner
    elif isinstance(wanted, list) and isinstance(old, list) and _can_be_paired(wanted, made, old, before):
        for index, (new, there) in enumerate(zip(wanted, old, strict=False)):
            would, was = (each[index] if isinstance(each, list) else None for each in (made, before))
            yield from _differences(new, would, there, was, f"{path}[{index}]")
    elif (wanted if made is None else made) != old and not (made is None and _is_nothing(wanted) and old is None):
        yield path


def _can_be_paired(wanted: list[Any], made: Any, old: list[Any], before: Any) -> bool:
    """Whether two lists are compared entry by entry: what others have added to the entries, or after them, is theirs.

    So the vendor cuts what is there to what the inputs name (pulumi-kubernetes, ``pruneSlice``).
    """
    told = [each for each in (made, before) if isinstance(each, list)]
    if made is None:
        return len(wanted) == len(old)
    return len(wanted) <= len(old) and all(len(wanted) <= len(each) for each in told) and before in (None, wanted)


def _is_nothing(value: Any) -> bool:
    return value in ({}, [], "", None)


def _drifted(inputs: Any, old: Any, live: Any) -> Any:
    """``inputs`` as they were written, but where the server has another value than it had."""
    if isinstance(inputs, dict) and isinstance(live, dict):
        kept = {name: _drifted(each, _at(old, name), live.get(name)) for name, each in inputs.items()}
        return {name: each for name, each in kept.items() if each is not None}
    return inputs if old == live else live
