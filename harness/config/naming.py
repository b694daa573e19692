"""The name of a strategy whose settings a command line changed: it is another one than the file's, and is called so."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from harness.types import UserError

# How it is drawn is no part of it; `groups` says how many, not which axes, and tables tell its values apart.
KEEPS_ITS_NAME = ("name", "look", "groups")


def name_of_changed(name: str, own: Mapping[str, Any], axis: Mapping[str, Any]) -> str:
    """`channel`, or where settings differ from the file's own `channel_stat_axes_height`: fit for file names.

    Args:
        name: of the strategy's file.
        own: the node as the file has it.
        axis: the node as it is now.

    Raises:
        UserError: a setting of the file's own was taken out.
    """
    if gone := [key for key in own if key not in axis and key not in KEEPS_ITS_NAME]:
        raise UserError(
            f"axis.{gone[0]}: expected a value, as in axis.{gone[0]}={_as_typed(own[gone[0]])}. Received: none, as it "
            "was taken out of the config"
        )
    changed = {k: v for k, v in axis.items() if k not in KEEPS_ITS_NAME and (k not in own or own[k] != v)}
    words = [word for key, value in changed.items() for word in (key.strip("_"), *_words(value))]
    text = "_".join([name, *words])
    safe = re.sub(r"[^A-Za-z0-9_.+-]+", "_", text[len(name) :])
    if safe == text[len(name) :] and len(safe) <= 80:
        return name + safe
    # Cut or with characters that a file's name cannot have: what was lost must still tell it from others.
    return f"{name}{safe[:80]}_{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def _words(value: Any) -> list[str]:
    if isinstance(value, (list, tuple)):
        return [word for item in value for word in _words(item)] or ["nothing"]
    if isinstance(value, int) and not isinstance(value, bool) and value < 0:
        return [f"minus{-value}"]
    return [str(value).lower() if isinstance(value, bool) else str(value)]


def _as_typed(value: Any) -> str:
    return f"[{','.join(map(str, value))}]" if isinstance(value, (list, tuple)) else str(value)
