"""The local site's resource types and their provider, with real processes and without the engine."""

from __future__ import annotations

import asyncio
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from pulumi.provider.experimental import provider as protocol
from pulumi.runtime.rpc import UNKNOWN

from infra.local.plugin.artefacts import KINDS, PURGE, RUN, ArtefactsHandler
from infra.local.plugin.provider import LocalProvider
from infra.local.plugin.service import ServiceHandler
from infra.local.plugin.training_job import TrainingJobHandler
from infra.plugin.handler import Later, ProviderError, State, differences
from infra.plugin.provider import REPLACE, UPDATE
from infra.plugin.values import plain, properties
from tests.unit.conftest import Heard, end, runs, wait_until
from workloads.spec import OPERATIONAL, WorkloadSpec

# Values between the engine and the handlers


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        0,
        8501,
        2**31,
        0.97,
        -1e-9,
        "",
        "8501",
        [],
        {},
        [1, "a", None, [True]],
        {"train": {"steps": 7, "learning_rate": 0.002, "tags": ["a", {"b": None}]}},
        Later.VALUE,
        {"model": [Later.VALUE]},
    ],
)
def test_a_value_comes_back_from_the_engine_as_it_went(value: object) -> None:
    back = plain(properties({"value": value}))["value"]
    assert back == value
    assert type(back) is type(value)


def test_the_engine_gets_the_protocols_marker_for_what_is_not_known_yet() -> None:
    assert properties({"pid": Later.VALUE})["pid"].value == UNKNOWN


def test_a_value_that_the_protocol_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="no property value for object"):
        properties({"value": object()})


@pytest.mark.parametrize(
    ("old", "new", "paths"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, ["a"]),
        ({"a": {"b": {"c": 1, "d": 2}}}, {"a": {"b": {"c": 9, "d": 2}}}, ["a.b.c"]),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, ["a.c"]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, ["a.c"]),
        ({"a": {"b": 1}}, {"a": "b"}, ["a"]),
        ({"a": [1, 2]}, {"a": [1, 3]}, ["a"]),
        ({"a": 1, "b": {"c": 1}}, {"a": 2, "b": {"c": 2}}, ["a", "b.c"]),
        ({"a": None}, {}, []),
    ],
)
def test_differences_are_named_by_the_deepest_path_that_differs(old: State, new: State, paths: list[str]) -> None:
    assert list(differences(old, new)) == paths


# What the provider answers


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:test::ai-datacenter::aidc:local:LocalSite$aidc-local:index:{kind}::{name}"


@pytest.fixture
def provider(heard: Heard) -> LocalProvider:
    return LocalProvider(lambda _: heard.talk)


def checked(provider: LocalProvider, kind: str, inputs: State) -> dict[str, Any]:
    """The inputs as the engine holds them after the provider has checked them."""
    request = protocol.CheckRequest(urn(kind, "x"), {}, properties(inputs), b"")
    return asyncio.run(provider.check(request)).inputs or {}


def diff(provider: LocalProvider, kind: str, state: State, inputs: State) -> protocol.DiffResponse:
    request = protocol.DiffRequest(urn(kind, "x"), "x", properties(state), checked(provider, kind, inputs), [])
    return asyncio.run(provider.diff(request))


LEAVES = [
    "name",
    "model",
    "dataset",
    "minimum_accuracy",
    "team",
    "priority",
    *(f"train.{key}" for key in WorkloadSpec.model_fields["train"].default.model_dump()),
]


@pytest.mark.parametrize("path", LEAVES)
def test_a_job_is_replaced_by_a_change_of_what_is_learned_and_updated_by_any_other(
    provider: LocalProvider, spec: WorkloadSpec, path: str
) -> None:
    workload = spec.model_dump(exclude={"serve"})
    state = {"workload": workload, "artefacts": "/a", "status": "released", "version": 1, "accuracy": 0.98}
    changed = json.loads(json.dumps(workload))
    *parents, last = path.split(".")
    place = changed
    for parent in parents:
        place = place[parent]
    place[last] = 12345
    answer = diff(provider, "TrainingJob", state, {"workload": changed, "artefacts": "/a"})
    kind = UPDATE if path in OPERATIONAL else REPLACE
    assert answer.changes
    assert {name: each.kind for name, each in answer.detailed_diff.items()} == {f"workload.{path}": kind}
    assert answer.replaces == ([] if path in OPERATIONAL else ["workload"])


def test_every_value_that_a_job_is_updated_by_is_one_of_the_specification() -> None:
    assert set(LEAVES) > OPERATIONAL


