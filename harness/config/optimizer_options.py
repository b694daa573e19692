"""What the options of Keras's optimizers may be: Keras takes nearly anything, and training goes wrong for minutes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.config.numbers import Number
from harness.types import UserError
from harness.words import choose_from

_DECAY = Number(0, 1, below=True)
NUMBERS = {
    "beta_1": _DECAY,
    "beta_2": _DECAY,
    "rho": Number(0, 1),
    "momentum": Number(0, 1),
    "ema_momentum": Number(0, 1),
    "epsilon": Number(0, 1e6, above=True),
    "initial_accumulator_value": Number(0),
    "l1_regularization_strength": Number(0),
    "l2_regularization_strength": Number(0),
    "l2_shrinkage_regularization_strength": Number(0),
    "beta": Number(0),
}
# Those that Keras has off unless they are given.
NUMBERS_OR_NULL = {
    "weight_decay": Number(0),
    "clipnorm": Number(0, above=True),
    "clipvalue": Number(0, above=True),
    "global_clipnorm": Number(0, above=True),
    "loss_scale_factor": Number(0, above=True),
    "ema_overwrite_frequency": Number(1, whole=True),
    "gradient_accumulation_steps": Number(2, whole=True),
}
SWITCHES = ("amsgrad", "centered", "nesterov", "use_ema", "relative_step", "warmup_init", "scale_parameter")
# What has a place of its own among the settings, and would be overruled there without a word.
ELSEWHERE = {"learning_rate": "train.learning_rate", "name": "train.optimizer"}


def check_options(options: Mapping[str, Any]) -> None:
    """Hold the options that Keras's optimizers share to their ranges; which of them one takes, the optimizer says.

    Raises:
        UserError: an option of the wrong kind or out of range, or one that is a setting of its own.
    """
    for name, value in options.items():
        key = f"train.optimizer_options.{name}"
        if name in ELSEWHERE:
            raise UserError(f"{key}: expected to be said by {ELSEWHERE[name]}. Received: {value}")
        if name in NUMBERS:
            NUMBERS[name].convert(key, value)
        elif name in NUMBERS_OR_NULL and value is not None:
            NUMBERS_OR_NULL[name].convert(key, value)
        elif name in SWITCHES and not isinstance(value, bool):
            raise UserError(f"{key}: {choose_from(str(value), ('true', 'false'))}")
    clips = [name for name in ("clipnorm", "clipvalue", "global_clipnorm") if options.get(name) is not None]
    if len(clips) > 1:
        raise UserError(f"train.optimizer_options: expected one way to clip gradients. Received: {', '.join(clips)}")
