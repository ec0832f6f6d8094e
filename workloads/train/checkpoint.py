"""Checkpoints that can be trusted: verified before they are restored, and the one before when the newest is damaged."""

from __future__ import annotations

import logging
import shutil
import tempfile
from pathlib import Path

import keras
import tensorflow as tf

KEEP = 3
log = logging.getLogger(__name__)


class Checkpoints:
    """The checkpoints of one run.

    Every worker of a group calls ``save``, as mirrored variables want; only the chief's files are kept.
    """

    def __init__(
        self, directory: Path, model: keras.Model, optimizer: keras.optimizers.Optimizer | None, *, chief: bool = True
    ) -> None:
        """optimizer: None where the weights alone are wanted, as for an export."""
        self._directory = directory
        # Keras leaves the states of random generators (dropout) out of what it tracks: without them a resumed run
        # draws other masks than an undisturbed one.
        weights = {id(variable) for variable in model.weights}
        random_states = [variable.value for variable in model.variables if id(variable) not in weights]
        tracked = {"model": model, "random_states": random_states}
        self._checkpoint = tf.train.Checkpoint(**tracked, **({"optimizer": optimizer} if optimizer else {}))
        self._partial = optimizer is None
        # Not beside the chief's: members share that directory, and a process that is killed leaves its scratch behind.
        self._scratch = None if chief else tempfile.mkdtemp(prefix="checkpoint-")
        self._manager = tf.train.CheckpointManager(self._checkpoint, self._scratch or str(directory), max_to_keep=KEEP)

    def save(self, step: int) -> None:
        """Writes the checkpoint of ``step``; the files of an older attempt at the same step are replaced."""
        self._manager.save(checkpoint_number=step)
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def restore_newest(self) -> int:
        """Restores the newest undamaged checkpoint and returns its step; 0 when there is none."""
        for prefix in reversed(stored(self._directory)):
            problem = damage(prefix)
            if problem is None:
                status = self._checkpoint.restore(prefix)
                (status.expect_partial() if self._partial else status.assert_existing_objects_matched())
                return step_of(prefix)
            log.warning("checkpoint %s is damaged (%s); falling back to the one before", Path(prefix).name, problem)
        return 0


def stored(directory: Path) -> list[str]:
    """Prefixes of the complete checkpoints in ``directory``, oldest first. The index file is written last."""
    return sorted((str(index.with_suffix("")) for index in directory.glob("ckpt-*.index")), key=step_of)


def step_of(prefix: str) -> int:
    """The step in a checkpoint's name."""
    return int(prefix.rsplit("-", 1)[1])


def damage(prefix: str) -> str | None:
    """Reads every tensor, which verifies their checksums; what is wrong in one line, or None."""
    try:
        reader = tf.train.load_checkpoint(prefix)
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except (tf.errors.OpError, ValueError, RuntimeError, IndexError) as error:
        return str(error).splitlines()[0][:200]
    return None
