"""The simulated API server refuses what it should, where it is wrong, and keeps what it takes as Kubernetes does.

With a real one beside it: both refuse the same objects and changes, and make the same of the others.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.cloud.store import Cloud
from rehearsal.kubernetes.api import ApiServer, Refused
from rehearsal.kubernetes.real import Real
from rehearsal.kubernetes.simulated import Simulated
from tests.rehearsal.kubernetes.objects import LEGAL, NAMESPACE, changed, kind_of, wrong_objects
from toolchain.kubernetes.control_plane import ControlPlane

WRONG_OBJECTS = [pytest.param(value, at, id=name) for name, value, at in wrong_objects()]
PUBLISHED_SECONDS = 30.0
OF_THE_SERVER = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")
NOT_SIMULATED = {
    "job": ("metadata.labels", "spec.selector", "spec.template.metadata"),  # named by the uid
    "service": ("spec.clusterIP", "spec.clusterIPs"),
    "node-port-service": ("spec.clusterIP", "spec.clusterIPs"),
}
CHANGES = [
    ("deployment", {"spec.selector.matchLabels.app": "b", "spec.template.metadata.labels.app": "b"}, False),
    ("deployment", {"spec.replicas": 5}, True),
    ("deployment", {"spec.template.spec.containers.0.image": "web:2"}, True),
    ("deployment", {"spec.template.spec.nodeSelector": None}, True),
    ("deployment", {"spec.template.spec.containers.0.readinessProbe": None, "spec.replicas": None}, True),
    ("deployment", {"spec.template.spec.containers.0.ports": [{"containerPort": 9090}]}, True),
    ("deployment", {"spec.strategy": None, "metadata.annotations": {"example.com/other": "b"}}, True),
    ("stateful-set", {"spec.serviceName": "other"}, False),
    ("stateful-set", {"spec.volumeClaimTemplates.0.spec.resources.requests.storage": "2Gi"}, False),
    ("stateful-set", {"spec.replicas": 3}, True),
    ("daemon-set", {"spec.selector.matchLabels.app": "b", "spec.template.metadata.labels.app": "b"}, False),
    ("job", {"spec.template.spec.containers.0.image": "train:2"}, False),
    ("job", {"spec.completionMode": "NonIndexed"}, False),
    ("job", {"spec.backoffLimit": 9}, True),
    ("service", {"spec.clusterIP": "10.96.9.9"}, False),
    ("service", {"spec.ports.0.port": 81}, True),
    ("config-map", {"data": {"a": "b"}}, True),
    ("secret", {"type": "example.com/other"}, False),
    ("secret", {"stringData": {"token": "other"}}, True),
    ("role-binding", {"roleRef.name": "other"}, False),
    ("role-binding", {"subjects.0.name": "other"}, True),
    ("storage-class", {"parameters": {"tier": "premium"}}, False),
    ("storage-class", {"provisioner": "other.example.com"}, False),
    ("priority", {"value": 2000}, False),
    ("claim", {"spec.storageClassName": "other"}, False),
    ("pod", {"spec.automountServiceAccountToken": True}, False),
    ("definition", {"spec.scope": "Cluster"}, False),
    ("slice", {"spec.topology": "4x4"}, True),
    ("slice", {"spec.generation": "v6e"}, False),
]


def begun(server: ApiServer) -> ApiServer:
    """With a namespace and a custom kind."""
    for each in (NAMESPACE, LEGAL["definition"]):
        server.apply(kind_of(server, each), each)
    until = time.monotonic() + PUBLISHED_SECONDS
    while server.document("example.com/v1") is None:
        assert time.monotonic() < until, "the definition is not published"
        time.sleep(0.2)
    return server


@pytest.fixture(scope="module")
def simulated_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    cloud = Cloud(tmp_path_factory.mktemp("cloud") / "cloud.sqlite")
    yield begun(Simulated(cloud))
    cloud.close()


@pytest.fixture(scope="module")
def real_server(plane: ControlPlane) -> ApiServer:
    return begun(Real(str(plane.kubeconfig)))


@pytest.mark.parametrize("name", LEGAL)
def test_a_legal_object_is_taken(simulated_server: ApiServer, name: str) -> None:
    value = LEGAL[name]
    made = simulated_server.apply(kind_of(simulated_server, value), value, dry_run=True)
    assert made["metadata"]["name"] == value["metadata"]["name"]


@pytest.mark.parametrize(("value", "at"), WRONG_OBJECTS)
def test_a_wrong_object_is_refused_and_told_where_it_is_wrong(
    simulated_server: ApiServer, value: dict[str, Any], at: str
) -> None:
    with pytest.raises(Refused) as refused:
        simulated_server.apply(kind_of(simulated_server, value), value, dry_run=True)
    assert not at or at in {each.field for each in refused.value.causes}


@pytest.mark.parametrize(("name", "changes", "allowed"), CHANGES)
def test_what_cannot_change_is_refused_as_immutable(
    tmp_path: Path, name: str, changes: dict[str, Any], allowed: bool
) -> None:
    cloud = Cloud(tmp_path / "cloud.sqlite")
    outcome = outcome_of_change(begun(Simulated(cloud)), name, changes)
    cloud.close()
    assert isinstance(outcome, dict) if allowed else isinstance(outcome, Refused) and outcome.immutable


@pytest.mark.cluster
@pytest.mark.parametrize("name", LEGAL)
def test_kubernetes_makes_the_same_of_a_legal_object(
    simulated_server: ApiServer, real_server: ApiServer, name: str
) -> None:
    value = LEGAL[name]
    made = [server.apply(kind_of(server, value), value, dry_run=True) for server in (simulated_server, real_server)]
    ours, theirs = (_told(each, NOT_SIMULATED.get(name, ())) for each in made)
    assert ours == theirs


@pytest.mark.cluster
@pytest.mark.parametrize(("value", "at"), WRONG_OBJECTS)
def test_kubernetes_refuses_the_same_wrong_object(real_server: ApiServer, value: dict[str, Any], at: str) -> None:
    with pytest.raises(Refused):
        real_server.apply(kind_of(real_server, value), value)


@pytest.mark.cluster
@pytest.mark.parametrize(("name", "changes", "allowed"), CHANGES)
def test_kubernetes_refuses_the_same_changes_and_makes_the_same_of_the_others(
    tmp_path: Path, real_server: ApiServer, name: str, changes: dict[str, Any], allowed: bool
) -> None:
    cloud = Cloud(tmp_path / "cloud.sqlite")
    ours, theirs = (outcome_of_change(each, name, changes) for each in (begun(Simulated(cloud)), real_server))
    cloud.close()
    if allowed:
        assert isinstance(ours, dict)
        assert isinstance(theirs, dict)
        without = NOT_SIMULATED.get(name, ())
        assert _told(ours, without) == _told(theirs, without)
    else:
        assert isinstance(theirs, Refused)
        assert theirs.immutable


def outcome_of_change(server: ApiServer, name: str, changes: dict[str, Any]) -> dict[str, Any] | Refused:
    """When a legal object that is there is to become another."""
    value = LEGAL[name]
    if name == "slice":
        _require_fixed_generation(server)
        value = changed(name, {"spec.generation": "v5e"})
        changes = {"spec.generation": "v5e", **changes}
    kind = kind_of(server, value)
    server.apply(kind, value, force=True)
    try:
        return server.apply(kind, changed(name, changes), dry_run=True, force=True)
    except Refused as error:
        return error


def _require_fixed_generation(server: ApiServer) -> None:
    """Adds a field that cannot change to the custom kind."""
    definition = copy.deepcopy(LEGAL["definition"])
    fixed = {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf"}]}
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"]["properties"]["generation"] = fixed
    kind = kind_of(server, definition)
    server.apply(kind, definition)
    until = time.monotonic() + PUBLISHED_SECONDS
    while not any("generation" in str(each) for each in _own_schemas(server)):
        assert time.monotonic() < until, "the definition is not published"
        time.sleep(0.2)


def _own_schemas(server: ApiServer) -> list[Any]:
    document = server.document("example.com/v1") or {"components": {"schemas": {}}}
    return [
        each["properties"]["spec"]["properties"]
        for name, each in document["components"]["schemas"].items()
        if name.endswith("Slice") and "spec" in each.get("properties", {})
    ]


def _told(value: dict[str, Any], without: tuple[str, ...]) -> dict[str, Any]:
    """An object without what differs from server to server."""
    value = copy.deepcopy(value)
    value.pop("status", None)
    value["metadata"].get("annotations", {}).pop("deployment.kubernetes.io/revision", None)
    for path in (*(f"metadata.{name}" for name in OF_THE_SERVER), *without):
        *way, last = path.split(".")
        where = value
        for each in way:
            where = where.get(each, {})
        where.pop(last, None)
    return value
