"""A group of worker processes on this machine that train one model together.

Starts the workers with TF_CONFIG, passes the chief's progress on, and restarts the whole group from its last checkpoint
when one of them dies, a bounded number of times: multi-worker training has no other way to replace a member. Does not
import TensorFlow. In a cluster the same worker runs in pods, and Kubernetes takes this module's place.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from workloads import lifeline
from workloads.artefacts import Artefacts, write_json
from workloads.spec import WorkloadSpec
from workloads.train.status import FINAL, USAGE

SPEC = "spec.json"
"""The resolved specification, beside the checkpoints that it made."""

GROUP = "group.json"
"""How the group fared, beside the checkpoints."""

POLL_SECONDS = 0.2
STOP_SECONDS = 5.0
LAST_LINES = 15


class TrainingFailed(RuntimeError):
    """The group did not reach its last step; the message says why and where the logs are."""


@dataclass
class Worker:
    """One running member of the group."""

    index: int
    process: subprocess.Popen[str]
    log: Path


def train(spec: WorkloadSpec, artefacts: Artefacts, report: Callable[[str], None]) -> int:
    """Runs the group until every worker has finished. Returns how often it was restarted.

    Raises TrainingFailed after ``max_restarts`` restarts.
    """
    logs = artefacts.logs(spec.name, spec.fingerprint)
    logs.mkdir(parents=True, exist_ok=True)
    spec_file = artefacts.run(spec.name, spec.fingerprint) / SPEC
    spec_file.parent.mkdir(parents=True, exist_ok=True)
    write_json(spec_file, json.loads(spec.model_dump_json()))
    restarts = 0
    while True:
        members = f"{spec.train.workers} worker{'s' * (spec.train.workers > 1)}"
        report(f"starting {members} on {spec.model} ({spec.dataset}), logs in {logs}")
        with ExitStack() as stack:
            failure = _run_once(spec, spec_file, artefacts, logs, report, stack)
        if failure is None:
            write_json(spec_file.parent / GROUP, {"restarts": restarts})
            return restarts
        index, status, log = failure
        ending = f"worker {index} ended with {_meaning(status)}"
        if restarts == spec.train.max_restarts or status in (USAGE, FINAL):
            why = "" if status in (USAGE, FINAL) else f"; restarted {restarts} times, as train.max_restarts allows"
            raise TrainingFailed(f"{ending}{why}\nlast lines of {log}:\n{last_lines(log)}")
        restarts += 1
        report(f"{ending}; restart {restarts} of {spec.train.max_restarts} from the last checkpoint")


def last_lines(log: Path, count: int = LAST_LINES) -> str:
    """The end of a log, indented."""
    try:
        lines = log.read_text(errors="replace").splitlines()[-count:]
    except OSError as error:
        lines = [str(error)]
    return "\n".join(f"  {line}" for line in lines)


def _run_once(
    spec: WorkloadSpec,
    spec_file: Path,
    artefacts: Artefacts,
    logs: Path,
    report: Callable[[str], None],
    stack: ExitStack,
) -> tuple[int, int, Path] | None:
    """One life of the group: None when all finished, else index, exit status and log of the first that did not."""
    ports = _free_ports(spec.train.workers)
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    workers: list[Worker] = []
    stack.callback(lambda: _stop(workers))
    for index in range(spec.train.workers):
        task = {"cluster": cluster, "task": {"type": "worker", "index": index}}
        log = logs / f"worker-{index}.log"
        sink = stack.enter_context(log.open("a"))
        process = subprocess.Popen(
            [sys.executable, "-m", "workloads", "train", "--spec", str(spec_file), "--artefacts", str(artefacts.root)],
            env=_environment(spec.train.workers) | {"TF_CONFIG": json.dumps(task)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=sink,
            text=True,
            start_new_session=True,  # Ctrl-C reaches the group through its parent, once
        )
        workers.append(Worker(index, process, log))
        _forward(process, sink, report if index == 0 else None)
    while any(worker.process.poll() is None for worker in workers):
        for worker in workers:
            if worker.process.poll():
                return _root_cause(workers)
        time.sleep(POLL_SECONDS)
    failed = [worker for worker in workers if worker.process.returncode]
    return _root_cause(workers) if failed else None


def _root_cause(workers: list[Worker]) -> tuple[int, int, Path]:
    """The worker to blame: one that was killed or said why, before one that only lost its peer."""
    failed = [worker for worker in workers if worker.process.returncode]
    worker = min(
        failed, key=lambda worker: (worker.process.returncode not in (USAGE, FINAL), worker.process.returncode)
    )
    return worker.index, worker.process.returncode, worker.log


def _environment(workers: int) -> dict[str, str]:
    """A worker's environment: its share of the processors and the lifeline to this process."""
    threads = str(max(1, (os.cpu_count() or 1) // workers))
    return {
        **os.environ,
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": "2",
        **lifeline.environment(),
    }


def _forward(process: subprocess.Popen[str], sink: IO[str], report: Callable[[str], None] | None) -> None:
    """Copies the worker's standard output to its log and, for the chief, to ``report``."""

    def copy() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if not sink.closed:
                sink.write(line)
                sink.flush()
            if report:
                report(line.rstrip())

    threading.Thread(target=copy, name=f"log-{process.pid}", daemon=True).start()


def _stop(workers: list[Worker]) -> None:
    """Ends what still runs; a checkpoint is written aside, so nothing is lost but the steps since the last one."""
    for worker in workers:
        if worker.process.poll() is None:
            worker.process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for worker in workers:
        try:
            worker.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            worker.process.kill()
            worker.process.wait()


def _free_ports(count: int) -> list[int]:
    """Ports that are free now. One may be taken before its worker binds it; the group is then started again."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _meaning(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"
