"""A process that must not outlive the one that started it.

The parent keeps the write end of the child's standard input open and never writes. When the parent ends, however it
ends, the operating system closes the pipe and the child reads the end of the file. Unlike parent-death signals this
works on every Unix; unlike a pid file it cannot mistake one process for another.
"""

from __future__ import annotations

import os
import signal
import threading

STANDARD_INPUT = 0
VARIABLE = "WORKLOADS_LIFELINE"
ORPHANED = 40
"""Exit status of a process that ended because its parent did."""


def hold(*, then_terminate: bool = False) -> None:
    """Ends this process when its parent does, if the parent asked for that through the environment.

    then_terminate: deliver SIGTERM to oneself, so that clean-up runs; else leave at once.
    """
    if os.environ.pop(VARIABLE, "") != "stdin":
        return

    def watch() -> None:
        while os.read(STANDARD_INPUT, 1):
            pass
        if then_terminate:
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            os._exit(ORPHANED)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


def environment() -> dict[str, str]:
    """What the parent adds to the child's environment, besides ``stdin=PIPE``."""
    return {VARIABLE: "stdin"}
