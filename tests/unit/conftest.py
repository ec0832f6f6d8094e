"""What the fast tests share. Nothing here imports TensorFlow, starts the engine or trains."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from infra.plugin.handler import Talk
from workloads.artefacts import Artefacts
from workloads.spec import WorkloadSpec

WAIT_SECONDS = 20.0


def wait_until(what: str, holds: Callable[[], Any]) -> Any:
    """Waits for ``holds`` to answer with something true, and returns it; fails the test after a while."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        answer = holds()
        if answer:
            return answer
        time.sleep(0.02)
    pytest.fail(f"not within {WAIT_SECONDS:g} s: {what}")


def runs(pid: int) -> bool:
    """Whether the process is there and more than an entry that nobody has collected."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def end(pid: int) -> None:
    """Ends a process that the test started and lost."""
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).kill()


@dataclass
class Heard:
    """What handlers said to the person at the engine."""

    info: list[str] = field(default_factory=list)
    warn: list[str] = field(default_factory=list)
    progress: list[str] = field(default_factory=list)

    @property
    def talk(self) -> Talk:
        return Talk(info=self.info.append, warn=self.warn.append, progress=self.progress.append)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def artefacts(tmp_path: Path) -> Artefacts:
    return Artefacts(tmp_path / "artefacts")


@pytest.fixture
def spec() -> WorkloadSpec:
    return WorkloadSpec(name="digits", model="digits_cnn", dataset="digits")


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str, str], Path]:
    """Makes an executable shell script of a name in ``tmp_path/bin``."""

    def make(name: str, body: str) -> Path:
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    return make
