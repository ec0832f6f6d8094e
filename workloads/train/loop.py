"""The training loop: one for every strategy.

The outer loop is Python and moves from checkpoint to checkpoint; the inner one is a graph, so that small steps are not
slowed by Python. Keras' own ``fit`` is not used because it fails under multi-worker strategies (keras#20585).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import keras
import tensorflow as tf

from workloads.catalog import load_model
from workloads.data.digits import Dataset
from workloads.data.pipeline import training_steps
from workloads.spec import WorkloadSpec
from workloads.train.checkpoint import Checkpoints
from workloads.train.notice import Preempted

INNER_STEPS = 50
"""Most steps in one call of the inner loop: what lies between two progress lines."""


@dataclass(frozen=True)
class Progress:
    """Where training is. ``accuracy`` is on the test set, and measured at checkpoints only."""

    step: int
    steps: int
    loss: float
    steps_per_second: float
    accuracy: float | None = None

    def __str__(self) -> str:
        accuracy = "" if self.accuracy is None else f", accuracy {self.accuracy:.4f}"
        return f"step {self.step}/{self.steps}, loss {self.loss:.4f}, {self.steps_per_second:.0f} steps/s{accuracy}"


class Trainer:
    """A model, its optimiser and its compiled steps under one strategy."""

    def __init__(self, spec: WorkloadSpec, data: Dataset, strategy: tf.distribute.Strategy) -> None:
        self.spec, self.data, self.strategy = spec, data, strategy
        keras.utils.set_random_seed(spec.train.seed)
        with strategy.scope():  # variables made outside would live on one device
            self.model = load_model(spec.model)
            schedule = keras.optimizers.schedules.CosineDecay(spec.train.learning_rate, spec.train.steps)
            self.optimizer = keras.optimizers.Adam(schedule)
            self.optimizer.build(self.model.trainable_variables)
        self._asked = tf.Variable(0.0, trainable=False)  # outside the scope: each member has its own
        self._train_many = tf.function(self._train_many_steps, reduce_retracing=True)
        self._count_right = tf.function(self._count_right_answers)

    def run(
        self,
        checkpoints: Checkpoints,
        first: int,
        report: Callable[[Progress], None],
    ) -> float:
        """Trains from step ``first`` to the last, saving as it goes. Returns steps per second without compilation.

        Raises Preempted, in every member of the group, once a member has been asked to leave.
        """
        spec = self.spec.train
        batches = iter(
            self.strategy.distribute_datasets_from_function(
                lambda context: training_steps(
                    self.data, seed=spec.seed, global_batch=spec.global_batch, first=first, context=context
                )
            )
        )
        step, timed_steps, timed_seconds = first, 0, 0.0
        while step < spec.steps:
            to_checkpoint = spec.checkpoint_every - step % spec.checkpoint_every
            count = min(INNER_STEPS, to_checkpoint, spec.steps - step)
            started = time.perf_counter()
            done, last_loss, asked = self._train_many(batches, tf.constant(count))
            count, loss = int(done), float(last_loss)
            seconds = time.perf_counter() - started
            if not loss == loss:  # NaN
                raise FloatingPointError(
                    f"the loss is not a number after step {step + count}; lower train.learning_rate"
                )
            if step > first or count == spec.steps - step:  # the first call compiles
                timed_steps, timed_seconds = timed_steps + count, timed_seconds + seconds
            step += count
            accuracy = None
            if step % spec.checkpoint_every == 0 or step == spec.steps:
                checkpoints.save(step)
                accuracy = self.accuracy()
            elif asked:
                checkpoints.save(step)
            report(Progress(step, spec.steps, loss, count / seconds, accuracy))
            if asked and step < spec.steps:
                raise Preempted(step)
        return timed_steps / timed_seconds if timed_seconds else 0.0

    def leave(self) -> None:
        """Asks the group to save and to leave after the step that it is at. Any thread may call this during ``run``."""
        self._asked.assign(1.0)

    def accuracy(self) -> float:
        """Share of the test set that the model gets right, measured by all replicas together."""
        replicas = self.strategy.num_replicas_in_sync
        pad = -len(self.data.test_labels) % replicas
        images = tf.pad(self.data.test_images, [[0, pad], [0, 0], [0, 0], [0, 0]])
        labels = tf.pad(self.data.test_labels, [[0, pad]], constant_values=-1)  # no answer is -1: never right
        share = len(labels) // replicas
        part = self.strategy.experimental_distribute_values_from_function(
            lambda context: _slice(images, labels, context.replica_id_in_sync_group, share)
        )
        return float(self._count_right(part)) / len(self.data.test_labels)

    def _train_many_steps(
        self, batches: tf.distribute.DistributedIterator, count: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """At most ``count`` steps, up to the first at which a member has been asked to leave.

        Returns how many, the loss of the last over the global batch, and whether a member has been asked: that
        travels with the loss, so that all members stop at the same step.
        """
        done, loss, asked = tf.constant(0), tf.constant(0.0), tf.constant(False)
        while done < count and not asked:
            per_replica = self.strategy.run(self._replica_step, args=(next(batches), self._asked.read_value()))
            total = self.strategy.reduce(tf.distribute.ReduceOp.SUM, per_replica, axis=None)
            done, loss, asked = done + 1, total[0], total[1] > 0
        return done, loss, asked

    def _replica_step(self, batch: tuple[tf.Tensor, tf.Tensor], asked: tf.Tensor) -> tf.Tensor:
        """One step of one replica; returns its share of the loss, and ``asked``."""
        images, labels = batch
        with tf.GradientTape() as tape:
            logits = self.model(images, training=True)
            per_example = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
            loss = tf.nn.compute_average_loss(per_example, global_batch_size=self.spec.train.global_batch)
        variables = self.model.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return tf.stack([loss, asked])

    def _count_right_answers(self, part: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        def count(images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
            answers = tf.argmax(self.model(images, training=False), axis=-1, output_type=tf.int32)
            return tf.reduce_sum(tf.cast(answers == labels, tf.float32))

        return self.strategy.reduce(tf.distribute.ReduceOp.SUM, self.strategy.run(count, args=part), axis=None)


def _slice(images: tf.Tensor, labels: tf.Tensor, replica: int, share: int) -> tuple[tf.Tensor, tf.Tensor]:
    return images[replica * share : (replica + 1) * share], labels[replica * share : (replica + 1) * share]
