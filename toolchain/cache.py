"""Products that are made once, kept outside the clone, and either whole or not there."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PLATFORM = f"{sys.platform}-{os.uname().machine}"


def directory() -> Path:
    """The cache folder: AIDC_CACHE, else ``ai-datacenter`` where this user's caches are."""
    if os.environ.get("AIDC_CACHE"):
        return Path(os.environ["AIDC_CACHE"]).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ai-datacenter"


def key(*parts) -> str:
    """Names a product by what it is made from: files by their content, all else by its text."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.read_bytes() if isinstance(part, Path) else str(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()[:12]


class SetupError(Exception):
    """Why the set-up cannot go on, and what to do; shown without a traceback."""


@contextmanager
def made_once(product: Path):
    """Yields None when ``product`` is there, else a fresh folder that becomes ``product`` when the block succeeds.

    One process at a time makes a product; another waits for it. What a killed one left half done is removed.
    """
    product.parent.mkdir(parents=True, exist_ok=True)
    with (product.parent / f".{product.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if product.is_dir():
            yield None
            return
        partial = product.parent / f".{product.name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        yield partial
        partial.rename(product)


def need_space(where: Path, gibibytes: float, what: str) -> None:
    """Raises SetupError unless ``where`` has room."""
    there = where
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free / 2**30
    if free < gibibytes:
        raise SetupError(
            f"no space: {what} needs {gibibytes:g} GiB in {where}, and {free:.1f} GiB are free.\n"
            "  Free some, or point AIDC_CACHE to a folder on a larger disk."
        )


READY = "ready"


class Reporter:
    """Progress lines of one task: what it does and since when; repeated while nothing new happens."""

    REPEAT_SECONDS = 10.0

    def __init__(self, task: str) -> None:
        self.task, self._start, self._last, self._text = task, time.monotonic(), 0.0, ""

    def __call__(self, text: str, passing: bool = False) -> None:
        """passing: shown only when nothing was for a while."""
        now, self._text = time.monotonic(), text
        if passing and now - self._last < self.REPEAT_SECONDS:
            return
        self._last = now
        seconds = int(now - self._start)
        print(f"[{self.task}] {seconds // 60}:{seconds % 60:02d}  {text}", flush=True)

    def beat(self) -> None:
        """Repeats the last line when the task has been silent for a while."""
        if self._text and self._text != READY:
            self(self._text, passing=True)


# What a tool's last lines say, and what a person can do about it.
CAUSES = [
    (
        r"no space left on device|os error 28\b|disk quota exceeded",
        "no space: the disk is full. Free some, or point AIDC_CACHE to a folder on a larger disk",
    ),
    (
        r"no such host|name resolution|dns error|network is unreachable|connection refused|"
        r"connection reset|i/o timeout|timed out|tcp connect error|error sending request|"
        r"failed to establish a new connection|"
        r"could not connect|NewConnectionError|handshake timeout|network timeout",
        "no network: a package registry does not answer. Check the connection and proxy settings, then run the same "
        "command again; it goes on where it stopped",
    ),
    (
        r"x509:|certificate verify failed|CERTIFICATE_VERIFY_FAILED|UnknownIssuer|invalid peer certificate",
        "no trust: a package registry shows a certificate that this machine does not know, as behind a company proxy. "
        "Name the proxy's certificates: SSL_CERT_FILE (and PIP_CERT)",
    ),
    (
        r"checksum mismatch|SECURITY ERROR|hash mismatch|do not match the hashes",
        "a download is not what the lock files name. If a damaged cache is the reason, remove the cache folder named "
        "above; if not, do not go on",
    ),
    (r"permission denied|read-only file system", "a folder cannot be written; its name is in the lines above"),
]


def run(command: list, log: Path, environment: dict, folder: Path = PROJECT, line=None) -> None:
    """Runs a tool with its output in ``log``. ``line`` sees each line as it comes.

    Raises SetupError with the last lines and, where it is a known one, the cause and what to do.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as sink, log.open() as source:
        source.seek(0, os.SEEK_END)
        print("$", *command, file=sink, flush=True)
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        with _ended_with_this_thread(process):
            for text in process.stdout:
                sink.write(text)
                sink.flush()
                if line:
                    line(text.rstrip())
            status = process.wait()
        said = source.read()
    if status:
        known = (advice for pattern, advice in CAUSES if re.search(pattern, said, re.IGNORECASE))
        advice = next(known, "Run the same command again; what is done stays done")
        last = "\n".join(f"  | {text}" for text in said.splitlines()[-12:])
        raise SetupError(
            f"{Path(str(command[0])).name} {command[1] if len(command) > 1 else ''} ended with exit status {status}; "
            f"all of its output is in {log}:\n{last}\n  {advice}."
        )


_running = set()
_running_lock = threading.Lock()


@contextmanager
def _ended_with_this_thread(process):
    with _running_lock:
        _running.add(process)
    try:
        yield
    finally:
        with _running_lock:
            _running.discard(process)


def stop_all() -> None:
    """Ends every tool that runs: another task has failed, or the person wants to stop."""
    with _running_lock:
        for process in _running:
            process.terminate()
