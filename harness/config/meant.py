"""What is meant by a value that nothing takes: several values in brackets, a range in dots, axes by their numbers."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from harness.config import settings
from harness.types import UserError

KEEP_KEYS = ("axis.keep", "axis.keep_params")
NUMBERS = {
    *settings.NUMBERS,
    *settings.LAYER_NUMBERS,
    *settings.OPTIONAL_NUMBERS,
    *settings.SOURCE_SEEDS,
    *settings.ROUND_NUMBERS,
}
# Settings of which a cell has one and a grid may have several.
_ONE_A_CELL = {*NUMBERS, *settings.WORDS, "train.optimizer"}
# Axes and strategies of one name.
_AXES = {"height", "width", "band", "channel"}
_LIST = re.compile(r"[\[({]([^\[\](){}]*)[\])}]")
_WORD = re.compile(r"-?[0-9]+|[A-Za-z_]\w*")
_SPAN = re.compile(r"([0-9]{1,9}) ?(\.{2,3}|-|–|:) ?([0-9]{1,9})")
_MOST_LISTED = 4


def meant_by(key: str, text: str, *, names: Collection[str] = ()) -> str:
    """What to type in the place of `key=text`, where that can be guessed; else empty.

    Args:
        key: the setting or the group.
        text: the value as typed.
        names: the files of the group, where it is one.
    """
    listed = _LIST.fullmatch(text.strip())
    apart = listed[1].split(",") if listed else text.split() if key in NUMBERS else [text]
    items = [item.strip().strip("'\"") for item in apart]
    several = bool(listed) or len(items) > 1
    if not all(map(_WORD.fullmatch, items)) and not (several and key in _ONE_A_CELL):
        return _range_for(key, text) if key in NUMBERS else ""
    if key in KEEP_KEYS:
        return f"{key}=[{','.join(items)}]"
    each = f"{key}={','.join(items)}" if several and (key in _ONE_A_CELL or {*items} <= {*names}) else ""
    if key != "axis" or (each and not {*items} <= _AXES) or (not several and items[0].isidentifier()):
        return each
    kept = f"axis.keep=[{','.join(items)}]"
    return f"{kept}, kept together, or {each}, compared" if each else kept


def refuse_several(key: str, value: Any, line: str) -> None:
    """Refuse a list, or a range in other words than ours, where a cell has one value.

    Args:
        key: the setting.
        value: what Hydra's grammar made of it.
        line: the override as typed.

    Raises:
        UserError: it is such a value; what would do is said.
    """
    text = line.partition("=")[2]
    if key == "seeds" and value is not None and not isinstance(value, Mapping):
        raise UserError(
            f"seeds: expected settings such as seeds.init, seeds.order, seeds.split; several seeds go as in seed=0,1. "
            f"Received: {line}"
        )
    if key in _ONE_A_CELL and isinstance(value, (list, str)) and (meant := meant_by(key, text)):
        raise UserError(f"{key}: expected one value, or several as in {meant}. Received: {line}")


def refuse_rounds(until: Any, typed: Collection[str]) -> None:
    """Refuse fewer seeds in all than in the first round, by the name of the one that was typed.

    Raises:
        UserError: it is so, and `until.most` alone was typed.
    """
    first, most = (until.get(key) if isinstance(until, Mapping) else None for key in ("first", "most"))
    whole = all(isinstance(number, int) and number > 0 for number in (first, most))
    if whole and first > most and "until.most" in typed and "until.first" not in typed:  # type: ignore[operator]
        raise UserError(
            f"until.most: expected at least until.first={first}, or until.first={most} beside it. "
            f"Received: until.most={most}"
        )


def _range_for(key: str, text: str) -> str:
    """`seed=0..3` as `seed=range(4), which is 0,1,2,3`: ends count but after a colon, as in Python."""
    span = _SPAN.fullmatch(text.strip().strip("'\""))
    if span is None or int(span[1]) >= int(span[3]):
        return ""
    first, last = int(span[1]), int(span[3]) - (span[2] == ":")
    members = [
        *map(str, range(first, last + 1)[: _MOST_LISTED - 1]),
        *(["..."] if last - first >= _MOST_LISTED else []),
    ]
    if str(last) not in members:
        members.append(str(last))
    return f"{key}=range({f'{first},' if first else ''}{last + 1}), which is {','.join(members)}"
