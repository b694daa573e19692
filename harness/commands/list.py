"""usage: python -m harness list [GROUP ...] [--config-dir DIR]

Says what there is to choose from, a line each: tasks, architectures, strategies (axis), engines, probes and
studies, and of those in a --config-dir which folder they are from. It reads the first sentence of each yaml, and
neither builds nor loads anything.

  python -m harness list                      everything
  python -m harness list task architecture    some groups
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from harness.commands.arguments import Arguments, read_options
from harness.types import UserError
from harness.words import choose_from, in_one_line

# What people ask for, and the config group that has it.
GROUPS = {
    "task": "tasks",
    "architecture": "architectures",
    "axis": "strategies",
    "engine": "engines",
    "probe": "probes",
    "until": "rules for adding seeds",
    "study": "studies",
}
_SENTENCE = re.compile(r"(?<!al)\.(?:\s+(?=[A-Z0-9])|$)")
_MOST = 240

# How the heads of studies say what is asked, behind what they cost.
_ASKS = "Expect "


def main(arguments: Arguments, console: Console) -> int:
    """Print the groups."""
    from harness.config.composer import config_directory, hydra_session

    read_options(arguments, takes_config_dirs=True)
    named = {**{group: group for group in GROUPS}, **{title: group for group, title in GROUPS.items()}}
    for word in arguments.words:
        if word not in named:
            raise UserError(f"list: {choose_from(word, list(GROUPS))}")
    wanted = [named[word] for word in arguments.words] or list(GROUPS)
    with hydra_session(arguments.config_dirs) as composer:
        options = {group: composer.options(group) for group in wanted}
    folders = [*arguments.config_dirs, config_directory()]
    for group, names in options.items():
        console.print(_table(group, names, folders))
    return 0


def _table(group: str, names: Sequence[str], folders: Sequence[Path]) -> Table:
    table = Table(title=f"{GROUPS[group]} ({group}=NAME)", title_justify="left", box=box.SIMPLE_HEAD, show_header=False)
    table.add_column("name", no_wrap=True)
    table.add_column("what it is", overflow="fold")
    for name in names:
        paths = (folder / group / f"{name}.yaml" for folder in folders)
        path = next(path for path in paths if path.is_file())
        own = "" if path.parents[1] == folders[-1] else f" (from {path.parents[1]})"
        table.add_row(name, f"{first_sentence(path)}{own}")
    return table


def first_sentence(path: Path) -> str:
    """What a yaml's comment at its head begins with, up to the end of a sentence; of a study what it asks."""
    said = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("# @") or not line.strip() or line.endswith(f"/{path.name}"):
            continue
        if not line.startswith("#"):
            break
        said.append(line.lstrip("# ").strip())
    sentences = _SENTENCE.split(" ".join(said).partition(" python -m harness")[0])
    asks = (one.removeprefix(_ASKS) for one in sentences if one.startswith(_ASKS))
    sentence = next((one[:1].upper() + one[1:].rstrip(".") for one in asks), sentences[0])
    return in_one_line(sentence, _MOST) or "(its yaml has no comment at its head)"
