"""A task and an architecture that fail on demand, in the ways that workers fail."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.types import Metric, Norm, Split, TaskData, TaskSpec

SIGNALS = {"sigkill": signal.SIGKILL, "sigsegv": signal.SIGSEGV, "sigabrt": signal.SIGABRT}


@dataclass(frozen=True)
class Accuracy:
    """Accuracy that, on its way, obeys the first marker file that it finds: removes it and does as its name says."""

    markers: str

    def __call__(self, target: np.ndarray, output: np.ndarray) -> float:
        for marker in sorted(Path(self.markers).glob("*")):
            try:
                marker.unlink()
            except FileNotFoundError:
                continue  # another worker was faster
            misbehave(marker.name.partition("-")[0])
        return float((output.argmax(axis=1) == target).mean())


def split(rng: np.random.Generator) -> Split:
    order = rng.permutation(96)
    return Split(order[:64], order[64:80], order[80:])


def load(markers: str) -> TaskData:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 96)
    x = (rng.normal(size=(96, 6, 6, 1)) + y[:, None, None, None]).astype(np.float32)
    metric = Metric("accuracy", "max", Accuracy(markers), high=1.0)
    return TaskData("faulty", "generated", ("height", "width", "channel"), x, y, 3, split, (metric,))


def build(task: TaskSpec, norm: Norm, *, fault: str = "none") -> Any:
    import keras

    # Sites are looked for in a worker too, and must be found before a cell can fail.
    if type(norm).__name__ != "SiteRecorder":
        misbehave(fault)
    inputs = keras.Input(task.shape, name="input")
    x = keras.layers.Conv2D(4, 3, activation="relu", name="conv_1")(inputs)
    x = norm(x, axes=("height", "width", "channel"), name="norm_1")
    x = keras.layers.Flatten(name="flatten")(x)
    return keras.Model(inputs, keras.layers.Dense(task.outputs, name="output")(x))


def misbehave(how: str) -> None:
    if how in SIGNALS:
        os.kill(os.getpid(), SIGNALS[how])
    elif how == "hang":
        time.sleep(600)
    elif how == "allocate":
        # Written to, so that it is memory and not a promise.
        hoard = [np.ones(2**27) for _ in range(64)]
        raise AssertionError(f"{len(hoard)} GiB were to be had")
    elif how == "raise":
        raise RuntimeError("as asked for")
