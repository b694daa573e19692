"""A small VGG (Simonyan & Zisserman 2015): stacks of 3x3 convolutions, a normalization at every one."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from harness.architectures.blocks import AFTER_ACTIVATION, IMAGE, activate_and_normalize, takes, task_input
from harness.layers.convolution import Conv2D
from harness.layers.neighbours import MaxPooling2D
from harness.types import Norm, TaskSpec


@takes("deep_cnn", IMAGE)
def build(
    task: TaskSpec,
    norm: Norm,
    *,
    filters: Sequence[int] = (16, 32, 64),
    depth: int = 2,
    norm_position: str = AFTER_ACTIVATION,
) -> keras.Model:
    """Blocks of `depth` convolutions, max pooling between blocks, global average pooling, logits `(batch, output)`.

    Sites `norm_1`, `norm_2`, ... have the axes (height, width, channel): for 28 x 28 images and the defaults two
    each of (28, 28, 16), (14, 14, 32) and (7, 7, 64).

    Args:
        task: anything with the axes (height, width, channel), large enough to be halved between blocks.
        norm: called `depth * len(filters)` times.
        filters: channels of each block.
        depth: convolutions a block.
        norm_position: `after_activation` or `before_activation`.

    Raises:
        UserError: other axes, too small an image, an unknown `norm_position`.
    """
    least = 2 ** (len(filters) - 1)
    x = inputs = task_input(task, build, minimum={"height": least, "width": least})
    index = 0
    for block, channels in enumerate(filters):
        if block:
            x = MaxPooling2D(2, name=f"pool_{block}")(x)
        for _ in range(depth):
            index += 1
            x = Conv2D(channels, 3, padding="same", name=f"conv_{index}")(x)
            x = activate_and_normalize(x, norm, axes=IMAGE, activation="relu", index=index, norm_position=norm_position)
    x = keras.layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(inputs, keras.layers.Dense(task.outputs, name="output")(x), name="deep_cnn")
