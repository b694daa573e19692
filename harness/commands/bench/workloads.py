"""What is measured: the article's two models, and what a training step of each must compute and move at the least."""

from __future__ import annotations

from dataclasses import dataclass

BATCH = 128
FLOAT = 4  # bytes
PRODUCT = 2  # a product and a sum are two operations
# Forward, and backward by a layer's weights and by its inputs.
BOTH_WAYS = 3


@dataclass(frozen=True)
class Workload:
    """One model on one task, trained alike by every contender.

    Attributes:
        name: `cnn` or `lstm`, as the contenders' scripts call the model.
        overrides: what makes the harness train the same.
        unit: what an example is called.
        epochs: how many make a turn; as many as the task's recipe has.
        operations: floating-point operations of one example in a training step.
        moved_bytes: bytes of one example in a training step, if each of the harness's operations on the largest
            activation reads its operands and writes its result once and all else costs nothing.
        activation: numbers in the largest activation of one example.
    """

    name: str
    overrides: tuple[str, ...]
    unit: str
    epochs: int
    operations: int
    moved_bytes: int
    activation: int


def _cnn() -> Workload:
    positions, channels, kernel, outputs = 26 * 26, 32, 3 * 3, 10
    # Nothing is handed on to the images, so the convolution goes back by its weights alone.
    convolution = (BOTH_WAYS - 1) * positions * channels * kernel
    dense = BOTH_WAYS * positions // 4 * channels * outputs
    # Passes over the activation, of which the pooled one is a quarter, as are places of maxima of its. Forward:
    # convolution 1, statistics 1, normalization 1.31. Backward: slopes 1.31, normalization 2.31, convolution 1.
    pooled = 1 / 4 + 1 / 16
    passes = 1 + 1 + (1 + pooled) + (1 + pooled) + (2 + pooled) + 1
    return Workload(
        name="cnn",
        overrides=(
            "task=mnist",
            "task.data.source=embedded",
            "task.data.test=0.1",
            "architecture=seed_cnn",
            "axis=channel",
            f"train.batch_size={BATCH}",
        ),
        unit="images",
        epochs=5,
        operations=PRODUCT * (convolution + dense),
        moved_bytes=round(passes * positions * channels * FLOAT),
        activation=positions * channels,
    )


def _lstm() -> Workload:
    steps, features, first, second, gates = 100, 5, 64, 32, 4
    products = steps * gates * (first * (features + first) + second * (first + second))
    return Workload(
        name="lstm",
        overrides=("task=degradation", "architecture=seed_lstm", "axis=channel", f"train.batch_size={BATCH}"),
        unit="sequences",
        epochs=4,
        operations=PRODUCT * BOTH_WAYS * products,
        # What one time step hands to the next stays in a core's own cache.
        moved_bytes=0,
        activation=steps * first,
    )


WORKLOADS = {workload.name: workload for workload in (_cnn(), _lstm())}
