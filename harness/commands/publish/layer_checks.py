"""What normalization layers do to small arrays: Keras's own and ours, beside NumPy in float64.

Each check gives `holds`, `fails` or `condition`, and what was seen. Keras is imported when one is run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

HOLDS, FAILS, CONDITION = "holds", "fails", "holds with a condition"
Outcome = tuple[str, str]
Floats = NDArray[np.float64]
EPSILON = 1e-3
IMAGES, SEQUENCES = (4, 3, 3, 2), (4, 5, 2)  # (batch, height, width, channel), (batch, time, feature)


def values_of(shape: tuple[int, ...]) -> Floats:
    """Values whose mean and spread differ along every axis, so that no two choices of axes agree."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape)
    for axis, size in enumerate(shape):
        scale = np.reshape(np.linspace(1.0, 2.0, size), [size if k == axis else 1 for k in range(len(shape))])
        x = x * scale + scale
    return x


def normalized(x: Floats, averaged: tuple[int, ...]) -> Floats:
    """`x` with the mean and variance over the axes `averaged` taken out, in float64."""
    mean, variance = x.mean(averaged, keepdims=True), x.var(averaged, keepdims=True)
    return np.asarray((x - mean) / np.sqrt(variance + EPSILON))


def keras_layer(axis: Any) -> Any:
    """Keras's own layer."""
    import keras

    return keras.layers.BatchNormalization(axis=axis, epsilon=EPSILON)


def our_layer(axis: Any) -> Any:
    """This project's layer."""
    from harness.layers.normalization import AxisNormalization

    return AxisNormalization(axis, epsilon=EPSILON)


def trained_on(layer: Any, x: Floats) -> Floats:
    """What a layer makes of a batch in training."""
    import keras

    return np.asarray(keras.ops.convert_to_numpy(layer(x.astype(np.float32), training=True)), np.float64)


def refusal(make: Callable[[Any], Any], axis: Any) -> str:
    """`TypeError: ...`, as a layer refuses an axis on images; empty where it takes it."""
    try:
        trained_on(make(axis), values_of(IMAGES))
    except (TypeError, ValueError, IndexError) as error:
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
    return ""


def agrees(one: Floats, other: Floats) -> bool:
    """Whether two results are the same but for float32's rounding."""
    return bool(np.allclose(one, other, atol=1e-4))


def reaches(layer: Any, x: Floats, changed: tuple[int, ...], seen: tuple[int, ...]) -> bool:
    """Whether another value at `changed` changes what a layer makes of the value at `seen`."""
    other = x.copy()
    other[changed] += 10.0
    return not agrees(trained_on(layer, x)[seen], trained_on(layer, other)[seen])


def names_the_kept() -> Outcome:
    """Is `axis` what normalization is performed along?"""
    x = values_of(IMAGES)
    y, layer = trained_on(keras_layer(-1), x), our_layer(-1)
    kept, along = agrees(y, normalized(x, (0, 1, 2))), agrees(y, normalized(x, (3,)))
    ours = agrees(trained_on(layer, x), y)
    said = (
        f"BatchNormalization(axis=-1) on (batch, height, width, channel) = {IMAGES} {_agrees(kept)} averages over "
        f"batch, height and width, and {_agrees(along)} averages along the last axis; AxisNormalization "
        f"{'does the same' if ours else 'differs'}. `axis` names what keeps statistics of its own, here 2 means for 2 "
        "channels."
    )
    return (HOLDS if along and not kept else FAILS), said


def takes_a_list() -> Outcome:
    """Are tuples and lists taken?"""
    refused = {repr(axis): refusal(keras_layer, axis) for axis in ([1, 2], (1, 2))}
    ours = not any(refusal(our_layer, axis) for axis in ([1, 2], (1, 2)))
    said = "; ".join(f"axis={axis} {f'raises `{why}`' if why else 'is taken'}" for axis, why in refused.items())
    return (FAILS if any(refused.values()) else HOLDS), (
        f"In Keras {said}. It takes one integer. AxisNormalization takes {'both' if ours else 'neither'}."
    )


def each_position() -> Outcome:
    """Does axis=-1 normalize each channel by itself within a batch and a position?"""
    x, layer = values_of(IMAGES), keras_layer(-1)
    seen = (0, 0, 0, 0)
    channel, position, example = (
        reaches(layer, x, changed, seen) for changed in ((0, 0, 0, 1), (0, 2, 2, 0), (3, 0, 0, 0))
    )
    said = (
        f"What becomes of a value {_hangs(channel)} another channel, {_hangs(position)} another position and "
        f"{_hangs(example)} another example of its channel: channels are apart, positions are not."
    )
    if channel:
        return FAILS, said
    return (FAILS if position else HOLDS), said


