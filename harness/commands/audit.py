"""usage: python -m harness audit model=PATH.keras [batch_size=32] [steps=N] [data=FILE.npz] [format=NAME]

Looks at every normalization layer of a saved Keras model, also nested, shared, wrapped and of several axes: what it
keeps and averages over, its axes named by the layers before it, m′, and what is wrong or worth knowing: an axis that is
not where the channels are, a kept batch, moving averages that never moved or are late, variances near 0, frozen and
shared layers, a bias or dropout right before it, a mask.

  batch_size=32    of its training
  steps=N          for which it was trained; where the file holds an optimizer, it is asked
  data=FILE.npz    arrays x and y (maybe x_train): what inference statistics cost this model, taken apart into the lag
                   of the averages and the dependence on the batch, and its metric after recalibration; the first
                   100,000 examples are looked at, which is said
  format=table     or markdown, or json: {"layers": [...], "findings": [...]}

Exit status: 0 all well, 1 a finding of level error, 2 bad input. Nothing in the file is executed: a model with code of
its own is refused. An .h5 file of tf.keras is read too, with several axes as well.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console

from harness.commands.arguments import Arguments, read_options, whole_number
from harness.config.backend import check_backend
from harness.config.paths import at_home
from harness.types import UserError
from harness.words import choose_from, first_line, in_one_line

FORMATS = ("table", "markdown", "json")
_MOST_STEPS = 10**12
# Statistics are as good from so many, and a model may be large.
MOST_EXAMPLES = 100_000


def main(arguments: Arguments, console: Console) -> int:
    """Print the audit."""
    if arguments.words:
        raise UserError(f"audit takes options such as model=PATH.keras. Received: {' '.join(arguments.words)}")
    options = read_options(arguments, model="", batch_size="32", steps="", data="", format="table")
    if options["format"] not in FORMATS:
        raise UserError(f"format: {choose_from(options['format'], FORMATS)}")
    if not options["model"].strip():
        raise UserError("model: expected the path of a saved Keras model, as in model=PATH.keras. Received: nothing")
    batch_size = whole_number("batch_size", options["batch_size"])
    steps = whole_number("steps", options["steps"], most=_MOST_STEPS) if options["steps"] else None
    data = read_arrays("data", Path(at_home(options["data"]))) if options["data"] else None
    path = Path(at_home(options["model"]))
    document, failed = _audit(path, batch_size, steps, data)
    if options["format"] == "json":
        print(json.dumps(document, indent=1, allow_nan=False))
    else:
        from harness.report.audited import audit_markdown, audit_text

        if options["format"] == "markdown":
            print(audit_markdown(document), end="")
        else:
            console.print(audit_text(document, width=console.width), crop=False)  # a long name goes on beyond the edge
    return int(failed)


def _audit(path: Path, batch_size: int, steps: int | None, data: Any) -> tuple[dict[str, Any], bool]:
    from harness.cell.device import import_tensorflow

    check_backend()
    import_tensorflow()
    from harness.models.audit import audit
    from harness.models.reading import read_model, saved_steps

    model = read_model(path)
    first = data and {key: values[:MOST_EXAMPLES] for key, values in data.items()}
    known = saved_steps(path) if steps is None else steps
    try:
        found = audit(model, batch_size=batch_size, steps=known, data=first, name=path.name)
    except (UserError, MemoryError):
        raise
    except Exception as error:
        if data is None:
            raise
        # What a model does with values is its own.
        said = in_one_line(first_line(error) or type(error).__name__, 200)
        raise UserError(f"data: the model cannot be run on them ({said}). Received: {path}") from error
    document = found.to_dict()
    if data is not None and "gap" in document:
        document["gap"]["given"] = {key: len(values) for key, values in data.items()}
        document["gap"]["training_examples"] = len(first.get("x_train", ()))
    return document, found.failed


def read_arrays(option: str, path: Path) -> dict[str, Any]:
    """The arrays `x`, `y` and `x_train` of an .npz file, without pickles.

    Raises:
        UserError: it cannot be read; `option` says what for.
    """
    import numpy as np

    received = f"Received: {in_one_line(str(path), 200)}"
    try:
        if not path.is_file():
            raise UserError(f"{option}: expected an .npz file with arrays x and y. {received}")
        file = np.load(path, allow_pickle=False)
        if not hasattr(file, "files"):
            raise UserError(f"{option}: expected an .npz file with arrays x and y. {received}, which holds one array")
        with file:
            # As arrays of one axis at least, so that each has a length; what fits a model is asked elsewhere.
            return {key: np.atleast_1d(file[key]) for key in file.files if key in ("x", "y", "x_train")}
    except UserError:
        raise
    except Exception as error:  # of NumPy and zipfile, many kinds
        said = in_one_line(first_line(error) or type(error).__name__, 200)
        raise UserError(f"{option}: the file cannot be read ({said}). {received}") from error
