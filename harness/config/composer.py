"""Hydra composes a cell's config; this module asks it to, and turns its complaints into one line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra import compose
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationKeyError, OmegaConfBaseException

from harness.config.files import SCHEME, CheckedFiles, register_files
from harness.config.folders import check_config_dirs
from harness.config.meant import KEEP_KEYS, meant_by
from harness.config.own_files import ConfigFile, with_place
from harness.config.paths import expand_home, is_path
from harness.config.sweeps import FUNCTIONS
from harness.types import UserError
from harness.words import choose_from

CONFIG_NAME = "config"
_GROUP = re.compile(r"[A-Za-z_][\w-]*(/[A-Za-z_][\w-]*)*")
# What a study's file says its records are to decide: no part of any cell.
PREDICTIONS = "predictions"


def config_directory() -> Path:
    """The folder of our own yaml files: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


@contextmanager
def hydra_session(config_dirs: Sequence[Path] = ()) -> Iterator[Composer]:
    """Hydra with our `conf/` and the user's `config_dirs`; a file of theirs goes before one of ours of its name."""
    check_config_dirs(config_dirs)
    search_path = create_config_search_path(None)
    schema = search_path.get_path().pop(-1)  # which Hydra wants last
    for directory in config_dirs:
        search_path.append("command-line", f"{SCHEME}://{directory.resolve()}")
    search_path.append("main", f"{SCHEME}://{config_directory()}")
    search_path.append(schema.provider, schema.path)
    register_files()
    GlobalHydra.instance().clear()
    Hydra.create_main_hydra2(task_name="harness", config_search_path=search_path)
    try:
        yield Composer(GlobalHydra.instance().config_loader())
    finally:
        GlobalHydra.instance().clear()


@dataclass(frozen=True)
class Composed:
    """A composed config without Hydra's own node, and what that node said.

    Attributes:
        config: the config, its interpolations not yet resolved.
        choices: which file of each group was chosen (`axis` -> `spatial`); no entry for null.
        sweep: `hydra.sweeper.params`, as a study's file may set them.
        predictions: what a study's file has under that name, as plain values; None where it has nothing.
    """

    config: DictConfig
    choices: dict[str, str]
    sweep: dict[str, str]
    predictions: Any = None

    @staticmethod
    def of(config: DictConfig) -> Composed:
        """Take apart what Hydra's `compose` returns."""
        choices = {str(key): value for key, value in config.hydra.runtime.choices.items() if value is not None}
        params = OmegaConf.to_container(config.hydra.sweeper.params or OmegaConf.create({}))
        assert isinstance(params, dict)
        # Five times as large as all else, and copied with it.
        OmegaConf.set_struct(config, False)
        config.pop("hydra")
        predictions = config.pop(PREDICTIONS, None)
        OmegaConf.set_struct(config, True)
        return Composed(
            config,
            {key: str(value) for key, value in choices.items() if not key.startswith("hydra/")},
            {str(key): _as_sweep_text(value) for key, value in params.items()},
            OmegaConf.to_container(predictions) if OmegaConf.is_config(predictions) else predictions,
        )

    def resolved(self) -> dict[str, Any]:
        """The config as plain Python values."""
        try:
            container = OmegaConf.to_container(self.config, resolve=True, throw_on_missing=True)
        except (OmegaConfBaseException, RecursionError) as error:
            raise UserError(self._what_lacks(error) or _first_line(error)) from error
        assert isinstance(container, dict)
        return {str(key): value for key, value in container.items()}

    def _what_lacks(self, error: Exception) -> str:
        """Which setting an interpolation asks for that is not there, and what may be a misspelling of it."""
        found = re.match(r"Interpolation key '([A-Za-z_]\w*(?:\.\w+)+)' not found", str(error))
        if found is None or not isinstance(error, InterpolationKeyError):
            return ""
        known = {*leaf_keys(self.config)}
        parts = found[1].split(".")
        lacking = next(".".join(parts[: n + 1]) for n in range(len(parts)) if ".".join(parts[: n + 1]) not in known)
        parent = lacking.rpartition(".")[0]
        beside = [key for key in known if key.rpartition(".")[0] == parent]
        for near in difflib.get_close_matches(lacking, beside, n=1, cutoff=0.8):
            received = OmegaConf.to_container(self.config, resolve=False)
            for part in near.split("."):
                received = received[part]  # type: ignore[index, call-overload]
            return f"no such setting: {near} (nearest: {lacking}). Received: {near}={received}"
        return f"{found[1]}: expected a value, which {error.full_key} refers to. Received: none"

    def may_refer_to(self, key: str) -> bool:
        """Whether an interpolation in the config depends on the node `key`, or could, for all that can be told."""
        if self._references is None:
            return True
        return any(f"{path}.".startswith(f"{key}.") or f"{key}.".startswith(f"{path}.") for path in self._references)

    @cached_property
    def _references(self) -> set[str] | None:
        """The paths that interpolations refer to; None where one is relative, nested or of a resolver."""
        yaml = OmegaConf.to_yaml(self.config, resolve=False)
        plain = re.findall(r"\$\{([A-Za-z_]\w*(?:\.\w+)*)\}", yaml)
        return set(plain) if len(plain) == yaml.count("${") else None


