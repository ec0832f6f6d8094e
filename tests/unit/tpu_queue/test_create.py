"""A request is made once, waited for as long as the program wants, and found again after any interruption."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from pulumi.provider.experimental import provider as protocol

from infra.plugin.handler import ProviderError, State, Unfinished
from infra.plugin.provider import InitialisationFailed
from infra.plugin.values import plain, properties
from infra.tpu_queue.plugin.pace import Pace
from infra.tpu_queue.plugin.queued_resource import QueuedResourceHandler
from infra.tpu_queue.plugin.spec import MARK
from tests.unit.conftest import Heard, wait_until
from tests.unit.tpu_queue.conftest import NAME, URN, Engine, talk
from tests.unit.tpu_queue.fake_tpu import FakeTpu, Fault

Create = Callable[..., State]

UNAVAILABLE = {"code": 503, "status": "UNAVAILABLE", "message": "try again"}
BUSY = {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Quota exceeded for requests per minute"}
STOCKOUT = {"code": 8, "message": 'There is no more capacity in the zone "us-west4-a"'}


def node(fake: FakeTpu) -> dict[str, Any]:
    """The one node of the one request, without the mark."""
    found: dict[str, Any] = json.loads(json.dumps(fake.bodies[0]["tpu"]["nodeSpec"][0]))
    found["node"]["labels"].pop(MARK)
    return found


def test_the_smallest_request_leaves_the_rest_to_the_api_but_asks_for_no_external_addresses(
    create: Create, fake: FakeTpu
) -> None:
    create()
    assert node(fake) == {
        "parent": "projects/my-project/locations/us-west4-a",
        "nodeId": "slice",
        "node": {
            "acceleratorType": "v5litepod-16",
            "runtimeVersion": "v2-alpha-tpuv5-lite",
            "networkConfig": {"enableExternalIps": False},
            "labels": {},
        },
    }
    assert set(fake.bodies[0]) == {"tpu"}


def test_all_that_can_be_declared_arrives(engine: Engine, rich: State, fake: FakeTpu) -> None:
    engine.create(rich)
    assert node(fake) == {
        "parent": "projects/my-project/locations/us-west4-a",
        "nodeId": "worker",
        "node": {
            "acceleratorType": "v5litepod-16",
            "runtimeVersion": "v2-alpha-tpuv5-lite",
            "networkConfig": {"network": "train", "subnetwork": "train-us-west4", "enableExternalIps": True},
            "serviceAccount": {"email": "tpu@my-project.iam.gserviceaccount.com", "scope": ["https://scope/a"]},
            "labels": {"team": "vision"},
            "tags": ["ssh", "tpu"],
            "metadata": {"startup-script": "echo hello"},
            "description": "training",
            "shieldedInstanceConfig": {"enableSecureBoot": True},
            "dataDisks": [
                {"sourceDisk": "projects/my-project/zones/us-west4-a/disks/data", "mode": "READ_ONLY"},
            ],
        },
    }
    assert fake.bodies[0]["guaranteed"] == {"minDuration": "86400s"}
    assert fake.bodies[0]["queueingPolicy"] == {
        "validInterval": {"startTime": "2026-12-01T06:00:00Z", "endTime": "2026-12-02T06:00:00+00:00"}
    }


@pytest.mark.parametrize(
    ("changes", "tier"),
    [
        ({"capacity": "on-demand"}, {}),
        ({"capacity": "spot"}, {"spot": {}}),
        ({"capacity": "guaranteed"}, {"guaranteed": {}}),
        (
            {"capacity": "reservation", "reservation": "projects/p/locations/us-west4-a/reservations/-"},
            {"reservationName": "projects/p/locations/us-west4-a/reservations/-"},
        ),
    ],
)
def test_each_capacity_is_its_tier_and_no_other(
    create: Create, fake: FakeTpu, changes: dict[str, Any], tier: dict[str, Any]
) -> None:
    create(**changes)
    assert {key: value for key, value in fake.bodies[0].items() if key != "tpu"} == tier


@pytest.mark.parametrize(
    ("here", "value", "there"),
    [
        ("valid_until_duration", "21600s", "validUntilDuration"),
        ("valid_until_time", "2026-12-01T06:00:00Z", "validUntilTime"),
        ("valid_after_duration", "60s", "validAfterDuration"),
        ("valid_after_time", "2026-12-01T06:00:00Z", "validAfterTime"),
    ],
)
def test_each_queueing_constraint_arrives(create: Create, fake: FakeTpu, here: str, value: str, there: str) -> None:
    create(queueing={here: value})
    assert fake.bodies[0]["queueingPolicy"] == {there: value}


@pytest.mark.parametrize(("prefix", "first"), [({}, "slice-0"), ({"node_id_prefix": "np"}, "np-0")])
def test_several_slices_are_asked_for_without_a_node_id_and_named_by_their_prefix(
    create: Create, fake: FakeTpu, prefix: dict[str, str], first: str
) -> None:
    state = create(multislice={"node_count": 3, **prefix})
    spec = fake.bodies[0]["tpu"]["nodeSpec"][0]
    assert spec["multisliceParams"]["nodeCount"] == 3
    assert "nodeId" not in spec
    assert len(state["nodes"]) == 3
    assert state["nodes"][0] == f"projects/my-project/locations/us-west4-a/nodes/{first}"


def test_an_accelerator_can_be_asked_for_by_its_shape(create: Create, fake: FakeTpu, inputs: State) -> None:
    del inputs["accelerator_type"]
    state = create(accelerator_config={"type": "V5LITE_POD", "topology": "4x4"})
    assert state["accelerator"]["accelerator_type"] == "v5litepod-16"


def test_a_request_in_the_queue_is_enough_unless_the_program_waits_for_the_nodes(create: Create, fake: FakeTpu) -> None:
    fake.script = ["CREATING", "WAITING_FOR_RESOURCES", "PROVISIONING", "ACTIVE"]
    state = create()
    assert (state["state"], state["endpoints"]) == ("WAITING_FOR_RESOURCES", {})


def test_waiting_for_the_nodes_ends_with_their_addresses(create: Create, fake: FakeTpu, heard: Heard) -> None:
    fake.script = ["CREATING", "ACCEPTED", "WAITING_FOR_RESOURCES", "PROVISIONING", "ACTIVE"]
    state = create(wait_for="active", multislice={"node_count": 2})
    assert state["state"] == "ACTIVE"
    assert state["endpoints"] == {"slice-0": ["10.128.0.2"], "slice-1": ["10.128.1.2"]}
    assert [line.partition(":")[0] for line in heard.info] == fake.script  # each state is told, once


def test_a_request_that_already_is_in_the_queue_while_its_operation_goes_on_is_not_waited_for(
    create: Create, fake: FakeTpu
) -> None:
    fake.polls = 10**9
    assert create()["state"] == "ACCEPTED"


def test_what_goes_on_for_long_is_told_now_and_then(fake: FakeTpu, inputs: State, heard: Heard) -> None:
    handler = QueuedResourceHandler(Pace(poll_seconds=0.01, news_seconds=0.05))
    with pytest.raises(Unfinished):
        handler.create("slice", {**inputs, "wait_for": "active"}, talk(heard, seconds=0.5))
    assert 3 <= len(heard.progress) <= 10
    assert heard.progress[-1].startswith("WAITING_FOR_RESOURCES for 0 min")


# What does not become what it should


def test_waiting_ends_with_the_time_and_keeps_the_request(create: Create, fake: FakeTpu) -> None:
    before = time.monotonic()
    with pytest.raises(Unfinished, match=r"was WAITING_FOR_RESOURCES and not active within 0\.3 s") as caught:
        create(seconds=0.3, wait_for="active")
    assert time.monotonic() - before < 2
    assert caught.value.state["state"] == "WAITING_FOR_RESOURCES"
    assert NAME in fake.resources


def test_a_request_that_fails_for_want_of_capacity_is_kept_with_the_reason(create: Create, fake: FakeTpu) -> None:
    fake.script = ["CREATING", "WAITING_FOR_RESOURCES", "FAILED"]
    fake.detail = {"failedData": {"error": STOCKOUT}}
    with pytest.raises(Unfinished, match=r"no more capacity(.|\n)*use another zone, a smaller slice, spot") as caught:
        create(wait_for="active")
    assert caught.value.state["state"] == "FAILED"
    assert caught.value.state["state_detail"].startswith("There is no more capacity")


def test_nodes_that_are_taken_back_while_they_are_waited_for_end_the_wait(create: Create, fake: FakeTpu) -> None:
    fake.script = ["CREATING", "PROVISIONING", "SUSPENDING", "SUSPENDED"]
    with pytest.raises(Unfinished, match="it is SUSPENDED"):
        create(wait_for="active")


@pytest.mark.parametrize("vanishes", [True, False])
def test_an_operation_that_fails_is_told_and_its_request_kept_only_if_it_is_there(
    create: Create, fake: FakeTpu, vanishes: bool
) -> None:
    fake.script = ["CREATING"]
    fake.vanishes = vanishes
    fake.refusal = {"code": 8, "message": "Quota limit 'TPUV5' has been exceeded. Limit: 0 in zone us-west4-a."}
    with pytest.raises(ProviderError, match=r"Quota limit(.|\n)*Ask for more quota") as caught:
        create()
    assert isinstance(caught.value, Unfinished) is not vanishes


def test_the_engine_is_told_of_an_unfinished_request_with_its_id_and_state(
    engine: Engine, program: State, fake: FakeTpu
) -> None:
    with pytest.raises(InitialisationFailed) as caught:
        engine.create({**program, "wait_for": "active"}, seconds=0.1)
    assert caught.value.identity == NAME
    assert caught.value.state["state"] == "WAITING_FOR_RESOURCES"


def test_the_next_up_goes_on_waiting_for_what_was_unfinished_and_asks_for_nothing(
    create: Create, handler: QueuedResourceHandler, fake: FakeTpu, heard: Heard
) -> None:
    with pytest.raises(Unfinished) as caught:
        create(seconds=0.1, wait_for="active")
    fake.enter(NAME, "ACTIVE")
    state = caught.value.state
    inputs = {key: value for key, value in state.items() if key not in handler.outputs}
    assert handler.update("slice", state, inputs, talk(heard))["state"] == "ACTIVE"
    assert (fake.count("POST"), fake.count("DELETE")) == (1, 0)


def test_a_deletion_by_somebody_else_while_it_is_waited_for_is_told(
    create: Create, handler: QueuedResourceHandler, fake: FakeTpu, heard: Heard
) -> None:
    with pytest.raises(Unfinished) as caught:
        create(seconds=0.1, wait_for="active")
    del fake.resources[NAME]
    with pytest.raises(ProviderError, match="somebody deleted it"):
        handler.update("slice", caught.value.state, caught.value.state, talk(heard))


def test_cancelling_ends_a_wait_at_once_and_keeps_the_request(fake: FakeTpu, inputs: State, heard: Heard) -> None:
    handler = QueuedResourceHandler(Pace(poll_seconds=30))
    threading.Timer(0.2, handler.cancel).start()
    before = time.monotonic()
    with pytest.raises(Unfinished, match="interrupted; the next up or destroy goes on from here"):
        handler.create("slice", {**inputs, "wait_for": "active"}, talk(heard, seconds=60))
    assert time.monotonic() - before < 2
    assert NAME in fake.resources


# Failures that pass, and those that do not


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST", 503, UNAVAILABLE, times=3),
        Fault("POST", 500, {"code": 500, "status": "INTERNAL", "message": "internal error"}),
        Fault("POST", 429, BUSY, times=2),
        Fault("GET", 503, UNAVAILABLE, times=3),
        Fault("GET", 429, BUSY, times=2, path="/operations/"),
        Fault("POST", dropped=True),
        Fault("GET", dropped=True, times=2),
    ],
    ids=lambda fault: f"{fault.method}-{fault.code or 'dropped'}",
)
def test_a_failure_that_passes_is_not_noticed_and_makes_one_request(
    create: Create, fake: FakeTpu, fault: Fault
) -> None:
    fake.faults = [fault]
    assert create()["state"] in ("ACCEPTED", "WAITING_FOR_RESOURCES")
    assert fake.accepted == 1
    assert fault.times == 0


def test_an_answer_that_does_not_come_is_not_waited_for_for_ever(
    fake: FakeTpu, inputs: State, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.tpu_queue.plugin.api.ANSWER_SECONDS", 0.0)  # a second is the least
    fake.faults = [Fault("POST", stalled=1.5)]
    handler = QueuedResourceHandler(Pace(poll_seconds=0.005, backoff_seconds=0.005, request_seconds=10))
    assert handler.create("slice", inputs, talk(heard, seconds=20))["name"] == NAME
    assert fake.count("POST") == 2
    assert fake.accepted == 1


def test_a_repeated_request_carries_the_id_of_the_first(create: Create, fake: FakeTpu) -> None:
    fake.faults = [Fault("POST", dropped=True)]
    create()
    identities = [query["requestId"] for method, _, query in fake.requests if method == "POST"]
    assert len(identities) == 2
    assert len(set(identities)) == 1


def test_the_api_decides_how_long_to_wait(
    inputs: State, fake: FakeTpu, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    sleep = Pace.sleep

    def listening(self: Pace, seconds: float, cancelled: threading.Event) -> None:
        slept.append(seconds)
        sleep(self, min(seconds, 0.001), cancelled)

    monkeypatch.setattr(Pace, "sleep", listening)
    fake.faults = [Fault("POST", 429, BUSY, {"Retry-After": "7"})]
    handler = QueuedResourceHandler(Pace(poll_seconds=0.005, backoff_seconds=0.005, request_seconds=30))
    handler.create("slice", inputs, talk(heard, seconds=60))
    assert slept[0] == 7


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "3600"}])
def test_repeating_ends_with_the_time(create: Create, fake: FakeTpu, headers: dict[str, str]) -> None:
    fake.faults = [Fault("POST", 503, UNAVAILABLE, headers, times=10**9)]
    before = time.monotonic()
    with pytest.raises(ProviderError, match=r"cannot create .*: try again"):
        create()
    assert time.monotonic() - before < 2
    assert fake.count("POST") < 200
    assert fake.accepted == 0


@pytest.mark.parametrize(
    ("code", "error", "said"),
    [
        (
            403,
            {
                "code": 403,
                "status": "PERMISSION_DENIED",
                "message": "Cloud TPU API has not been used in project my-project before or it is disabled.",
                "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED"}],
            },
            "gcloud services enable tpu.googleapis.com --project=my-project",
        ),
        (
            403,
            {"code": 403, "status": "PERMISSION_DENIED", "message": "Permission 'tpu.queuedresources.create' denied"},
            "--role=roles/tpu.admin",
        ),
        (
            403,
            {"code": 403, "status": "PERMISSION_DENIED", "message": "missing iam.serviceAccounts.actAs on tpu@p"},
            "roles/iam.serviceAccountUser",
        ),
        (
            429,
            {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Quota limit 'TPUV4Pod' has been exceeded."},
            "Ask for more quota of the TPU API in us-west4-a",
        ),
        (401, {"code": 401, "status": "UNAUTHENTICATED", "message": "no"}, "gcloud auth application-default login"),
        (400, {"code": 400, "status": "INVALID_ARGUMENT", "message": "accelerator type is not there"}, "is not there"),
        (418, {}, "HTTP 418"),
    ],
    ids=["api-off", "permission", "act-as", "quota", "login", "invalid", "not-the-api"],
)
def test_a_refusal_is_not_repeated_and_says_what_to_do(
    create: Create, fake: FakeTpu, code: int, error: dict[str, Any], said: str
) -> None:
    fake.faults = [Fault("POST", code, error, times=10**9)]
    with pytest.raises(ProviderError) as caught:
        create()
    assert said in str(caught.value)
    assert not isinstance(caught.value, Unfinished)
    assert fake.count("POST") == 1


def test_an_api_that_cannot_be_reached_is_told_by_its_address(
    create: Create, monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    monkeypatch.setenv("AIDC_TPU_ENDPOINT", f"http://127.0.0.1:{port}")
    with pytest.raises(ProviderError, match=f"no answer from http://127.0.0.1:{port}"):
        create()


def test_without_credentials_the_person_is_told_how_to_log_in(create: Create, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIDC_TPU_ENDPOINT")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere")
    with pytest.raises(ProviderError, match="run: gcloud auth application-default login"):
        create()


@pytest.mark.parametrize("endpoint", ["http://tpu.example.com", "ftp://127.0.0.1.example.com", "tpu.googleapis.com"])
def test_no_credentials_go_anywhere_in_clear_text(
    create: Create, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.setenv("AIDC_TPU_ENDPOINT", endpoint)
    with pytest.raises(ProviderError, match="must be https, or http on loopback"):
        create()


@pytest.mark.parametrize("wanted", ["0", "-1", "soon", "inf", "nan"])
def test_a_pace_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    monkeypatch.setenv("AIDC_TPU_POLL_SECONDS", wanted)
    with pytest.raises(ProviderError, match="AIDC_TPU_POLL_SECONDS"):
        Pace.of_environment()


# Found again


def test_a_request_that_this_resource_made_before_is_gone_on_with(create: Create, fake: FakeTpu, heard: Heard) -> None:
    first = create()
    assert create() == {**first, "state": "WAITING_FOR_RESOURCES"}
    assert fake.accepted == 1
    assert "found the request that an earlier up made; going on with it" in heard.info


def test_a_request_of_another_resource_is_not_taken_although_it_is_the_same(create: Create, fake: FakeTpu) -> None:
    create(urn=URN.replace("test", "prod"))
    with pytest.raises(ProviderError, match=rf"did not make it\.(.|\n)*pulumi import .* {NAME}"):
        create()


def test_a_request_that_nobody_marked_is_not_taken(create: Create, fake: FakeTpu) -> None:
    create()
    body = json.loads(json.dumps(fake.bodies[0]))
    del body["tpu"]["nodeSpec"][0]["node"]["labels"][MARK]
    fake.put(NAME, body, "ACTIVE")
    with pytest.raises(ProviderError, match="pulumi import"):
        create()


def test_a_request_from_another_specification_is_not_taken(create: Create, fake: FakeTpu) -> None:
    create()
    with pytest.raises(ProviderError, match="made by an up that was cut off, from another specification"):
        create(runtime_version="v2-alpha-tpuv6e")
    assert fake.accepted == 1


def test_a_request_that_is_being_deleted_is_waited_for_and_made_anew(create: Create, fake: FakeTpu) -> None:
    create()
    fake.enter(NAME, "DELETING")
    threading.Timer(0.1, lambda: fake.resources.pop(NAME)).start()
    assert create()["state"] in ("ACCEPTED", "WAITING_FOR_RESOURCES")
    assert fake.accepted == 2


def test_a_killed_create_is_finished_by_the_next_one_with_one_request(
    create: Create, fake: FakeTpu, inputs: State
) -> None:
    fake.script, fake.polls = ["CREATING"], 10**9
    code = f"""
