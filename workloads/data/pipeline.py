"""The input pipeline: which examples step ``s`` takes is a function of ``s`` and the seed alone.

So a run that resumes at step ``s`` sees what an undisturbed one would have seen, at any number of workers, and no
iterator state has to be saved.
"""

from __future__ import annotations

import tensorflow as tf

from workloads.data.digits import Dataset


def training_steps(
    data: Dataset, *, seed: int, global_batch: int, first: int, context: tf.distribute.InputContext
) -> tf.data.Dataset:
    """Endless local batches ``(images, labels)`` of one worker, from step ``first`` on.

    Every epoch is its own permutation of all examples. Within a step, replica ``r`` of ``n`` takes the ``r``-th of
    ``n`` equal parts of the global batch.
    """
    images, labels = tf.constant(data.train_images), tf.constant(data.train_labels)
    count = tf.constant(len(data.train_labels), tf.int64)
    share = context.get_per_replica_batch_size(global_batch)
    replicas = context.num_replicas_in_sync // context.num_input_pipelines

    def example(element: tf.Tensor) -> tf.Tensor:
        batch, within = element // share, element % share
        step, replica = batch // replicas, context.input_pipeline_id * replicas + batch % replicas
        position = step * global_batch + replica * share + within
        return tf.random.experimental.index_shuffle(
            position % count, tf.stack([tf.constant(seed, tf.int64), position // count]), count - 1
        )

    elements = tf.data.Dataset.range(first * replicas * share, tf.int64.max)
    batches = elements.map(example).batch(share, drop_remainder=True)
    return batches.map(lambda chosen: (tf.gather(images, chosen), tf.gather(labels, chosen))).prefetch(4)
