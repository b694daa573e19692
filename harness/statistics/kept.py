"""Computed once: a result stays with the comparison or dial that it is of."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

P = ParamSpec("P")
Subject = TypeVar("Subject", bound="Keeps")
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Keeps:
    """What keeps what was computed of it, so that a table, a figure and a sentence take it from one computation."""

    _kept: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)


def kept(function: Callable[Concatenate[Subject, P], Result]) -> Callable[Concatenate[Subject, P], Result]:
    """A function of a comparison or dial (and of arguments that can be hashed) that computes each result once.

    Who takes a result must leave it as it is: others have the same.
    """

    signature = inspect.signature(function)

    def once(subject: Subject, *args: P.args, **kwargs: P.kwargs) -> Result:
        # A default that is said and one that is not are the same.
        bound = signature.bind(subject, *args, **kwargs)
        bound.apply_defaults()
        key = (function, *list(bound.arguments.items())[1:])
        if key not in subject._kept:
            subject._kept[key] = function(subject, *args, **kwargs)
        result: Result = subject._kept[key]
        return result

    return cast("Callable[Concatenate[Subject, P], Result]", functools.wraps(function)(once))
