"""No child outlives its parent, however the parent ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.unit.conftest import end, runs, wait_until
from workloads import lifeline

CHILD = """
import pathlib, signal, sys, time
from workloads import lifeline

def cleaned_up(*_):
    pathlib.Path(sys.argv[1], "cleaned_up").touch()
    sys.exit(143)

signal.signal(signal.SIGTERM, cleaned_up)
lifeline.hold(then_terminate=sys.argv[2] == "terminate")
pathlib.Path(sys.argv[1], "holding").touch()
time.sleep(600)
"""

PARENT = """
import os, subprocess, sys
from workloads import lifeline

child = subprocess.Popen(
    [sys.executable, "-c", sys.argv[1], *sys.argv[2:]],
    env={**os.environ, **lifeline.environment()}, stdin=subprocess.PIPE, start_new_session=True,
)
print(child.pid, flush=True)
child.wait()
"""


@pytest.fixture(params=["leave", "terminate"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def family(tmp_path: Path, mode: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A parent, and the pid of its child that holds the lifeline in a session of its own."""
    command = [sys.executable, "-c", PARENT, CHILD, str(tmp_path), mode]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        wait_until("the child holds the lifeline", (tmp_path / "holding").exists)
        yield parent, child
        end(child)
        parent.kill()


def test_a_child_lives_while_its_parent_does_and_ends_when_the_parent_is_killed(
    family: tuple[subprocess.Popen[str], int], mode: str, tmp_path: Path
) -> None:
    parent, child = family
    with pytest.raises(psutil.TimeoutExpired):
        psutil.Process(child).wait(0.2)
    parent.send_signal(signal.SIGKILL)
    wait_until("the child is gone", lambda: not runs(child))
    assert (tmp_path / "cleaned_up").exists() == (mode == "terminate")


def test_a_child_whose_parent_ended_says_so_with_its_exit_status() -> None:
    code = "import time; from workloads import lifeline; lifeline.hold(); time.sleep(600)"
    ended = subprocess.run([sys.executable, "-c", code], env=lifeline.environment(), input=b"", timeout=20, check=False)
    assert ended.returncode == lifeline.ORPHANED


def test_a_process_whose_parent_did_not_ask_may_have_no_standard_input() -> None:
    code = "import time; from workloads import lifeline; lifeline.hold(); time.sleep(0.2); print('alive')"
    ended = subprocess.run([sys.executable, "-c", code], stdin=subprocess.DEVNULL, capture_output=True, check=True)
    assert ended.stdout.strip() == b"alive"


def test_a_grandchild_does_not_take_its_grandparents_lifeline_for_its_own() -> None:
    code = "import os; from workloads import lifeline; lifeline.hold(); print(lifeline.VARIABLE in os.environ)"
    with subprocess.Popen(
        [sys.executable, "-c", code], env=lifeline.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.read().strip() == b"False"
