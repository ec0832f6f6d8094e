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
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from workloads import lifeline
from workloads.artefacts import Artefacts, write_json
from workloads.processors import processors
from workloads.spec import WorkloadSpec
from workloads.train.rendezvous import Group
from workloads.train.status import FINAL, USAGE

SPEC = "spec.json"
"""The resolved specification, beside the checkpoints that it made."""

GROUP = "group.json"
"""How the group fared, beside the checkpoints."""

POLL_SECONDS = 0.2
STOP_SECONDS = 5.0
LAST_LINES = 15


Report = Callable[[str], None]
"""Takes one line for the person who waits."""


class TrainingFailed(RuntimeError):
    """The group did not reach its last step; the message says why and where the logs are."""


class Worker:
    """One member of the group. Its standard error goes to its log, its standard output there and to ``report``."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path, report: Report) -> None:
        self.log = log
        self._report = report
        self._sink = log.open("a")
        self.process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,  # the lifeline: never written to, closed by the end of this process
            stdout=subprocess.PIPE,
            stderr=self._sink,
            text=True,
            start_new_session=True,  # Ctrl-C reaches the group through its parent, once
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def failed(self) -> bool:
        return bool(self.process.poll())

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def stop(self, deadline: float) -> None:
        """Waits for the end of a process that was asked to end, and insists at ``deadline``."""
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        self._sink.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._sink.write(line)
            self._sink.flush()
            self._report(line.rstrip())


def train(spec: WorkloadSpec, artefacts: Artefacts, report: Report) -> int:
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
        failure = _run_once(spec, spec_file, artefacts, logs, report)
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
    spec: WorkloadSpec, spec_file: Path, artefacts: Artefacts, logs: Path, report: Report
) -> tuple[int, int, Path] | None:
    """One life of the group: None when all finished, else index, exit status and log of the one to blame."""
    members = {"worker": tuple(f"127.0.0.1:{port}" for port in _free_ports(spec.train.workers))}
    command = [sys.executable, "-m", "workloads", "train", "--member"]
    command += ["--spec", str(spec_file), "--artefacts", str(artefacts.root)]
    workers: list[Worker] = []
    temporary = tempfile.TemporaryDirectory(prefix="workloads-")  # a worker that is killed cannot tidy up its own
    try:
        for index in range(spec.train.workers):
            environment = _environment(spec.train.workers) | {"TMPDIR": temporary.name}
            if config := Group(members, "worker", index).config:
                environment["TF_CONFIG"] = config
            chief = report if index == 0 else _say_nothing
            workers.append(Worker(command, environment, logs / f"worker-{index}.log", chief))
        while any(worker.running for worker in workers) and not any(worker.failed for worker in workers):
            time.sleep(POLL_SECONDS)
        if failed := [worker for worker in workers if worker.failed]:
            _kill(workers)  # without the one that failed the others can agree on no step to save
    finally:
        _stop(workers)
        temporary.cleanup()
    if not failed:
        return None
    blamed = min(failed, key=_blame)
    return workers.index(blamed), blamed.process.returncode, blamed.log


def _blame(worker: Worker) -> tuple[bool, int]:
    """Orders failed workers: one that said why, then one that a signal ended, then one that only lost its peer."""
    status = worker.process.returncode
    return status not in (USAGE, FINAL), status


def _say_nothing(_: str) -> None:
    """Where the progress of workers other than the chief goes, besides their logs."""


def _environment(workers: int) -> dict[str, str]:
    """A worker's environment: its share of the processors and the lifeline to this process."""
    threads = str(max(1, processors() // workers))
    inherited = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"}
    return {
        **inherited,
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": "2",
        **lifeline.environment(),
    }


def _kill(workers: list[Worker]) -> None:
    """Ends what still runs; a checkpoint is written aside, so nothing is lost but the steps since the last one."""
    for worker in workers:
        worker.process.kill()


def _stop(workers: list[Worker]) -> None:
    """Has what still runs save where it is and end."""
    for worker in workers:
        if worker.running:
            worker.process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for worker in workers:
        worker.stop(deadline)


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
