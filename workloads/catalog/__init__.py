"""The models there are, by name. Importing this page imports no TensorFlow; ``load_model`` does."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class ModelCard:
    """One entry of the catalogue.

    summary:  one line for people.
    module:   where ``build() -> keras.Model`` lives; the model maps a batch of examples to logits.
    datasets: data sets whose examples fit the model's input.
    """

    summary: str
    module: str
    datasets: tuple[str, ...]


MODELS: dict[str, ModelCard] = {
    "digits_cnn": ModelCard(
        summary="two convolutions and a dense layer on 8x8 grey images; 57,000 parameters",
        module="workloads.catalog.digits_cnn.model",
        datasets=("digits",),
    ),
    "dense_784": ModelCard(
        summary="the 784-256-10 network of the TPUStrategy tutorials, on 28x28 grey images",
        module="workloads.catalog.dense_784.model",
        datasets=("digits_28",),
    ),
}

DATASETS: dict[str, str] = {
    "digits": "UCI handwritten digits, 1,797 images of 8x8, ten classes (shipped inside scikit-learn)",
    "digits_28": "the same digits resampled to 28x28",
}


def load_model(name: str) -> keras.Model:
    """Builds the model ``name`` with fresh weights. Call it inside the strategy's scope."""
    model: keras.Model = import_module(MODELS[name].module).build()
    return model
