"""The sequence model of the article that this benchmark grew from: two LSTMs with one normalization between."""

from __future__ import annotations

import keras

from harness.architectures.blocks import SEQUENCE, mask_padding, takes, task_input
from harness.layers.fused_lstm import FusedLSTM
from harness.types import Norm, TaskSpec


@takes("seed_lstm", SEQUENCE)
def build(task: TaskSpec, norm: Norm) -> keras.Model:
    """LSTM 64 over all steps, normalization, LSTM 32 to its last state, dense; outputs `(batch, output)`.

    Site `norm_1` has the axes (time, feature): (100, 64) for 100 steps. There is no `norm_position`: an LSTM's
    activations are inside its recurrence, so the site can only come after them.

    Args:
        task: anything with the axes (time, feature).
        norm: called once.

    Raises:
        UserError: other axes.
    """
    inputs = task_input(task, build)
    x = FusedLSTM(64, return_sequences=True, name="lstm_1")(mask_padding(inputs, task))
    x = norm(x, axes=SEQUENCE, name="norm_1")
    x = FusedLSTM(32, name="lstm_2")(x)
    return keras.Model(inputs, keras.layers.Dense(task.outputs, name="output")(x), name="seed_lstm")