def test_a_job_whose_model_is_damaged_is_updated_and_not_replaced(provider: LocalProvider, spec: WorkloadSpec) -> None:
    inputs = {"workload": spec.model_dump(exclude={"serve"}), "artefacts": "/a"}
    answer = diff(provider, "TrainingJob", {**inputs, "status": "/a/models/digits/1 is gone", "version": 1}, inputs)
    assert (answer.changes, answer.replaces, answer.diffs) == (True, [], ["status"])


@pytest.mark.parametrize(
    ("kind", "inputs", "outputs"),
    [
        ("Artefacts", {"root": "/a"}, {"missing": []}),
        ("TrainingJob", {"workload": {"name": "a"}, "artefacts": "/a"}, {"status": "released", "version": 1}),
        ("Service", {"module": "m", "args": ["--x"], "port": 8501}, {"status": "running", "pid": 7, "url": "http://x"}),
    ],
)
def test_what_is_as_it_was_declared_and_healthy_has_no_difference(
    provider: LocalProvider, kind: str, inputs: State, outputs: State
) -> None:
    answer = diff(provider, kind, {**inputs, **outputs}, inputs)
    assert (answer.changes, answer.replaces, answer.diffs, answer.detailed_diff) == (False, [], [], {})


@pytest.mark.parametrize(
    ("kind", "state", "inputs"),
    [
        ("Artefacts", {"root": "/a", "missing": ["models"]}, {"root": "/a"}),
        ("Service", {"port": 8501, "status": "stopped"}, {"port": 8501}),
        ("Service", {"port": 8501, "status": "not answering"}, {"port": 8501}),
        ("Service", {"port": 8501, "status": "running"}, {"port": 8502}),
        ("Service", {"args": ["--version=1"], "status": "running"}, {"args": [Later.VALUE]}),
    ],
)
def test_drift_and_a_change_of_a_service_are_mended_in_place(
    provider: LocalProvider, kind: str, state: State, inputs: State
) -> None:
    answer = diff(provider, kind, state, inputs)
    assert answer.changes
    assert answer.replaces == []


def test_an_input_that_a_program_takes_back_is_a_difference_and_an_output_is_none(provider: LocalProvider) -> None:
    state = {"port": 8501, "ready": "/", "status": "running", "pid": 7}
    assert diff(provider, "Service", state, {"port": 8501}).diffs == ["ready"]


def test_other_directories_are_other_artefacts(provider: LocalProvider) -> None:
    assert diff(provider, "Artefacts", {"root": "/a", "missing": []}, {"root": "/b"}).replaces == ["root"]


def test_a_preview_makes_nothing_and_says_what_it_cannot_know(provider: LocalProvider, tmp_path: Path) -> None:
    inputs = {"module": "http.server", "args": [], "port": 8501, "ready": "/", "artefacts": str(tmp_path)}
    request = protocol.CreateRequest(urn("Service", "x"), properties(inputs), 0, preview=True)
    state = plain(asyncio.run(provider.create(request)).properties)
    assert state == {**inputs, **dict.fromkeys(ServiceHandler.outputs, Later.VALUE)}
    assert list(tmp_path.iterdir()) == []


def test_a_preview_of_an_update_keeps_what_an_update_keeps(provider: LocalProvider) -> None:
    old = {"port": 8501, "ready": "/", "url": "http://127.0.0.1:8501", "pid": 7, "started": 1.5, "status": "stopped"}
    request = protocol.UpdateRequest(
        urn("Service", "x"), "x", properties(old), properties({"port": 8501, "status": "running"}), 0, [], preview=True
    )
    assert plain(asyncio.run(provider.update(request)).properties) == {
        **old,
        "status": "running",
        **dict.fromkeys(("url", "listening", "pid", "started"), Later.VALUE),
    }


def test_what_is_not_there_any_more_is_read_as_gone(provider: LocalProvider, tmp_path: Path) -> None:
    state = properties({"root": str(tmp_path / "a"), "missing": []})
    answer = asyncio.run(provider.read(protocol.ReadRequest(urn("Artefacts", "x"), "x", state, state)))
    assert answer.resource_id == ""


@pytest.mark.parametrize("handler", [ArtefactsHandler, TrainingJobHandler, ServiceHandler])
def test_only_an_output_can_be_volatile_and_no_output_is_an_input_that_is_wanted(handler: Any) -> None:
    assert set(handler.volatile) <= set(handler.outputs)
    assert not set(handler.outputs) & set(handler.wanted)


# Directories for artefacts


@pytest.fixture
def there(tmp_path: Path, heard: Heard) -> State:
    """Created artefact directories."""
    return ArtefactsHandler().create("a", {"root": str(tmp_path / "a"), "missing": []}, heard.talk)


