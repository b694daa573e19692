"""How fast the article's LSTM trains with Keras's layer and with FusedLSTM: `python benchmarks/recurrent.py`.

The model is `seed_lstm` on 100 x 5 with batch normalization, batches of 128, mean squared error, Adam; one training
step includes everything that a step of training does. Steps run inside one TensorFlow function, on one thread. The
variants take turns, so that what else the machine does falls on all of them; the median over turns is reported.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from harness.architectures import gru, seed_lstm
from harness.layers.fused_lstm import FusedLSTM
from harness.types import TaskSpec

TASK = TaskSpec("series", ("time", "feature"), (100, 5), 1)
BATCH = 128


def batch_normalization(x: Any, *, axes: tuple[str, ...], name: str) -> Any:
    """Keras's own layer over its last axis."""
    return keras.layers.BatchNormalization(name=name)(x)


def build(variant: str) -> keras.Model:
    """The model of one variant; all start from weights drawn alike."""
    keras.utils.set_random_seed(0)
    if variant == "gru":
        return gru.build(TASK, batch_normalization)
    model = seed_lstm.build(TASK, batch_normalization)
    for layer in model.layers:
        if isinstance(layer, FusedLSTM):
            layer.fused = variant == "fused"
    return model


def epoch_function(variant: str) -> Callable[[int], Any]:
    """A compiled function that takes a number of training steps and returns the last loss."""
    model = build(variant)
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(model.trainable_variables)
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(8, BATCH, *TASK.shape)), tf.float32)
    y = tf.constant(rng.normal(size=(8, BATCH, 1)), tf.float32)

    def step(index: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(x[index % 8], training=True) - y[index % 8]) ** 2)
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(loss, [variable.value for variable in variables]), variables)
        return loss

    def epoch(steps: Any) -> Any:
        _, loss = tf.while_loop(lambda i, _: i < steps, lambda i, _: (i + 1, step(i)), (0, 0.0))
        return loss

    compiled = tf.function(epoch, autograph=False)
    return lambda steps: compiled(tf.constant(steps))


def main() -> None:
    """Measure in turns and print one line a variant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, default=10, help="training steps a turn")
    parser.add_argument("--turns", type=int, default=9)
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)

    epochs: dict[str, Callable[[int], Any]] = {}
    first: dict[str, float] = {}
    seconds: dict[str, list[float]] = {}
    for variant in ("keras", "fused", "gru"):
        start = time.perf_counter()
        epochs[variant] = epoch_function(variant)
        epochs[variant](1).numpy()
        first[variant], seconds[variant] = time.perf_counter() - start, []
    for _ in range(arguments.turns):
        for variant, epoch in epochs.items():
            start = time.perf_counter()
            epoch(arguments.steps).numpy()
            seconds[variant].append((time.perf_counter() - start) / arguments.steps)

    print("variant   step, median (least to most)   sequences/s   build and first step")
    for variant, times in seconds.items():
        median = statistics.median(times)
        spread = f"{min(times) * 1e3:.1f} to {max(times) * 1e3:.1f}"
        print(f"{variant:<9} {median * 1e3:6.1f} ms ({spread:>14})   {BATCH / median:12,.0f}   {first[variant]:6.1f} s")
    ratios = [slow / fast for slow, fast in zip(seconds["keras"], seconds["fused"], strict=True)]
    print(f"fused is {statistics.median(ratios):.2f} times as fast as keras (median over turns)")


if __name__ == "__main__":
    main()
