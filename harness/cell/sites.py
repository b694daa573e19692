"""What only Keras can tell of a cell before anything is trained: its sites, and that it can be built."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from harness.axes.resolved import SiteRecorder
from harness.cell.device import configure
from harness.config.build import what_went_wrong
from harness.types import Site, TaskSpec, UserError


class Sites(list[Site]):
    """The sites of an architecture, and in `note` what it has to say of how it was built, empty where nothing."""

    def __init__(self, sites: Iterable[Site] = (), note: str = "") -> None:
        super().__init__(sites)
        self.note = note


def find_sites(config: Mapping[str, Any], spec: TaskSpec) -> Sites:
    """The normalization sites that a cell's architecture has for a task. Imports TensorFlow.

    The architecture is built once without any layer at its sites; the optimizer and the loss are made as well,
    so that a mistake in them is found before the first cell runs.

    Raises:
        UserError: the architecture cannot take the task's axes or shape or one of its options, or the optimizer
            or the loss is not to be had as asked for.
    """
    configure(config["train"])
    from harness.cell.model import build_loss, build_model, build_optimizer, check_outputs

    build_optimizer(config["train"])
    loss = build_loss(config["task"]["loss"])
    name = config["architecture"]["name"]
    recorder = SiteRecorder()
    try:
        model = build_model(config["architecture"], spec, recorder)
        check_outputs(model, loss, spec)
    except UserError:
        raise
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:
        raise UserError(
            f"architecture {name} cannot be built for task {spec.name} "
            f"({what_went_wrong(error, config['architecture'])}). Received: axes={spec.axes}, shape={spec.shape}"
        ) from error
    if not recorder.sites:
        raise UserError(f"architecture {name} has no normalization site, so there is nothing to compare")
    return Sites(recorder.sites, str(getattr(model, "note", "")))
