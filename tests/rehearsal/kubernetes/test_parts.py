"""Quantities, readiness, and the settings of the provider."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pulumi.provider.experimental import provider as protocol

from rehearsal.cloud.store import Cloud
from rehearsal.kubernetes import quantity, waiting
from rehearsal.kubernetes.provider import StandIn
from rehearsal.kubernetes.simulated import Simulated
from rehearsal.values import properties
from tests.rehearsal.kubernetes.objects import LEGAL, NAMESPACE, changed, kind_of

AVAILABLE = {"type": "Available", "status": "True"}
SEEN = {"observedGeneration": 1}
READY = {**SEEN, "updatedReplicas": 2, "availableReplicas": 2, "conditions": [AVAILABLE]}


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("0.5", "500m"),
        (0.5, "500m"),
        ("1000m", "1"),
        ("1.5Gi", "1536Mi"),
        ("1024Mi", "1Gi"),
        ("2000", "2k"),
        ("1e3", "1e3"),
        ("100m", "100m"),
        (0, "0"),
    ],
)
def test_a_quantity_is_kept_as_the_server_writes_it_and_stays_the_same_number(written: object, kept: str) -> None:
    assert quantity.canonical(written) == kept
    assert quantity.amount(written) == quantity.amount(kept)


@pytest.mark.parametrize("wrong", ["1 core", "", "Gi", "1.2.3", "1GiB", True, None])
def test_what_is_no_quantity_is_none(wrong: object) -> None:
    assert not quantity.is_one(wrong)


@pytest.mark.parametrize(
    ("name", "status", "left"),
    [
        ("deployment", {}, "0 of 2 replicas"),
        ("deployment", READY, ""),
        ("deployment", {**READY, "updatedReplicas": 1}, "1 of 2 replicas"),
        ("deployment", {**READY, "observedGeneration": 0}, "2 of 2 replicas"),
        ("stateful-set", {**SEEN, "readyReplicas": 0}, "0 of 1 pods"),
        ("stateful-set", {**SEEN, "readyReplicas": 1}, ""),
        ("stateful-set", {**SEEN, "readyReplicas": 1, "updateRevision": "b", "currentRevision": "a"}, "1 of 1 pods"),
        ("daemon-set", {**SEEN, "desiredNumberScheduled": 2, "numberReady": 1}, "1 of 2 nodes"),
        ("job", {"succeeded": 1}, "1 pods of it have succeeded"),
        ("job", {"conditions": [{"type": "Complete", "status": "True"}]}, ""),
        ("job", {"conditions": [{"type": "Failed", "status": "True", "message": "too often"}]}, "it failed: too often"),
        ("pod", {"phase": "Pending"}, "it is Pending"),
        ("pod", {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}, ""),
        ("claim", {"phase": "Pending"}, "it is Pending"),
        ("claim", {"phase": "Bound"}, ""),
        ("ingress", {}, "it has no address yet"),
        ("config-map", {}, ""),
        ("definition", {"conditions": [{"type": "NamesAccepted", "status": "True"}]}, "it is not Established"),
    ],
)
def test_an_object_is_waited_for_until_it_is_ready(name: str, status: dict[str, Any], left: str) -> None:
    server = Simulated(None)
    value = {**LEGAL[name], "metadata": {**LEGAL[name]["metadata"], "generation": 1}, "status": status}
    said = waiting.missing(kind_of(server, value), value, server)
    assert said.startswith(left) if left else not said


@pytest.mark.parametrize(
    ("annotations", "status", "ready"),
    [
        ({"skipAwait": "true"}, {}, True),
        ({"waitFor": "jsonpath={.status.phase}=Open"}, {"phase": "Closed"}, False),
        ({"waitFor": "jsonpath={.status.phase}=Open"}, {"phase": "Open"}, True),
        ({"waitFor": "jsonpath={.status.phase}"}, {"phase": "Closed"}, True),
        ({"waitFor": "condition=Done"}, {"conditions": [{"type": "Done", "status": "False"}]}, False),
        ({"waitFor": "condition=Done=False"}, {"conditions": [{"type": "Done", "status": "False"}]}, True),
        ({"waitFor": '["condition=Done", "jsonpath={.status.phase}"]'}, {"phase": "Open"}, False),
    ],
)
def test_annotations_say_what_is_waited_for(annotations: dict[str, str], status: dict[str, Any], ready: bool) -> None:
    server = Simulated(None)
    said = {f"pulumi.com/{name}": value for name, value in annotations.items()}
    value = {**changed("deployment", {"metadata.annotations": said}), "status": status}
    assert (waiting.missing(kind_of(server, value), value, server) == "") == ready


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("enableServerSideApply", "false", "applies on the server's side alone"),
        ("renderYamlToDirectory", "out", "renders nothing"),
        ("kubeconfg", "x", "did you mean kubeconfig?"),
        ("kubeconfig", "/not/there", "no kubeconfig"),
        ("kubeconfig", "a: 1\nb: 2\n", "has not all of clusters, contexts, users"),
    ],
)
def test_a_setting_of_the_provider_that_cannot_be_heeded_is_refused(setting: str, value: str, words: str) -> None:
    request = protocol.CheckRequest(
        "urn:pulumi:a::b::pulumi:providers:kubernetes::c", {}, properties({setting: value}), b""
    )
    answer = asyncio.run(StandIn(None).check_config(request))
    assert [each.property for each in answer.failures or []] == [setting]
    assert words in (answer.failures or [])[0].reason


def test_a_namespace_takes_its_content_with_it_and_a_definition_its_objects(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path / "cloud.sqlite")
    server = Simulated(cloud)
    for each in (NAMESPACE, LEGAL["definition"], LEGAL["slice"], LEGAL["config-map"], LEGAL["priority"]):
        server.apply(kind_of(server, each), each)
    definition = kind_of(server, LEGAL["definition"])
    server.delete(definition, "", "slices.example.com")
    assert [each.id for each in cloud.all()] == ["ml", "ml/settings", "urgent"]
    assert server.document("example.com/v1") is None
    server.delete(kind_of(server, NAMESPACE), "", "ml")
    assert [each.id for each in cloud.all()] == ["urgent"]
    cloud.close()


def test_an_object_is_one_in_all_versions_of_its_kind(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path / "cloud.sqlite")
    server = Simulated(cloud)
    first = LEGAL["definition"]["spec"]["versions"][0]
    both = changed("definition", {"spec.versions": [first, {**first, "name": "v2", "storage": False}]})
    for each in (NAMESPACE, both, LEGAL["slice"]):
        server.apply(kind_of(server, each), each)
    newer = {**LEGAL["slice"], "apiVersion": "example.com/v2"}
    found = server.get(kind_of(server, newer), "ml", "first")
    assert found
    assert (found["apiVersion"], found["spec"]["topology"]) == ("example.com/v2", "2x4")
    cloud.close()
