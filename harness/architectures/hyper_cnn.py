"""Convolutional networks for hyperspectral patches (height, width, band): over the spectrum, the image, or both.

A patch is labelled by its centre pixel. The three differ in which axes are left at their normalization sites:
(band, channel), (height, width, channel), (height, width, band, channel).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras

from harness.architectures.blocks import AFTER_ACTIVATION, IMAGE, PATCH, activate_and_normalize, takes, task_input
from harness.layers.convolution import Conv2D
from harness.types import Norm, TaskSpec, UserError


@takes("hyper_cnn1d", PATCH)
def build_1d(task: TaskSpec, norm: Norm, *, norm_position: str = AFTER_ACTIVATION) -> keras.Model:
    """Spectral network of Hu et al. (2015) on the patch's centre pixel alone; logits `(batch, output)`.

    Convolution over bands (20 channels, a ninth of the bands wide), tanh, max pooling, dense 100 with tanh. The pixels
    around the centre are dropped; where a side is even, the centre is the later of the middle two.
    Site `norm_1` has the axes (band, channel): (177, 20) for 198 bands.

    Args:
        task: anything with the axes (height, width, band).
        norm: called once.
        norm_position: `after_activation` or `before_activation`.

    Raises:
        UserError: other axes, an unknown `norm_position`.
    """
    inputs = task_input(task, build_1d)
    height, width, bands = task.shape
    rows, columns = ((size // 2, size - size // 2 - 1) for size in (height, width))
    x = keras.layers.Cropping2D((rows, columns), name="centre")(inputs)
    x = keras.layers.Reshape((bands, 1), name="spectrum")(x)
    # Table 2 of the paper: 24 and 5 for 220 bands, 11 and 3 for 103.
    kernel = math.ceil(bands / 9)
    pool = math.ceil(kernel / 5)
    x = keras.layers.Conv1D(20, kernel, name="conv_1")(x)
    x = activate_and_normalize(
        x, norm, axes=("band", "channel"), activation="tanh", index=1, norm_position=norm_position
    )
    x = keras.layers.MaxPooling1D(pool, name="pool_1")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(100, activation="tanh", name="dense")(x)
    return keras.Model(inputs, keras.layers.Dense(task.outputs, name="output")(x), name="hyper_cnn1d")


@takes("hyper_cnn2d", PATCH)
def build_2d(
    task: TaskSpec, norm: Norm, *, filters: Sequence[int] = (32, 64), norm_position: str = AFTER_ACTIVATION
) -> keras.Model:
    """Spatial network: bands are the channels of the first 3x3 convolution; logits `(batch, output)`.

    The plan of Makantasis et al. (2015), 3x3 convolutions without pooling, with narrower layers (theirs grow with the
    bands) and padded, so that every site keeps the patch's positions.
    Sites `norm_1`, `norm_2` have the axes (height, width, channel): (7, 7, 32) and (7, 7, 64) for 7 x 7 patches.

    Args:
        task: anything with the axes (height, width, band).
        norm: called `len(filters)` times.
        filters: channels of each convolution.
        norm_position: `after_activation` or `before_activation`.

    Raises:
        UserError: other axes, an unknown `norm_position`.
    """
    x = inputs = task_input(task, build_2d)
    for index, channels in enumerate(filters, start=1):
        x = Conv2D(channels, 3, padding="same", name=f"conv_{index}")(x)
        x = activate_and_normalize(x, norm, axes=IMAGE, activation="relu", index=index, norm_position=norm_position)
    x = keras.layers.Flatten(name="flatten")(x)
    return keras.Model(inputs, keras.layers.Dense(task.outputs, name="output")(x), name="hyper_cnn2d")


@takes("hyper_cnn3d", PATCH)
def build_3d(
    task: TaskSpec, norm: Norm, *, filters: Sequence[int] = (20, 35), norm_position: str = AFTER_ACTIVATION
) -> keras.Model:
    """Spectral-spatial network of Hamida et al. (2018), all convolutions; logits `(batch, output)`.

    Convolutions with stride 2 over the bands stand in for pooling. Sites `norm_1` to `norm_4` have the axes
    (height, width, band, channel), where `band` is a place in the spectrum and `channel` a learned feature: for
    7 x 7 x 198 patches (5, 5, 196, 20), (3, 3, 98, 35), (3, 3, 49, 35) and (3, 3, 25, 35).

    Args:
        task: anything with the axes (height, width, band), height and width at least 5, three bands or more.
        norm: called four times.
        filters: channels of the first convolution and of the later ones.
        norm_position: `after_activation` or `before_activation`.

    Raises:
        UserError: other axes, too small a patch, not two `filters`, an unknown `norm_position`.
    """
    if len(filters) != 2:
        raise UserError(
            "filters of hyper_cnn3d are two numbers, channels of the first convolution and of the later ones. "
            f"Received: filters={list(filters)}"
        )
    inputs = task_input(task, build_3d, minimum={"height": 5, "width": 5, "band": 3})
    first, later = filters

    def site(x: Any, index: int) -> Any:
        axes = (*PATCH, "channel")
        return activate_and_normalize(x, norm, axes=axes, activation="relu", index=index, norm_position=norm_position)

    x = keras.layers.Reshape((*task.shape, 1), name="volume")(inputs)
    x = site(keras.layers.Conv3D(first, 3, name="conv_1")(x), 1)
    x = _convolve_bands(x, first, name="pool_1", kernel=(1, 1, 3), stride=2)
    x = site(_convolve_bands(x, later, name="conv_2", kernel=(3, 3, 3)), 2)
    x = _convolve_bands(x, later, name="pool_2", kernel=(1, 1, 3), stride=2)
    x = site(_convolve_bands(x, later, name="conv_3", kernel=(1, 1, 3)), 3)
    x = site(_convolve_bands(x, later, name="conv_4", kernel=(1, 1, 2), stride=2), 4)
    x = keras.layers.Flatten(name="flatten")(x)
    return keras.Model(inputs, keras.layers.Dense(task.outputs, name="output")(x), name="hyper_cnn3d")


def _convolve_bands(x: Any, filters: int, *, name: str, kernel: tuple[int, int, int], stride: int = 1) -> Any:
    """Convolution of `(batch, height, width, band, channel)` padded by one band at either end, in space not at all.

    Keras pads all axes of a convolution alike, so the padding is a layer of its own.
    """
    x = keras.layers.ZeroPadding3D((0, 0, 1), name=f"{name}_pad")(x)
    return keras.layers.Conv3D(filters, kernel, strides=(1, 1, stride), name=name)(x)
