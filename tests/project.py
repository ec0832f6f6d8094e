"""A copy of the project in a temporary folder, with its own home, state and stack file, and the real engine."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import yaml

from toolchain import cache

STACK = "test"
WORKLOAD: dict[str, Any] = {
    "name": "digits",
    "model": "digits_cnn",
    "dataset": "digits",
    "train": {"workers": 2, "steps": 600, "checkpoint_every": 100},
    "serve": {"port": 18501},
}


class Project:
    """What a person has in front of them: a stack file, the engine, and what it answers.

    patience:  seconds that a command of the engine may take before the test is given up.
    """

    patience = 400

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.root = folder / "project" / ".local" / "artefacts"
        (folder / "project" / "stacks").mkdir(parents=True)
        self.home.mkdir()
        shutil.copy(cache.PROJECT / "Pulumi.yaml", folder / "project")
        shutil.copytree(cache.PROJECT / "infra", folder / "project" / "infra")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "XDG_"))},
            "HOME": str(self.home),
            "AIDC_CACHE": str(cache.directory()),
            "AIDC_STATE": str(folder / "state"),
            "PYTHONPATH": str(cache.PROJECT),
            "AIDC_TEST_SECRET": "a-password-that-must-not-be-kept",
        }
        self.write(WORKLOAD)

    def write(self, *workloads: dict[str, Any], **settings: Any) -> None:
        """Writes the stack file."""
        config = {"site": "local", "local": {"tensorboard_port": 16006}, "workloads": list(workloads)} | settings
        content = {"config": {f"ai-datacenter:{key}": value for key, value in config.items()}}
        (self.folder / "project" / "stacks" / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump(content))

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Starts the engine; its pid is the process's."""
        command = [sys.executable, "-m", "toolchain.stack", *arguments, "--stack", STACK, "--non-interactive"]
        return subprocess.Popen(
            command,
            cwd=self.folder / "project",
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, fails: bool | None = False, **environment: str) -> str:
        """Runs the engine to its end and returns what it said. ``fails`` says how it must end; None is either way."""
        process = self.start(*arguments, **environment)
        said, _ = process.communicate(timeout=self.patience)
        if fails is not None:
            assert (process.returncode != 0) is fails, said
        return said

    def up(self, *arguments: str, fails: bool = False) -> str:
        return self.run("up", "--yes", "--skip-preview", *arguments, fails=fails)

    def outputs(self) -> dict[str, Any]:
        command = [sys.executable, "-m", "toolchain.stack", "stack", "output", "--json", "--stack", STACK]
        said = subprocess.run(
            command, cwd=self.folder / "project", env=self.environment, capture_output=True, text=True, check=True
        )
        outputs: dict[str, Any] = json.loads(said.stdout)
        return outputs

    def model(self) -> dict[str, Any]:
        """The outputs of the one workload."""
        model: dict[str, Any] = self.outputs()["models"]["digits"]
        return model

    def resources(self) -> dict[str, dict[str, Any]]:
        """Outputs of every resource in the state, by name."""
        state = json.loads(
            (self.folder / "state" / ".pulumi" / "stacks" / "ai-datacenter" / f"{STACK}.json").read_text()
        )
        resources = state["checkpoint"]["latest"].get("resources") or []
        return {each["urn"].rpartition("::")[2]: each.get("outputs", {}) for each in resources}

    def pid(self, service: str) -> int:
        pid: int = self.resources()[service]["pid"]
        return pid

    def processes(self, *words: str) -> list[psutil.Process]:
        """Live processes that this project's engine started, directly or not, with all ``words`` in their command."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                mine = process.environ().get("AIDC_STATE") == self.environment["AIDC_STATE"]
                command = " ".join(process.cmdline())
                if mine and process.status() != psutil.STATUS_ZOMBIE and all(word in command for word in words):
                    found.append(process)
        return found

    def workers(self) -> list[psutil.Process]:
        """The training processes, without the group's parent."""
        return self.processes("workloads train", "spec.json")

    def trained_steps(self) -> int:
        """The newest checkpoint of the newest run."""
        indexes = self.root.glob("checkpoints/digits/*/ckpt-*.index")
        return max((int(path.stem.rpartition("-")[2]) for path in indexes), default=0)


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 90) -> None:
    """Returns when ``condition`` holds; fails the test when it does not come to."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.05)


def get(url: str) -> Any:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as answer:
        return json.load(answer)


def clean_up(project: Project) -> None:
    project.run("destroy", "--yes", "--skip-preview", fails=None)
    for process in project.processes():
        process.kill()
