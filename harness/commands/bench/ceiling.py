"""What one core of the machine can do: bytes a second through memory and operations a second in a product.

python -m harness.commands.bench.ceiling --floats=2768896
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np

from harness.cell.device import configure

ARRAYS = 8
SIDE = 1024
REPEATS = 9
SETTINGS = {"device": "cpu", "threads": 1, "deterministic": False, "precision": "float32"}


def main(arguments: Sequence[str]) -> None:
    """Take both readings at every line of standard input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--floats", type=int, required=True, help="size of an array: a batch of activations")
    parser.add_argument("--number", type=int, default=0)
    options = parser.parse_args(arguments)
    configure(SETTINGS)
    product = _product()
    print(json.dumps({"contender": "machine", "setup_seconds": 0.0}), flush=True)
    for _ in sys.stdin:
        readings = {"bytes": bandwidth(options.floats), "operations": 2 * SIDE**3 / _least_seconds(product)}
        print(json.dumps(readings), flush=True)


def bandwidth(floats: int) -> float:
    """Bytes a second, read and written, of `b = a * 1` around a ring of arrays of so many floats."""
    arrays = [np.ones(floats, np.float32) for _ in range(ARRAYS)]

    def around() -> None:
        for source, target in zip(arrays, [*arrays[1:], arrays[0]], strict=True):
            np.multiply(source, np.float32(1.0), out=target)

    return ARRAYS * 2 * arrays[0].nbytes / _least_seconds(around)


def _product() -> Callable[[], object]:
    """The product of two square float32 matrices in the library that trains, which is faster at it than NumPy's."""
    import tensorflow as tf

    matrix = tf.ones([SIDE, SIDE])
    return lambda: tf.matmul(matrix, matrix).numpy()


def _least_seconds(work: Callable[[], object]) -> float:
    work()
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


if __name__ == "__main__":
    main(sys.argv[1:])
