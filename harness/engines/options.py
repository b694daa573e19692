"""What the options of our engines may be: one line each, whichever engines have it, and told when a grid is planned."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

from harness.config.numbers import Number
from harness.types import UserError

# A year: longer than anything lasts, and what a timer can hold.
_YEAR = 366 * 24 * 3600.0
Check = Callable[[str, Any], Any]


def _number(number: Number, *, most: float = 2**31 - 1, or_word: str = "", or_null: bool = False) -> Check:
    """A number, a word instead of one, or null for no limit; `most` is more than any machine or timer could take."""

    def check(key: str, value: Any) -> Any:
        if (or_word and value == or_word) or (or_null and value is None):
            return value
        try:
            number.convert(key, value)
        except UserError as error:
            other = f"{or_word} or " if or_word else ""
            also = ", or null for no limit" if or_null else ""
            raise UserError(f"{key}: expected {other}{number.describe()}{also}. Received: {value}") from error
        if value > most:
            raise UserError(f"{key}: expected at most {most:g}. Received: {value}")
        # As it was typed, so that whole seconds stay whole.
        return int(value) if number.whole else value

    return check


def _text_or_null(key: str, value: Any) -> Any:
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise UserError(f"{key}: expected a name, or null for the default. Received: {value}")
    return value


def _address(key: str, value: Any) -> Any:
    found = re.fullmatch(r"(?:ray://)?[^\s/]+:([0-9]{1,5})", str(value))
    if value not in ("local", "auto") and not (found and 0 < int(found.group(1)) < 2**16):
        raise UserError(f"{key}: expected local, auto or host:port. Received: {value}")
    return value


def _parameters(key: str, value: Any) -> Any:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise UserError(f"{key}: expected names and values, as in {{qos: long}}. Received: {value}")
    setup = value.get("setup", [])
    if not isinstance(setup, list) or not all(isinstance(line, str) for line in setup):
        raise UserError(f"{key}.setup: expected a list of shell commands, as in [module load cuda]. Received: {setup}")
    more = value.get("additional_parameters", {})
    if not isinstance(more, Mapping):
        raise UserError(f"{key}.additional_parameters: expected names and values, as in {{nice: 5}}. Received: {more}")
    return value


OPTIONS: dict[str, Check] = {
    "address": _address,
    "cells_per_worker": _number(Number(1, whole=True)),
    "gpus_per_job": _number(Number(0, whole=True), most=1024),
    "job_memory_gib": _number(Number(0, above=True), most=2**20, or_null=True),
    "jobs": _number(Number(1, whole=True), most=100_000),
    "memory_gib": _number(Number(0, above=True), most=2**20, or_null=True),
    "minutes": _number(Number(1, whole=True), most=_YEAR / 60),
    "parameters": _parameters,
    "partition": _text_or_null,
    "poll_seconds": _number(Number(0, above=True), most=3600),
    "retries": _number(Number(0, whole=True), most=1000),
    "start_timeout": _number(Number(0, above=True), most=_YEAR, or_null=True),
    "timeout": _number(Number(0, above=True), most=_YEAR, or_null=True),
    "workers": _number(Number(1, whole=True), most=4096, or_word="auto"),
    "workers_per_gpu": _number(Number(1, whole=True), most=64),
    "workers_per_job": _number(Number(1, whole=True), most=4096),
}


def check_options(engine: Any) -> None:
    """Hold every option of an engine (a dataclass) to what is declared of it, in place.

    Raises:
        UserError: an option of the wrong kind or out of range.
    """
    for option in dataclasses.fields(engine):
        if option.init:
            setattr(engine, option.name, OPTIONS[option.name](f"engine.{option.name}", getattr(engine, option.name)))
