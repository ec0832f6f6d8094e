"""The TPU API of these tests refuses what Google's refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from tests.unit.tpu_queue.fake_tpu import FakeTpu

PARENT = "v2/projects/p/locations/us-west4-a"
NODE = {"runtimeVersion": "v2-alpha-tpuv5-lite"}
SPEC: dict[str, Any] = {"parent": PARENT.removeprefix("v2/"), "nodeId": "n", "node": NODE}
ID = "queuedResourceId=q"


def ask(fake: FakeTpu, query: str = ID, body: Any = None, **spec: Any) -> dict[str, Any]:
    request = body or {"tpu": {"nodeSpec": [{**SPEC, **spec}]}}
    answer = requests.post(f"{fake.url}/{PARENT}/queuedResources?{query}", json=request, timeout=5)
    said: dict[str, Any] = answer.json()
    return said


def test_what_the_document_allows_is_accepted(fake: FakeTpu) -> None:
    assert ask(fake)["name"].startswith("projects/p/locations/us-west4-a/operations/")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"query": f"{ID}&dry=1"}, 'Unknown name "dry"'),
        ({"query": f"{ID}&requestId=1"}, "not a UUID"),
        ({"body": {"runDuration": {}}}, 'Unknown name "runDuration"'),
        ({"body": {"bestEffort": {}}}, 'Unknown name "bestEffort"'),
        ({"body": {"state": {}}}, "output only"),
        ({"body": {"spot": {}, "guaranteed": {}}}, "oneof"),
        ({"body": {"queueingPolicy": {"validUntilDuration": "6h"}}}, "google-duration"),
        ({"body": {"queueingPolicy": {"validUntilTime": "tomorrow"}}}, "google-datetime"),
        ({"node": {}}, "runtimeVersion is required"),
        ({"node": {**NODE, "accelerator_type": "v4-8"}}, "Cannot find field"),
        ({"node": {**NODE, "acceleratorConfig": {"type": "V9", "topology": "1"}}}, "(enum)"),
        ({"node": {**NODE, "tags": "ssh"}}, "(array)"),
        ({"node": {**NODE, "labels": {"a": 1}}}, "(string)"),
        ({"node": {**NODE, "networkConfig": {"enableExternalIps": "no"}}}, "(boolean)"),
        ({"multisliceParams": {"nodeCount": "2"}}, "(integer)"),
        ({"parent": "projects/p/locations/elsewhere"}, "not that of its queued resource"),
    ],
    ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict) else "",
)
def test_what_the_document_does_not_allow_is_refused(fake: FakeTpu, wrong: dict[str, Any], said: str) -> None:
    error = ask(fake, **wrong)["error"]
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert said in error["message"]


@pytest.mark.parametrize(("verb", "path"), [("PATCH", "queuedResources/q"), ("GET", "queued-resources/q")])
def test_what_is_no_method_of_the_api_is_not_there(fake: FakeTpu, verb: str, path: str) -> None:
    assert requests.request(verb, f"{fake.url}/{PARENT}/{path}", timeout=5).status_code == 404


def test_a_name_is_given_once_and_a_repeated_request_is_the_same(fake: FakeTpu) -> None:
    repeated = f"{ID}&requestId=00000000-0000-4000-8000-000000000000"
    first = ask(fake, repeated)
    assert ask(fake, repeated) == first
    assert ask(fake)["error"]["status"] == "ALREADY_EXISTS"
