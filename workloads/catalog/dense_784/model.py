"""The 784-256-10 classifier, without the two mistakes it is often printed with.

Printed with a softmax output and ``from_logits=True``, it applies softmax twice and learns slowly; here the output is
logits. Built before the strategy's scope is entered, its variables live on one device and the first distributed step
fails; here ``build`` is called by the training loop, inside the scope.
"""

from __future__ import annotations

import keras


def build() -> keras.Model:
    """Maps ``(batch, 28, 28, 1)`` float32 in 0..1 to ``(batch, 10)`` logits; 203,530 parameters."""
    image = keras.Input((28, 28, 1), name="image")
    x = keras.layers.Flatten()(image)
    x = keras.layers.Dense(256, activation="relu")(x)
    return keras.Model(image, keras.layers.Dense(10, name="logits", dtype="float32")(x), name="dense_784")
