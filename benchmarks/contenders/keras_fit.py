"""An experiment as a user of Keras writes it: one model, one normalization, `compile`, `fit`, `evaluate`.

    python benchmarks/contenders/keras_fit.py --model seed_cnn.json --data mnist.npz --seed 0

This is what the harness is compared with, cell by cell. The model is what `bench` has described of one of the harness's
(harness/commands/bench/description.py), in Keras's own layers. Keras keeps one axis; more of them are kept by making
them one with a Reshape around the layer.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from pathlib import Path

STARTED = time.perf_counter()

import keras  # noqa: E402  # the clock runs while this is imported
import numpy as np  # noqa: E402
from keras import layers  # noqa: E402
from turns import serve, timed  # noqa: E402

TRIED = 60  # steps


def build(description):
    """The model of a description, in Keras's own layers alone."""
    made, tensors = {}, []
    for call in description["layers"]:
        inputs = [tensors[number] for number in call["inputs"]]
        if call["kind"] == "InputLayer":
            tensors.append(keras.Input(call["shape"], name=call["name"]))
        elif isinstance(call["config"].get("axis"), list):
            tensors.append(normalize(inputs[0], call["name"], **call["config"]))
        else:
            if call["name"] not in made:
                kind = getattr(layers, call["kind"])
                made[call["name"]] = kind.from_config({**call["config"], "name": call["name"]})
            tensors.append(made[call["name"]](inputs if len(inputs) > 1 else inputs[0]))
    return keras.Model(tensors[0], tensors[-1], name=description["name"])


def normalize(x, name, axis, **settings):
    """Batch normalization of `x` `(batch, *axes)` that keeps the axes `axis`, counted from 1, side by side."""
    if len(axis) == 1:
        return layers.BatchNormalization(axis=axis[0], name=name, **settings)(x)
    if axis != [*range(axis[0], axis[0] + len(axis))]:
        raise SystemExit(f"layer {name} keeps the axes {axis}, which a Reshape does not bring together")
    sizes = x.shape[1:]
    before, kept, after = sizes[: axis[0] - 1], sizes[axis[0] - 1 : axis[-1]], sizes[axis[-1] :]
    flat = layers.Reshape((*before, math.prod(kept), *after))(x)
    return layers.Reshape(sizes)(layers.BatchNormalization(axis=axis[0], name=name, **settings)(flat))


class Training:
    """A compiled model and its data."""

    def __init__(self, arguments, description, *, jit):
        keras.utils.set_random_seed(arguments.seed)
        self.model = build(description)
        self.model.compile(
            optimizer=keras.optimizers.deserialize(description["optimizer"]),
            loss=keras.losses.deserialize(description["loss"]),
            metrics=["accuracy"] if description["outputs"] > 1 else [],
            steps_per_execution=arguments.steps_per_execution,
            jit_compile=jit,
        )
        self.batch_size = arguments.batch_size

    def fit(self, data, epochs):
        """Train for epochs, and validate after each."""
        train, validation = ((data[f"x_{part}"], data[f"y_{part}"]) for part in ("train", "validation"))
        self.model.fit(*train, batch_size=self.batch_size, epochs=epochs, validation_data=validation, verbose=0)


def fastest(arguments, description, data):
    """The way to compile with which some steps take the least, and their seconds by way, None where it failed."""
    ways, seconds = {}, {}
    some = {name: array[: TRIED * arguments.batch_size] for name, array in data.items()}
    for name, jit in (("plain", False), ("jit_compile", True)):
        training = Training(arguments, description, jit=jit)
        try:
            training.fit(some, 1)
            seconds[name] = min(timed(lambda: training.fit(some, 1)) for _ in range(2))  # noqa: B023  # called at once
            ways[name] = training
        except Exception as error:  # XLA knows not all operations, and says so in many ways
            if not jit:
                raise
            seconds[name] = None
            print(f"jit_compile: {error}", file=sys.stderr)
    name = min(ways, key=lambda way: seconds[way])
    return name, ways[name], seconds


def main():
    """Train and evaluate one cell, or train on and on in turns with others."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True, help="a description, as JSON")
    parser.add_argument("--data", required=True, help="an .npz file with x_train, y_train, x_validation, ...")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps-per-execution", type=int, default=1)
    parser.add_argument("--serve", action="store_true", help="train for `epochs` at each line of standard input")
    arguments = parser.parse_args()
    description = json.loads(Path(arguments.model).read_text(encoding="utf-8"))
    data = dict(np.load(arguments.data))
    if not arguments.serve:
        training = Training(arguments, description, jit=False)
        training.fit(data, arguments.epochs)
        print(training.model.evaluate(data["x_test"], data["y_test"], verbose=0))
        return
    way, training, seconds = fastest(arguments, description, data)
    training.fit(data, 1)
    examples = arguments.epochs * len(data["x_train"])
    serve(
        lambda: {"examples": examples, "seconds": timed(lambda: training.fit(data, arguments.epochs))},
        contender=f"{keras.__version__} {way}",
        seconds_by_way=seconds,
        setup_seconds=time.perf_counter() - STARTED,
    )


if __name__ == "__main__":
    main()
