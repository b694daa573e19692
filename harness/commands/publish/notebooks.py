"""Notebooks executed in a fresh kernel, stored so that the same records give the same file, and compared."""

from __future__ import annotations

import asyncio
import difflib
import importlib.util
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.files import write_text
from harness.types import UserError

NEEDED = ("nbformat", "nbclient", "ipykernel")
TIMEOUT_SECONDS = 600
# What a figure looks like depends on the fonts that are installed; what its title says does not.
_PIXELS = ("image/png",)
_KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def check_can_execute(received: str) -> None:
    """Refuse, before anything takes long, where notebooks cannot be executed.

    Raises:
        UserError: a package is missing.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"executing notebooks expects {', '.join(missing)}: pip install 'bn-axis-harness[notebooks]', or leave "
            f"them out with only=records,report. Received: {received}"
        )


def studies_of(path: Path) -> list[str]:
    """The published studies that a notebook reads: those whose folder it names."""
    return sorted(set(re.findall(r"results/reference/(\w+)", path.read_text(encoding="utf-8"))))


def execute(path: Path) -> dict[str, Any]:
    """A notebook with the outputs that its cells have now, in a fresh kernel that runs in the notebook's folder.

    Raises:
        UserError: a cell raises.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT_SECONDS,
        kernel_name="python3",
        record_timing=False,
        # Its warnings are about the connection, which is to this machine and lasts for seconds.
        extra_arguments=["--IPKernelApp.log_level=40"],
        resources={"metadata": {"path": str(path.parent)}},
    )
    # The kernel imports the harness that executes it, installed or not.
    root = str(Path(__file__).resolve().parents[3])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    try:
        with warnings.catch_warnings():
            # Of pyzmq's and traitlets' own, about event loops.
            warnings.simplefilter("ignore")
            asyncio.run(client.async_execute(env=environment))
    except CellExecutionError as error:
        raise UserError(f"a cell of {path} raises {error.ename}: {error.evalue}. Received: {path}") from error
    executed: dict[str, Any] = notebook
    return tidied(executed)


def tidied(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """A notebook without what changes from one execution or machine to the next."""
    cells = []
    for number, cell in enumerate(notebook["cells"]):
        kept = {"cell_type": cell["cell_type"], "id": cell.get("id", f"cell-{number}"), "metadata": {}}
        if cell["cell_type"] == "code":
            kept |= {"execution_count": cell["execution_count"], "outputs": _tidied(cell["outputs"])}
        cells.append(kept | {"source": cell["source"]})
    return {"cells": cells, "metadata": _KERNEL, "nbformat": 4, "nbformat_minor": 5}


def write_notebook(path: Path, notebook: Mapping[str, Any]) -> None:
    """Write a notebook whole or not at all."""
    import nbformat

    # Texts as lists of lines, so that a change of one line is a change of one line.
    text = nbformat.writes(nbformat.from_dict(notebook), version=4, indent=1)
    write_text(path, f"{text.rstrip()}\n")


def differences(stored: Mapping[str, Any], executed: Mapping[str, Any]) -> list[str]:
    """A line for each line of text in which two executions of a notebook differ; figures by their titles alone."""
    lines: list[str] = []
    before, after = _texts(stored), _texts(executed)
    for cell in dict.fromkeys([*before, *after]):
        if before.get(cell) != after.get(cell):
            changes = difflib.unified_diff(before.get(cell, []), after.get(cell, []), n=0, lineterm="")
            lines += [f"{cell}: {line}" for line in changes if not line.startswith(("---", "+++", "@@"))]
    return lines


def _texts(notebook: Mapping[str, Any]) -> dict[str, list[str]]:
    """Cell id -> the lines of its source and of its outputs that are text."""
    return {
        cell["id"]: [*_lines(cell["source"]), *_outputs(cell.get("outputs", ()))] for cell in tidied(notebook)["cells"]
    }


def _outputs(outputs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for output in outputs:
        yield f"({output['output_type']})"
        yield from _lines(output.get("text", ""))
        for kind, content in sorted(output.get("data", {}).items()):
            yield f"({kind})"
            if kind not in _PIXELS:
                yield from _lines(content)


def _tidied(outputs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What cells put out, but for what libraries say of the machine on standard error."""
    told = (output for output in outputs if output.get("name") != "stderr")
    return [{key: value for key, value in output.items() if key != "transient"} for output in told]


def _lines(text: str | Sequence[str]) -> list[str]:
    return (text if isinstance(text, str) else "".join(text)).splitlines()
