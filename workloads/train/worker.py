"""One member of a training group, or a process on its own: from its environment to its last checkpoint, and a release.

The chief alone writes, and holds a lock on the run's directory meanwhile: a member of an older group that still runs,
as a pod that is being replaced may, never writes beside it. Where locks do not reach other machines (Cloud Storage
FUSE) there is Kubernetes' promise alone, to start no pod of an index before the last one of it is gone.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import portalocker

from workloads.artefacts import Artefacts, read_json, write_json
from workloads.data import digits
from workloads.export import release
from workloads.spec import WorkloadSpec
from workloads.train import strategy as strategies
from workloads.train.notice import Notice, Preempted, leave
from workloads.train.status import PREEMPTED

if TYPE_CHECKING:
    from workloads.train.loop import Progress

TRAINING = "training.json"
"""What the chief leaves in the run's directory when the last step is saved."""

TELL_SECONDS = 1.0
"""Least time between two progress lines; TensorBoard gets all of them."""

LOCK_SECONDS = 120
"""How long a chief waits for the one before it, which has to save and to leave."""

FORM_SECONDS = 600
"""How long the members may take to come together once all have an address: each has to load TensorFlow, the chief may
wait for another one."""


class GroupBroken(RuntimeError):
    """Another member is gone, and this one cannot go on without it."""


def work(spec: WorkloadSpec, artefacts: Artefacts, *, releases: bool) -> None:
    """Trains up to the last step, resuming from the newest good checkpoint. The chief prints progress and writes.

    releases: the chief then releases the model. When it has been released already, that is told, and nothing trained.

    A process that is told to go ends with PREEMPTED. Raises GroupBroken; and, mended by no other attempt, OSError when
    nothing can be written, FloatingPointError when the loss is not a number, ``release.Inaccurate``.
    """
    chief = strategies.is_chief()
    if releases and (made := release.find_whole(spec, artefacts)):
        if chief:
            release.tell(made, artefacts)
        return
    run = artefacts.run(spec.name, spec.fingerprint)
    run.mkdir(parents=True, exist_ok=True)
    with _held(run) if chief else nullcontext():
        try:
            notice = _train(spec, artefacts, chief=chief)
        except Preempted as preempted:
            print(f"told to go: saved the checkpoint of step {preempted.step}", flush=True)
            leave(PREEMPTED)  # at once: to let go of what it shares with members that left takes TensorFlow ten seconds
        if chief and releases:
            if notice.came.is_set():
                leave(PREEMPTED)  # all is saved; the next attempt releases
            release.tell(release.release(spec, artefacts), artefacts)


@contextmanager
def _held(run: Path) -> Iterator[None]:
    """The chief's lock on ``run``. The system takes it from a process that ends, however it ends."""
    lock = portalocker.Lock(run / ".chief.lock", timeout=LOCK_SECONDS, fail_when_locked=False)
    try:
        lock.acquire()
    except portalocker.LockException as error:
        raise RuntimeError(f"{run} is held by another training process; wait for it or end it") from error
    try:
        yield
    finally:
        lock.release()


def _train(spec: WorkloadSpec, artefacts: Artefacts, *, chief: bool) -> Notice:
    """Takes part in the group up to the last step. Raises Preempted."""
    signal.alarm(FORM_SECONDS)  # ends the process by itself: nothing of Python runs while the group forms
    strategy = strategies.resolve()  # before any other TensorFlow operation
    signal.alarm(0)
    notice = Notice()

    import tensorflow as tf

    from workloads.train.checkpoint import Checkpoints
    from workloads.train.loop import Trainer

    run = artefacts.run(spec.name, spec.fingerprint)
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
        with notice.heeded_by(trainer.leave):
            steps_per_second = trainer.run(checkpoints, first, report)
    except tf.errors.ResourceExhaustedError as error:  # how TensorFlow tells of a full disk
        raise OSError(f"cannot write to {run}: {error.message.splitlines()[0]}") from error
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError) as error:
        # TensorFlow's members send each other heartbeats, and give up those that they miss for ten seconds.
        raise GroupBroken("another member of the group is gone; its own log says why") from error
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
    return notice
