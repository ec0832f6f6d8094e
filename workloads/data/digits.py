"""The UCI handwritten digits, real data that scikit-learn ships.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository (1998),
CC BY 4.0; the test part of it, 1,797 images of 8x8 with 17 grey levels, as ``sklearn.datasets.load_digits`` holds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import portalocker

from workloads.artefacts import write_json, written_aside

TEST_SHARE = 0.2
SPLIT_SEED = 20
PREPARE_SECONDS = 120


@dataclass(frozen=True)
class Dataset:
    """Images ``(n, side, side, 1)`` float32 in 0..1 and labels ``(n,)`` int32, split once and for all."""

    train_images: npt.NDArray[np.float32]
    train_labels: npt.NDArray[np.int32]
    test_images: npt.NDArray[np.float32]
    test_labels: npt.NDArray[np.int32]


def prepare(name: str, directory: Path) -> None:
    """Writes data set ``name`` to ``directory/name`` unless it is there. Same bytes on every machine.

    One process at a time prepares; jobs that start together on one data set wait for the first.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with portalocker.Lock(directory / f".{name}.lock", timeout=PREPARE_SECONDS, fail_when_locked=False):
        if not (directory / name / "data.npz").exists():
            _prepare(name, directory / name)


def _prepare(name: str, target: Path) -> None:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    source = load_digits()
    images = (source.images / 16.0).astype(np.float32)[..., np.newaxis]
    if name == "digits_28":
        images = _resample(images, 28)
    train_x, test_x, train_y, test_y = train_test_split(
        images,
        source.target.astype(np.int32),
        test_size=TEST_SHARE,
        random_state=SPLIT_SEED,
        stratify=source.target,
    )
    with written_aside(target) as aside:
        np.savez_compressed(
            aside / "data.npz", train_images=train_x, train_labels=train_y, test_images=test_x, test_labels=test_y
        )
        write_json(
            aside / "dataset.json",
            {
                "name": name,
                "source": "UCI Optical Recognition of Handwritten Digits, through scikit-learn",
                "licence": "CC BY 4.0",
                "train": len(train_y),
                "test": len(test_y),
            },
        )


def load(name: str, directory: Path) -> Dataset:
    """Reads what ``prepare`` wrote."""
    with np.load(directory / name / "data.npz") as arrays:
        return Dataset(**{key: arrays[key] for key in arrays.files})


def _resample(images: npt.NDArray[np.float32], side: int) -> npt.NDArray[np.float32]:
    """Bilinear, separably: ``(n, a, a, 1)`` to ``(n, side, side, 1)``."""
    old = images.shape[1]
    at = np.linspace(0, old - 1, side)
    below = np.minimum(at.astype(int), old - 2)
    weights = np.zeros((side, old), np.float32)
    weights[np.arange(side), below] = 1 - (at - below)
    weights[np.arange(side), below + 1] = at - below
    resampled: npt.NDArray[np.float32] = np.einsum("ia,nabc,jb->nijc", weights, images, weights).astype(np.float32)
    return resampled.clip(0, 1)  # rounding goes past the end
