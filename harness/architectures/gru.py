"""The sequence model with GRUs (Cho et al. 2014) in the place of LSTMs: does the answer hang on the cell?"""

from __future__ import annotations

import keras

from harness.architectures.blocks import SEQUENCE, mask_padding, takes, task_input
from harness.layers.fused_gru import FusedGRU
from harness.types import Norm, TaskSpec


@takes("gru", SEQUENCE)
def build(task: TaskSpec, norm: Norm) -> keras.Model:
    """GRU 64 over all steps, normalization, GRU 32 to its last state, dense; outputs `(batch, output)`.

    Site `norm_1` has the axes (time, feature): (100, 64) for 100 steps.

    Args:
        task: anything with the axes (time, feature).
        norm: called once.

    Raises:
        UserError: other axes.
    """
    inputs = task_input(task, build)
    x = FusedGRU(64, return_sequences=True, name="gru_1")(mask_padding(inputs, task))
    x = norm(x, axes=SEQUENCE, name="norm_1")
    x = FusedGRU(32, name="gru_2")(x)
    return keras.Model(inputs, keras.layers.Dense(task.outputs, name="output")(x), name="gru")
