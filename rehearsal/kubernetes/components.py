"""Components whose children the provider declares: YAML files and groups, Helm charts, kustomize directories.

Each object becomes a resource of its own, named as the vendor's provider names it. Definitions and namespaces come
before what is of them or in them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pulumi
from pulumi.provider.experimental import provider as protocol

from rehearsal.kubernetes import render
from rehearsal.kubernetes.api import Json, Refused, identity
from rehearsal.kubernetes.objects import NotServed, Objects
from rehearsal.values import State, is_known, plain

FILE, GROUP = "kubernetes:yaml/v2:ConfigFile", "kubernetes:yaml/v2:ConfigGroup"
CHART, DIRECTORY = "kubernetes:helm.sh/v4:Chart", "kubernetes:kustomize/v2:Directory"
KEEP = "helm.sh/resource-policy"
COMMON = ("resourcePrefix", "skipAwait")
INPUTS = {
    FILE: ("file", *COMMON),
    GROUP: ("files", "objs", "yaml", *COMMON),
    DIRECTORY: ("directory", "namespace", *COMMON),
    CHART: (
        "chart",
        "name",
        "namespace",
        "repositoryOpts",
        "skipCrds",
        "values",
        "version",
        "dependencyUpdate",
        *COMMON,
    ),
}


class Child(pulumi.CustomResource):
    """An object of any kind."""

    def __init__(self, token: str, name: str, inputs: Json, options: pulumi.ResourceOptions) -> None:
        secrets = ["data", "stringData"] if token == "kubernetes:core/v1:Secret" else []  # noqa: S105 - a type
        own = pulumi.ResourceOptions(additional_secret_outputs=secrets)
        super().__init__(token, name, inputs, pulumi.ResourceOptions.merge(options, own))


async def construct(objects: Objects, request: protocol.ConstructRequest) -> protocol.ConstructResponse:
    """The component and its children, as the engine knows them."""
    said = plain(request.inputs)
    allowed = INPUTS.get(request.resource_type)
    if allowed is None:
        raise NotServed(
            f"{request.resource_type}: no component that this stand-in serves; there are {', '.join(INPUTS)}"
        )
    unknown = sorted(said.keys() - set(allowed))
    if unknown:
        raise NotServed(f"{request.resource_type}: not served: {', '.join(unknown)}; there are {', '.join(allowed)}")
    component = pulumi.ComponentResource(request.resource_type, request.name, {}, request.options)
    if not is_known(said):
        pulumi.log.warn("inputs are not known yet: the preview shows nothing of what is inside", component)
        children: list[Child] = []
    else:
        found = await asyncio.to_thread(_rendered, objects, request.resource_type, request.name, said)
        children = _declared(component, found, said.get("resourcePrefix", request.name), bool(said.get("skipAwait")))
    component.register_outputs({"resources": children})
    urn = await component.urn.future()
    assert urn is not None
    return protocol.ConstructResponse(urn, {}, {})


def _rendered(objects: Objects, token: str, name: str, said: State) -> list[Json]:
    namespace = str(said.get("namespace") or objects.settings.namespace)
    found = RENDER[token](objects, name, said, namespace)
    for each in found:
        objects.declare(each)
    return [_placed(objects, each, namespace) for each in found]


def _chart(objects: Objects, name: str, said: State, namespace: str) -> list[Json]:
    server = objects.server
    apis = sorted({f"{version}/{kind}" for version, kind in server.kinds()} | {each for each, _ in server.kinds()})
    made = render.chart(said, str(said.get("name") or name), namespace, server.version(), apis)
    return [*render.definitions(said), *made]


def _group(_objects: Objects, name: str, said: State, _namespace: str) -> list[Json]:
    written = render.objects(said.get("yaml", ""), f"yaml of {name}")
    return [*render.files(said.get("files", ())), *written, *said.get("objs", ())]


RENDER: dict[str, Callable[[Objects, str, State, str], list[Json]]] = {
    FILE: lambda _objects, _name, said, _namespace: render.files([said["file"]]),
    GROUP: _group,
    DIRECTORY: lambda _objects, _name, said, _namespace: render.directory(said["directory"]),
    CHART: _chart,
}


def _placed(objects: Objects, value: Json, namespace: str) -> Json:
    """In ``namespace``, when it is of a kind that is in one and says none."""
    try:
        kind = objects.kind(value["apiVersion"], value["kind"])
    except Refused:
        return value  # told where it is checked
    if not kind.namespaced or value["metadata"].get("namespace"):
        return value
    return {**value, "metadata": {**value["metadata"], "namespace": namespace}}


def _declared(component: pulumi.Resource, found: list[Json], prefix: str, skip_await: bool) -> list[Child]:
    """One after the other: what others are in or of comes first, and they depend on it."""
    made: dict[tuple[str, str], Child] = {}
    children = []
    for value in sorted(found, key=_rank):
        needed = [made[key] for key in _needs(value) if key in made]
        if skip_await:
            metadata = value["metadata"]
            value = {
                **value,
                "metadata": {
                    **metadata,
                    "annotations": {**(metadata.get("annotations") or {}), "pulumi.com/skipAwait": "true"},
                },
            }
        keeps = (value["metadata"].get("annotations") or {}).get(KEEP) == "keep"
        options = pulumi.ResourceOptions(parent=component, depends_on=needed, retain_on_delete=keeps or None)
        where = f"{prefix}:{identity(value)}" if prefix else identity(value)
        child = Child(_token(value), where, value, options)
        children.append(child)
        for key in _gives(value):
            made[key] = child
    return children


def _rank(value: Json) -> int:
    return {"CustomResourceDefinition": 0, "Namespace": 1}.get(value["kind"], 2)


def _gives(value: Json) -> list[tuple[str, str]]:
    if value["kind"] == "Namespace":
        return [("Namespace", value["metadata"]["name"])]
    if value["kind"] == "CustomResourceDefinition":
        return [(value["spec"]["group"], value["spec"]["names"]["kind"])]
    return []


def _needs(value: Json) -> list[tuple[str, str]]:
    namespace: Any = value["metadata"].get("namespace")
    return [("Namespace", namespace), (value["apiVersion"].rpartition("/")[0], value["kind"])]


def _token(value: Json) -> str:
    version = value["apiVersion"]
    return f"kubernetes:{version if '/' in version else f'core/{version}'}:{value['kind']}"
