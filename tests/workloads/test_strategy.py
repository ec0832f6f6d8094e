"""Strategies: which one is chosen, that they compute the same, and the TPUStrategy tutorial put right."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import Any

import keras
import numpy as np
import pytest

from workloads.artefacts import Artefacts
from workloads.catalog import load_model
from workloads.train.strategy import Kind, choose, is_chief


def cluster(**tasks: int) -> str:
    return json.dumps({"cluster": {kind: [f"h{i}:1" for i in range(count)] for kind, count in tasks.items()}})


@pytest.mark.parametrize(
    ("environment", "gpus", "kind"),
    [
        ({}, 0, Kind.ONE_DEVICE),
        ({}, 1, Kind.ONE_DEVICE),
        ({}, 8, Kind.MIRRORED),
        ({"TF_CONFIG": cluster(worker=2)}, 8, Kind.MULTI_WORKER),
        ({"TF_CONFIG": cluster(chief=1, worker=1)}, 0, Kind.MULTI_WORKER),
        ({"TF_CONFIG": cluster(worker=1)}, 0, Kind.ONE_DEVICE),
        ({"TPU_NAME": "local"}, 0, Kind.TPU),
        ({"TPU_NAME": "local", "TF_CONFIG": cluster(worker=2)}, 0, Kind.TPU),
    ],
)
def test_the_strategy_follows_from_what_is_around(environment: dict[str, str], gpus: int, kind: Kind) -> None:
    assert choose(environment, gpus) is kind


@pytest.mark.parametrize(
    "sizes", [{"worker": 3}, {"chief": 1, "worker": 2}, {"chief": 1}], ids=["workers", "chief and workers", "chief"]
)
def test_exactly_one_member_of_a_group_is_chief(monkeypatch: pytest.MonkeyPatch, sizes: dict[str, int]) -> None:
    chiefs = []
    for role, index in [(role, index) for role, size in sizes.items() for index in range(size)]:
        config = json.loads(cluster(**sizes)) | {"task": {"type": role, "index": index}}
        monkeypatch.setenv("TF_CONFIG", json.dumps(config))
        chiefs += [(role, index)] if is_chief() else []
    assert chiefs == [(next(iter(sizes)), 0)]


def test_a_process_on_its_own_is_chief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert is_chief()


def replicas(count: int, model: str, artefacts: Artefacts) -> dict[str, Any]:
    """Trains ``model`` 20 steps in a fresh process on ``count`` logical processors; what came of it."""
    program = textwrap.dedent(
        f"""
        import json
        import tensorflow as tf
        from pathlib import Path
        from workloads.catalog import MODELS
        from workloads.data import digits
        from workloads.spec import WorkloadSpec
        from workloads.train.checkpoint import Checkpoints
        from workloads.train.loop import Trainer

        processor = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * {count})
        devices = [f"CPU:{{i}}" for i in range({count})]
        strategy = tf.distribute.MirroredStrategy(devices) if {count} > 1 else tf.distribute.get_strategy()
        name = MODELS["{model}"].datasets[0]
        digits.prepare(name, Path({str(artefacts.datasets)!r}))
        spec = WorkloadSpec.model_validate(dict(name="d", model="{model}", dataset=name,
                                                train=dict(workers=1, steps=20, checkpoint_every=20)))
        trainer = Trainer(spec, digits.load(name, Path({str(artefacts.datasets)!r})), strategy)
        losses = []
        class Nothing:
            def save(self, step): pass
        trainer.run(Nothing(), 0, lambda progress: losses.append(progress.loss))
        print(json.dumps(dict(loss=losses[-1], accuracy=trainer.accuracy(),
                              copies=len(getattr(trainer.model.variables[0].value, "values", [0])))))
        """
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    result: dict[str, Any] = json.loads(said.stdout.splitlines()[-1])
    return result


def test_the_tutorial_network_computes_the_same_on_one_replica_and_on_two(artefacts: Artefacts) -> None:
    one, two = replicas(1, "dense_784", artefacts), replicas(2, "dense_784", artefacts)
    assert one["loss"] == pytest.approx(two["loss"], rel=1e-4)
    assert one["accuracy"] == pytest.approx(two["accuracy"], abs=0.01)
    assert one["accuracy"] > 0.8  # it learns


def test_the_tutorial_networks_variables_are_made_inside_the_strategys_scope(artefacts: Artefacts) -> None:
    assert replicas(2, "dense_784", artefacts)["copies"] == 2


def test_the_tutorial_network_has_the_sizes_of_its_name() -> None:
    model = load_model("dense_784")
    assert model.count_params() == 784 * 256 + 256 + 256 * 10 + 10
    assert [layer.units for layer in model.layers if isinstance(layer, keras.layers.Dense)] == [256, 10]


def test_the_tutorial_networks_output_is_logits_so_that_softmax_is_applied_once() -> None:
    model = load_model("dense_784")
    assert model.layers[-1].activation is keras.activations.linear
    logits = model(np.random.default_rng(5).random((4, 28, 28, 1), np.float32)).numpy()
    labels = np.array([1, 2, 3, 4])
    by_hand = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(4), labels]
    loss = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    assert np.allclose(loss, by_hand, atol=1e-5)
    scores = keras.activations.softmax(logits).numpy()  # a plain array: Keras would see through its own softmax
    softmax_twice = keras.losses.sparse_categorical_crossentropy(labels, scores, from_logits=True)
    assert not np.allclose(softmax_twice, by_hand, atol=1e-2)  # the printed mistake is a different loss
