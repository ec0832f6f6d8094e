"""What is declared stays true: refresh, import, changes and deletion."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from infra.plugin.handler import Later, ProviderError, State
from infra.plugin.values import plain
from infra.tpu_queue.plugin.pace import Pace
from infra.tpu_queue.plugin.queued_resource import QueuedResourceHandler
from infra.tpu_queue.plugin.spec import LOCAL, MARK
from tests.unit.conftest import Heard
from tests.unit.tpu_queue.conftest import NAME, Engine, talk
from tests.unit.tpu_queue.fake_tpu import DOCUMENT, FakeTpu, Fault

Create = Callable[..., State]

ENUMERATED = DOCUMENT["schemas"]["QueuedResourceState"]["properties"]["state"]["enum"]


# Refresh


@pytest.mark.parametrize("state", ENUMERATED)
def test_a_refresh_shows_every_state_that_the_api_has(
    create: Create, engine: Engine, fake: FakeTpu, state: str
) -> None:
    made = create()
    fake.enter(NAME, state)
    answer = engine.read(made)
    assert answer.resource_id == NAME
    assert plain(answer.properties)["state"] == state


def test_a_refresh_of_an_unchanged_request_changes_nothing_and_says_nothing(
    create: Create, engine: Engine, fake: FakeTpu, heard: Heard
) -> None:
    fake.script = ["ACTIVE"]
    made = create()
    heard.info.clear()
    assert plain(engine.read(made).properties) == made
    assert (heard.info, heard.warn) == ([], [])


def test_a_refresh_says_what_became_of_the_request(create: Create, engine: Engine, fake: FakeTpu, heard: Heard) -> None:
    made = create()
    fake.enter(NAME, "ACTIVE")
    engine.read(made)
    assert heard.info[-1] == f"was {made['state']}, is ACTIVE"


def test_a_refresh_of_what_is_not_there_says_so(create: Create, engine: Engine, fake: FakeTpu) -> None:
    made = create()
    del fake.resources[NAME]
    assert engine.read(made).resource_id == ""


def test_a_refresh_that_the_api_refuses_loses_nothing(create: Create, engine: Engine, fake: FakeTpu) -> None:
    made = create()
    fake.faults = [Fault("GET", 403, {"code": 403, "status": "PERMISSION_DENIED", "message": "denied"}, times=10**9)]
    with pytest.raises(ProviderError, match=r"roles/tpu\.viewer"):
        engine.read(made)


@pytest.mark.parametrize(
    ("state", "detail", "said"),
    [
        ("FAILED", {"failedData": {"error": {"code": 8, "message": "no capacity"}}}, "has FAILED (no capacity"),
        ("SUSPENDED", {}, "is SUSPENDED (brought about by the TPU service): its nodes are gone"),
        ("SUSPENDED", {"stateInitiator": "USER"}, "is SUSPENDED (brought about by the user)"),
    ],
)
def test_a_request_that_gets_no_nodes_any_more_is_kept_and_the_person_told_what_to_do(
    create: Create, engine: Engine, program: State, fake: FakeTpu, heard: Heard, state: str, detail: Any, said: str
) -> None:
    made = create()
    fake.enter(NAME, state, **detail)
    read = plain(engine.read(made).properties)
    assert said in heard.warn[0]
    assert "pulumi up --replace URN" in heard.warn[0]
    assert not engine.diff(read, program).changes
    assert fake.accepted == 1


def test_a_healthy_request_is_no_concern(create: Create, engine: Engine, fake: FakeTpu, heard: Heard) -> None:
    fake.script = ["ACTIVE"]
    engine.read(create())
    assert heard.warn == []


def test_a_request_that_somebody_made_anew_with_other_nodes_is_a_difference(
    create: Create, engine: Engine, program: State, fake: FakeTpu
) -> None:
    made = create()
    body = json.loads(json.dumps(fake.bodies[0]))
    body["tpu"]["nodeSpec"][0]["node"]["runtimeVersion"] = "v2-alpha-tpuv6e"
    fake.put(NAME, body, "ACTIVE")
    assert engine.diff(plain(engine.read(made).properties), program).replaces == ["runtime_version"]


# Import


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"capacity": "spot", "queueing": {"valid_until_duration": "21600s"}},
        {"capacity": "reservation", "reservation": "projects/p/locations/us-west4-a/reservations/r"},
        {"capacity": "guaranteed"},
        {"capacity": "guaranteed", "min_duration": "60.0s"},
        {"network": "train"},
        {"network": "projects/my-project/global/networks/train", "subnetwork": "sub"},
        {"network": "https://www.googleapis.com/compute/v1/projects/host/global/networks/shared", "subnetwork": "s"},
        {"network": "default", "subnetwork": "default"},
        {"multislice": {"node_count": 4}},
        {"multislice": {"node_count": 4, "node_id_prefix": "slice"}},
        {"node_id": "slice"},
        {"service_account": {"email": "tpu@my-project.iam.gserviceaccount.com"}},
        {"service_account": {"scopes": ["https://www.googleapis.com/auth/cloud-platform"]}},
        {"queueing": {"valid_after_time": "2026-12-01T07:00:00+01:00"}},
        {"labels": {}, "tags": [], "metadata": {}, "description": "", "secure_boot": False},
        {"accelerator_type": None, "accelerator_config": {"type": "V5LITE_POD", "topology": "4x4"}},
    ],
    ids=lambda changes: "-".join(changes) or "smallest",
)
def test_an_imported_request_does_not_differ_from_the_program_that_made_it(
    engine: Engine, program: State, fake: FakeTpu, changes: dict[str, Any]
) -> None:
    declared = {key: value for key, value in (program | changes).items() if value is not None}
    engine.create(declared)
    answer = engine.read({})
    assert answer.resource_id == NAME
    assert engine.check(plain(answer.inputs))[1] == {}
    assert engine.diff(plain(answer.properties), declared).diffs == []


def test_an_import_says_all_that_the_program_said(engine: Engine, rich: State, fake: FakeTpu) -> None:
    engine.create(rich)
    imported = plain(engine.read({}).inputs)
    project = "projects/my-project"
    assert imported == {
        **rich,
        "network": f"{project}/global/networks/train",
        "subnetwork": f"{project}/regions/us-west4/subnetworks/train-us-west4",
        "queueing": {"valid_interval": {"start_time": "2026-12-01T06:00:00Z", "end_time": "2026-12-02T06:00:00Z"}},
    }
    assert not engine.diff(plain(engine.read({}).properties), rich).changes


def test_a_request_of_another_tool_can_be_imported_and_deleted(
    engine: Engine, program: State, handler: QueuedResourceHandler, fake: FakeTpu, heard: Heard
) -> None:
    engine.create(program)
    body = json.loads(json.dumps(fake.bodies[0]))
    del body["tpu"]["nodeSpec"][0]["node"]["labels"][MARK]
    fake.put(NAME, body, "ACTIVE")
    state = plain(engine.read({}).properties)
    assert state["endpoints"] == {"slice": ["10.128.0.2"]}
    handler.delete("slice", state, talk(heard))
    assert fake.resources == {}


def test_a_difference_of_an_imported_request_is_seen(engine: Engine, program: State, fake: FakeTpu) -> None:
    engine.create(program)
    state = plain(engine.read({}).properties)
    assert engine.diff(state, {**program, "network": "train"}).replaces == ["network"]
    assert engine.diff(state, {**program, "accelerator_type": "v5litepod-4"}).replaces == ["accelerator_type"]


def test_importing_what_is_not_there_says_so(engine: Engine, fake: FakeTpu) -> None:
    assert engine.read({}).resource_id == ""


@pytest.mark.parametrize("identity", ["slice", "projects/p/locations/z/nodes/n", f"{NAME}/x", ""])
def test_an_id_that_is_none_is_refused_with_its_form(engine: Engine, fake: FakeTpu, identity: str) -> None:
    with pytest.raises(ProviderError, match="projects/PROJECT/locations/ZONE/queuedResources/ID"):
        engine.read({}, identity)
    assert fake.requests == []


# Changes

CHANGED: dict[str, Any] = {
    "project": "other-project",
    "zone": "us-west4-b",
    "queued_resource_id": "other",
    "runtime_version": "tpu-ubuntu2204-base",
    "accelerator_type": "v5litepod-8",
    "node_id": "other",
    "network": "other",
    "subnetwork": "other",
    "enable_external_ips": False,
    "service_account": {"email": "other@my-project.iam.gserviceaccount.com"},
    "labels": {"team": "audio"},
    "tags": ["tpu"],
    "metadata": {"startup-script": "echo bye"},
    "description": "other",
    "secure_boot": False,
    "data_disks": [],
    "min_duration": "3600s",
    "queueing": {"valid_until_duration": "60s"},
    "wait_for": "active",
    "force_delete": False,
}


@pytest.mark.parametrize("key", CHANGED)
def test_a_change_replaces_the_request_except_what_the_api_knows_nothing_of(
    engine: Engine, rich: State, fake: FakeTpu, key: str
) -> None:
    state = plain(engine.create(rich).properties)
    answer = engine.diff(state, {**rich, key: CHANGED[key]})
    assert key in answer.diffs
    assert (key in answer.replaces) is (key not in LOCAL)
    assert answer.delete_before_replace


@pytest.mark.parametrize("key", ["labels", "tags", "metadata", "network", "queueing", "service_account", "data_disks"])
def test_an_input_that_a_program_takes_back_is_a_change(engine: Engine, rich: State, fake: FakeTpu, key: str) -> None:
    state = plain(engine.create(rich).properties)
    assert engine.diff(state, {name: value for name, value in rich.items() if name != key}).replaces == [key]


def test_every_input_is_known_to_replace_or_to_change_in_place(rich: State) -> None:
    assert set(CHANGED) | {"capacity"} == set(rich)


def test_the_api_has_no_way_to_change_a_request() -> None:
    methods = DOCUMENT["resources"]["projects"]["resources"]["locations"]["resources"]["queuedResources"]["methods"]
    assert {method["httpMethod"] for method in methods.values()} == {"GET", "POST", "DELETE"}


def test_an_unchanged_program_has_no_difference(engine: Engine, rich: State, fake: FakeTpu) -> None:
    state = plain(engine.create(rich).properties)
    assert not engine.diff(state, rich).changes


def test_what_is_not_known_yet_is_a_difference(engine: Engine, program: State, fake: FakeTpu) -> None:
    state = plain(engine.create(program).properties)
    assert engine.diff(state, {**program, "network": Later.VALUE}).replaces == ["network"]


@pytest.mark.parametrize("wait_for", ["accepted", "active"])
@pytest.mark.parametrize("state", ENUMERATED[2:])
def test_changing_how_it_is_deleted_asks_nothing_of_the_api(
    create: Create, handler: QueuedResourceHandler, fake: FakeTpu, heard: Heard, state: str, wait_for: str
) -> None:
    made = {**create(), "state": state, "wait_for": wait_for}
    fake.requests.clear()
    inputs = {key: value for key, value in made.items() if key not in handler.outputs} | {"force_delete": False}
    assert handler.update("slice", made, inputs, talk(heard)) == {**made, "force_delete": False}
    assert fake.requests == []


def test_coming_to_wait_for_the_nodes_waits_and_asks_for_nothing(
    create: Create, handler: QueuedResourceHandler, fake: FakeTpu, heard: Heard
) -> None:
    made = create()
    threading.Timer(0.1, lambda: fake.enter(NAME, "ACTIVE")).start()
    updated = handler.update("slice", made, {**made, "wait_for": "active"}, talk(heard))
    assert (updated["state"], updated["wait_for"]) == ("ACTIVE", "active")
    assert {method for method, _, _ in fake.requests[-5:]} == {"GET"}
    assert fake.accepted == 1


# Deletion


@pytest.mark.parametrize("state", [each for each in ENUMERATED if each != "DELETING"])
def test_a_forced_delete_ends_every_request_with_its_nodes(
    create: Create, handler: QueuedResourceHandler, fake: FakeTpu, heard: Heard, state: str
) -> None:
    made = create()
    fake.enter(NAME, state)
    handler.delete("slice", made, talk(heard))
    assert (fake.resources, fake.nodes) == ({}, {})
    assert [query.get("force") for method, _, query in fake.requests if method == "DELETE"] == ["true"]


@pytest.mark.parametrize("state", ["ACCEPTED", "WAITING_FOR_RESOURCES", "SUSPENDED", "FAILED"])
def test_what_has_no_nodes_is_deleted_without_force(
    create: Create, handler: QueuedResourceHandler, fake: FakeTpu, heard: Heard, state: str
) -> None:
    made = create(force_delete=False)
    fake.enter(NAME, state)
    handler.delete("slice", made, talk(heard))
    assert fake.resources == {}
    assert all("force" not in query for _, _, query in fake.requests)


def test_nodes_are_not_deleted_unless_the_program_says_so(
    create: Create, handler: QueuedResourceHandler, fake: FakeTpu, heard: Heard
) -> None:
    fake.script = ["ACTIVE"]
    made = create(force_delete=False)
    with pytest.raises(ProviderError, match=r"not supported when state is ACTIVE(.|\n)*force_delete = True"):
        handler.delete("slice", made, talk(heard))
    assert fake.deleted == 0
    assert len(fake.nodes) == 1


def test_deleting_what_is_not_there_is_done(
    create: Create, handler: QueuedResourceHandler, fake: FakeTpu, heard: Heard
) -> None:
    made = create()
    del fake.resources[NAME]
    handler.delete("slice", made, talk(heard))
    assert fake.count("DELETE") == 0


def test_a_deletion_under_way_is_joined(
    create: Create, handler: QueuedResourceHandler, fake: FakeTpu, heard: Heard
) -> None:
    made = create()
    fake.enter(NAME, "DELETING")
    threading.Timer(0.1, lambda: fake.resources.pop(NAME)).start()
    handler.delete("slice", made, talk(heard))
    assert fake.count("DELETE") == 0
    assert fake.resources == {}


def test_a_delete_that_was_cut_off_is_finished_by_the_next(
    create: Create, handler: QueuedResourceHandler, fake: FakeTpu, heard: Heard
) -> None:
    made = create()
    fake.polls = 10**9
    with pytest.raises(ProviderError, match="was DELETING and not gone within"):
        handler.delete("slice", made, talk(heard, seconds=0.2))
    threading.Timer(0.1, fake.finish_operations).start()
    handler.delete("slice", made, talk(heard))
    assert fake.deleted == 1
    assert fake.resources == {}


def test_a_delete_waits_until_another_operation_lets_go(
    create: Create, handler: QueuedResourceHandler, fake: FakeTpu, heard: Heard
) -> None:
    made = create()
    busy = {"code": 409, "status": "ABORTED", "message": "another operation is in progress"}
    fake.faults = [Fault("DELETE", 409, busy, times=3)]
    handler.delete("slice", made, talk(heard))
    assert fake.deleted == 1


@pytest.mark.parametrize("fault", [Fault("DELETE", dropped=True), Fault("DELETE", 503, {"code": 503}, times=2)])
def test_a_failure_that_passes_does_not_stop_a_delete(
    create: Create, handler: QueuedResourceHandler, fake: FakeTpu, heard: Heard, fault: Fault
) -> None:
    made = create()
    fake.faults = [fault]
    fake.polls = 2
    timer = threading.Timer(0.2, fake.finish_operations)
    timer.start()
    handler.delete("slice", made, talk(heard))
    assert fake.deleted == 1


def test_what_somebody_made_anew_is_not_deleted(
    create: Create, handler: QueuedResourceHandler, fake: FakeTpu, heard: Heard
) -> None:
    made = create()
    fake.put(NAME, fake.bodies[0], "ACTIVE")
    with pytest.raises(ProviderError, match=r"somebody made it anew\. To delete it, run: pulumi refresh"):
        handler.delete("slice", made, talk(heard))
    assert fake.count("DELETE") == 0


def test_cancelling_a_delete_ends_it_at_once(create: Create, fake: FakeTpu, heard: Heard) -> None:
    made = create()
    handler = QueuedResourceHandler(Pace(poll_seconds=30))
    threading.Timer(0.2, handler.cancel).start()
    before = time.monotonic()
    with pytest.raises(ProviderError, match="interrupted"):
        handler.delete("slice", made, talk(heard, seconds=60))
    assert time.monotonic() - before < 2
