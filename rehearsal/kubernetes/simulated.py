"""An API server over the simulated cloud: what it knows, checks and keeps, as the pinned Kubernetes does."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

from rehearsal.cloud.store import Cloud, Resource
from rehearsal.kubernetes import documents, immutable, merge, rules, settled
from rehearsal.kubernetes.api import FIELD_MANAGER, Cause, Json, Kind, Refused, identity, invalid, not_found
from rehearsal.kubernetes.schema import Schemas
from toolchain.kubernetes import sources

DEFINITION = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", False)
NAMESPACE = Kind("v1", "Namespace", "namespaces", False)
THERE_ALREADY = ("default", "kube-node-lease", "kube-public", "kube-system")
MINUTES = {"Deployment": 1.0, "StatefulSet": 2.0, "DaemonSet": 1.0, "Job": 2.0, "Namespace": 0.1, "Service": 0.1}
"""Of simulated time until it is ready; all else is there at once."""

AT_ONCE = 0.02
METADATA = "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


class Simulated:
    """The API server of the one cluster in ``cloud``; None is a new cluster in which nothing can be made."""

    def __init__(self, cloud: Cloud | None) -> None:
        self._cloud = cloud or Cloud(Path(":memory:"))
        self._only_looks = cloud is None
        self._schemas = Schemas(self.document)

    at_once = True

    def version(self) -> str:
        return str(sources.versions()[sources.KUBERNETES])

    def document(self, api_version: str) -> Json | None:
        return documents.document(api_version) or self._custom(api_version)

    def kinds(self) -> list[tuple[str, str]]:
        found = []
        for api_version in (*documents.api_versions(), *self._custom_versions()):
            for operations in (self.document(api_version) or {}).get("paths", {}).values():
                said = operations.get("post", {}).get("x-kubernetes-group-version-kind")
                if said:
                    found.append((api_version, said["kind"]))
        return sorted(set(found))

    def faults(self, kind: Kind, value: Json) -> Iterator[Cause]:
        found = list(self._schemas.faults(kind, value))
        yield from found or rules.faults(kind, value)

    def get(self, kind: Kind, namespace: str, name: str) -> Json | None:
        found = self._cloud.get(self._token(kind), f"{namespace}/{name}" if kind.namespaced else name)
        if found:
            return {**found.body, "apiVersion": kind.api_version}
        if kind.name == NAMESPACE.name and kind.group == "" and name in THERE_ALREADY:
            return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "status": {"phase": "Active"}}
        return None

    def all(self, kind: Kind, namespace: str = "") -> list[Json]:
        found = self._cloud.all(self._token(kind))
        return [each.body for each in found if namespace in ("", each.address["namespace"])]

    def apply(self, kind: Kind, wanted: Json, *, dry_run: bool = False, force: bool = False) -> Json:
        wanted = _kept(kind, wanted)
        what = f"{kind.name} {wanted['metadata'].get('name')!r}"
        if unknown := list(self._schemas.faults(kind, wanted)):
            raise invalid(what, unknown)
        namespace = wanted["metadata"].get("namespace", "") if kind.namespaced else ""
        self._require_namespace(namespace)
        there = self._cloud.get(self._token(kind), identity(wanted))
        made = self._made(kind, wanted, there)
        if faults := list(rules.faults(kind, made)):
            raise invalid(what, faults)
        if there and (faults := self._immutable(kind, there.body, made)):
            raise invalid(what, faults)
        made = self._settled(kind, made, there)
        if dry_run:
            return made
        if self._only_looks:
            raise Refused(HTTPStatus.FORBIDDEN, "this stand-in for the Kubernetes provider previews and makes nothing")
        address = {"namespace": namespace, "name": wanted["metadata"]["name"]}
        kept = Resource(self._token(kind), identity(wanted), address, made, {FIELD_MANAGER: wanted})
        minutes = MINUTES.get(kind.name, AT_ONCE)
        if there is None:
            self._cloud.create(kept, minutes)
        elif (there.body, there.made) != (kept.body, kept.made):
            self._cloud.update(kept, minutes)
        return made

    def delete(self, kind: Kind, namespace: str, name: str, propagation: str = "Foreground") -> None:
        where = f"{namespace}/{name}" if kind.namespaced else name
        found = self._cloud.get(self._token(kind), where)
        if found is None:
            return
        for each in self._belonging(kind, found.body):
            self._cloud.delete(each.token, each.id, AT_ONCE)
        self._cloud.delete(found.token, found.id, AT_ONCE)

    # -- what becomes of an object

    def _made(self, kind: Kind, wanted: Json, there: Resource | None) -> Json:
        walk, schema = self._schemas.walk(kind), self._schemas.schema(kind)
        live = copy.deepcopy(there.body) if there else {}
        before = there.made.get(FIELD_MANAGER) if there else None
        merged = merge.applied(walk, schema, live, before, copy.deepcopy(wanted))
        return settled.completed(kind, walk.defaulted(schema, merged), identity(wanted))

    def _settled(self, kind: Kind, made: Json, there: Resource | None) -> Json:
        old = there.body if there else None
        now = self._cloud.now()
        metadata = made["metadata"]
        made.setdefault("apiVersion", kind.api_version)
        known = old["metadata"] if old else {}
        metadata["creationTimestamp"] = known.get("creationTimestamp", now)
        metadata["uid"] = known.get("uid") or str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind}/{identity(made)}/{now}"))
        metadata["generation"] = known.get("generation", 1) + bool(old and old.get("spec") != made.get("spec"))
        unchanged = old is not None and _without_status(old) == _without_status(made)
        if unchanged and old:
            return {**made, **{name: old[name] for name in ("status",) if name in old}, "metadata": old["metadata"]}
        metadata["resourceVersion"] = str(len(self._cloud.operations()) + 1)
        reported = settled.status(kind, made, known.get("creationTimestamp", now))
        return {**made, "status": reported} if reported is not None else made

    def _immutable(self, kind: Kind, old: Json, made: Json) -> list[Cause]:
        walk, schema = self._schemas.walk(kind), self._schemas.schema(kind)
        return list(immutable.faults(kind, walk, schema, old, made))

    def _require_namespace(self, namespace: str) -> None:
        if namespace and self.get(NAMESPACE, "", namespace) is None:
            raise not_found(f'namespaces "{namespace}"')

    def _belonging(self, kind: Kind, body: Json) -> list[Resource]:
        """What goes with it: the content of a namespace, the objects of a definition."""
        if kind.name == NAMESPACE.name and kind.group == "":
            return [
                each
                for each in self._cloud.all()
                if each.address.get("namespace") == body["metadata"]["name"] and "kind" in each.body
            ]
        if kind.name == DEFINITION.name:
            group, names = body["spec"]["group"], body["spec"]["names"]
            return [
                each
                for each in self._cloud.all()
                if each.body.get("kind") == names["kind"] and each.body.get("apiVersion", "").startswith(f"{group}/")
            ]
        return []

    # -- custom resources

    def _definitions(self) -> list[Json]:
        return [each.body for each in self._cloud.all(self._token(DEFINITION))]

    def _custom_versions(self) -> list[str]:
        return sorted(
            {
                f"{each['spec']['group']}/{version['name']}"
                for each in self._definitions()
                for version in each["spec"]["versions"]
            }
        )

    def _custom(self, api_version: str) -> Json | None:
        group, _, version = api_version.rpartition("/")
        return custom_document([each for each in self._definitions() if each["spec"]["group"] == group], group, version)

    def _token(self, kind: Kind) -> str:
        """An object is one, whatever version it is asked for in: custom ones are kept in the version that is stored."""
        version = kind.api_version if kind.group else f"core/{kind.api_version}"
        if documents.document(kind.api_version) is None:
            for each in self._definitions():
                if (each["spec"]["group"], each["spec"]["names"]["kind"]) == (kind.group, kind.name):
                    stored = next(one["name"] for one in each["spec"]["versions"] if one["storage"])
                    version = f"{kind.group}/{stored}"
        return f"kubernetes:{version}:{kind.name}"


def custom_document(definitions: list[Json], group: str, version: str) -> Json | None:
    """The document that a server makes of definitions of one group; None when none has ``version``."""
    core = documents.document("v1")
    assert core is not None
    schemas = dict(core["components"]["schemas"])
    paths = {}
    for each in definitions:
        spec, names = each["spec"], each["spec"]["names"]
        served = next((one for one in spec["versions"] if one["name"] == version and one.get("served", True)), None)
        if served is None:
            continue
        said = {"group": group, "version": version, "kind": names["kind"]}
        schema = copy.deepcopy(served.get("schema", {}).get("openAPIV3Schema", {}))
        own = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"$ref": METADATA}}
        schema["properties"] = {**schema.get("properties", {}), **own}
        schema["x-kubernetes-group-version-kind"] = [said]
        schemas[f"{group}.{version}.{names['kind']}"] = schema
        inside = "/namespaces/{namespace}" if spec["scope"] == "Namespaced" else ""
        operation = {"x-kubernetes-action": "post", "x-kubernetes-group-version-kind": said}
        paths[f"/apis/{group}/{version}{inside}/{names['plural']}"] = {"post": operation}
    return {"components": {"schemas": schemas}, "paths": paths} if paths else None


def _without_status(value: Json) -> Json:
    volatile = ("resourceVersion", "generation", "creationTimestamp", "uid", "managedFields")
    metadata = {name: each for name, each in value["metadata"].items() if name not in volatile}
    return {
        **{name: each for name, each in value.items() if name not in ("status", "apiVersion")},
        "metadata": metadata,
    }


def _kept(kind: Kind, value: Json) -> Json:
    """What of an object is kept: its status is for controllers to report, and not all kinds are in a namespace."""
    found = {name: copy.deepcopy(each) for name, each in value.items() if name != "status"}
    if not kind.namespaced:
        found["metadata"].pop("namespace", None)
    return found
