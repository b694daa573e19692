"""Overrides in Hydra's grammar, with what ours has beside it, and what is amiss in one said in a line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException

from harness.config.composed import PREDICTIONS
from harness.config.meant import meant_by
from harness.config.paths import expand_home, is_path
from harness.config.sweeps import FUNCTIONS
from harness.types import UserError

_GROUP = re.compile(r"[A-Za-z_][\w-]*(/[A-Za-z_][\w-]*)*")


class Grammar:
    """Parses overrides, by the config groups that there are."""

    def __init__(self, loader: ConfigLoader) -> None:
        self.loader = loader
        self._parser = OverridesParser.create(config_loader=loader)
        for name, function in FUNCTIONS.items():
            self._parser.functions.definitions.pop(name, None)  # where Hydra has one of that name
            self._parser.functions.register(name=name, func=function)
        # A grid of thousands of cells asks the same few questions of Hydra's parser and of the disk.
        self._parsed: dict[str, Override] = {}
        self._options: dict[str, list[str]] = {}

    def parse(self, texts: Sequence[str]) -> list[Override]:
        """The overrides of a command line, in Hydra's own grammar."""
        return [self._parse_one(text) for text in texts]

    def options(self, group: str) -> list[str]:
        """The files of a config group, without `.yaml`; empty for what is not a group."""
        if group not in self._options:
            # Any other key is a path to Hydra, which would look anywhere on the disk.
            there = self.loader.get_group_options(group) if _GROUP.fullmatch(group) else []
            self._options[group] = sorted(there)
        return self._options[group]

    def groups(self) -> list[str]:
        """All config groups."""
        return sorted(group for group in self.loader.list_groups("") if group != "hydra")

    def _parse_one(self, text: str) -> Override:
        if text not in self._parsed:
            if text == "~" or text.startswith(("=", "~=")) or ("=" not in text and not text.startswith("~")):
                raise UserError(f"expected an override such as task=mnist or train.epochs=3. Received: {text}")
            _refuse_hydras_own(text)
            if re.match(rf"[+~]*{PREDICTIONS}\b", text):
                raise UserError(f"{PREDICTIONS}: expected in a study's file, before its run. Received: {text}")
            override = self._parse_grammar(expand_home(text))
            if override.package is not None:
                raise UserError(f"expected a group or a setting without a package (@...). Received: {text}")
            named = self._option_meant(override)
            self._parsed[text] = override if named is None else self._parse_grammar(named)
        return self._parsed[text]

    def _parse_grammar(self, text: str) -> Override:
        try:
            [override] = self._parser.parse_overrides([text])
        except RecursionError as error:
            raise UserError(f"expected an override in Hydra's grammar, less deep. Received: {text[:60]}...") from error
        except HydraException as error:
            if isinstance(error.__cause__, UserError):
                raise error.__cause__ from error
            key, _, value = text.partition("=")
            if is_path(key) and value[:1] not in ("'", '"'):
                # A path may hold what the grammar has other uses for.
                return self._parse_grammar(f"{key}={quote(value)}")
            if value[:1] in ("(", "{") and (meant := meant_by(key, value, names=self.options(key))):
                raise UserError(f"{key}: expected {meant}. Received: {text}") from error
            # Its first line may only repeat the override, and its last one is an address in Hydra's documentation.
            said = [line for line in str(error).splitlines() if line and not line.startswith(("Error parsing", "See "))]
            problem = (said or ["it cannot be read"])[0]
            raise UserError(f"expected an override in Hydra's grammar ({problem}). Received: {text}") from error
        return override

    def _option_meant(self, override: Override) -> str | None:
        """`axis=2` as `axis='2'` where there is a 2.yaml: the grammar reads a number, and files have names."""
        value = None if override.is_delete() or override.is_sweep_override() else override.value()
        if value is None or isinstance(value, str):
            return None
        for name in self.options(override.key_or_group):
            try:
                same = self._parser.parse_overrides([f"x={name}"])[0].value()
            except HydraException:
                continue
            if repr(same) == repr(value):  # which tells 1 from 1.0 and True, and takes nan for itself
                return f"{override.get_key_element()}={quote(name)}"
        return None


def _refuse_hydras_own(text: str) -> None:
    """Hydra composes here and runs nothing, so that its own settings would do nothing: name what does."""
    key = text.lstrip("+~").partition("=")[0].strip()
    if not re.match(r"hydra([./@]|$)", key):
        return
    instead = "results_dir says where results go, engine who runs cells, --config-dir where more yaml files are"
    if key.startswith("hydra.sweep"):
        instead = f"several values make a grid by themselves, as in seed=0,1; {instead}"
    raise UserError(f"Hydra's own settings have no effect here: {instead}. Received: {text}")


def quote(text: str) -> str:
    """A text as one word in Hydra's grammar, whatever it holds."""
    return QuotedString(text, Quote.double).with_quotes()
