"""A residual network over time (Wang, Yan & Oates 2017, section III.C), with narrower layers."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from harness.architectures.blocks import (
    BEFORE_ACTIVATION,
    SEQUENCE,
    activate_and_normalize,
    check_norm_position,
    mask_padding,
    takes,
    task_input,
)
from harness.layers.masked import MaskedConv1D
from harness.types import Norm, TaskSpec


@takes("res_cnn", SEQUENCE)
def build(
    task: TaskSpec,
    norm: Norm,
    *,
    filters: Sequence[int] = (16, 32, 32),
    kernels: Sequence[int] = (8, 5, 3),
    norm_position: str = BEFORE_ACTIVATION,
) -> keras.Model:
    """Blocks of convolutions around which a shortcut leads, average over time, dense; outputs `(batch, output)`.

    Of a block's last convolution the shortcut is added before the activation: after the normalization, or before it
    with `after_activation`. The shortcut is a convolution of one step where the number of channels changes, and has no
    site. Sites `norm_1`, `norm_2`, ... have the axes (time, feature): for 100 steps and the defaults three of (100, 16)
    and six of (100, 32). Steps that an example has not count as zeros, and not in the average.

    Args:
        task: anything with the axes (time, feature).
        norm: called `len(filters) * len(kernels)` times.
        filters: channels of each block.
        kernels: steps that each convolution of a block looks at.
        norm_position: `before_activation` (as in the paper) or `after_activation`.

    Raises:
        UserError: other axes, an unknown `norm_position`.
    """
    check_norm_position(norm_position)
    convolution = keras.layers.Conv1D if task.present is None else MaskedConv1D
    inputs = task_input(task, build)
    x = mask_padding(inputs, task)
    index = 0
    for block, channels in enumerate(filters, start=1):
        shortcut = x if x.shape[-1] == channels else convolution(channels, 1, name=f"shortcut_{block}")(x)
        for place, kernel in enumerate(kernels, start=1):
            index += 1
            x = convolution(channels, kernel, padding="same", name=f"conv_{index}")(x)
            if place < len(kernels):
                x = activate_and_normalize(
                    x, norm, axes=SEQUENCE, activation="relu", index=index, norm_position=norm_position
                )
        if norm_position == BEFORE_ACTIVATION:
            x = norm(x, axes=SEQUENCE, name=f"norm_{index}")
        x = keras.layers.Add(name=f"add_{block}")([x, shortcut])
        x = keras.layers.Activation("relu", name=f"activation_{index}")(x)
        if norm_position != BEFORE_ACTIVATION:
            x = norm(x, axes=SEQUENCE, name=f"norm_{index}")
    x = keras.layers.GlobalAveragePooling1D(name="average")(x)
    return keras.Model(inputs, keras.layers.Dense(task.outputs, name="output")(x), name="res_cnn")
