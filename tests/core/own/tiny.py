"""A user's own task and strategy, small enough to test on: what a project outside this package has."""

from __future__ import annotations

import numpy as np

from harness.axes import AxisStrategy
from harness.types import Metric, Split, TaskData


def accuracy(target: np.ndarray, output: np.ndarray) -> float:
    return float((output.argmax(axis=1) == target).mean())


def rmse(target: np.ndarray, output: np.ndarray) -> float:
    return float(np.sqrt(((output[:, 0] - target) ** 2).mean()))


def split(rng: np.random.Generator, *, examples: int) -> Split:
    order = rng.permutation(examples)
    train, validation = examples * 6 // 10, examples * 8 // 10
    return Split(order[:train], order[train:validation], order[validation:])


def load_images(*, examples: int = 200, seed: int = 0, scale: float = 1.0, path: str | None = None) -> TaskData:
    """Three classes of noise images (height 6, width 6, channel 1) that differ in which rows are bright."""
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=examples)
    x = rng.normal(size=(examples, 6, 6, 1))
    x[np.arange(examples), 2 * y] += 2.0
    return TaskData(
        name="tiny",
        source="generated",
        axes=("height", "width", "channel"),
        x=(scale * x).astype(np.float32),
        y=y,
        outputs=3,
        splitter=lambda rng: split(rng, examples=examples),
        metrics=(Metric("accuracy", "max", accuracy, high=1.0),),
    )


def load_series(*, examples: int = 200, seed: int = 0) -> TaskData:
    """Series (time 8, feature 3) whose target is the mean of the first feature, in units of ten."""
    rng = np.random.default_rng(seed)
    x = 5.0 + 3.0 * rng.normal(size=(examples, 8, 3))
    return TaskData(
        name="tiny_series",
        source="generated",
        axes=("time", "feature"),
        x=x.astype(np.float32),
        y=(x[:, :, 0].mean(axis=1) / 10).astype(np.float32),
        outputs=1,
        splitter=lambda rng: split(rng, examples=examples),
        metrics=(Metric("rmse", "min", rmse, unit="unit"),),
        target_scale=10.0,
        standardize_axes=("feature",),
    )


def rows(*, name: str = "") -> AxisStrategy:
    return AxisStrategy(stat_axes=("height",), param_axes=("channel",), name=name)
