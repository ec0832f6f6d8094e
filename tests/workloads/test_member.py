"""One process of a training job as a pod runs it: told to go, its release, its lock, and the group around it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import portalocker
import pytest
import tensorflow as tf

from tests.workloads import pods
from tests.workloads.pods import Pods
from workloads.artefacts import Artefacts
from workloads.export import release
from workloads.spec import WorkloadSpec
from workloads.train import worker

WAIT_SECONDS = 240


def made(model: str = "digits_cnn", dataset: str = "digits", **training: int) -> WorkloadSpec:
    values = {"name": "digits", "model": model, "dataset": dataset, "minimum_accuracy": 0.9, "train": training}
    return WorkloadSpec.model_validate(values)


def wait_for(what: str, holds: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + WAIT_SECONDS
    while not (answer := holds()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return answer


def wait_for_checkpoint(artefacts: Artefacts, spec: WorkloadSpec, *, after: int = 0) -> None:
    run = artefacts.run(spec.name, spec.fingerprint)
    wait_for(
        f"a checkpoint after step {after}",
        lambda: any(int(path.stem.partition("-")[2]) > after for path in run.glob("ckpt-*.index")),
    )


def start(root: Path, spec: WorkloadSpec, *arguments: str) -> subprocess.Popen[str]:
    """Starts ``python -m workloads train`` on the specification."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "spec.json").write_text(spec.model_dump_json())
    command = [sys.executable, "-m", "workloads", "train", "--spec", str(root / "spec.json"), "--artefacts", str(root)]
    return subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str], status: int) -> str:
    """What the process said until it ended with ``status``."""
    said, complaints = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == status, said + (complaints or "")
    return said


def saved_step(said: str) -> str:
    found = re.search(r"told to go: saved the checkpoint of step (\d+)", said)
    assert found, said
    return found[1]


def test_a_member_that_is_told_to_go_saves_says_so_and_the_next_one_goes_on_and_releases_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKLOADS_OUTCOME", str(tmp_path / "outcome"))
    spec = made(workers=1, steps=400, checkpoint_every=50)
    first = start(tmp_path, spec, "--member", "--release")
    wait_for_checkpoint(Artefacts(tmp_path), spec)
    first.terminate()
    step = saved_step(ended(first, 42))
    assert not (tmp_path / "outcome").exists()

    said = ended(start(tmp_path, spec, "--member", "--release"), 0)
    assert f"resuming from the checkpoint of step {step}" in said
    outcome = (tmp_path / "outcome").read_text()
    assert said.endswith(outcome)
    assert json.loads(outcome)["version"] == 1
    assert json.loads(outcome)["accuracy"] > 0.9

    (tmp_path / "outcome").unlink()
    files = sorted(path.stat().st_mtime_ns for path in tmp_path.glob("models/**/*"))
    assert ended(start(tmp_path, spec, "--member", "--release"), 0) == outcome  # and trained nothing
    assert (tmp_path / "outcome").read_text() == outcome
    assert files == sorted(path.stat().st_mtime_ns for path in tmp_path.glob("models/**/*"))


def test_a_model_below_a_minimum_that_was_raised_ends_the_job_for_good(
    released: release.Release, spec: WorkloadSpec, artefacts: Artefacts
) -> None:
    raised = spec.model_copy(update={"minimum_accuracy": 1.0})
    ended(start(artefacts.root, raised, "--member", "--release"), 74)
    assert release.damage(released, artefacts) is None


def test_a_chief_does_not_write_beside_another_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "LOCK_SECONDS", 0.2)
    spec, artefacts = made(workers=1, steps=10), Artefacts(tmp_path)
    run = artefacts.run(spec.name, spec.fingerprint)
    run.mkdir(parents=True)
    with portalocker.Lock(run / ".chief.lock"), pytest.raises(RuntimeError, match="held by another training process"):
        worker.work(spec, artefacts, releases=False)
    assert list(run.glob("ckpt-*")) == []


