"""usage: python -m harness browse [open=false]

Opens the notebooks in JupyterLab where it is installed (pip install 'bn-axis-harness[notebooks]'), else the published
results as one page in the web browser, made from results/reference when it is asked for. With open=false nothing is
opened: the command, or the page's path, is printed.

It looks for notebooks/ and results/reference/ in the current folder, then in the checkout that the package is run from.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import sys
import webbrowser
from pathlib import Path

from rich.console import Console

from harness.commands.arguments import Arguments, read_options
from harness.commands.publish import NOTEBOOKS
from harness.report.study import REFERENCE, published_studies
from harness.types import UserError

PAGES = Path("results") / "browse"


def main(arguments: Arguments, console: Console) -> int:
    """Open what there is to see."""
    if arguments.words:
        raise UserError(f"browse takes open=false and nothing else. Received: {' '.join(arguments.words)}")
    opened = read_options(arguments, open="true")["open"].lower()
    if opened not in ("true", "false"):
        raise UserError(f"open: expected true or false. Received: {opened}")
    root = find_root()
    if importlib.util.find_spec("jupyterlab") is not None and (root / NOTEBOOKS).is_dir():
        return _open_jupyter(root, console, opened=opened == "true")
    return _open_page(root, console, opened=opened == "true")


def find_root() -> Path:
    """The folder whose notebooks and published results are to be seen.

    Raises:
        UserError: neither the current folder nor the package's has any.
    """
    from harness.config.composer import config_directory

    for root in (Path.cwd(), config_directory().parent):
        if any((root / NOTEBOOKS).glob("*.ipynb")) or published_studies(root / REFERENCE):
            return root
    raise UserError(
        "browse expects a checkout: an installed package has no notebooks and no results. `python -m harness report` "
        f"makes a page of your own records. Received: {Path.cwd()}, which has no {NOTEBOOKS}/ and no {REFERENCE}/"
    )


def _open_jupyter(root: Path, console: Console, *, opened: bool) -> int:
    first = min((root / NOTEBOOKS).glob("*.ipynb"), default=root / NOTEBOOKS)
    command = [sys.executable, "-m", "jupyterlab", str(first)]
    if os.geteuid() == 0:
        command.append("--allow-root")  # Jupyter refuses otherwise; in a container there is often nobody else
    if opened:
        # Kernels import the harness that opens them, installed or not.
        paths = [str(root), os.environ.get("PYTHONPATH", "")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}
        os.chdir(root)
        # In this process's place, so that Ctrl-C and the exit status are Jupyter's own.
        os.execve(sys.executable, command, environment)
    console.print(shlex.join(command), soft_wrap=True)
    return 0


def _open_page(root: Path, console: Console, *, opened: bool) -> int:
    page = _make_page(root, console)
    console.print(str(page), soft_wrap=True)
    if opened and not webbrowser.open(page.as_uri()):
        console.print("no web browser to be found here: open that file with one", style="dim")
    return 0


def _make_page(root: Path, console: Console) -> Path:
    """One page of all published studies, made anew where they have changed since."""
    from harness.commands.publish.records import gather
    from harness.report.report import write_report

    if not published_studies(root / REFERENCE):
        raise UserError(
            "without JupyterLab (pip install 'bn-axis-harness[notebooks]') browse expects published results. "
            f"Received: {root / REFERENCE}, which has none"
        )
    pages = Path.cwd() / PAGES  # also where the results are those of a checkout elsewhere, which may be anybody's
    page = pages / "report" / "index.html"
    archives = [root / REFERENCE / study / "records.parquet" for study in published_studies(root / REFERENCE)]
    if not page.exists() or page.stat().st_mtime < max(path.stat().st_mtime for path in archives):
        console.print("making a page of the published results, which takes a minute", style="dim")
        (pages / "records.parquet").unlink(missing_ok=True)
        gather(root / REFERENCE, pages)
        write_report(pages, page.parent)
    return page
