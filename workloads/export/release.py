"""Releases a trained model: measures it once more from its checkpoint and writes a versioned SavedModel.

A release is a directory ``models/NAME/VERSION`` in TensorFlow Serving's layout. It appears whole or not at all, and a
model below its workload's ``minimum_accuracy`` is never released.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workloads.artefacts import Artefacts, read_json, write_json, written_aside
from workloads.spec import WorkloadSpec

if TYPE_CHECKING:
    import keras
    import numpy as np
    import numpy.typing as npt

    from workloads.data.digits import Dataset

RELEASE = "release.json"
"""In the run's directory: the version that the run was released as. Beside it stand the checkpoints."""

MANIFEST = "assets.extra/manifest.json"
"""In the model's directory: size and SHA-256 of every file, and where the model comes from."""

EXAMPLE = "assets.extra/predict_request.json"
"""In the model's directory: a request body with one real test image."""


OUTCOME = "WORKLOADS_OUTCOME"
"""Names the file, if any, that a release is told to besides standard output, as a pod's termination message."""


class NotReleased(RuntimeError):
    """The model may not or cannot be released; the message says why."""


class Inaccurate(NotReleased):
    """The model is trained to its end and below its workload's ``minimum_accuracy``."""


@dataclass(frozen=True)
class Release:
    """A released model. ``example_label`` is the true class of the image in its example request."""

    name: str
    fingerprint: str
    version: int
    accuracy: float
    example_label: int

    def path(self, artefacts: Artefacts) -> Path:
        return artefacts.model(self.name) / str(self.version)


def find(spec: WorkloadSpec, artefacts: Artefacts) -> Release | None:
    """The release of this specification's run, whether or not its files are still there; None before the first."""
    recorded = read_json(artefacts.run(spec.name, spec.fingerprint) / RELEASE)
    return _release(recorded)


def find_whole(spec: WorkloadSpec, artefacts: Artefacts) -> Release | None:
    """The release of this specification's run when its files are as released, else None.

    Raises Inaccurate when it is below a minimum that was raised since.
    """
    release = find(spec, artefacts)
    if release is None or damage(release, artefacts):
        return None
    _require_accuracy(spec, release.accuracy)
    return release


def damage(release: Release, artefacts: Artefacts) -> str | None:
    """What is wrong with the release's files in one line, or None."""
    return damage_in(release.path(artefacts), release.fingerprint)


def damage_in(path: Path, fingerprint: str | None = None) -> str | None:
    """Compares the files of a version with its manifest: what is wrong in one line, or None. Imports no TensorFlow.

    fingerprint: what it was learned from, where that is known.
    """
    if not path.exists():
        return f"{path} is gone"
    manifest = read_json(path / MANIFEST) or {}
    files = manifest.get("files")
    if not files or not isinstance(files, dict):
        return f"{path / MANIFEST} is gone or unreadable"
    if fingerprint and manifest.get("fingerprint") != fingerprint:
        return f"{path} holds another model ({manifest.get('fingerprint')}, not {fingerprint})"
    for file, digest in files.items():
        try:
            if _digest(path / file) != digest:
                return f"{path / file} has changed"
        except OSError:
            return f"{path / file} is gone"
    return None


def status(spec: WorkloadSpec, artefacts: Artefacts) -> dict[str, Any]:
    """How far the workload is, as plain values. ``status`` is ``released``, ``not trained`` or what is wrong."""
    run = artefacts.run(spec.name, spec.fingerprint)
    training, group = (read_json(run / name) or {} for name in ("training.json", "group.json"))
    answer = {
        "status": "not trained",
        "fingerprint": spec.fingerprint,
        "steps_per_second": training.get("steps_per_second"),
        "restarts": group.get("restarts"),
    }
    release = find(spec, artefacts)
    if release is None:
        return answer
    path = release.path(artefacts)
    return answer | {
        "status": damage(release, artefacts) or "released",
        "accuracy": release.accuracy,
        "version": release.version,
        "model_path": str(path),
        "example_request": str(path / EXAMPLE),
        "example_label": release.example_label,
    }


def evaluate(spec: WorkloadSpec, artefacts: Artefacts) -> tuple[int, float]:
    """Step and test accuracy of the newest good checkpoint. Raises NotReleased when there is none."""
    trained = _restore(spec, artefacts)
    return trained.step, trained.accuracy