def test_a_member_whose_group_does_not_form_ends(tmp_path: Path) -> None:
    config = {"cluster": {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}, "task": {"type": "worker", "index": 1}}
    code = f"""
import os, pathlib
os.environ["TF_CONFIG"] = {json.dumps(config)!r}
from workloads.artefacts import Artefacts
from workloads.spec import WorkloadSpec
from workloads.train import worker
worker.FORM_SECONDS = 2
spec = WorkloadSpec.model_validate_json({made().model_dump_json()!r})
worker.work(spec, Artefacts(pathlib.Path({str(tmp_path)!r})), releases=False)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=WAIT_SECONDS, check=False)
    assert said.returncode == -signal.SIGALRM


def losses(artefacts: Artefacts, spec: WorkloadSpec) -> dict[int, float]:
    """The loss at every step that was told to TensorBoard; the last attempt's where several went over it."""
    found = {}
    for file in sorted(artefacts.logs(spec.name, spec.fingerprint).glob("events.*")):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                if value.tag == "train/loss":
                    found[event.step] = float(tf.make_ndarray(value.tensor))
    return found


def test_a_run_goes_on_at_another_size_with_the_same_examples_in_every_step(tmp_path: Path) -> None:
    training = {"steps": 400, "checkpoint_every": 50}
    sizes = {size: made("dense_784", "digits_28", workers=size, **training) for size in (1, 2)}
    resized, undisturbed = Artefacts(tmp_path / "resized"), Artefacts(tmp_path / "undisturbed")
    step = 0
    for size in (2, 1):
        process = start(resized.root, sizes[size])
        wait_for_checkpoint(resized, sizes[size], after=step)
        process.terminate()
        said = ended(process, 143)
        assert not step or f"resuming from the checkpoint of step {step}" in said
        run = resized.run("digits", sizes[size].fingerprint)
        step = max(int(path.stem.partition("-")[2]) for path in run.glob("ckpt-*.index"))
        assert step < 400
    assert f"resuming from the checkpoint of step {step}" in ended(start(resized.root, sizes[2]), 0)

    ended(start(undisturbed.root, sizes[1]), 0)
    expected, found = losses(undisturbed, sizes[1]), losses(resized, sizes[2])
    assert len(expected.keys() & found.keys()) >= 8
    # Two workers add up in another order, so not bitwise; a step of other examples would differ by a tenth and more.
    assert {at: found[at] for at in expected.keys() & found.keys()} == pytest.approx(
        {at: expected[at] for at in expected.keys() & found.keys()}, rel=0.01
    )


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Pods]:
    if not pods.possible():
        pytest.skip("only root can make network namespaces")
    with pods.two_hosts(Artefacts(tmp_path / "artefacts"), tmp_path / "hosts") as made:
        yield made


def test_when_one_pod_is_told_to_go_all_save_the_same_step_and_the_next_group_goes_on_and_releases(hosts: Pods) -> None:
    spec = made(workers=2, steps=400, checkpoint_every=50)
    group = hosts.group(spec)
    wait_for_checkpoint(hosts.artefacts, spec)
    group[1].terminate()
    (step,) = {saved_step(ended(member, 42)) for member in group}

    chief, other = (ended(member, 0) for member in hosts.group(spec))
    assert f"resuming from the checkpoint of step {step}" in chief
    outcome = hosts.outcome(0).read_text()
    assert chief.endswith(outcome)
    assert not hosts.outcome(1).exists()
    assert "version" not in other

    assert [ended(member, 0).splitlines()[1:] for member in hosts.group(spec)] == [[outcome.strip()], []]


def test_the_peers_of_a_pod_whose_host_is_gone_end_as_failed_in_a_minute(hosts: Pods) -> None:
    spec = made(workers=2, steps=100_000, checkpoint_every=50)
    group = hosts.group(spec)
    wait_for_checkpoint(hosts.artefacts, spec)
    hosts.cut(1)
    cut = time.monotonic()
    assert "another member of the group is gone" in ended(group[0], 1)
    assert time.monotonic() - cut < 60
