"""One small model, trained and released once for all tests of this folder, by the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from workloads.artefacts import Artefacts
from workloads.data import digits
from workloads.export import release
from workloads.spec import WorkloadSpec

SETTINGS = ["train.workers=1", "train.steps=300", "train.checkpoint_every=100"]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Artefacts:
    made = Artefacts(tmp_path_factory.mktemp("artefacts"))
    os.environ["KERAS_HOME"] = str(made.root / ".keras")
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    return made


@pytest.fixture(scope="session")
def workloads(artefacts: Artefacts) -> Run:
    """Runs ``python -m workloads`` on the artefacts; the arguments come after the command's own."""

    def run(
        command: str, *arguments: str, status: int = 0, root: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        where = [] if command in ("list", "--help") else ["--artefacts", str(root or artefacts.root)]
        said = subprocess.run(
            [sys.executable, "-m", "workloads", command, *where, *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        assert said.returncode == status, said.stdout + said.stderr
        return said

    return run


@pytest.fixture(scope="session")
def data(artefacts: Artefacts) -> digits.Dataset:
    digits.prepare("digits", artefacts.datasets)
    return digits.load("digits", artefacts.datasets)


@pytest.fixture(scope="session")
def spec() -> WorkloadSpec:
    return WorkloadSpec.model_validate(
        {
            "name": "digits-cnn",
            "model": "digits_cnn",
            "dataset": "digits",
            "train": {"workers": 1, "steps": 300, "checkpoint_every": 100},
        }
    )


@pytest.fixture(scope="session")
def released(workloads: Run, artefacts: Artefacts, spec: WorkloadSpec) -> release.Release:
    """The model of ``spec``, in version 1."""
    chosen = ["--model", "digits_cnn", *(f"--set={setting}" for setting in SETTINGS)]
    workloads("train", *chosen)
    assert json.loads(workloads("export", *chosen).stdout)["version"] == 1
    made = release.find(spec, artefacts)
    assert made
    return made