def release(spec: WorkloadSpec, artefacts: Artefacts) -> Release:
    """Releases the newest good checkpoint of the run, under its old version when its files were damaged since.

    A release that is whole is left as it is: servers may be reading it. Raises NotReleased when there is no checkpoint
    of the last step, Inaccurate when the accuracy is below the minimum.
    """
    if whole := find_whole(spec, artefacts):
        return whole

    import keras
    import tensorflow as tf

    run = artefacts.run(spec.name, spec.fingerprint)
    trained = _restore(spec, artefacts)
    if trained.step < spec.train.steps:
        raise NotReleased(
            f"the newest good checkpoint in {run} is of step {trained.step}, not {spec.train.steps}; train first"
        )
    _require_accuracy(spec, trained.accuracy)
    model, example = trained.model, int(trained.right.argmax())  # the first test image that it gets right
    previous = find(spec, artefacts)
    version = previous.version if previous else next_version(spec.name, artefacts)
    made = Release(spec.name, spec.fingerprint, version, trained.accuracy, int(trained.data.test_labels[example]))
    path = made.path(artefacts)
    write_json(run / RELEASE, asdict(made))  # before the files: a release that is cut off keeps its number
    if path.exists():
        kept = path.with_name(f".{version}.damaged")
        shutil.rmtree(kept, ignore_errors=True)
        path.rename(kept)
    with written_aside(path) as aside:
        archive = keras.export.ExportArchive()
        archive.track(model)
        archive.add_endpoint(
            "serve",
            lambda image: {"scores": tf.nn.softmax(model(image, training=False))},
            input_signature=[tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="image")],
        )
        archive.write_out(str(aside), verbose=False)
        (aside / "assets.extra").mkdir()
        request = {"instances": [_shortened(trained.data.test_images[example].tolist())]}
        (aside / EXAMPLE).write_text(json.dumps(request, separators=(",", ":")) + "\n")
        files = sorted(file for file in aside.rglob("*") if file.is_file())
        write_json(
            aside / MANIFEST,
            {
                "workload": json.loads(spec.model_dump_json()),
                "fingerprint": spec.fingerprint,
                "step": trained.step,
                "accuracy": trained.accuracy,
                "files": {str(file.relative_to(aside)): _digest(file) for file in files},
            },
        )
    return made


def tell(release: Release, artefacts: Artefacts) -> None:
    """Says the release in one line of JSON."""
    told = {"path": str(release.path(artefacts)), "version": release.version, "accuracy": release.accuracy}
    line = json.dumps(told)
    print(line, flush=True)
    if file := os.environ.get(OUTCOME):
        Path(file).write_text(line + "\n")


def _require_accuracy(spec: WorkloadSpec, accuracy: float) -> None:
    if accuracy < spec.minimum_accuracy:
        raise Inaccurate(
            f"test accuracy {accuracy} is below minimum_accuracy {spec.minimum_accuracy}; not released. "
            "Train longer (train.steps), or lower the minimum"
        )


@dataclass(frozen=True)
class _Trained:
    """A restored model and how it does on the test set; ``right`` has one truth value an image."""

    model: keras.Model
    data: Dataset
    step: int
    accuracy: float
    right: npt.NDArray[np.bool_]


def _restore(spec: WorkloadSpec, artefacts: Artefacts) -> _Trained:
    from workloads.catalog import load_model
    from workloads.data import digits
    from workloads.train.checkpoint import Checkpoints

    run = artefacts.run(spec.name, spec.fingerprint)
    model = load_model(spec.model)
    step = Checkpoints(run, model, optimizer=None).restore_newest()
    if not step:
        raise NotReleased(f"{run} holds no good checkpoint; train first")
    digits.prepare(spec.dataset, artefacts.datasets)
    data = digits.load(spec.dataset, artefacts.datasets)
    right = model.predict(data.test_images, verbose=0).argmax(axis=1) == data.test_labels
    return _Trained(model, data, step, round(float(right.mean()), 4), right)


def _release(recorded: dict[str, Any] | None) -> Release | None:
    try:
        return Release(**recorded) if recorded else None
    except TypeError:
        return None  # written by something else


def next_version(name: str, artefacts: Artefacts) -> int:
    """One more than the highest version of the model that is there or was ever recorded."""
    there = [int(path.name) for path in artefacts.model(name).glob("*") if path.name.isdigit()]
    records = (_release(read_json(path)) for path in artefacts.run(name, "*").parent.glob(f"*/{RELEASE}"))
    return 1 + max(there + [record.version for record in records if record], default=0)


def _shortened(values: Any) -> Any:
    """Nested numbers, rounded as the image's grey levels need, so that the request stays short."""
    return [_shortened(value) for value in values] if isinstance(values, list) else round(values, 4)


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
