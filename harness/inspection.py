"""Which normalization sites an architecture has for a task, found by building it once without any layer at them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate

from harness.axes.recorder import SiteRecorder
from harness.device import configure
from harness.types import Site, TaskSpec, UserError


def find_sites(config: Mapping[str, Any], spec: TaskSpec) -> list[Site]:
    """The sites that the architecture of a cell's config has for a task. Imports TensorFlow.

    Raises:
        UserError: the architecture cannot take the task's axes or shape, or one of its options.
    """
    configure(config["train"])
    architecture = config["architecture"]
    recorder = SiteRecorder()
    arguments = {key: value for key, value in architecture.items() if key != "name"}
    try:
        instantiate(arguments, _partial_=True, _convert_="all")(task=spec, norm=recorder)
    except InstantiationException as error:
        cause = error.__cause__ or error
        if isinstance(cause, UserError):
            raise cause from None
        name = architecture["name"]
        raise UserError(
            f"architecture {name} cannot be built for task {spec.name} ({type(cause).__name__}: {_line(cause)}). "
            f"Received: axes={spec.axes}, shape={spec.shape}"
        ) from error
    if not recorder.sites:
        raise UserError(f"architecture {architecture['name']} has no normalization site, so there is nothing to compare")
    return recorder.sites


def _line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [""])[0]
