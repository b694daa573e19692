"""How a mistake is to be told, whatever it is: one line, exit status 2, nothing written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.commands.cli import main
from tests.core.conftest import CONF

# One cell of a tiny task, of which a mistake takes a part away or changes one.
TINY = ("task=tiny", "architecture=tiny", "axis=channel", "seed=0", "engine=serial")


def grid_of(overrides: Sequence[str], rest: Sequence[str] = TINY) -> list[str]:
    """The tiny grid with other overrides, each in the place of the one that it replaces."""
    given = {text.lstrip("+~").partition("=")[0] for text in overrides}
    left = [text for text in rest if text.partition("=")[0] not in given]
    if any(key.startswith("axis.keep") for key in given):
        left = [text for text in left if not text.startswith("axis=")]
    return [*left, *overrides]


def complaint(
    argv: Sequence[str], capsys: pytest.CaptureFixture[str], folder: Path, *, config_dir: Path | None = CONF
) -> str:
    """The one line that a command line is refused with, which wrote nothing into `folder`, the current one."""
    before = sorted(folder.rglob("*"))
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        status = main([*argv, *(["--config-dir", str(config_dir)] if config_dir else [])])
    printed = capsys.readouterr()

    assert status == 2, printed.out
    assert printed.err.startswith("harness: error: "), printed.err
    assert printed.err.count("\n") == 1, printed.err
    assert printed.err.endswith("\n")
    assert "Traceback" not in printed.err + printed.out
    assert len(printed.err) < 1500
    assert sorted(folder.rglob("*")) == before
    return printed.err