from infra.plugin.handler import Talk
from infra.tpu_queue.plugin.pace import Pace
from infra.tpu_queue.plugin.queued_resource import QueuedResourceHandler
QueuedResourceHandler(Pace(poll_seconds=0.05)).create("slice", {inputs!r}, Talk(print, print, print, {URN!r}))
"""
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        wait_until("the request is accepted", lambda: fake.accepted and fake.count("GET") > 2)
        process.kill()
    fake.enter(NAME, "WAITING_FOR_RESOURCES")
    assert create()["state"] == "WAITING_FOR_RESOURCES"
    assert fake.accepted == 1


def test_what_the_engine_gets_is_the_inputs_and_every_output(
    engine: Engine, program: State, handler: QueuedResourceHandler, fake: FakeTpu
) -> None:
    answer = engine.create(program)
    state = plain(answer.properties)
    assert answer.resource_id == state["name"] == NAME
    assert set(handler.outputs) < set(state)
    assert program.items() <= state.items()


def test_requests_that_wait_for_long_do_not_hold_up_another(engine: Engine, inputs: State, fake: FakeTpu) -> None:
    def asked(name: str, wait_for: str) -> protocol.CreateRequest:
        declared = properties({**inputs, "queued_resource_id": name, "wait_for": wait_for})
        return protocol.CreateRequest(URN, declared, 0, preview=False)

    async def life() -> None:
        waiting = [asyncio.create_task(engine.provider.create(asked(f"w{n}", "active"))) for n in range(40)]
        await asyncio.sleep(0)
        await asyncio.wait_for(engine.provider.create(asked("slice", "accepted")), 10)
        assert not any(task.done() for task in waiting)
        await engine.provider.cancel()
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(end, InitialisationFailed | ProviderError) for end in ends)

    asyncio.run(life())