class Composer:
    """Parses overrides and composes configs within one `hydra_session`."""

    def __init__(self, loader: ConfigLoader) -> None:
        self.loader = loader
        self._parser = OverridesParser.create(config_loader=loader)
        for name, function in FUNCTIONS.items():
            self._parser.functions.definitions.pop(name, None)  # where Hydra has one of that name
            self._parser.functions.register(name=name, func=function)
        # A grid of thousands of cells asks the same few questions of Hydra's parser and of the disk.
        self._parsed: dict[str, Override] = {}
        self._options: dict[str, list[str]] = {}
        self._notes: dict[str, str] = {}
        # The file of each group that was chosen last, for what is complained of then.
        self._chosen: dict[str, str] = {}

    @property
    def notes(self) -> list[str]:
        """What the user is to know of where the grid's files were found, each once."""
        return [note for note in self._notes.values() if note]

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

    def compose(self, overrides: Sequence[str]) -> Composed:
        """Compose the config of one cell; `overrides` must hold no sweep."""
        self._check_choices(overrides)
        try:
            config = compose(CONFIG_NAME, overrides=list(overrides), return_hydra_config=True)
        except UserError:
            raise
        except Exception as error:  # of Hydra, OmegaConf, or the bare ones that a file's defaults list brings about
            raise UserError(self._explain(error, overrides)) from error
        composed = Composed.of(config)
        self._chosen = {**composed.choices}
        return composed

    def with_place(self, message: str, overrides: Sequence[str]) -> str:
        """A complaint about the grid of these overrides, behind the user's own file and line that it is about."""
        files = []
        # A study says more of a setting than the file of its group, and both more than the config.
        for group in sorted(self._chosen, key=lambda group: group != "study"):
            files += self._holding(group, f"{group}/{self._chosen[group]}")
        typed = [text.lstrip("+~").partition("=")[0] for text in overrides]
        return with_place(message, [*files, *self._holding("", CONFIG_NAME)], typed)

    def _holding(self, group: str, path: str) -> list[ConfigFile]:
        """The file that Hydra takes for a path; none where there is none."""
        sources = [source for source in self.loader.get_sources() if isinstance(source, CheckedFiles)]
        first = next((source for source in sources if source.is_config(path)), None)
        return [] if first is None else [ConfigFile(group, first.file_of(path), first.provider != "main")]

    def note_files(self, composed: Composed) -> None:
        """Note which of several files of one name a config was made of: that is never decided in silence."""
        for path in (CONFIG_NAME, *(f"{group}/{name}" for group, name in composed.choices.items())):
            if path not in self._notes:
                self._notes[path] = self._note_on(path)

    def _note_on(self, path: str) -> str:
        sources = [source for source in self.loader.get_sources() if isinstance(source, CheckedFiles)]
        holding = [source for source in sources if source.is_config(path)]
        if len(holding) < 2:
            return ""
        first, *others = holding
        said = [
            "ours" if source.provider == "main" else f"that of the later --config-dir {source.path}"
            for source in others
        ]
        return f"note: {path.replace('/', '=', 1)} is {first.file_of(path)}, not {' nor '.join(said)}"

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

    def _check_choices(self, overrides: Sequence[str]) -> None:
        for override in self.parse(overrides):
            group = override.key_or_group
            options = self.options(group)
            chosen = override.value()
            if options and isinstance(chosen, str):
                self._chosen[group] = chosen
            if options and not override.is_delete() and chosen not in options:
                if chosen is None and group == "study":
                    continue
                if meant := meant_by(group, str(override.input_line).partition("=")[2], names=options):
                    what = "a strategy's name, or axes" if meant.startswith("axis.keep=") else "one name, or several"
                    raise UserError(f"{group}: expected {what} as in {meant}. Received: {override.input_line}")
                raise UserError(f"{group}: {choose_from('null' if chosen is None else str(chosen), options)}")

    def _explain(self, error: Exception, overrides: Sequence[str]) -> str:
        """Hydra says "Key 'epoch' is not in struct" over four lines: find the key and name its neighbours."""
        plain = [text for text in overrides if self.options(text.split("=")[0])]
        known: list[str] = []
        try:
            known = sorted(leaf_keys(compose(CONFIG_NAME, overrides=plain)))
        except Exception:  # of any kind: the first one is what is told
            return _first_line(error)
        for override in self.parse(overrides):
            key = override.key_or_group
            if override.is_add() or override.is_force_add() or key.startswith("hydra.") or self.options(key):
                continue
            if not any(name == key or name.startswith(f"{key}.") for name in known):
                if beside := _beside(key):
                    return f"{key}: expected {beside}. Received: {override.input_line}"
                nearest = difflib.get_close_matches(key, sorted({*known, *self.groups()}), n=3, cutoff=0.5)
                parent = key.rpartition(".")[0]
                siblings = [name for name in known if name.rpartition(".")[0] == parent]
                near = nearest or siblings or self.groups()
                return f"no such setting: {key} (nearest: {', '.join(near)}). Received: {override.input_line}"
        return _first_line(error)


