"""The adding problem: the sum of the two marked numbers of a sequence (Hochreiter & Schmidhuber 1997, section 5.4).

The negative control: every time step has the same distribution as its neighbours, so statistics per time step have
nothing to gain. Feature 0 is U(0, 1) noise, feature 1 marks one step in the first half and one in the second:

    y = x[i, 0] + x[j, 0],  i ~ U{0 ... T/2 - 1},  j ~ U{T/2 ... T - 1}

Always answering 1 has an RMSE of sqrt(1 / 6) = 0.408.
"""

from __future__ import annotations

import numpy as np

from harness.types import TaskData
from tasks.checks import check_integer
from tasks.memory import check_memory
from tasks.metrics import R2, mae, rmse
from tasks.splits import GroupSplit


def load(*, examples: int = 3000, steps: int = 100, seed: int = 0) -> TaskData:
    """Sequences with two marked numbers.

    Args:
        examples: number of sequences, at least 10.
        steps: length T of a sequence.
        seed: of the generated data.

    Returns:
        Axes (time, feature), 2 features; of the sequences 15 % validate and 15 % test.

    Raises:
        UserError: an option that makes no sense.
        MemoryError: more sequences than memory can hold.
    """
    check_integer("task.data.examples", examples, low=10)
    check_integer("task.data.steps", steps, low=2)
    options = "smaller task.data.examples or task.data.steps"
    check_memory(2 * examples * steps, what=f"{examples:,} sequences of {steps:,} steps", smaller=options)
    rng = np.random.default_rng(check_integer("task.data.seed", seed, low=0))
    half = steps // 2
    marked = np.stack([rng.integers(half, size=examples), rng.integers(half, steps, size=examples)], axis=1)
    x = np.zeros((examples, steps, 2), np.float32)
    x[:, :, 0] = rng.random((examples, steps))
    np.put_along_axis(x[:, :, 1], marked, 1.0, axis=1)
    return TaskData(
        name="adding",
        source="generated",
        axes=("time", "feature"),
        x=x,
        y=np.take_along_axis(x[:, :, 0], marked, axis=1).sum(axis=1),
        outputs=1,
        splitter=GroupSplit(np.arange(examples), validation=0.15, test=0.15),
        metrics=(rmse(), mae(), R2),
    )
