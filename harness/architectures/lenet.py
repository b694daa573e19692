"""LeNet-5 (LeCun et al. 1998) as it is built today: ReLU, max pooling, full connections between its maps."""

from __future__ import annotations

import keras

from harness.architectures.blocks import AFTER_ACTIVATION, IMAGE, activate_and_normalize, takes, task_input
from harness.layers.convolution import Conv2D
from harness.layers.neighbours import MaxPooling2D
from harness.types import Norm, TaskSpec


@takes("lenet", IMAGE)
def build(task: TaskSpec, norm: Norm, *, norm_position: str = AFTER_ACTIVATION) -> keras.Model:
    """Two convolutions with pooling, then dense 120, 84 and the logits `(batch, output)`.

    Sites for 28 x 28 images: `norm_1` (28, 28, 6) and `norm_2` (10, 10, 16) with the axes (height, width, channel),
    `norm_3` (120,) and `norm_4` (84,) with the axis (feature,).

    Args:
        task: anything with the axes (height, width, channel), height and width at least 12.
        norm: called four times.
        norm_position: `after_activation` or `before_activation`.

    Raises:
        UserError: other axes, too small an image, an unknown `norm_position`.
    """
    x = inputs = task_input(task, build, minimum={"height": 12, "width": 12})
    # "same" at first: LeNet-5 was fed 28 x 28 digits on a 32 x 32 ground.
    for index, (filters, padding) in enumerate([(6, "same"), (16, "valid")], start=1):
        x = Conv2D(filters, 5, padding=padding, name=f"conv_{index}")(x)
        x = activate_and_normalize(x, norm, axes=IMAGE, activation="relu", index=index, norm_position=norm_position)
        x = MaxPooling2D(2, name=f"pool_{index}")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    for index, units in enumerate([120, 84], start=3):
        x = keras.layers.Dense(units, name=f"dense_{index}")(x)
        x = activate_and_normalize(
            x, norm, axes=("feature",), activation="relu", index=index, norm_position=norm_position
        )
    return keras.Model(inputs, keras.layers.Dense(task.outputs, name="output")(x), name="lenet")
