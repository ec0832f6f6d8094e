"""A training job: a process group that this module starts, follows and ends through the workloads' command line."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from infra.local.plugin import processes
from infra.local.plugin.artefacts import RUN
from infra.local.resources import TrainingJob
from infra.plugin.handler import Handler, ProviderError, State, Talk
from workloads import lifeline
from workloads.spec import OPERATIONAL

RELEASED = "released"
LAST_LINES = 20


class TrainingJobHandler(Handler):
    outputs = TrainingJob.OUTPUTS
    volatile = ("restarts",)
    wanted: ClassVar[State] = {"status": RELEASED}

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()

    def replaces(self, path: str) -> bool:
        return path != "status" and path.removeprefix("workload.") not in OPERATIONAL

    def create(self, name: str, inputs: State, talk: Talk) -> State:
        status = self._status(name, inputs)
        if status["status"] == RELEASED and status["accuracy"] >= inputs["workload"]["minimum_accuracy"]:
            talk.info(f"version {status['version']} was trained from this very specification; nothing to train")
            return {**inputs, **status}
        self._run("train", name, inputs, lambda line: (talk.progress if line.startswith("step ") else talk.info)(line))
        self._run("export", name, inputs, lambda _: None)
        return {**inputs, **self._status(name, inputs)}

    def read(self, name: str, state: State) -> State | None:
        status = self._status(name, state)
        return None if status["status"] == "not trained" else {**state, **status}

    def update(self, name: str, state: State, inputs: State, talk: Talk) -> State:
        return self.create(name, inputs, talk)

    def delete(self, name: str, state: State, talk: Talk) -> None:
        talk.info(f"kept version {state['version']} and its checkpoints")

    def cancel(self) -> None:
        """Ends every group that runs, orderly; its ``create`` then fails with a plain message."""
        for process in list(self._running):
            process.terminate()

    def _status(self, name: str, state: State) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads((self._run("status", name, state, lambda _: None))[-1])
        return answer

    def _run(self, verb: str, name: str, state: State, report: Callable[[str], None]) -> list[str]:
        """Runs ``python -m workloads VERB`` to its end, handing its output on line by line. Returns the lines."""
        root = Path(state["artefacts"])
        spec = root / RUN / f"{name}.json"
        spec.parent.mkdir(parents=True, exist_ok=True)
        spec.write_text(json.dumps(state["workload"]))
        command = [sys.executable, "-m", "workloads", verb, "--spec", str(spec), "--artefacts", str(root)]
        with tempfile.TemporaryFile("w+", errors="replace") as complaints:
            process = subprocess.Popen(
                command,
                env=processes.environment() | lifeline.environment(),
                stdin=subprocess.PIPE,  # held open while this process lives: the group must not outlive it
                stdout=subprocess.PIPE,
                stderr=complaints,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            self._running.add(process)
            try:
                assert process.stdout is not None
                lines = []
                for line in process.stdout:
                    lines.append(line.rstrip())
                    report(lines[-1])
                status = process.wait()
            finally:
                self._running.discard(process)
            complaints.seek(0)
            complaint = complaints.read()
        if status in (128 + signal.SIGTERM, -signal.SIGTERM):
            raise ProviderError(f"{verb} was interrupted; the next up goes on from the last checkpoint")
        if status:
            plain = complaint.rpartition("error: ")[2] or "\n".join(complaint.splitlines()[-LAST_LINES:])
            raise ProviderError(f"{verb} of {state['workload']['name']} failed (exit status {status}): {plain.strip()}")
        return lines
