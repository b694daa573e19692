"""The image model of the article that this benchmark grew from: one convolution, one normalization."""

from __future__ import annotations

import keras

from harness.architectures.blocks import AFTER_ACTIVATION, IMAGE, activate_and_normalize, takes, task_input
from harness.layers.convolution import Conv2D
from harness.layers.neighbours import MaxPooling2D
from harness.types import Norm, TaskSpec


@takes("seed_cnn", IMAGE)
def build(task: TaskSpec, norm: Norm, *, norm_position: str = AFTER_ACTIVATION) -> keras.Model:
    """Convolution 32 3x3 + ReLU, normalization, max pooling 2, dense; logits `(batch, output)`.

    Site `norm_1` has the axes (height, width, channel): (26, 26, 32) for 28 x 28 images.

    Args:
        task: anything with the axes (height, width, channel), height and width at least 4.
        norm: called once.
        norm_position: `after_activation` (as in the article) or `before_activation`.

    Raises:
        UserError: other axes, too small an image, an unknown `norm_position`.
    """
    inputs = task_input(task, build, minimum={"height": 4, "width": 4})
    x = Conv2D(32, 3, name="conv_1")(inputs)
    x = activate_and_normalize(x, norm, axes=IMAGE, activation="relu", index=1, norm_position=norm_position)
    x = MaxPooling2D(2, name="pool_1")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    return keras.Model(inputs, keras.layers.Dense(task.outputs, name="output")(x), name="seed_cnn")
