"""What layers gain that do their neighbours' work in the same pass over memory. `python benchmarks/neighbours.py`

Forward and backward of convolution, ReLU, normalization and max pooling on one thread, for 128 images of 28 x 28 and 32
channels, for every set of kept axes: with the convolution, activation and pooling of Keras around the normalization,
and with those of `harness.architectures`, which take part in each other's passes. They take turns, and processor time
is counted. Takes some two minutes. "error" is the largest difference of output and gradients between the two, relative
to the largest value; where two values of a window are equal but for rounding, either may be the maximum, and the error
shows it.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from harness.axes import AxisNormalization
from harness.layers.convolution import Conv2D
from harness.layers.neighbours import Activation, MaxPooling2D

AXES = ("height", "width", "channel")
WAYS = {
    "one by one": (keras.layers.Conv2D, keras.layers.Activation, keras.layers.MaxPooling2D),
    "together": (Conv2D, Activation, MaxPooling2D),
}


def build(way: str, kept: tuple[int, ...], images: Any) -> keras.Model:
    """The layers of one way around a normalization that keeps `kept`, with weights that do not depend on the way."""
    convolution, activation, pooling = WAYS[way]
    keras.utils.set_random_seed(0)
    inputs = keras.Input(images.shape[1:], batch_size=images.shape[0])
    x = activation("relu")(convolution(32, 3)(inputs))
    return keras.Model(inputs, pooling(2)(AxisNormalization(kept, compiled=True)(x)))


def step(model: keras.Model) -> Callable[[Any, Any], list[Any]]:
    """Forward and backward: the output and the gradients of all weights."""

    @tf.function
    def run(images: Any, upstream: Any) -> list[Any]:
        with tf.GradientTape() as tape:
            y = model(images, training=True)
        return [y, *tape.gradient(y, [w.value for w in model.trainable_variables], output_gradients=upstream)]

    return run


def main() -> None:
    """Print one line a set of axes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=128, help="images a batch")
    parser.add_argument("--repeats", type=int, default=25, help="the median is taken over so many")
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    rng = np.random.default_rng(0)
    sizes = (arguments.batch, 28, 28, 1), (arguments.batch, 13, 13, 32)
    given = [tf.constant(rng.normal(size=size), tf.float32) for size in sizes]

    runs, errors = {}, {}
    for kept in (k for size in range(4) for k in itertools.combinations((1, 2, 3), size)):
        label = ", ".join(AXES[k - 1] for k in kept) or "(nothing)"
        results = []
        for way in WAYS:
            runs[label, way] = step(build(way, kept, given[0]))
            results.append([value.numpy() for value in runs[label, way](*given)])
        pairs = zip(*results, strict=True)
        errors[label] = max(float(np.abs(a - b).max() / np.abs(a).max()) for a, b in pairs)

    seconds: dict[tuple[str, str], list[float]] = {key: [] for key in runs}
    for _ in range(arguments.repeats):
        for key, run in runs.items():
            start = time.process_time()
            run(*given)
            seconds[key].append(time.process_time() - start)

    median = {key: 1e3 * statistics.median(values) for key, values in seconds.items()}
    print(f"{arguments.batch} images, one thread, processor time in ms, median of {arguments.repeats}")
    print(f"{'kept axes':24}" + "".join(f"{way:>14}" for way in WAYS) + "  ratio    error")
    for label, worst in errors.items():
        slow, fast = (median[label, way] for way in WAYS)
        print(f"{label:24}{slow:14.1f}{fast:14.1f}{slow / fast:7.2f}{worst:9.0e}")


if __name__ == "__main__":
    main()
