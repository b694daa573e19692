"""Whether something could be written at a place, asked before anything is computed and without writing anything."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from harness.types import UserError


def check_folder(folder: Path, option: str, hint: str = "") -> None:
    """Refuse a folder that could not be made or written to.

    Args:
        folder: where files would go.
        option: what the user says it by, `results_dir` or `out`.
        hint: what else to do, where there is something.

    Raises:
        UserError: a file is in its way, its name is too long, or this user may not write there.
    """
    problem = _problem_of(folder)
    if problem:
        raise UserError(f"{option}: expected a folder that can be written to ({problem}){hint}. Received: {folder}")


def check_file(file: Path, option: str) -> None:
    """Refuse a file that could not be written, `check_folder`'s way."""
    try:
        problem = "Is a directory" if file.is_dir() else _problem_of(file.absolute().parent)
    except OSError as error:  # a name that no file could have
        problem = str(error.strerror)
    if problem:
        raise UserError(f"{option}: expected a file that can be written ({problem}). Received: {file}")


def _problem_of(folder: Path) -> str:
    """Why nothing could be written into a folder, as the system words it; empty where it could."""
    for place in (folder.absolute(), *folder.absolute().parents):
        try:
            mode = place.stat().st_mode
        except FileNotFoundError:
            continue
        except OSError as error:
            return str(error.strerror)
        if not stat.S_ISDIR(mode):
            return "Not a directory"
        return "" if os.access(place, os.W_OK | os.X_OK) else "Permission denied"
    return "No such file or directory"
