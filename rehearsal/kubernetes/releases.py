"""Helm releases: through Helm on a real API server; on a simulated one, what Helm would do there.

Helm installs what is in a chart's ``crds`` folder once, and neither upgrades nor removes it.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from rehearsal.kubernetes import render
from rehearsal.kubernetes.api import Cause, Json, Kind, Refused, identity, not_found
from rehearsal.kubernetes.kubeconfig import is_content
from rehearsal.kubernetes.objects import ASKED, Difference, Objects
from rehearsal.kubernetes.simulated import NAMESPACE
from rehearsal.values import Later, State, is_known

RELEASE = "kubernetes:helm.sh/v3:Release"
SECRET = Kind("v1", "Secret", "secrets", True)
HEEDED = (
    "chart",
    "version",
    "repositoryOpts",
    "name",
    "namespace",
    "values",
    "createNamespace",
    "skipCrds",
    "skipAwait",
)
PASSED = (
    *("atomic", "cleanupOnFail", "compat", "dependencyUpdate", "description", "disableOpenapiValidation", "lint"),
    *("maxHistory", "timeout", "waitForJobs", "resourceNames", "forceUpdate", "takeOwnership", "allowNullValues"),
)
KEEP = "helm.sh/resource-policy"
ORDER = (
    *("Namespace", "NetworkPolicy", "ResourceQuota", "LimitRange", "PodDisruptionBudget", "ServiceAccount", "Secret"),
    *("ConfigMap", "StorageClass", "PersistentVolume", "PersistentVolumeClaim", "CustomResourceDefinition"),
    *("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "Service", "DaemonSet", "Pod", "Deployment"),
)
"""Helm's own order of installing; what is not in it comes after."""


