"""``python -m workloads`` without Pulumi."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.workloads.conftest import SETTINGS, Run
from workloads.artefacts import Artefacts
from workloads.export import release
from workloads.spec import WorkloadSpec

SAME = ["--model", "digits_cnn", *(f"--set={setting}" for setting in SETTINGS)]


def test_help_names_every_command(workloads: Run) -> None:
    said = workloads("--help").stdout
    assert all(command in said for command in ("train", "evaluate", "export", "status", "serve", "list"))


def test_list_shows_the_catalogue(workloads: Run) -> None:
    said = workloads("list").stdout
    assert "digits_cnn" in said
    assert "dense_784" in said


def test_evaluate_measures_the_trained_model(workloads: Run, released: release.Release) -> None:
    answer = json.loads(workloads("evaluate", *SAME).stdout)
    assert answer == {"name": "digits-cnn", "step": 300, "accuracy": released.accuracy}
    assert released.accuracy > 0.97


def test_training_again_does_nothing_and_exporting_again_keeps_the_version(
    workloads: Run, released: release.Release, artefacts: Artefacts
) -> None:
    said = workloads("train", *SAME, "--release").stdout
    assert "resuming from the checkpoint of step 300" in said
    assert json.loads(said.splitlines()[-1])["version"] == released.version
    assert json.loads(workloads("export", *SAME).stdout)["version"] == released.version
    assert release.damage(released, artefacts) is None


def test_a_specification_file_says_the_same_as_options(
    workloads: Run, released: release.Release, spec: WorkloadSpec, tmp_path: Path
) -> None:
    (tmp_path / "spec.json").write_text(spec.model_dump_json())
    answer = json.loads(workloads("status", "--spec", str(tmp_path / "spec.json")).stdout)
    assert answer["status"] == "released"
    assert answer["version"] == released.version


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "say what to work on"),
        (["--model", "resnet"], "invalid choice"),
        (["--model", "digits_cnn", "--set", "train.stepz=5"], "train.stepz"),
        (["--model", "digits_cnn", "--set", "train.steps=many"], "train.steps"),
        (["--model", "digits_cnn", "--set", "name.first=a"], "name"),
        (["--model", "digits_cnn", "--set", "train.steps"], "expected KEY=VALUE"),
        (["--model", "digits_cnn", "--dataset", "digits_28"], "does not take data set digits_28"),
        (["--spec", "/nowhere.yaml"], "/nowhere.yaml"),
    ],
)
def test_a_wrong_command_line_is_told_in_plain_words(workloads: Run, arguments: list[str], reason: str) -> None:
    said = workloads("status", *arguments, status=2)
    assert reason in said.stderr
    assert "Traceback" not in said.stderr


def test_exporting_before_training_says_what_to_do(workloads: Run, tmp_path: Path) -> None:
    assert "train first" in workloads("export", *SAME, status=1, root=tmp_path).stderr


def test_serving_what_is_not_there_says_what_is(workloads: Run, released: release.Release, tmp_path: Path) -> None:
    assert "train and export" in workloads("serve", "--name=digits-cnn", status=2, root=tmp_path).stderr
    assert "there are: 1" in workloads("serve", "--name=digits-cnn", "--version=9", status=2).stderr


def test_a_model_below_its_minimum_is_not_released(workloads: Run, released: release.Release) -> None:
    assert "below minimum_accuracy" in workloads("export", *SAME, "--set=minimum_accuracy=1.0", status=74).stderr


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_training_ends_its_workers_and_goes_on_later(sent: int, status: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "workloads", "train", "--artefacts", str(tmp_path), "--model", "digits_cnn"]
    command += ["--set=train.workers=1", "--set=train.steps=2000", "--set=train.checkpoint_every=50"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell has what it runs with & ignore it
    )
    deadline = time.monotonic() + 180
    while not list(tmp_path.glob("checkpoints/*/*/ckpt-50.index")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(sent)
    process.communicate(timeout=20)
    assert process.returncode == status
    assert [each for each in psutil.process_iter(["cmdline"]) if str(tmp_path) in (each.info["cmdline"] or [])] == []
    assert list(tmp_path.glob("models/*")) == []


def test_two_trainings_of_the_same_run_do_not_mix(workloads: Run, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "workloads", "train", "--artefacts", str(tmp_path), "--model", "digits_cnn"]
    command += ["--set=train.workers=1", "--set=train.steps=100"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("resuming from the checkpoint of step 100" in each for each in said) == 1  # the second found it done
