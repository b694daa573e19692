"""Build what a config node's `_target_` names: the one place where Hydra's `instantiate` is called."""

from __future__ import annotations

import difflib
import inspect
import re
import site
import sys
import sysconfig
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate

from harness.types import UserError
from harness.words import choose_from, first_line

# What an architecture gets beside its settings, and what a grid fills in.
_HANDED_OVER = ("task", "norm", "name")


def build_strategy(node: Mapping[str, Any]) -> Any:
    """The strategy of an `axis` node, which may also say how it is drawn (`look`): that is nothing to the strategy."""
    return build({key: value for key, value in node.items() if key != "look"})


def build(node: Mapping[str, Any], *, partial: bool = False) -> Any:
    """Call what the node's `_target_` names with the node's other entries, or with `partial` bind them only.

    Whatever the target raises comes out as it was raised: Hydra wraps it, and a user's own error, a `UserError` or want
    of memory would not be known again. Who tells of it words it by `what_went_wrong`.
    """
    try:
        return instantiate(dict(node), _convert_="all", _partial_=partial)
    except InstantiationException as error:
        raised = error.__cause__ or error
    except SystemExit as error:
        # Of the target or its module: it would end this program, or a worker, without a word.
        raised = TargetExitError(error.code).with_traceback(error.__traceback__)
    # Outside of the handlers, so that it keeps its own cause and is not told as a consequence of Hydra's wrapping.
    raise raised


class TargetExitError(RuntimeError):
    """What a config calls ended the program, or tried to."""

    def __init__(self, code: Any) -> None:
        super().__init__(f"it calls sys.exit({'' if code is None else code})")


def what_went_wrong(error: BaseException, node: Mapping[str, Any]) -> str:
    """One line on why a node's `_target_` could not be called: the cause, and file and line where there are any."""
    if isinstance(error, UserError):
        return first_line(error)
    cause = _innermost(error)
    target = str(node.get("_target_", ""))
    if isinstance(cause, SyntaxError) and cause.filename:
        return f"{type(cause).__name__}: {cause.msg} ({cause.filename}, line {cause.lineno})"
    if isinstance(error, (ImportError, AttributeError)) and (missing := _not_there(target)):
        return missing
    said = first_line(cause)
    if isinstance(cause, TypeError) and (unknown := _not_taken(said, node)):
        return unknown
    named = f"{type(cause).__name__}: {said}" if said else type(cause).__name__
    if isinstance(cause, TargetExitError):
        named = said
    place = _place_of(cause)
    return f"{named} ({place})" if place else named


def _innermost(error: BaseException) -> BaseException:
    """What Hydra's wrapping of a failed import is about."""
    while isinstance(error, ImportError) and error.__cause__ is not None and "Error loading" in str(error):
        error = error.__cause__
    return error


def _not_there(target: str) -> str:
    """What is missing of `module.function`, with the nearest name that there is; empty where both are there."""
    name, _, attribute = target.rpartition(".")
    module = sys.modules.get(name)
    if module is None or hasattr(module, attribute):
        return ""
    names = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
    own = [key for key in names if getattr(vars(module)[key], "__module__", name).startswith(name.partition(".")[0])]
    near = sorted(own or names)
    if len(near) > 12:
        return f"{name} has no {attribute}"
    return f"{name} has no {attribute}: {choose_from(attribute, near)}"


def _not_taken(said: str, node: Mapping[str, Any]) -> str:
    """That a node has a setting which its target does not take, with the nearest that it does; empty where not."""
    name = next(iter(re.findall(r"unexpected keyword argument '(\w+)'", said)), "")
    module, _, attribute = str(node.get("_target_", "")).rpartition(".")
    target = getattr(sys.modules.get(module), attribute, None)
    if name not in node or not callable(target):
        return ""
    parameters = inspect.signature(target).parameters.values()
    takes = [one.name for one in parameters if one.kind is not one.VAR_KEYWORD and one.name not in _HANDED_OVER]
    nearest = difflib.get_close_matches(name, takes, n=1, cutoff=0.5)
    hint = f"the nearest is {nearest[0]}" if nearest else f"there are {', '.join(takes) or 'none'}"
    return f"no such setting: {name} ({hint})"


def _place_of(error: BaseException) -> str:
    """File and line of the last call in code that is neither Python's nor an installed package's; empty without one."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_somebodys(frame.filename)]
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else ""


def _is_somebodys(filename: str) -> bool:
    harness = Path(inspect.getfile(build)).resolve().parents[1]
    path = Path(filename)
    if filename.startswith("<") or harness in path.parents:
        return False
    return not any(folder in path.parents for folder in _installed())


def _installed() -> Iterator[Path]:
    paths = sysconfig.get_paths()
    for folder in (*(paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")), *site.getsitepackages()):
        yield Path(folder)