class Releases:
    """Releases on the API server of ``objects``."""

    def __init__(self, objects: Objects, kubeconfig: str, context: str | None) -> None:
        """``kubeconfig``: "" is a simulated server."""
        self._objects, self._kubeconfig, self._context = objects, kubeconfig, context

    def check(self, token: str, name: str, old: State, new: State, seed: bytes) -> tuple[State, list[Cause]]:
        unknown = sorted(new.keys() - {*HEEDED, *PASSED})
        if unknown:
            return new, [Cause(each, f"not served by this stand-in; there are {', '.join(HEEDED)}") for each in unknown]
        made_up = f"{name}-{hashlib.sha256(seed or name.encode()).hexdigest()[:8]}"
        named = new.get("name") or old.get("name") or made_up
        inputs = {**new, "name": named, "namespace": new.get("namespace") or self._objects.settings.namespace}
        if not is_known(inputs):
            return inputs, []
        try:
            rendered = [*render.definitions(inputs), *self._rendered(inputs)]
        except Refused as error:
            return inputs, [Cause("chart", str(error))]
        for each in rendered:
            self._objects.declare(each)
        if inputs.get("createNamespace"):
            self._objects.declare(_namespace(inputs))
        return inputs, [] if self._kubeconfig else list(self._faults(rendered))

    def diff(self, state: State, inputs: State) -> Difference:
        before = state.get(ASKED, {})
        paths = sorted(name for name in {**before, **inputs} if before.get(name) != inputs.get(name))
        if not paths and is_known(inputs) and state.get("checksum") != _checksum(self._rendered(inputs)):
            paths = ["checksum"]
        taking = [name for name in paths if name in ("name", "namespace")]
        return Difference(paths, taking, False)

    def preview(self, inputs: State, state: State | None = None) -> State:
        if not is_known(inputs):
            return {**inputs, "status": Later.VALUE, "resourceNames": Later.VALUE}
        self._require_namespace(inputs, to_come=True)
        return {**self._state(inputs, 1), "status": Later.VALUE}

    def create(self, inputs: State, seconds: float) -> tuple[str, State]:
        where = _where(inputs)
        if self._revision(where):
            raise Refused(
                HTTPStatus.CONFLICT, f"release {where!r} is there already: import it, or give this another name"
            )
        return where, self._brought(inputs, seconds, 1)

    def update(self, inputs: State, seconds: float) -> State:
        return self._brought(inputs, seconds, self._revision(_where(inputs)) + 1)

    def read(self, token: str, where: str, state: State, inputs: State) -> tuple[State, State] | None:
        revision = self._revision(where)
        if not revision:
            return None
        if state:
            missing = [each for each in self._rendered(inputs) if self._there(each) is None]
            return {**state, **({"checksum": ""} if missing else {})}, inputs
        namespace, _, name = where.rpartition("/")
        found = self._recorded(namespace, name)
        return self._state(found, revision), found

    def delete(self, token: str, where: str, state: State, seconds: float) -> None:
        namespace, _, name = where.rpartition("/")
        if self._kubeconfig:
            self._helm("uninstall", name, "--namespace", namespace, "--wait", "--ignore-not-found", *_timeout(seconds))
            return
        secret = self._objects.server.get(SECRET, namespace, _record(name))
        if secret is None:
            return
        for each in reversed(json.loads(secret["metadata"]["annotations"]["objects"])):
            kind = self._objects.kind(*each[:2])
            self._objects.server.delete(kind, each[2], each[3])
        self._objects.server.delete(SECRET, namespace, _record(name))

    # -- inside

    def _brought(self, inputs: State, seconds: float, revision: int) -> State:
        self._require_namespace(inputs, to_come=False)
        if self._kubeconfig:
            words = [
                *render.chart_words(inputs),
                "--namespace",
                inputs["namespace"],
                "--values",
                "-",
                *_timeout(seconds),
            ]
            words += ["--create-namespace"] if inputs.get("createNamespace") else []
            words += ["--skip-crds"] if inputs.get("skipCrds") else []
            words += [] if inputs.get("skipAwait") else ["--wait"]
            words += ["--atomic"] if inputs.get("atomic") else []
            self._helm("upgrade", "--install", inputs["name"], *words, values=inputs.get("values") or {})
            return self._state(inputs, revision)
        server = self._objects.server
        if inputs.get("createNamespace") and server.get(NAMESPACE, "", inputs["namespace"]) is None:
            server.apply(NAMESPACE, _namespace(inputs))
        for each in render.definitions(inputs):
            if self._there(each) is None:
                self._apply(each)
        rendered = self._rendered(inputs)
        for each in rendered:
            self._apply(each)
        self._forget(inputs, rendered)
        server.apply(SECRET, self._record_of(inputs, rendered, revision))
        return self._state(inputs, revision)

    def _apply(self, value: Json) -> None:
        self._objects.server.apply(self._objects.kind(value["apiVersion"], value["kind"]), value)

    def _there(self, value: Json) -> Json | None:
        value = self._objects.namespaced(value)
        kind = self._objects.kind(value["apiVersion"], value["kind"])
        return self._objects.server.get(kind, value["metadata"].get("namespace", ""), value["metadata"]["name"])

    def _forget(self, inputs: State, rendered: list[Json]) -> None:
        """Removes what the release made before and does not make now."""
        old = self._objects.server.get(SECRET, inputs["namespace"], _record(inputs["name"]))
        if old is None:
            return
        now = [_key(each) for each in rendered]
        for each in json.loads(old["metadata"]["annotations"]["objects"]):
            if each not in now:
                self._objects.server.delete(self._objects.kind(*each[:2]), each[2], each[3])

    def _rendered(self, inputs: State) -> list[Json]:
        server = self._objects.server
        apis = sorted({f"{version}/{kind}" for version, kind in server.kinds()} | {each for each, _ in server.kinds()})
        made = render.chart(inputs, inputs["name"], inputs["namespace"], server.version(), apis)
        for each in made:
            self._objects.declare(each)
        placed = [self._placed(each, inputs["namespace"]) for each in made]
        return sorted(placed, key=lambda each: ORDER.index(each["kind"]) if each["kind"] in ORDER else len(ORDER))

    def _placed(self, value: Json, namespace: str) -> Json:
        kind = self._objects.kind(value["apiVersion"], value["kind"])
        if not kind.namespaced or value["metadata"].get("namespace"):
            return value
        return {**value, "metadata": {**value["metadata"], "namespace": namespace}}

    def _faults(self, rendered: list[Json]) -> Iterator[Cause]:
        for each in rendered:
            kind = self._objects.kind(each["apiVersion"], each["kind"])
            for fault in self._objects.faults(kind, each):
                yield Cause(
                    "chart", f"it makes {kind} {identity(each)!r}, of which {fault.field} is wrong: {fault.message}"
                )

    def _require_namespace(self, inputs: State, *, to_come: bool) -> None:
        name = inputs["namespace"]
        there = self._objects.server.get(NAMESPACE, "", name) is not None
        if not (there or inputs.get("createNamespace") or (to_come and self._objects.is_namespace(name))):
            raise not_found(f'namespaces "{name}": make it first and let this depend on it, or set create_namespace;')

    def _revision(self, where: str) -> int:
        """0 when there is no such release."""
        namespace, _, name = where.rpartition("/")
        if self._kubeconfig:
            found = json.loads(
                self._helm("list", "--namespace", namespace, "--all", "--filter", f"^{name}$", "--output", "json")
            )
            return int(found[0]["revision"]) if found else 0
        secret = self._objects.server.get(SECRET, namespace, _record(name))
        return int(secret["metadata"]["labels"]["version"]) if secret else 0

    def _recorded(self, namespace: str, name: str) -> State:
        """The inputs, as far as the release tells."""
        if self._kubeconfig:
            values = json.loads(self._helm("get", "values", name, "--namespace", namespace, "--output", "json")) or {}
            found = json.loads(self._helm("get", "metadata", name, "--namespace", namespace, "--output", "json"))
            return {
                "name": name,
                "namespace": namespace,
                "chart": found["chart"],
                "version": found["version"],
                "values": values,
            }
        secret = self._objects.server.get(SECRET, namespace, _record(name))
        assert secret is not None
        return dict(json.loads(secret["metadata"]["annotations"]["inputs"]))

    def _record_of(self, inputs: State, rendered: list[Json], revision: int) -> Json:
        annotations = {
            "inputs": json.dumps(inputs),
            "objects": json.dumps([_key(each) for each in rendered if _kept(each) != "keep"]),
        }
        labels = {"owner": "helm", "name": inputs["name"], "version": str(revision)}
        metadata = {"name": _record(inputs["name"]), "namespace": inputs["namespace"], "labels": labels}
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "helm.sh/release.v1",
            "metadata": {**metadata, "annotations": annotations},
        }

    def _state(self, inputs: State, revision: int) -> State:
        rendered = self._rendered(inputs)
        names: dict[str, list[str]] = {}
        for each in rendered:
            names.setdefault(f"{each['kind']}/{each['apiVersion']}", []).append(identity(each))
        status = {"name": inputs["name"], "namespace": inputs["namespace"], "revision": revision, "status": "deployed"}
        made = {"resourceNames": names, "status": status, "checksum": _checksum(rendered), ASKED: inputs}
        return {**inputs, **made}

    def _helm(self, *words: str, values: Any = None) -> str:
        context = ("--kube-context", self._context) if self._context else ()
        with _as_file(self._kubeconfig) as file:
            return render.helm([*words, *context], values=values, kubeconfig=file)


@contextmanager
def _as_file(kubeconfig: str) -> Iterator[str]:
    if not is_content(kubeconfig):
        yield kubeconfig
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kubeconfig"
        file.touch(0o600)
        file.write_text(kubeconfig)
        yield str(file)


def _where(inputs: State) -> str:
    return f"{inputs['namespace']}/{inputs['name']}"


def _record(name: str) -> str:
    return f"sh.helm.release.v1.{name}"


def _namespace(inputs: State) -> Json:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": inputs["namespace"]}}


def _key(value: Json) -> list[str]:
    return [value["apiVersion"], value["kind"], value["metadata"].get("namespace", ""), value["metadata"]["name"]]


def _kept(value: Json) -> str:
    return str((value["metadata"].get("annotations") or {}).get(KEEP, ""))


def _checksum(rendered: list[Json]) -> str:
    return hashlib.sha256(json.dumps(rendered, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _timeout(seconds: float) -> tuple[str, ...]:
    return ("--timeout", f"{int(seconds)}s") if seconds else ()