def _beside(key: str) -> str:
    """What a setting of one choice of a group alone goes with."""
    if key in KEEP_KEYS:
        return "axis=keep alone with it; other strategies by another command with the same results_dir"
    return (
        "until=decided or until=told_apart with it"
        if re.fullmatch(r"until\.(first|step|most|alpha|baseline)", key)
        else ""
    )


def leaf_keys(config: DictConfig) -> Iterator[str]:
    """The dotted names of a config's nodes, inner ones too."""
    for key in config:
        name = str(key)
        yield name
        node = config._get_node(key)
        if isinstance(node, DictConfig) and not node._is_none() and not node._is_missing():
            yield from (f"{name}.{leaf}" for leaf in leaf_keys(node))


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


def _as_sweep_text(value: Any) -> str:
    # A YAML list under hydra.sweeper.params means a choice of its members, as Hydra's users write it.
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _first_line(error: BaseException) -> str:
    cause = error.__cause__ or error.__context__ or error
    text = str(error).strip() or str(cause).strip() or type(cause).__name__
    if text.startswith("Error merging override") and str(cause).strip() and cause is not error:
        # Which override it was, the cause does not say.
        text = f"{str(cause).strip().splitlines()[0]}. Received: {text.removeprefix('Error merging override ')}"
    return " ".join(line.strip() for line in text.splitlines()[:2])
