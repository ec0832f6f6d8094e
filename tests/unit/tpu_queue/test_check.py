"""What a program may declare is refused before anything is asked of the API."""

from __future__ import annotations

from typing import Any

import pytest

from infra.plugin.handler import Later, State
from infra.tpu_queue.plugin.check import GENERATIONS
from infra.tpu_queue.plugin.spec import DEFAULTS, INPUTS
from tests.unit.tpu_queue.conftest import Engine
from tests.unit.tpu_queue.fake_tpu import SCHEMAS, FakeTpu

INTERVAL = {"start_time": "2026-12-01T06:00:00Z", "end_time": "2026-12-02T06:00:00Z"}
RESERVATION = "projects/my-project/locations/us-west4-a/reservations/r"

LEFT_OUT = object()


@pytest.mark.parametrize(
    ("changes", "path", "said"),
    [
        ({"project": LEFT_OUT}, "project", "is missing"),
        ({"zone": LEFT_OUT}, "zone", "is missing"),
        ({"queued_resource_id": LEFT_OUT}, "queued_resource_id", "is missing"),
        ({"runtime_version": LEFT_OUT}, "runtime_version", "is missing"),
        ({"project": "projects/p"}, "project", "the id of a project"),
        ({"zone": "us-west4"}, "zone", "TPUs are zonal"),
        ({"queued_resource_id": "a/b"}, "queued_resource_id", "an id of letters"),
        ({"runtime_version": ""}, "runtime_version", '"" is not text'),
        ({"accelerator_type": LEFT_OUT}, "accelerator_type", "give one of the two"),
        ({"accelerator_type": "v5e"}, "accelerator_type", "such as v5litepod-16"),
        ({"accelerator_config": {"type": "V4", "topology": "2x2x1"}}, "accelerator_config", "leave one of the two out"),
        (
            {"accelerator_type": LEFT_OUT, "accelerator_config": {"type": "v5p", "topology": "2x2x1"}},
            "accelerator_config.type",
            "Did you mean V5P?",
        ),
        (
            {"accelerator_type": LEFT_OUT, "accelerator_config": {"type": "V4", "topology": "16"}},
            "accelerator_config.topology",
            "such as 4x4",
        ),
        (
            {"accelerator_type": LEFT_OUT, "accelerator_config": {"type": "V4"}},
            "accelerator_config.topology",
            "is missing",
        ),
        ({"node_id": "a b"}, "node_id", "an id of letters"),
        ({"node_id": "a", "multislice": {"node_count": 2}}, "node_id", "use multislice.node_id_prefix"),
        ({"multislice": {"node_count": 1}}, "multislice.node_count", "at least 2"),
        ({"multislice": {"node_count": True}}, "multislice.node_count", "at least 2"),
        ({"multislice": {}}, "multislice.node_count", "is missing"),
        ({"multislice": {"node_count": 2, "node_id_prefix": "a/"}}, "multislice.node_id_prefix", "an id of letters"),
        ({"network": ""}, "network", "is not text"),
        ({"enable_external_ips": "yes"}, "enable_external_ips", "true or false"),
        ({"service_account": "tpu@p"}, "service_account", "a mapping with email, scopes"),
        ({"service_account": {"email": "tpu"}}, "service_account.email", "the address of a service account"),
        ({"service_account": {"scopes": ["cloud-platform"]}}, "service_account.scopes[0]", "the URL of a scope"),
        ({"service_account": {"mail": "a@b"}}, "service_account.mail", "Did you mean email?"),
        ({"labels": {"Team": "a"}}, "labels.Team", "lower-case"),
        ({"labels": {"team": "A"}}, "labels.team", "lower-case"),
        ({"labels": {"aidc-request": "x"}}, "labels.aidc-request", "use another key"),
        ({"labels": {f"l{index}": "" for index in range(64)}}, "labels", "at most 63"),
        ({"tags": ["-a"]}, "tags[0]", "a network tag"),
        ({"tags": "ssh"}, "tags", "a list"),
        ({"metadata": {"a": 1}}, "metadata.a", "1 is not text"),
        ({"description": "x" * 513}, "description", "at most 512"),
        ({"secure_boot": 1}, "secure_boot", "true or false"),
        ({"data_disks": [{"source_disk": "data", "mode": "READ_ONLY"}]}, "data_disks[0].source_disk", "disks/NAME"),
        (
            {"data_disks": [{"source_disk": "projects/p/zones/z/disks/d", "mode": "RW"}]},
            "data_disks[0].mode",
            "one of READ_WRITE, READ_ONLY",
        ),
        (
            {
                "data_disks": [{"source_disk": "projects/p/zones/z/disks/d", "mode": "READ_WRITE"}],
                "multislice": {"node_count": 2},
            },
            "data_disks[0].mode",
            "use READ_ONLY",
        ),
        ({"capacity": "preemptible"}, "capacity", "one of on-demand, spot, guaranteed, reservation"),
        ({"capacity": "spot", "min_duration": "60s"}, "min_duration", "goes with capacity guaranteed, not with spot"),
        ({"min_duration": "60s"}, "min_duration", "not with on-demand"),
        ({"capacity": "guaranteed", "min_duration": "1h"}, "min_duration", "seconds, such as"),
        ({"capacity": "reservation"}, "reservation", "is missing"),
        ({"capacity": "spot", "reservation": RESERVATION}, "reservation", "goes with capacity reservation"),
        ({"capacity": "guaranteed", "reservation": RESERVATION}, "reservation", "goes with capacity reservation"),
        ({"reservation": RESERVATION}, "reservation", "not with on-demand"),
        ({"capacity": "reservation", "reservation": "r"}, "reservation", "reservations/NAME"),
        (
            {"capacity": "reservation", "reservation": RESERVATION.replace("west4-a", "west4-b")},
            "reservation",
            "is not in the zone",
        ),
        ({"queueing": {}}, "queueing", "none is given"),
        (
            {"queueing": {"valid_until_duration": "60s", "valid_after_duration": "60s"}},
            "queueing",
            "valid_until_duration and valid_after_duration is given",
        ),
        ({"queueing": {"valid_until_time": INTERVAL["end_time"], "valid_interval": INTERVAL}}, "queueing", "takes one"),
        ({"queueing": {"valid_until_duration": 60}}, "queueing.valid_until_duration", "60 is not seconds"),
        ({"queueing": {"valid_until_time": "2026-12-01"}}, "queueing.valid_until_time", "a time with its zone"),
        ({"queueing": {"valid_after_time": "tomorrow"}}, "queueing.valid_after_time", "a time with its zone"),
        ({"queueing": {"valid_interval": {"start_time": "x"}}}, "queueing.valid_interval.end_time", "is missing"),
        (
            {"queueing": {"valid_interval": {**INTERVAL, "end_time": INTERVAL["start_time"]}}},
            "queueing.valid_interval",
            "is not before",
        ),
        ({"wait_for": "ready"}, "wait_for", "one of accepted, active"),
        ({"force_delete": "no"}, "force_delete", "true or false"),
        ({"run_duration": "60s"}, "run_duration", "Did you mean min_duration?"),
    ],
)
def test_what_cannot_be_is_refused_at_its_path_with_what_can(
    engine: Engine, program: State, changes: dict[str, Any], path: str, said: str
) -> None:
    wrong = {key: value for key, value in (program | changes).items() if value is not LEFT_OUT}
    _, failures = engine.check(wrong)
    assert said in failures[path]


