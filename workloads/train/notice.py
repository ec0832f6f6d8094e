"""The notice that a training process has to go: SIGTERM, as the kubelet sends it some time before it ends a pod.

Until a process listens, SIGTERM simply ends it, and nothing is lost that the last checkpoint does not hold. That has to
be so while its group forms: TensorFlow then holds Python's lock, so no thread and no handler of Python's would run.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from workloads.train.status import PREEMPTED

SAVE_SECONDS = 15.0
"""From the notice to the saved checkpoint: half of what Kubernetes grants a pod by default."""

NOT_SAVED = 1


class Preempted(Exception):
    """A member of the group had to go: all agreed on a step, and its checkpoint is saved.

    step: of the checkpoint.
    """

    def __init__(self, step: int) -> None:
        super().__init__(step)
        self.step = step


class Notice:
    """SIGTERM, taken by a thread of its own: Python's handlers wait for the end of every call into TensorFlow."""

    def __init__(self) -> None:
        """Listens from now on. While nobody heeds the notice there is nothing to save, and it ends the process."""
        self.came = threading.Event()
        self._saved = threading.Event()
        self._lock = threading.Lock()
        self._heed: Callable[[], None] | None = None
        self._read, write = os.pipe()
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write)
        signal.signal(signal.SIGTERM, lambda *_: None)  # so that Python writes it to the pipe
        threading.Thread(target=self._listen, name="notice", daemon=True).start()

    @contextmanager
    def heeded_by(self, heed: Callable[[], None]) -> Iterator[None]:
        """In the block a notice calls ``heed``, which has the block save and end; it has ``SAVE_SECONDS`` for that."""
        with self._lock:
            self._heed = heed
        try:
            yield
        finally:
            with self._lock:
                self._heed = None
            self._saved.set()

    def _listen(self) -> None:
        while os.read(self._read, 1) != bytes([signal.SIGTERM]):
            pass
        with self._lock:
            self.came.set()
            heed = self._heed
        if heed is None:
            leave(PREEMPTED)
        heed()
        if not self._saved.wait(SAVE_SECONDS):
            print(f"error: told to go, and nothing was saved within {SAVE_SECONDS:g} s", file=sys.stderr)
            leave(NOT_SAVED)


def leave(status: int) -> NoReturn:
    """Ends the process at once: an orderly end takes seconds, in which the peers take it for a failure, or hangs."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
