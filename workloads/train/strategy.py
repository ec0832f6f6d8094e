"""Which distribution strategy a process trains under, from what it finds around it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf


class Kind(StrEnum):
    """The strategies that the training loop runs under."""

    TPU = "tpu"
    MULTI_WORKER = "multi-worker"
    MIRRORED = "mirrored"
    ONE_DEVICE = "one-device"


def choose(environment: Mapping[str, str], gpus: int) -> Kind:
    """The kind of strategy for an environment: a TPU first, then a group of workers, then several GPUs."""
    if environment.get("TPU_NAME"):
        return Kind.TPU
    if workers(environment) > 1:
        return Kind.MULTI_WORKER
    return Kind.MIRRORED if gpus > 1 else Kind.ONE_DEVICE


def workers(environment: Mapping[str, str]) -> int:
    """Size of the group in TF_CONFIG; 0 when there is none."""
    cluster = json.loads(environment.get("TF_CONFIG", "{}")).get("cluster", {})
    return len(cluster.get("chief", [])) + len(cluster.get("worker", []))


def resolve() -> tf.distribute.Strategy:
    """Connects to the devices of this process's environment. Call it before any other TensorFlow operation."""
    import tensorflow as tf

    match choose(os.environ, len(tf.config.list_logical_devices("GPU")) if not os.environ.get("TF_CONFIG") else 0):
        case Kind.TPU:
            resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=os.environ["TPU_NAME"])
            tf.config.experimental_connect_to_cluster(resolver)
            tf.tpu.experimental.initialize_tpu_system(resolver)
            return tf.distribute.TPUStrategy(resolver)
        case Kind.MULTI_WORKER:
            return tf.distribute.MultiWorkerMirroredStrategy()
        case Kind.MIRRORED:
            return tf.distribute.MirroredStrategy()
        case Kind.ONE_DEVICE:
            return tf.distribute.get_strategy()


def is_chief() -> bool:
    """Whether this process is the one of its group that writes what the group makes."""
    config = json.loads(os.environ.get("TF_CONFIG", "{}"))
    first = "chief" if config.get("cluster", {}).get("chief") else "worker"
    return bool(config.get("task", {"type": first, "index": 0}) == {"type": first, "index": 0})
