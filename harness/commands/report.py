"""usage: python -m harness report [results_dir=PATH|[PATH,PATH]] [out=PATH] [baseline=AXIS] [margin=NUMBER]
           [--config-dir DIR]

Writes one page (index.html), and the tables (Markdown, CSV, LaTeX) and figures (PNG, SVG) of every comparison in a
results folder, into its `report/` unless `out` says otherwise. Strategies are compared with `baseline`: channel unless
said, or none where there is no channel. A difference of less than `margin`, in the main metric's unit, is too small to
matter: 0.01 of accuracies and 5 % of errors unless said here or when the cells were run. It reads records only and can
be run at any time, also beside a run.

Of several results folders, results_dir=[A,B], the cells are taken together, each once, and the report goes into the
first unless `out` says otherwise.

Questions of your own, one file each, are asked too: DIR/answers/*.py (CONTRIBUTING.md has a complete example).
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from harness.commands.arguments import Arguments, folders_of, positive_number, read_options
from harness.records.places import check_folder
from harness.types import UserError


def main(arguments: Arguments, console: Console) -> int:
    """Write the report and say where."""
    from harness.report.report import write_report

    if arguments.words:
        raise UserError(f"report takes options such as results_dir=PATH. Received: {' '.join(arguments.words)}")
    options = read_options(
        arguments, takes_config_dirs=True, results_dir="results/runs", out="", baseline="", margin=""
    )
    folders, out = folders_of(options["results_dir"]), Path(options["out"]) if options["out"] else None
    check_folder(out or folders[0] / "report", "out", "; out=PATH says where")
    paths = write_report(
        folders,
        out=out,
        baseline=options["baseline"] or None,
        margin=positive_number("margin", options["margin"]),
        config_dirs=arguments.config_dirs,
    )
    console.print(f"wrote {len(paths)} files: {paths[0]}", soft_wrap=True)
    return 0
