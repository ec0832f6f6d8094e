"""Queued resources through the real engine: what a person does with ``pulumi``, over a TPU API on loopback."""

from __future__ import annotations

import re
import signal

from infra.tpu_queue.resource import QueuedResource
from tests.engine.program import NAME, URN, Program
from tests.project import wait_for
from tests.unit.tpu_queue.fake_tpu import FakeTpu

IMPORTED = {
    "network": "projects/my-project/global/networks/default",
    "subnetwork": "projects/my-project/regions/us-west4/subnetworks/default",
    "node_id": "slice",
    "service_account": {
        "email": "123456789012-compute@developer.gserviceaccount.com",
        "scopes": ["https://www.googleapis.com/auth/cloud-platform"],
    },
}
"""What only the API says of a request that left it out."""


def test_up_is_repeatable_and_refresh_import_and_destroy_agree_with_it(program: Program, fake: FakeTpu) -> None:
    preview = program.run("preview", AIDC_TPU_ENDPOINT="https://nowhere.invalid")
    assert "+ 1 created" in preview or "+ 2 to create" in preview
    assert fake.requests == []

    program.up()
    assert program.outputs()["slice"]["id"] == NAME
    assert program.outputs()["slice"]["state"] in ("ACCEPTED", "WAITING_FOR_RESOURCES")
    assert "2 unchanged" in program.up("--expect-no-changes")

    fake.enter(NAME, "ACTIVE")
    assert re.search("was .*, is ACTIVE", program.run("refresh", "--yes", "--skip-preview"))
    assert program.slice()["endpoints"] == {"slice": ["10.128.0.2"]}
    before = program.slice()
    program.up("--expect-no-changes")

    program.run("state", "delete", URN, "--yes")
    program.run("import", QueuedResource.TYPE, "slice", NAME, "--generate-code=false", "--protect=false", "--yes")
    program.up("--expect-no-changes")
    assert program.slice() == {**before, **IMPORTED}

    program.run("state", "delete", URN, "--yes")
    assert "1 imported" in program.run("up", "--yes", "--skip-preview", IMPORT=NAME)
    program.up("--expect-no-changes")
    assert program.slice() == {**before, **IMPORTED}
    assert (fake.accepted, fake.deleted) == (1, 0)

    program.run("destroy", "--yes", "--skip-preview")
    assert (fake.resources, fake.nodes) == ({}, {})
    assert program.plugins() == []


def test_killing_the_engine_in_the_middle_of_a_create_converges_on_the_next_up_with_one_request(
    program: Program, fake: FakeTpu
) -> None:
    fake.script, fake.polls = ["CREATING"], 10**9
    process = program.start("up", "--yes", "--skip-preview")
    wait_for(lambda: fake.accepted and fake.count("GET") > 3, "the request")
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_for(lambda: not program.plugins(), "the end of the plugin")
    assert "slice" not in program.resources()

    fake.enter(NAME, "WAITING_FOR_RESOURCES")
    said = program.up()
    assert "found the request that an earlier up made" in said
    assert program.slice()["state"] == "WAITING_FOR_RESOURCES"
    assert fake.accepted == 1


def test_interrupting_up_keeps_the_request_in_the_state_and_the_next_up_waits_on(
    program: Program, fake: FakeTpu
) -> None:
    program.declare(wait_for="active")
    process = program.start("up", "--yes", "--skip-preview")
    wait_for(lambda: fake.accepted and fake.count("GET") > 9, "the request to be in the queue")
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "interrupted; the next up or destroy goes on from here" in said
    assert program.slice()["state"] == "WAITING_FOR_RESOURCES"

    fake.enter(NAME, "ACTIVE")
    program.up()
    assert program.slice()["state"] == "ACTIVE"
    program.up("--expect-no-changes")
    assert fake.accepted == 1


def test_the_time_that_a_program_gives_bounds_the_wait(program: Program, fake: FakeTpu) -> None:
    program.declare(wait_for="active")
    said = program.run("up", "--yes", "--skip-preview", fails=True, CREATE_TIMEOUT="1s")
    assert "and not active within 1 s" in said
    assert program.slice()["state"] == "WAITING_FOR_RESOURCES"


def test_a_request_without_capacity_fails_the_up_is_kept_and_can_be_replaced_and_destroyed(
    program: Program, fake: FakeTpu
) -> None:
    fake.script = ["CREATING", "FAILED"]
    fake.detail = {"failedData": {"error": {"code": 8, "message": "There is no more capacity in the zone"}}}
    said = program.up(fails=True)
    assert "There is no more capacity in the zone" in said
    assert "Traceback" not in said
    assert program.slice()["state"] == "FAILED"

    assert "pulumi up --replace URN" in program.up("--refresh")
    assert (fake.accepted, fake.deleted) == (1, 0)

    fake.script, fake.detail = ["CREATING", "ACCEPTED"], {}
    program.up("--replace", URN)
    assert program.slice()["state"] == "ACCEPTED"
    assert (fake.accepted, fake.deleted) == (2, 1)

    program.declare_nothing()
    program.up()
    assert fake.resources == {}


def test_a_change_deletes_before_it_asks_again_and_a_local_one_changes_in_place(
    program: Program, fake: FakeTpu
) -> None:
    program.up()
    program.declare(force_delete=False)
    assert "1 updated" in program.up()
    assert fake.count("POST") == 1
    program.declare(runtime_version="v2-alpha-tpuv5")
    preview = program.run("preview", "--diff")
    assert 'runtime_version: "v2-alpha-tpuv5-lite" => "v2-alpha-tpuv5"' in preview
    assert "1 replaced" in program.up()
    assert [method for method, _, _ in fake.requests if method != "GET"] == ["POST", "DELETE", "POST"]


def test_nodes_that_must_not_be_deleted_stop_a_destroy_with_one_clear_error(program: Program, fake: FakeTpu) -> None:
    fake.script = ["ACTIVE"]
    program.declare(force_delete=False)
    program.up()
    said = program.run("destroy", "--yes", "--skip-preview", fails=True)
    assert "With force_delete = True a delete removes its nodes too" in said
    assert fake.nodes
    program.declare()
    program.up()
    program.run("destroy", "--yes", "--skip-preview")
    assert fake.resources == {}


def test_an_import_that_wants_code_is_done_and_told_that_there_is_none(program: Program, fake: FakeTpu) -> None:
    program.up()
    program.run("state", "delete", URN, "--yes")
    said = program.run("import", QueuedResource.TYPE, "slice", NAME, "--protect=false", "--yes", fails=True)
    assert "1 imported" in said
    assert "import with --generate-code=false" in said
    program.up("--expect-no-changes")


def test_mistakes_are_told_at_their_property_in_a_preview(program: Program, fake: FakeTpu) -> None:
    program.declare(zone="us-west4", capacity="sport")
    said = program.run("preview", fails=True)
    assert re.search(r"property zone value .* has a problem: \"us-west4\" is not a zone, such as us-west4-a", said)
    assert "Did you mean spot?" in said
    assert "Traceback" not in said
    assert fake.requests == []
