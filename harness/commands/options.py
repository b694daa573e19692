"""Plain `key=value` options of the verbs that read records and need no Hydra."""

from __future__ import annotations

from harness.cli import Arguments
from harness.types import UserError
from harness.words import choose_from


def read_options(arguments: Arguments, **defaults: str) -> dict[str, str]:
    """The options given, over their defaults.

    Raises:
        UserError: an option that the verb does not have.
    """
    options = dict(defaults)
    for text in arguments.overrides:
        key, _, value = text.partition("=")
        if key not in defaults:
            raise UserError(f"no such option: {choose_from(key, list(defaults))}")
        options[key] = value
    return options
