"""Help texts: the verbs by what they are for, and a verb's own text laid out for the terminal's width."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Iterator, Mapping
from itertools import chain

# Each verb is a module harness.commands.<verb>, whose docstring is its help and whose `main` does it.
GROUPS: Mapping[str, Mapping[str, str]] = {
    "your model": {
        "explain": "what a choice of axes does to a tensor or to a model's sites, with a picture",
        "audit": "check every normalization layer of a saved Keras model",
        "convert": "write a saved Keras model with a strategy in the place of its own",
    },
    "grids": {
        "plan": "what run would do: done, to run, the same, invalid and why; trains nothing",
        "run": "run the grid that the overrides describe, skip what is done, compare",
        "status": "how far the grids of a results folder are, also while they run",
        "reproduce": "train one recorded cell again and compare it bit for bit",
    },
    "answers": {
        "report": "write a page, tables and figures from the records",
        "compare": "whether differences in any tool's results are real: a table, a row a run",
        "power": "how many seeds would tell the strategies apart, going by a pilot",
        "browse": "open the notebooks, or the published results as one page",
        "publish": "make the committed records, tables, figures and notebooks again",
    },
    "the house": {
        "list": "the tasks, architectures, strategies, engines and studies there are",
        "check": "hold tasks, architectures and strategies of your own to what they promise",
        "export": "hand records on: tables, TensorBoard's files, an MLflow server",
        "bench": "measure how fast cells train, beside keras.fit and PyTorch",
    },
}
VERBS = dict(chain.from_iterable(verbs.items() for verbs in GROUPS.values()))
_LEAST, _MOST = 40, 120
_USAGE = "usage: "
_FULL = 108  # as the texts stand in the code: a line is broken for want of room beyond this, else on purpose


def width() -> int:
    """Columns of the terminal, or those asked for by `COLUMNS`; 80 where there is neither."""
    return min(max(shutil.get_terminal_size((80, 24)).columns, _LEAST), _MOST)


def overview() -> str:
    """What is said without a verb."""
    lines = [
        "Which axes should my batch normalization keep, and what happens if I choose others?",
        "",
        "usage: python -m harness VERB [key=value ...]",
    ]
    column = max(map(len, VERBS)) + 4
    for group, verbs in GROUPS.items():
        lines += ["", f"{group}:", *(f"  {name:<{column - 2}}{summary}" for name, summary in verbs.items())]
    lines += [
        "",
        "Overrides are Hydra's: axis=none,channel seed=range(10) train.epochs=3. Several values make a grid.",
        "python -m harness VERB --help says more.",
        'For completion by the shell: eval "$(harness -sc install=bash)"',
    ]
    return laid_out("\n".join(lines), width())


def laid_out(text: str, columns: int) -> str:
    """A help text in lines of at most so many characters.

    Paragraphs and usages are filled anew; of indented lines only those that are too long are broken, under their
    description where they have one (two blanks or more before it) and that leaves it room, else below.
    """
    return "\n".join(chain.from_iterable(_filled(block, columns) for block in _blocks(text)))


def _blocks(text: str) -> Iterator[list[str]]:
    """Paragraphs whole; each indented entry with the lines that go on its description; blank lines by themselves."""
    block: list[str] = []
    for line in text.splitlines():
        if block and not _goes_on(block, line):
            yield block
            block = []
        block.append(line)
    if block:
        yield block


def _goes_on(block: list[str], line: str) -> bool:
    both = bool(block[-1].strip() and line.strip())
    if _is_usage(block[0]):
        return both and _indent(line) >= len(_USAGE) and not _is_usage(line)
    if _indent(block[0]) and not _described(block[0]):
        return False  # an entry, with which its neighbour has nothing to do
    return both and _indent(line) == _continuation(block[0]) and _is_full(block[-1], line)


def _filled(block: list[str], columns: int) -> list[str]:
    if all(len(line) <= columns for line in block):
        return block
    first, *rest = block
    text = " ".join([first.rstrip(), *(line.strip() for line in rest)])
    start, hanging = _indent(first), _indent(first) + (4 if _indent(first) else 0)
    if _is_usage(first):
        return _wrapped(text[start:], columns, " " * start, " " * (len(_USAGE) + 4))
    if not _described(first):
        return _wrapped(text[start:], columns, " " * start, " " * hanging)
    head, description = text[: _continuation(first)], text[_continuation(first) :]
    if len(head) > columns // 2:
        below = " " * hanging
        return [*_wrapped(head.strip(), columns, " " * start, below), *_wrapped(description, columns, below, below)]
    return _wrapped(description, columns, head, " " * len(head))


def _wrapped(text: str, columns: int, first: str, others: str) -> list[str]:
    return textwrap.wrap(
        text,
        columns,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _is_usage(line: str) -> bool:
    """Whether a line begins a usage: the first, or another that stands below it."""
    return line.startswith((f"{_USAGE}python -m", f"{' ' * len(_USAGE)}python -m"))


def _is_full(line: str, following: str) -> bool:
    """Whether a line was broken because what follows had no room in it."""
    return len(line) + 1 + len(following.split()[0]) > _FULL or bool(_described(line))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _described(line: str) -> re.Match[str] | None:
    """An entry with its description, `  name   what it is`."""
    return re.match(r"(\s+\S.*?\s{2,})(?=\S)", line)


def _continuation(line: str) -> int:
    """The column at which a line that goes on with this one begins."""
    found = _described(line)
    return found.end() if found else _indent(line)