def test_one_mistake_is_told_once(engine: Engine, program: State) -> None:
    wrong = {**program, "accelerator_type": 5, "capacity": "sport", "min_duration": "60s"}
    assert set(engine.check(wrong)[1]) == {"accelerator_type", "capacity"}


def test_what_is_not_known_yet_is_no_mistake(engine: Engine, rich: State) -> None:
    assert engine.check(dict.fromkeys(rich, Later.VALUE))[1] == {}
    assert engine.check({**rich, "labels": {"team": Later.VALUE}})[1] == {}


def test_all_that_can_be_declared_together_is_right(engine: Engine, rich: State) -> None:
    assert engine.check(rich) == (rich, {})


def test_what_a_program_leaves_out_has_its_default(engine: Engine, program: State) -> None:
    assert engine.check(program) == ({**program, **DEFAULTS}, {})


def test_a_check_and_a_preview_ask_nothing_and_need_no_credentials(
    engine: Engine, program: State, fake: FakeTpu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIDC_TPU_ENDPOINT")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere")
    answer = engine.create(program, preview=True)
    assert answer.resource_id == ""
    assert fake.requests == []


def test_the_generations_are_those_of_the_discovery_document() -> None:
    assert set(GENERATIONS) == set(SCHEMAS["AcceleratorConfig"]["properties"]["type"]["enum"]) - {"TYPE_UNSPECIFIED"}


def test_every_input_that_can_be_declared_is_checked(engine: Engine) -> None:
    _, failures = engine.check(dict.fromkeys(INPUTS, 3.5))
    assert set(failures) == set(INPUTS)
