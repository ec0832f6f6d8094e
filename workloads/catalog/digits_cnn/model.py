"""Two convolutions, one pooling, one hidden layer. Small enough to train in seconds on two cores."""

from __future__ import annotations

import keras


def build() -> keras.Model:
    """Maps ``(batch, 8, 8, 1)`` float32 in 0..1 to ``(batch, 10)`` logits.

    The output has no softmax: the loss takes logits, which is the numerically safe pairing, and the export adds it.
    """
    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Conv2D(32, 3, padding="same", activation="relu")(image)
    x = keras.layers.Conv2D(32, 3, padding="same", activation="relu")(x)
    x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dropout(0.25, seed=11)(x)
    x = keras.layers.Dense(90, activation="relu")(x)
    return keras.Model(image, keras.layers.Dense(10, name="logits", dtype="float32")(x), name="digits_cnn")
