"""The article's experiment as a user writes it: one model, one normalization, `compile`, `fit`, `evaluate`.

    python benchmarks/contenders/keras_fit.py --data mnist.npz --model cnn --axis channel --seed 0

This is what the harness is compared with, cell by cell. Keras keeps one axis; more of them are kept by making them
one with a Reshape around the layer.
"""

from __future__ import annotations

import argparse
import time

STARTED = time.perf_counter()

import keras  # noqa: E402  # the clock runs while this is imported
import numpy as np  # noqa: E402
from keras import layers  # noqa: E402
from turns import serve, timed  # noqa: E402


def normalize(x, axis):
    """Batch normalization of `x` `(batch, height, width, channel)` that keeps the axes that `axis` names."""
    if axis == "none":
        return x
    if axis == "channel":
        return layers.BatchNormalization()(x)
    height, width, channels = x.shape[1:]
    if axis == "spatial":
        flat = layers.Reshape((height * width, channels))(x)
        return layers.Reshape(x.shape[1:])(layers.BatchNormalization(axis=1)(flat))
    flat = layers.Reshape((height * width * channels,))(x)
    return layers.Reshape(x.shape[1:])(layers.BatchNormalization()(flat))


def build_cnn(axis):
    """Logits for 28 x 28 images."""
    inputs = keras.Input((28, 28, 1))
    x = layers.Conv2D(32, 3, activation="relu")(inputs)
    x = layers.MaxPooling2D(2)(normalize(x, axis))
    return keras.Model(inputs, layers.Dense(10)(layers.Flatten()(x)))


def build_lstm(axis):
    """One value for 100 steps of 5 readings."""
    inputs = keras.Input((100, 5))
    x = layers.LSTM(64, return_sequences=True)(inputs)
    if axis != "none":
        x = layers.BatchNormalization()(x)
    return keras.Model(inputs, layers.Dense(1)(layers.LSTM(32)(x)))


def main():
    """Train and evaluate one cell, or train on and on in turns with others."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True, help="an .npz file with x_train, y_train, x_validation, ...")
    parser.add_argument("--model", choices=["cnn", "lstm"], required=True)
    parser.add_argument("--axis", choices=["none", "channel", "spatial", "elementwise"], default="channel")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps-per-execution", type=int, default=1)
    parser.add_argument("--serve", action="store_true", help="train for `epochs` at each line of standard input")
    arguments = parser.parse_args()

    keras.utils.set_random_seed(arguments.seed)
    data = np.load(arguments.data)
    train, validation, test = ((data[f"x_{part}"], data[f"y_{part}"]) for part in ("train", "validation", "test"))
    cnn = arguments.model == "cnn"
    model = build_cnn(arguments.axis) if cnn else build_lstm(arguments.axis)
    model.compile(
        optimizer="adam",
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True) if cnn else "mse",
        metrics=["accuracy"] if cnn else [],
        steps_per_execution=arguments.steps_per_execution,
    )

    def fit(epochs):
        model.fit(*train, batch_size=arguments.batch_size, epochs=epochs, validation_data=validation, verbose=0)

    if arguments.serve:
        fit(1)
        examples = arguments.epochs * len(train[0])
        serve(
            lambda: {"examples": examples, "seconds": timed(lambda: fit(arguments.epochs))},
            contender=f"keras.fit {keras.__version__}",
            setup_seconds=time.perf_counter() - STARTED,
        )
    else:
        fit(arguments.epochs)
        print(model.evaluate(*test, verbose=0))


if __name__ == "__main__":
    main()