def kinds(state: State) -> set[str]:
    return {path.name for path in Path(state["root"]).glob("*")}


def test_artefact_directories_are_made_and_read_as_whole(there: State) -> None:
    assert kinds(there) == {*KINDS, RUN}
    assert ArtefactsHandler().read("a", there) == there


def test_making_directories_that_are_there_keeps_their_content(there: State, heard: Heard) -> None:
    weights = Path(there["root"], "models", "weights")
    weights.write_text("w")
    ArtefactsHandler().create("a", {"root": there["root"], "missing": []}, heard.talk)
    assert weights.read_text() == "w"


def test_a_directory_that_is_gone_is_drift_and_an_update_mends_it(there: State, heard: Heard) -> None:
    handler = ArtefactsHandler()
    Path(there["root"], "models").rmdir()
    drifted = handler.read("a", there)
    assert drifted == {**there, "missing": ["models"]}
    assert handler.update("a", drifted, {"root": there["root"], "missing": []}, heard.talk)["missing"] == []
    assert handler.read("a", there) == there


def test_artefacts_of_which_nothing_is_left_are_gone(there: State) -> None:
    for kind in KINDS:
        Path(there["root"], kind).rmdir()
    assert ArtefactsHandler().read("a", there) is None


def test_a_delete_keeps_everything_and_says_how_to_remove_it(there: State, heard: Heard) -> None:
    ArtefactsHandler().delete("a", there, heard.talk)
    assert kinds(there) == {*KINDS, RUN}
    assert heard.info == [f"kept {there['root']}; with PURGE=1 this would have removed it"]


