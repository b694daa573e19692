"""What only Keras can tell of a cell before anything is trained: its sites, and that it can be built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate

from harness.axes.recorder import SiteRecorder
from harness.device import configure
from harness.types import Norm, Site, TaskSpec, UserError


def find_sites(config: Mapping[str, Any], spec: TaskSpec) -> list[Site]:
    """The normalization sites that a cell's architecture has for a task. Imports TensorFlow.

    The architecture is built once without any layer at its sites; the optimizer and the loss are made as well,
    so that a mistake in them is found before the first cell runs.

    Raises:
        UserError: the architecture cannot take the task's axes or shape or one of its options, or the optimizer
            or the loss is not to be had as asked for.
    """
    configure(config["train"])
    from harness.keras_objects import build_loss, build_optimizer

    build_optimizer(config["train"])
    build_loss(config["task"]["loss"])
    name = config["architecture"]["name"]
    recorder = SiteRecorder()
    try:
        build_model(config["architecture"], spec, recorder)
    except UserError:
        raise
    except Exception as error:
        cause = (error.__cause__ or error) if isinstance(error, InstantiationException) else error
        raise UserError(
            f"architecture {name} cannot be built for task {spec.name} ({type(cause).__name__}: {_line(cause)}). "
            f"Received: axes={spec.axes}, shape={spec.shape}"
        ) from error
    if not recorder.sites:
        raise UserError(f"architecture {name} has no normalization site, so there is nothing to compare")
    return recorder.sites


def build_model(architecture: Mapping[str, Any], spec: TaskSpec, norm: Norm) -> Any:
    """The Keras model of an `architecture` node for a task, with `norm` at its sites."""
    from harness.initialization import noting_initializers

    arguments = {key: value for key, value in architecture.items() if key != "name"}
    try:
        with noting_initializers():
            return instantiate(arguments, _partial_=True, _convert_="all")(task=spec, norm=norm)
    except InstantiationException as error:
        if isinstance(error.__cause__, UserError):
            raise error.__cause__ from None
        raise


def _line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [""])[0]
