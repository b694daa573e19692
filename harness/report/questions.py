"""The questions that are asked of records: the modules in `answers/`, found by being there, and a user's own.

A module answers about a comparison, a dial or all tasks by defining `of_comparison(comparison, baseline)`,
`of_dial(dial, baseline)` or `of_tasks(comparisons)`, each giving `Answer`s: none where there is nothing to say. What
takes long and not every comparison needs says `THOROUGH = True`.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.report import answers
from harness.report.answer import GROUPS, Answer
from harness.statistics.caution import BASELINE
from harness.statistics.comparison import Comparison
from harness.statistics.dials import Dial
from harness.types import UserError
from harness.words import choose_from, first_line

_ASKED_OF = ("of_comparison", "of_dial", "of_tasks")


@dataclass(frozen=True)
class Questions:
    """All questions that can be asked.

    Attributes:
        modules: name -> what answers it.
    """

    modules: dict[str, ModuleType]

    @staticmethod
    def found(folders: Iterable[Path] = ()) -> Questions:
        """Ours, and those in the folders `answers/` of a user's config folders; one of the same name replaces ours.

        Raises:
            UserError: a file that cannot be imported, or that answers nothing.
        """
        own = {
            path.stem: _load(path)
            for folder in folders
            for path in sorted((folder / "answers").glob("*.py"))
            if not path.stem.startswith("_")
        }
        return Questions({**_ours(), **own})

    def about(self, subject: Comparison | Dial, baseline: str, *, thorough: bool = True) -> list[Answer]:
        """The answers about a comparison or dial, the strategies compared with `baseline`, in the order to show them.

        Args:
            subject: what is asked about.
            thorough: whether to ask also what takes long.
        """
        kind = "of_dial" if isinstance(subject, Dial) else "of_comparison"
        return self._ask(kind, subject, baseline, thorough=thorough)

    def across(self, comparisons: Sequence[Comparison]) -> list[Answer]:
        """The answers about all tasks, each of which one comparison stands for."""
        return self._ask("of_tasks", comparisons, thorough=True)

    def one(self, name: str, subject: Comparison | Dial, baseline: str | None = None, **options: Any) -> list[Answer]:
        """What one question's module answers about a comparison or dial.

        Raises:
            UserError: there is no such question about it.
        """
        kind = "of_dial" if isinstance(subject, Dial) else "of_comparison"
        there = [key for key, module in self.modules.items() if hasattr(module, kind)]
        if name not in there:
            raise UserError(f"question: {choose_from(name, sorted(there))}")
        chosen = baseline if baseline is not None else default_baseline(subject.strategies)
        return list(getattr(self.modules[name], kind)(subject, chosen, **options))

    def _ask(self, kind: str, *arguments: Any, thorough: bool) -> list[Answer]:
        found = [
            answer
            for module in self.modules.values()
            if hasattr(module, kind) and (thorough or not getattr(module, "THOROUGH", False))
            for answer in getattr(module, kind)(*arguments)
        ]
        return sorted(found, key=lambda answer: (GROUPS.index(answer.group), answer.place))


def default_baseline(strategies: Sequence[str]) -> str:
    """A user's own model `as_built`; else `channel`, what Keras does unless told; else `none`; else the first."""
    return next((name for name in ("as_built", BASELINE, "none") if name in strategies), min(strategies))


@cache
def _ours() -> dict[str, ModuleType]:
    names = [module.name for module in pkgutil.iter_modules(answers.__path__)]
    return {name: importlib.import_module(f"{answers.__name__}.{name}") for name in names}


def _load(path: Path) -> ModuleType:
    """A user's module by its file, which need not lie where Python looks for modules."""
    name = f"harness_answers_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise UserError(
            f"expected a question's module ({type(error).__name__}: {first_line(error)}). Received: {path}"
        ) from error
    if not any(hasattr(module, kind) for kind in _ASKED_OF):
        raise UserError(f"expected a module that defines {', '.join(_ASKED_OF)} or several. Received: {path}")
    return module
