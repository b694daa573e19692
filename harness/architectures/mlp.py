"""The fully connected network of Ioffe & Szegedy (2015), section 4.1; it takes a task of any axes."""

from __future__ import annotations

import keras

from harness.architectures.blocks import BEFORE_ACTIVATION, activate_and_normalize, takes, task_input
from harness.types import Norm, TaskSpec, UserError


@takes("mlp", None)
def build(
    task: TaskSpec,
    norm: Norm,
    *,
    units: int = 100,
    layers: int = 3,
    activation: str = "sigmoid",
    norm_position: str = BEFORE_ACTIVATION,
) -> keras.Model:
    """Flatten, `layers` dense layers of `units`, then the outputs `(batch, output)`.

    Sites `norm_1`, `norm_2`, ... have the axis (feature,) and the shape (units,).

    Args:
        task: a task of any axes; they are flattened into one.
        norm: called `layers` times.
        units: width of each hidden layer.
        layers: number of hidden layers.
        activation: a name that Keras knows.
        norm_position: `before_activation` (as in the paper: "immediately before the nonlinearity", section 3.2)
            or `after_activation`.

    Raises:
        UserError: an empty axis, an activation that Keras does not know, an unknown `norm_position`.
    """
    try:
        keras.activations.get(activation)
    except ValueError:
        raise UserError(
            "activation is a name from keras.activations, such as sigmoid, tanh or relu. "
            f"Received: activation={activation!r}"
        ) from None
    inputs = task_input(task, build)
    x = keras.layers.Flatten(name="flatten")(inputs)
    for index in range(1, layers + 1):
        x = keras.layers.Dense(units, name=f"dense_{index}")(x)
        x = activate_and_normalize(
            x, norm, axes=("feature",), activation=activation, index=index, norm_position=norm_position
        )
    return keras.Model(inputs, keras.layers.Dense(task.outputs, name="output")(x), name="mlp")
