"""What the architectures share: checking a task's axes, and where an activation's normalization goes."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import keras

import harness.architectures as package
from harness.layers.neighbours import Activation
from harness.types import Norm, TaskSpec, UserError

IMAGE = ("height", "width", "channel")
SEQUENCE = ("time", "feature")
PATCH = ("height", "width", "band")

AFTER_ACTIVATION = "after_activation"
BEFORE_ACTIVATION = "before_activation"
NORM_POSITIONS = (AFTER_ACTIVATION, BEFORE_ACTIVATION)

Build = TypeVar("Build", bound=Callable[..., Any])


def takes(name: str, axes: tuple[str, ...] | None) -> Callable[[Build], Build]:
    """Mark an architecture's build function with its name and the axes that it takes, in order; None: any."""

    def mark(build: Build) -> Build:
        vars(build).update(architecture=name, axes=axes)
        return build

    return mark


def task_input(task: TaskSpec, build: Any, *, minimum: Mapping[str, int] | None = None) -> Any:
    """The model's input tensor, `(batch, *axes)` float32, once it is clear that the architecture can take the task.

    Args:
        task: the task to build for.
        build: the architecture's build function, which `takes` has marked.
        minimum: the smallest size of an axis that leaves every layer at least one element.

    Raises:
        UserError: the task has other axes, or an axis that is too small.
    """
    # Hydra hands a dataclass on as a config node whose tuples are lists.
    received, shape = tuple(task.axes), tuple(task.shape)
    if build.axes is not None and received != build.axes:
        raise UserError(
            f"architecture {build.architecture} takes examples with the axes {_listed(build.axes)}; "
            f"for the task {task.name} choose {_listed(_takers(received), last=' or ')}. Received: axes={received}"
        )
    for axis, size in zip(received, shape, strict=True):
        least = (minimum or {}).get(axis, 1)
        if size < least:
            raise UserError(
                f"architecture {build.architecture} needs {axis} >= {least} "
                f"(smaller inputs vanish in its convolutions and pooling). Received: {axis}={size}, shape={shape}"
            )
    return keras.Input(shape=shape, name="input")


def mask_padding(inputs: Any, task: TaskSpec) -> Any:
    """`inputs` `(batch, time, feature)`; where examples have unequal lengths, with a mask that the layers hand on."""
    return inputs if task.present is None else keras.layers.Masking(name="mask")(inputs)


def _takers(axes: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the architectures of this package that take these axes, those that take any last."""
    modules = [importlib.import_module(f"{__package__}.{one.name}") for one in pkgutil.iter_modules(package.__path__)]
    builds = {
        id(thing): thing for module in modules for thing in vars(module).values() if hasattr(thing, "architecture")
    }
    fitting = [one for one in builds.values() if one.axes in (axes, None)]
    return tuple(one.architecture for one in sorted(fitting, key=lambda one: (one.axes is None, one.architecture)))


def activate_and_normalize(
    x: Any, norm: Norm, *, axes: tuple[str, ...], activation: str, index: int, norm_position: str
) -> Any:
    """`x` `(batch, *axes)` through the layer `activation_<index>` and the site `norm_<index>`, in the order asked for.

    The layer that makes `x` keeps its bias in either order, although normalization over its channels makes the bias
    redundant when it comes first: the model's other weights must not depend on the strategy under study.

    Raises:
        UserError: `norm_position` is neither `after_activation` nor `before_activation`.
    """
    check_norm_position(norm_position)
    activate = Activation(activation, name=f"activation_{index}")
    if norm_position == BEFORE_ACTIVATION:
        return activate(norm(x, axes=axes, name=f"norm_{index}"))
    return norm(activate(x), axes=axes, name=f"norm_{index}")


def check_norm_position(norm_position: str) -> None:
    """Raise `UserError` unless `norm_position` is one of `NORM_POSITIONS`."""
    if norm_position in NORM_POSITIONS:
        return
    close = difflib.get_close_matches(str(norm_position), NORM_POSITIONS, n=1)
    hint = f"; did you mean {close[0]}?" if close else "."
    raise UserError(
        f"norm_position is {_listed(NORM_POSITIONS, last=' or ')}{hint} Received: norm_position={norm_position!r}"
    )


def _listed(names: tuple[str, ...], *, last: str = ", ") -> str:
    """`a, b or c`, and `(height, width, channel)` for the names of axes, which read as one thing."""
    if last == ", ":
        return f"({', '.join(names)})"
    return last.join(filter(None, [", ".join(names[:-1]), names[-1]]))
