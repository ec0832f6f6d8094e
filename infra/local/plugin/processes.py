"""Processes that this plugin starts and ends."""

from __future__ import annotations

import os
import time
from contextlib import suppress

import psutil

STOP_SECONDS = 10


def environment() -> dict[str, str]:
    """What a process gets of this one's environment: not the engine's, where credentials and passphrases are."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}


def live(pid: int, started: float) -> psutil.Process | None:
    """The live process with this pid and start time; a pid alone may have been given to another since."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - started) < 0.01:
            return process
    return None


def end(process: psutil.Process | None) -> None:
    """Ends a process orderly, and insists when it takes too long."""
    if process is None:
        return
    with suppress(psutil.NoSuchProcess):
        process.terminate()
        if not _has_ended(process):
            process.kill()
            _has_ended(process)


def _has_ended(process: psutil.Process) -> bool:
    """Whether the process ends within the time it is given. In a container whose first process collects nobody it
    stays as a zombie for ever, which psutil's own ``wait`` does not take for an end."""
    deadline = time.monotonic() + STOP_SECONDS
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