def list_of_one() -> Outcome:
    """Is [-1] the same as -1?"""
    x, why = values_of(IMAGES), refusal(keras_layer, [-1])
    same = agrees(trained_on(our_layer([-1]), x), trained_on(our_layer(-1), x))
    if not why:
        keras_same = agrees(trained_on(keras_layer([-1]), x), trained_on(keras_layer(-1), x))
        return (HOLDS if keras_same else FAILS), "Keras takes both."
    said = f"In AxisNormalization the two {'are the same' if same else 'differ'}; Keras's axis=[-1] raises `{why}`."
    return (CONDITION if same else FAILS), said


def all_three() -> Outcome:
    """Does [1, 2, 3] normalize along height, width and channel?"""
    x = values_of(IMAGES)
    y, why = trained_on(our_layer([1, 2, 3]), x), refusal(keras_layer, [1, 2, 3])
    kept, along = agrees(y, normalized(x, (0,))), agrees(y, normalized(x, (1, 2, 3)))
    said = (
        f"AxisNormalization([1, 2, 3]) {_agrees(kept)} averages over the batch alone, a mean for each of the "
        f"{np.prod(IMAGES[1:])} values of an example, and {_agrees(along)} averages along height, width and channel of "
        f"each example. {f'Keras raises `{why}`.' if why else 'Keras takes it.'}"
    )
    return (HOLDS if along and not kept else FAILS), said


def none_disables() -> Outcome:
    """Does None disable normalization?"""
    refused = {name: refusal(make, None) for name, make in (("Keras", keras_layer), ("AxisNormalization", our_layer))}
    said = "; ".join(f"{name} {f'raises `{why}`' if why else 'takes it'}" for name, why in refused.items())
    x = values_of(IMAGES)
    untouched = not refused["Keras"] and agrees(trained_on(keras_layer(None), x), x)
    return (HOLDS if untouched else FAILS), f"axis=None: {said}. No normalization is no layer."


def within_each_channel() -> Outcome:
    """Does [1, 2] normalize across height and width within each channel?"""
    x, y = values_of(IMAGES), trained_on(our_layer([1, 2]), values_of(IMAGES))
    kept = agrees(y, normalized(x, (0, 3)))
    within = any(agrees(y, normalized(x, averaged)) for averaged in ((1, 2), (0, 1, 2)))
    channel = agrees(trained_on(keras_layer(-1), x), normalized(x, (0, 1, 2)))
    said = (
        f"AxisNormalization([1, 2]) {_agrees(kept)} averages over batch and channels, a mean for each of the "
        f"{IMAGES[1] * IMAGES[2]} positions, and {_agrees(within)} averages across height and width within a channel, "
        f"of one example or of all. axis=-1 {'does the latter' if channel else 'does neither'}."
    )
    return (HOLDS if within and not kept else FAILS), said


def each_time_step() -> Outcome:
    """Does axis=-1 normalize the features of a sequence independently for each time step?"""
    x, layer = values_of(SEQUENCES), keras_layer(-1)
    other_step = reaches(layer, x, (0, 4, 0), (0, 0, 0))
    y = trained_on(layer, x)
    pooled, by_step = agrees(y, normalized(x, (0, 1))), agrees(y, normalized(x, (0,)))
    ours = agrees(trained_on(our_layer([1, 2]), x), normalized(x, (0,)))
    said = (
        f"On (batch, time, feature) = {SEQUENCES}, BatchNormalization(axis=-1) {_agrees(pooled)} averages over batch "
        f"and time and {_agrees(by_step)} averages for each time step: what becomes of a value "
        f"{_hangs(other_step)} another step. AxisNormalization([1, 2]) "
        f"{'does' if ours else 'does not do'} what is claimed."
    )
    return (HOLDS if by_step and not other_step else FAILS), said


CHECKS: dict[str, Callable[[], Outcome]] = {
    check.__name__: check
    for check in (
        names_the_kept,
        takes_a_list,
        each_position,
        list_of_one,
        all_three,
        none_disables,
        within_each_channel,
        each_time_step,
    )
}


def _agrees(agreeing: bool) -> str:
    return "agrees with" if agreeing else "does not agree with"


def _hangs(reached: bool) -> str:
    return "depends on" if reached else "does not depend on"
