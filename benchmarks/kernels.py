"""How fast and how exact is batch normalization for every set of kept axes? `python benchmarks/kernels.py`

Forward and backward on one thread, for an activation (batch, height, width, channel) of 128 x 26 x 26 x 32 in float32.
Three ways to the same numbers: as Keras's own layer puts it, extended to any axes (`tf.nn.moments` and
`tf.nn.batch_normalization`, differentiated automatically); the plain operations of `harness.layers.plain`; and the
compiled kernel of `harness.layers.compiled`. They take turns, and processor time is counted, which on one thread is the
clock's where the machine has nothing else to do. "ratio" is to the same way with the channel axis kept.

Takes some two minutes. Errors are relative to the largest value, against the plain operations in float64: the worst
of the output and the gradients by input, scale and shift, for a mean of 2 and a standard deviation of 1, and, under
"far", of the output and the gradient by the input for a mean of 1e4.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from harness.layers import compiled, plain

EPSILON = 1e-3
AXES = ("height", "width", "channel")
Normalize = Callable[..., Any]


def keras_way(x: Any, gamma: Any, beta: Any, *, averaged: tuple[int, ...], epsilon: float) -> Any:
    """What `keras.layers.BatchNormalization` computes in training."""
    mean, variance = tf.nn.moments(x, averaged, keepdims=True)
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)


WAYS: dict[str, Normalize] = {
    "Keras's way": keras_way,
    "plain": lambda *arguments, **options: plain.normalize_batch(*arguments, **options).y,
    "kernel": lambda *arguments, **options: compiled.normalize_batch(*arguments, **options).y,
}


def step(normalize: Normalize, averaged: tuple[int, ...]) -> Callable[..., list[Any]]:
    """Forward and backward: y, dx, dgamma, dbeta."""

    def run(x: Any, gamma: Any, beta: Any, dy: Any) -> list[Any]:
        with tf.GradientTape() as tape:
            tape.watch((x, gamma, beta))
            y = normalize(x, gamma, beta, averaged=averaged, epsilon=EPSILON)
        return [y, *tape.gradient(y, (x, gamma, beta), output_gradients=dy)]

    return run


def error(actual: list[Any], exact: list[Any]) -> float:
    """The largest difference, relative to the largest value of each result."""
    pairs = [(a.numpy().astype(np.float64), e.numpy()) for a, e in zip(actual, exact, strict=False)]
    return max(float(np.abs(a - e).max() / np.abs(e).max()) for a, e in pairs)


def main() -> None:
    """Print one line a set of axes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", type=int, nargs=4, default=(128, 26, 26, 32), help="batch, height, width, channel")
    parser.add_argument("--repeats", type=int, default=25, help="the median is taken over so many")
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)

    shape, rng = tuple(arguments.shape), np.random.default_rng(0)
    noise, dy = (tf.constant(rng.normal(size=shape).astype(np.float32)) for _ in range(2))
    runs: dict[tuple[str, str], Callable[[], list[Any]]] = {}
    errors: dict[tuple[str, str], tuple[float, float]] = {}
    for kept in (k for size in range(4) for k in itertools.combinations((1, 2, 3), size)):
        label = ", ".join(AXES[k - 1] for k in kept) or "(nothing)"
        averaged = tuple(k for k in range(4) if k not in kept)
        sizes = [n if k in kept else 1 for k, n in enumerate(shape)]
        gamma, beta = (tf.constant(rng.uniform(0.5, 2, sizes).astype(np.float32)) for _ in range(2))
        for way, normalize in WAYS.items():
            run = tf.function(step(normalize, averaged))
            found = []
            for mean, results in ((2.0, 4), (1e4, 2)):
                inputs = (noise + mean, gamma, beta, dy)
                exact = step(WAYS["plain"], averaged)(*(tf.cast(v, tf.float64) for v in inputs))
                found.append(error(run(*inputs), exact[:results]))
            errors[label, way] = (found[0], found[1])
            runs[label, way] = lambda run=run, inputs=(noise + 2.0, gamma, beta, dy): run(*inputs)  # type: ignore[misc]

    seconds: dict[tuple[str, str], list[float]] = {key: [] for key in runs}
    for _ in range(arguments.repeats):
        for key, go in runs.items():
            start = time.process_time()
            go()
            seconds[key].append(time.process_time() - start)

    median = {key: 1e3 * statistics.median(values) for key, values in seconds.items()}
    print(f"float32 {shape}, one thread, forward and backward, processor time, median of {arguments.repeats}")
    print(f"{'kept axes':24}" + "".join(f"{way:>14} ms  ratio    error      far" for way in WAYS))
    for label in dict.fromkeys(label for label, _ in runs):
        line = f"{label:24}"
        for way in WAYS:
            ratio = median[label, way] / median["channel", way]
            near, far = errors[label, way]
            line += f"{median[label, way]:17.1f}{ratio:7.2f}{near:9.0e}{far:9.0e}"
        print(line)


if __name__ == "__main__":
    main()
