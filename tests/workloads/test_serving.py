"""The model server as a process: which version it serves, what it refuses to, and how it goes."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workloads.conftest import Run
from workloads.artefacts import Artefacts
from workloads.export import release

WAIT_SECONDS = 180


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def server(port: int, released: release.Release, artefacts: Artefacts) -> Iterator[subprocess.Popen[bytes]]:
    """Version 1, served on all addresses."""
    command = [sys.executable, "-m", "workloads", "serve", "--name", released.name, "--version", "1"]
    command += ["--artefacts", str(artefacts.root), "--host", "0.0.0.0", "--port", str(port)]  # noqa: S104 - as a pod
    process = subprocess.Popen(command)
    deadline = time.monotonic() + WAIT_SECONDS
    while not answers(f"http://127.0.0.1:{port}/v1/models/{released.name}"):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    yield process
    process.kill()
    process.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def test_a_server_that_is_told_to_go_answers_what_it_was_asked_and_takes_nothing_new(
    server: subprocess.Popen[bytes], port: int, released: release.Release, artefacts: Artefacts
) -> None:
    body = (released.path(artefacts) / release.EXAMPLE).read_bytes()
    head = f"POST /v1/models/{released.name}:predict HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port)) as asking:
        asking.sendall(head.encode() + body[:10])
        time.sleep(0.5)  # it is read as far as it goes
        server.terminate()
        deadline = time.monotonic() + 10
        while answers(f"http://127.0.0.1:{port}/healthz"):
            assert time.monotonic() < deadline
        asking.sendall(body[10:])
        with asking.makefile("rb") as answer:
            assert answer.readline().startswith(b"HTTP/1.1 200")
            said = answer.read()
    scores = json.loads(said.rpartition(b"\r\n\r\n")[2])["predictions"][0]
    assert scores.index(max(scores)) == released.example_label
    assert server.wait(WAIT_SECONDS) == 0


@pytest.mark.parametrize("file", ["saved_model.pb", release.MANIFEST])
def test_a_version_that_is_not_as_it_was_released_is_not_served(
    workloads: Run, released: release.Release, artefacts: Artefacts, tmp_path: Path, file: str
) -> None:
    other = Artefacts(tmp_path)
    shutil.copytree(artefacts.model(released.name), other.model(released.name))
    (released.path(other) / file).write_bytes(b"{}")
    said = workloads("serve", f"--name={released.name}", status=74, root=tmp_path).stderr
    assert "error: version 1 of digits-cnn is not as it was released" in said
    assert file in said
