"""An architecture that is a file of the user's: found, told apart by its digest, and what then follows of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.types import UserError
from harness.words import in_one_line

_BLOCK = 2**20


def is_from_file(config: Mapping[str, Any]) -> bool:
    """Whether a cell's architecture is a model in a file, whose layers have a momentum and epsilon of their own."""
    architecture = config.get("architecture")
    return isinstance(architecture, Mapping) and {"path", "digest"} <= architecture.keys()


def note_digest(config: Mapping[str, Any]) -> None:
    """Write into a cell's config, in place, which model lies in its architecture's file.

    Raises:
        UserError: there is no such file, or it is not the one whose digest is asked for.
    """
    if is_from_file(config):
        architecture = config["architecture"]
        architecture["digest"] = check_digest(architecture["path"], architecture["digest"])


def check_digest(path: Any, expected: Any) -> str:
    """The digest of a model's file.

    Raises:
        UserError: there is no such file, or it has another digest than `expected`, where that is not None.
    """
    if not isinstance(path, str) or not path.strip():
        raise UserError(
            "architecture.path: expected the path of a saved Keras model, as in architecture.path=MODEL.keras. "
            f"Received: {'nothing' if path in (None, '') else in_one_line(str(path))}"
        )
    digest = digest_of(path)
    if expected is not None and expected != digest:
        raise UserError(
            "architecture.digest: expected the model that was planned with, whose digest begins with "
            f"{in_one_line(str(expected)[:12])}. Received: {in_one_line(path)}, whose digest begins with {digest[:12]}"
        )
    return digest


def digest_of(path: str) -> str:
    """SHA-256 of a file's bytes.

    Raises:
        UserError: there is no such file.
    """
    try:
        if not Path(path).is_file():
            raise FileNotFoundError
        status = Path(path).stat()
        return _digest_of(path, status.st_mtime_ns, status.st_size)
    except (OSError, ValueError) as error:  # also a name that no file could have
        raise UserError(
            f"architecture.path: expected a file that holds a Keras model. Received: {in_one_line(path, 200)}"
        ) from error


@lru_cache(maxsize=64)
def _digest_of(path: str, mtime_ns: int, size: int) -> str:
    total = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(_BLOCK):
            total.update(block)
    return total.hexdigest()
