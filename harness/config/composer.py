"""Hydra composes a cell's config; this module asks it to, and turns its complaints into one line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hydra import compose
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra

from harness.config.composed import Composed, complaint_of, leaf_keys
from harness.config.files import SCHEME, CheckedFiles, register_files
from harness.config.folders import check_config_dirs
from harness.config.grammar import Grammar
from harness.config.meant import KEEP_KEYS, meant_by
from harness.config.own_files import ConfigFile, with_place
from harness.types import UserError
from harness.words import choose_from

CONFIG_NAME = "config"


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


class Composer(Grammar):
    """Parses overrides and composes configs within one `hydra_session`."""

    def __init__(self, loader: ConfigLoader) -> None:
        super().__init__(loader)
        self._notes: dict[str, str] = {}
        # The file of each group that was chosen last, for what is complained of then.
        self._chosen: dict[str, str] = {}

    @property
    def notes(self) -> list[str]:
        """What the user is to know of where the grid's files were found, each once."""
        return [note for note in self._notes.values() if note]

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
            return complaint_of(error)
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
        return complaint_of(error)


def _beside(key: str) -> str:
    """What a setting of one choice of a group alone goes with."""
    if key in KEEP_KEYS:
        return "axis=keep alone with it; other strategies by another command with the same results_dir"
    return (
        "until=decided or until=told_apart with it"
        if re.fullmatch(r"until\.(first|step|most|alpha|baseline)", key)
        else ""
    )
