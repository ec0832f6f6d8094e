"""Small programs with the real SDK, the real engine, and an API server that is simulated or real."""

from __future__ import annotations

import json
import subprocess
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rehearsal.cloud.store import Cloud
from rehearsal.kubernetes.api import ApiServer
from rehearsal.kubernetes.provider import KUBECONFIG_VARIABLE
from rehearsal.kubernetes.real import Real
from rehearsal.kubernetes.simulated import Simulated
from rehearsal.serve import CLOUD_VARIABLE
from toolchain import stack, vendors
from toolchain.kubernetes.control_plane import ControlPlane

PROJECT = "name: kubernetes-test\nruntime: python\n"
PRELUDE = "import pulumi\nimport pulumi_kubernetes as k8s\n"


@dataclass
class Done:
    """What the engine did. ``changes``: resources by what happened to them; ``said``: its errors."""

    passed: bool
    changes: dict[str, int]
    said: str
    steps: list[dict[str, Any]] = field(default_factory=list)

    @property
    def nothing(self) -> bool:
        return self.passed and self.changes.keys() <= {"same"}

    def of(self, operation: str) -> set[str]:
        """Names of the resources that it happened to."""
        return {each["urn"].rpartition("::")[2] for each in self.steps if each["op"] == operation}


class Program:
    """A program in a folder of its own, and the engine's state beside it."""

    def __init__(self, folder: Path, surroundings: dict[str, str], server: ApiServer) -> None:
        self.folder, self.surroundings, self.server = folder, surroundings, server
        (folder / "state" / "tmp").mkdir(parents=True)
        (folder / "Pulumi.yaml").write_text(PROJECT)
        self._call("stack", "init", "--stack", "test")

    def write(self, code: str) -> None:
        (self.folder / "__main__.py").write_text(PRELUDE + textwrap.dedent(code))

    def preview(self) -> Done:
        return self._run("preview")

    def up(self) -> Done:
        return self._run("up", "--yes", "--skip-preview")

    def refresh(self) -> Done:
        return self._run("refresh", "--yes", "--skip-preview")

    def destroy(self) -> Done:
        return self._run("destroy", "--yes", "--skip-preview")

    def import_all(self) -> Done:
        """Empties the state, where what is there stays, and imports it by its ids."""
        exported = self.exported()
        there = [
            each for each in exported["deployment"]["resources"] if each["custom"] and "providers" not in each["type"]
        ]
        exported["deployment"]["resources"] = exported["deployment"]["resources"][:1]
        state, wanted = self.folder / "empty.json", self.folder / "import.json"
        state.write_text(json.dumps(exported))
        self._call("stack", "import", "--stack", "test", "--file", str(state))
        named = [{"type": each["type"], "name": each["urn"].rpartition("::")[2], "id": each["id"]} for each in there]
        wanted.write_text(json.dumps({"resources": named}))
        flags = ("--generate-code=false", "--protect=false", "--yes", "--skip-preview")
        return self._run("import", "--file", str(wanted), *flags)

    def exported(self) -> dict[str, Any]:
        """The state, secrets encrypted."""
        return dict(json.loads(self._call("stack", "export", "--stack", "test").stdout))

    def outputs(self) -> dict[str, Any]:
        return dict(json.loads(self._call("stack", "output", "--stack", "test", "--json").stdout))

    def _run(self, *arguments: str) -> Done:
        log = self.folder / "events"
        log.unlink(missing_ok=True)
        done = self._call(*arguments, "--stack", "test", "--event-log", str(log), check=False)
        changes: dict[str, int] = {}
        steps, said = [], []
        for line in log.read_text().splitlines() if log.exists() else []:
            event = json.loads(line)
            if message := event.get("diagnosticEvent"):
                said += [message["message"]] if message["severity"] == "error" else []
            if summary := event.get("summaryEvent"):
                changes = {kind: number for kind, number in summary["resourceChanges"].items() if number}
            if step := event.get("resourcePreEvent"):
                steps.append(step["metadata"])
        text = "\n".join(said) or (done.stderr if done.returncode else "")
        return Done(done.returncode == 0, changes, text, steps)

    def _call(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        surroundings = vendors.stood_in_for(stack.environment(self.folder / "state"))
        own = {"PULUMI_DEBUG_COMMANDS": "true", **self.surroundings}
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],  # noqa: S607 - the first on the path is the project's
            cwd=self.folder,
            env={**surroundings, **own},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not check, done.stderr
        return done


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    made = Cloud(tmp_path / "cloud.sqlite")
    yield made
    made.close()


@pytest.fixture
def simulated(tmp_path: Path, cloud: Cloud) -> Program:
    """On the simulated API server."""
    return Program(tmp_path / "program", {CLOUD_VARIABLE: str(cloud.file)}, Simulated(cloud))


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A real API server, empty."""
    with ControlPlane(tmp_path_factory.mktemp("plane")) as up:
        yield up


@pytest.fixture(params=["simulated", pytest.param("real", marks=pytest.mark.cluster)])
def program(request: pytest.FixtureRequest) -> Program:
    """On either API server."""
    found: Program = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def real(tmp_path: Path, plane: ControlPlane) -> Iterator[Program]:
    """On the real API server, from which it is taken away in the end."""
    kubeconfig = str(plane.kubeconfig)
    made = Program(tmp_path / "program", {KUBECONFIG_VARIABLE: kubeconfig}, Real(kubeconfig))
    yield made
    made.destroy()
