"""One process of a training group, from its environment to its last checkpoint."""

from __future__ import annotations

import json
import time

from workloads.artefacts import Artefacts, read_json, write_json
from workloads.data import digits
from workloads.spec import WorkloadSpec
from workloads.train import strategy as strategies

TRAINING = "training.json"
"""What the chief leaves in the run's directory when the last step is saved."""


TELL_SECONDS = 1.0
"""Least time between two progress lines; TensorBoard gets all of them."""


def train(spec: WorkloadSpec, artefacts: Artefacts) -> None:
    """Trains up to the last step, resuming from the newest good checkpoint. The chief prints progress and writes.

    Raises OSError when nothing can be written, FloatingPointError when the loss is not a number: neither is mended by
    starting again.
    """
    strategy = strategies.resolve()  # before any other TensorFlow operation

    import tensorflow as tf

    from workloads.train.checkpoint import Checkpoints
    from workloads.train.loop import Progress, Trainer

    chief = strategies.is_chief()
    run = artefacts.run(spec.name, spec.fingerprint)
    run.mkdir(parents=True, exist_ok=True)
    digits.prepare(spec.dataset, artefacts.datasets)
    trainer = Trainer(spec, digits.load(spec.dataset, artefacts.datasets), strategy)
    checkpoints = Checkpoints(run, trainer.model, trainer.optimizer, chief=chief)
    first = checkpoints.restore_newest()
    if chief and first:
        print(f"resuming from the checkpoint of step {first}", flush=True)

    summaries = tf.summary.create_file_writer(str(artefacts.logs(spec.name, spec.fingerprint))) if chief else None

    told = 0.0

    def report(progress: Progress) -> None:
        nonlocal told
        if summaries is None:
            return
        if time.monotonic() - told > TELL_SECONDS or progress.step == progress.steps:
            told = time.monotonic()
            print(progress, flush=True)
        with summaries.as_default(step=progress.step):
            tf.summary.scalar("train/loss", progress.loss)
            tf.summary.scalar("train/steps_per_second", progress.steps_per_second)
            if progress.accuracy is not None:
                tf.summary.scalar("test/accuracy", progress.accuracy)
        summaries.flush()

    started = time.perf_counter()
    try:
        steps_per_second = trainer.run(checkpoints, first, report)
    except tf.errors.ResourceExhaustedError as error:  # how TensorFlow tells of a full disk
        raise OSError(f"cannot write to {run}: {error.message.splitlines()[0]}") from error
    if chief and (first < spec.train.steps or read_json(run / TRAINING) is None):
        write_json(
            run / TRAINING,
            {
                "steps": spec.train.steps,
                "resumed_from": first,
                "steps_per_second": round(steps_per_second, 1),
                "seconds": round(time.perf_counter() - started, 1),
                "replicas": strategy.num_replicas_in_sync,
                "strategy": type(strategy).__name__,
                "spec": json.loads(spec.model_dump_json()),
            },
        )
