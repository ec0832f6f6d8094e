"""Checkpoints: exact resume, and the one before when the newest is damaged."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from workloads.data.digits import Dataset
from workloads.spec import WorkloadSpec
from workloads.train import checkpoint
from workloads.train.checkpoint import Checkpoints
from workloads.train.loop import Progress, Trainer
from workloads.train.notice import Preempted

STEPS, EVERY = 30, 10


def spec() -> WorkloadSpec:
    training = {"workers": 1, "steps": STEPS, "checkpoint_every": EVERY}
    return WorkloadSpec.model_validate({"name": "d", "model": "digits_cnn", "dataset": "digits", "train": training})


class Killed(Exception):
    """Stands for the end of the process."""


def train(data: Dataset, folder: Path, *, until: int = STEPS) -> tuple[int, dict[int, float], Trainer]:
    """Trains in ``folder`` up to step ``until``. Returns where it began, the losses, and the trainer."""
    folder.mkdir(exist_ok=True)
    trainer = Trainer(spec(), data, tf.distribute.get_strategy())
    checkpoints = Checkpoints(folder, trainer.model, trainer.optimizer)
    first, losses = checkpoints.restore_newest(), {}

    def report(progress: Progress) -> None:
        losses[progress.step] = progress.loss
        if until <= progress.step < STEPS:
            raise Killed

    with contextlib.suppress(Killed):
        trainer.run(checkpoints, first, report)
    return first, losses, trainer


@pytest.fixture(scope="module")
def undisturbed(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[int, float], Trainer]:
    _, losses, trainer = train(data, tmp_path_factory.mktemp("undisturbed"))
    return losses, trainer


def test_a_resumed_run_is_bitwise_the_undisturbed_one(
    data: Dataset, tmp_path: Path, undisturbed: tuple[dict[int, float], Trainer]
) -> None:
    losses, trainer = undisturbed
    train(data, tmp_path, until=10)
    first, resumed_losses, resumed = train(data, tmp_path)
    assert first == 10
    assert resumed_losses == {step: losses[step] for step in (20, 30)}
    for one, other in zip(trainer.model.variables, resumed.model.variables, strict=True):
        assert np.array_equal(one.numpy(), other.numpy()), one.path


def test_a_run_that_is_told_to_go_saves_at_its_step_and_goes_on_from_it_bitwise(
    data: Dataset, tmp_path: Path, undisturbed: tuple[dict[int, float], Trainer]
) -> None:
    trainer = Trainer(spec(), data, tf.distribute.get_strategy())
    with pytest.raises(Preempted) as preempted:
        trainer.run(Checkpoints(tmp_path, trainer.model, trainer.optimizer), 0, lambda _: trainer.leave())
    assert preempted.value.step == EVERY + 1  # told after ten steps, it agrees on it in the next
    first, losses, resumed = train(data, tmp_path)
    assert first == EVERY + 1
    assert losses == {step: undisturbed[0][step] for step in (20, 30)}
    for one, other in zip(undisturbed[1].model.variables, resumed.model.variables, strict=True):
        assert np.array_equal(one.numpy(), other.numpy()), one.path


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("harm", [cut, flip, Path.unlink])
@pytest.mark.parametrize("suffix", ["data-00000-of-00001", "index"])
def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before_and_trains_on(
    data: Dataset,
    tmp_path: Path,
    undisturbed: tuple[dict[int, float], Trainer],
    harm: object,
    suffix: str,
) -> None:
    train(data, tmp_path, until=20)
    harm(tmp_path / f"ckpt-20.{suffix}")  # type: ignore[operator]
    first, losses, _ = train(data, tmp_path)
    assert first == 10
    assert losses[STEPS] == undisturbed[0][STEPS]
    assert checkpoint.damage(str(tmp_path / "ckpt-20")) is None  # written again


def test_with_every_checkpoint_damaged_training_starts_over(data: Dataset, tmp_path: Path) -> None:
    train(data, tmp_path, until=20)
    for path in tmp_path.glob("ckpt-*.data-*"):
        cut(path)
    assert train(data, tmp_path, until=10)[0] == 0


def test_a_worker_that_is_not_chief_leaves_no_file(data: Dataset, tmp_path: Path) -> None:
    trainer = Trainer(spec(), data, tf.distribute.get_strategy())
    Checkpoints(tmp_path, trainer.model, trainer.optimizer, chief=False).save(5)
    assert list(tmp_path.iterdir()) == []