@pytest.mark.parametrize("word", ["", "0", "yes"])
def test_only_a_plain_yes_purges(there: State, heard: Heard, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv(PURGE, word)
    ArtefactsHandler().delete("a", there, heard.talk)
    assert kinds(there) == {*KINDS, RUN}


def test_a_purge_removes_what_was_made_and_nothing_else(
    there: State, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(there["root"], "models", "weights").write_text("w")
    foreign = Path(there["root"], "notes.txt")
    foreign.write_text("mine")
    monkeypatch.setenv(PURGE, "1")
    ArtefactsHandler().delete("a", there, heard.talk)
    assert kinds(there) == {"notes.txt"}
    foreign.unlink()
    ArtefactsHandler().delete("a", there, heard.talk)
    assert not Path(there["root"]).exists()


def test_directories_that_cannot_be_made_are_answered_by_their_path_and_the_reason(
    tmp_path: Path, heard: Heard
) -> None:
    (tmp_path / "a").write_text("a file")
    with pytest.raises(ProviderError, match=f"cannot make {tmp_path}/a.*: "):
        ArtefactsHandler().create("a", {"root": str(tmp_path / "a"), "missing": []}, heard.talk)


# Services


@pytest.fixture
def inputs(tmp_path: Path, port: int) -> State:
    """A service that is up within a moment."""
    (tmp_path / "index.html").write_text("hello")
    return {
        "module": "http.server",
        "args": ["{port}", "--bind", "127.0.0.1", "--directory", str(tmp_path)],
        "port": port,
        "ready": "/",
        "artefacts": str(tmp_path / "artefacts"),
        "status": "running",
    }


@pytest.fixture
def create(inputs: State, heard: Heard) -> Iterator[Callable[..., State]]:
    """Creates the service ``web``; whatever is left of it ends with the test."""
    made: list[State] = []

    def make(**changes: Any) -> State:
        made.append(ServiceHandler().create("web", {**inputs, **changes}, heard.talk))
        return made[-1]

    yield make
    for state in made:
        ServiceHandler().delete("web", state, heard.talk)


@pytest.fixture
def bystander() -> Iterator[psutil.Process]:
    """A process that is nobody's business."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield psutil.Process(process.pid)
        process.kill()


def listeners(port: int) -> set[int | None]:
    return {
        connection.pid
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,)
    }


def record(inputs: State) -> Path:
    return Path(inputs["artefacts"], RUN, "web.pid")


def test_a_created_service_answers_at_its_url_and_reads_as_it_was_created(
    create: Callable[..., State], inputs: State, heard: Heard
) -> None:
    state = create()
    with urllib.request.urlopen(state["url"]) as answer:  # noqa: S310 - loopback
        assert answer.read() == b"hello"
    assert state["url"] == f"http://127.0.0.1:{inputs['port']}"
    assert listeners(inputs["port"]) == {state["pid"]}
    assert ServiceHandler().read("web", state) == state
    assert heard.warn == []


def test_a_service_outlives_the_process_that_started_it(inputs: State, heard: Heard) -> None:
    code = f"""
import json
from infra.plugin.handler import Talk
from infra.local.plugin.service import ServiceHandler
print(json.dumps(ServiceHandler().create("web", {inputs!r}, Talk(print, print, print))))
"""
    state = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert ServiceHandler().read("web", state) == state
    ServiceHandler().delete("web", state, heard.talk)
    assert not runs(state["pid"])


def test_a_killed_service_reads_as_stopped_and_an_update_mends_it(
    create: Callable[..., State], inputs: State, heard: Heard
) -> None:
    state = create()
    os.kill(state["pid"], signal.SIGKILL)
    wait_until("the service is gone", lambda: not runs(state["pid"]))
    drifted = ServiceHandler().read("web", state)
    assert drifted == {**state, "status": "stopped"}
    mended = ServiceHandler().update("web", drifted, inputs, heard.talk)
    try:
        assert ServiceHandler().read("web", mended) == mended
        assert mended["url"] == state["url"]
        assert (mended["pid"], mended["started"]) != (state["pid"], state["started"])
    finally:
        ServiceHandler().delete("web", mended, heard.talk)


def test_a_service_that_answers_with_an_error_reads_as_not_answering(create: Callable[..., State]) -> None:
    read = ServiceHandler().read("web", {**create(), "ready": "/no-such-page"})
    assert read is not None
    assert read["status"] == "not answering"


def test_an_update_leaves_one_process_and_it_is_the_new_one(
    create: Callable[..., State], inputs: State, heard: Heard
) -> None:
    state = create()
    updated = ServiceHandler().update("web", state, {**inputs, "ready": "/index.html"}, heard.talk)
    try:
        assert not runs(state["pid"])
        assert listeners(inputs["port"]) == {updated["pid"]}
    finally:
        ServiceHandler().delete("web", updated, heard.talk)


def test_a_busy_port_gives_way_to_the_next_free_one_and_the_warning_names_the_holder(
    create: Callable[..., State], inputs: State, heard: Heard
) -> None:
    with socket.create_server(("127.0.0.1", inputs["port"])):
        state = create()
    assert inputs["port"] < state["listening"] < inputs["port"] + 50
    assert state["url"] == f"http://127.0.0.1:{state['listening']}"
    assert state["port"] == inputs["port"]  # what was asked for: the next up sees no difference
    (warning,) = heard.warn
    assert warning.startswith(f"port {inputs['port']} is busy (pid {os.getpid()}, ")
    assert warning.endswith(f"listening on {state['listening']} instead")


def test_a_port_that_is_lost_while_the_service_starts_is_not_taken_for_its_own(
    create: Callable[..., State], inputs: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "late.py").write_text(
        "import http.server, sys, time\n"
        "time.sleep(0.3)\n"
        "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def take_port() -> None:
        wait_until("the service starts", record(inputs).exists)
        rival.server_bind()
        rival.server_activate()
        rival.serve_forever()

    address = ("127.0.0.1", inputs["port"])
    with http.server.HTTPServer(address, http.server.SimpleHTTPRequestHandler, bind_and_activate=False) as rival:
        thread = threading.Thread(target=take_port)
        thread.start()
        state = create(module="late", args=["{port}"])
        rival.shutdown()
        thread.join()
    assert state["listening"] != inputs["port"]
    assert listeners(state["listening"]) == {state["pid"]}


def test_a_service_that_ends_at_once_fails_with_its_last_lines_and_leaves_nothing(inputs: State, heard: Heard) -> None:
    with pytest.raises(ProviderError) as caught:
        ServiceHandler().create("web", {**inputs, "args": ["--no-such-option"]}, heard.talk)
    log = Path(inputs["artefacts"], "logs", "web.log")
    first, *lines = str(caught.value).splitlines()
    assert first == f"web ended with exit status 2; last lines of {log}:"
    assert "unrecognized arguments: --no-such-option" in lines[-1]
    assert not record(inputs).exists()
    assert listeners(inputs["port"]) == set()


def test_a_service_that_is_never_ready_is_ended(inputs: State, heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.local.plugin.service.READY_SECONDS", 0.5)
    with pytest.raises(ProviderError, match=r"web was not ready in 0\.5 s; last lines of "):
        ServiceHandler().create("web", {**inputs, "ready": "/no-such-page"}, heard.talk)
    wait_until("the port is free", lambda: listeners(inputs["port"]) == set())
    assert not record(inputs).exists()


def test_a_create_after_one_that_was_cut_off_leaves_one_process_only(
    create: Callable[..., State], inputs: State
) -> None:
    code = f"""
from infra.plugin.handler import Talk
from infra.local.plugin.service import ServiceHandler
ServiceHandler().create("web", {{**{inputs!r}, "ready": "/no-such-page"}}, Talk(print, print, print))
"""
    with subprocess.Popen([sys.executable, "-c", code]) as up:
        first = int(wait_until("the first service listens", lambda: listeners(inputs["port"])).pop())
        up.kill()
    try:
        assert runs(first)
        state = create()
        assert not runs(first)
        assert state["listening"] == inputs["port"]
        assert listeners(inputs["port"]) == {state["pid"]}
    finally:
        end(first)


def test_a_delete_ends_the_process_and_forgets_it(create: Callable[..., State], inputs: State, heard: Heard) -> None:
    state = create()
    ServiceHandler().delete("web", state, heard.talk)
    assert not runs(state["pid"])
    assert not record(inputs).exists()
    ServiceHandler().delete("web", state, heard.talk)  # once more is no error


def test_a_delete_ends_the_process_even_when_its_record_is_lost(
    create: Callable[..., State], inputs: State, heard: Heard
) -> None:
    state = create()
    record(inputs).unlink()
    ServiceHandler().delete("web", state, heard.talk)
    assert not runs(state["pid"])


def test_a_process_that_was_given_the_pid_of_a_dead_service_is_not_touched(
    inputs: State, heard: Heard, bystander: psutil.Process
) -> None:
    other_start = bystander.create_time() - 60
    state = {**inputs, "url": "http://127.0.0.1:9", "pid": bystander.pid, "started": other_start}
    record(inputs).parent.mkdir(parents=True)
    record(inputs).write_text(json.dumps({"pid": bystander.pid, "started": other_start}))
    read = ServiceHandler().read("web", state)
    assert read is not None
    assert read["status"] == "stopped"
    ServiceHandler().delete("web", state, heard.talk)
    assert runs(bystander.pid)


def test_a_service_whose_parent_never_collects_it_is_ended_at_once(inputs: State, heard: Heard) -> None:
    """As in a container whose first process is no init: what has ended stays as a zombie."""
    code = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid, flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        start = time.monotonic()
        state = {**inputs, "pid": pid, "started": psutil.Process(pid).create_time()}
        ServiceHandler().delete("web", state, heard.talk)
        assert psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        assert time.monotonic() - start < 5
        parent.kill()


def test_a_service_that_does_not_listen_to_reason_is_killed(
    inputs: State, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.local.plugin.processes.STOP_SECONDS", 0.2)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as deaf:
        assert deaf.stdout is not None
        deaf.stdout.readline()
        state = {**inputs, "pid": deaf.pid, "started": psutil.Process(deaf.pid).create_time()}
        ServiceHandler().delete("web", state, heard.talk)
    assert deaf.returncode == -signal.SIGKILL


@pytest.mark.parametrize("content", ["", "{", '{"pid": 1}', '{"pid": null, "started": null}', "[]", "null"])
def test_a_record_that_is_not_whole_hurts_nobody_and_is_removed(inputs: State, heard: Heard, content: str) -> None:
    record(inputs).parent.mkdir(parents=True)
    record(inputs).write_text(content)
    ServiceHandler().delete("web", {**inputs, "pid": os.getpid(), "started": 0.0}, heard.talk)
    assert not record(inputs).exists()


def test_a_service_is_mended_through_the_provider_by_refresh_and_update(
    provider: LocalProvider, inputs: State, port: int
) -> None:
    where, wanted = urn("Service", "web"), properties(inputs)

    async def life() -> None:
        made = await provider.create(protocol.CreateRequest(where, wanted, 0, preview=False))
        first = plain(made.properties)
        os.kill(first["pid"], signal.SIGKILL)
        seen = await provider.read(protocol.ReadRequest(where, "web", made.properties, wanted))
        answer = await provider.diff(protocol.DiffRequest(where, "web", seen.properties, wanted, []))
        assert (answer.diffs, answer.replaces) == (["status"], [])
        mended = await provider.update(
            protocol.UpdateRequest(where, "web", seen.properties, wanted, 0, [], preview=False)
        )
        second = plain(mended.properties)
        assert runs(second["pid"])
        again = await provider.diff(protocol.DiffRequest(where, "web", mended.properties, wanted, []))
        assert not again.changes
        await provider.delete(protocol.DeleteRequest(where, "web", mended.properties, 0))
        assert not runs(second["pid"])

    try:
        asyncio.run(life())
    finally:
        for pid in filter(None, listeners(port)):
            end(pid)
