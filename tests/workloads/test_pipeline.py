"""The input pipeline and the data under it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from workloads.data import digits
from workloads.data.pipeline import training_steps

GLOBAL_BATCH = 48


def indexed(count: int) -> digits.Dataset:
    """A data set whose labels are the positions of its examples."""
    labels = np.arange(count, dtype=np.int32)
    images = np.zeros((count, 1, 1, 1), np.float32)
    return digits.Dataset(images, labels, images[:1], labels[:1])


def taken(count: int, steps: int, *, first: int = 0, workers: int = 1, replicas: int = 1) -> list[list[int]]:
    """The examples of every step, put together from all replicas of all workers."""
    streams = []
    for worker in range(workers):
        context = tf.distribute.InputContext(workers, worker, workers * replicas)
        batches = training_steps(indexed(count), seed=3, global_batch=GLOBAL_BATCH, first=first, context=context)
        streams.append([labels.numpy().tolist() for _, labels in batches.take(steps * replicas)])
    return [
        [label for stream in streams for batch in stream[step * replicas : (step + 1) * replicas] for label in batch]
        for step in range(steps)
    ]


def test_every_epoch_shows_every_example_once_in_an_order_of_its_own() -> None:
    flat = [example for step in taken(96, 4) for example in step]
    first, second = flat[:96], flat[96:]
    assert sorted(first) == sorted(second) == list(range(96))
    assert first != second


def test_a_resumed_pipeline_goes_on_exactly_where_an_undisturbed_one_would_be() -> None:
    assert taken(100, 3, first=5) == taken(100, 8)[5:]


@pytest.mark.parametrize(("workers", "replicas"), [(2, 1), (3, 1), (1, 4), (2, 2)])
def test_a_step_takes_the_same_examples_at_any_number_of_workers_and_replicas(workers: int, replicas: int) -> None:
    assert taken(100, 5, workers=workers, replicas=replicas) == taken(100, 5)


def test_the_digits_are_split_without_overlap_and_scaled_to_one(data: digits.Dataset) -> None:
    assert len(data.train_labels) + len(data.test_labels) == 1797
    assert data.train_images.min() == 0
    assert data.train_images.max() == 1
    assert set(np.unique(data.test_labels)) == set(range(10))
    train = {image.tobytes() for image in data.train_images}
    assert not any(image.tobytes() in train for image in data.test_images)


def test_preparing_twice_changes_nothing_and_gives_the_same_on_every_machine(tmp_path: Path) -> None:
    digits.prepare("digits", tmp_path / "one")
    before = (tmp_path / "one" / "digits" / "data.npz").stat().st_mtime_ns
    digits.prepare("digits", tmp_path / "one")
    digits.prepare("digits", tmp_path / "two")
    assert (tmp_path / "one" / "digits" / "data.npz").stat().st_mtime_ns == before
    one, two = (digits.load("digits", tmp_path / name) for name in ("one", "two"))
    assert all(np.array_equal(getattr(one, field), getattr(two, field)) for field in one.__dataclass_fields__)


def test_jobs_that_start_together_on_one_data_set_do_not_disturb_each_other(tmp_path: Path) -> None:
    program = "import pathlib, sys, workloads.data.digits as d; d.prepare('digits', pathlib.Path(sys.argv[1]))"
    jobs = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)]) for _ in range(3)]
    assert [job.wait(60) for job in jobs] == [0, 0, 0]
    assert len(digits.load("digits", tmp_path).train_labels) == 1437


def test_resampled_digits_keep_their_corners_and_their_range(tmp_path: Path) -> None:
    digits.prepare("digits", tmp_path)
    digits.prepare("digits_28", tmp_path)
    small, large = digits.load("digits", tmp_path), digits.load("digits_28", tmp_path)
    assert large.train_images.shape[1:] == (28, 28, 1)
    assert np.allclose(large.train_images[:, ::27, ::27], small.train_images[:, ::7, ::7])
    assert large.train_images.min() >= 0
    assert large.train_images.max() <= 1
