"""usage: python -m harness export to=csv|tensorboard|mlflow [results_dir=PATH|[PATH,PATH]] [out=PATH] [uri=URL]

Hands records on to other tools: as tables, as event files that TensorBoard opens, or as runs of an MLflow server.
The same is done while a grid runs by `run log=tensorboard` or `run log=mlflow`.

  to=csv           cells, their histories, probes and diagnostics, a file each, into out (results_dir/export)
  to=tensorboard   a folder a cell below out (results_dir); what was there of a cell is replaced
  to=mlflow        to the server at uri, else MLFLOW_TRACKING_URI; a cell that is there already is left alone
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from harness.commands.arguments import Arguments, folders_of, read_options
from harness.files import own_folder
from harness.records.places import check_folder
from harness.records.trackers import NAMES, tracker_of
from harness.types import UserError
from harness.words import choose_from


def main(arguments: Arguments, console: Console) -> int:
    """Export, and say where to."""
    from harness.report.study import Study

    if arguments.words:
        raise UserError(f"export takes options such as to=csv. Received: {' '.join(arguments.words)}")
    options = read_options(arguments, to="", results_dir="results/runs", out="", uri="")
    if options["to"] not in ("csv", *NAMES):
        raise UserError(f"to: {choose_from(options['to'] or 'nothing', ['csv', *NAMES])}")
    for key, to in (("out", "mlflow"), ("uri", "csv"), ("uri", "tensorboard")):
        if options[key] and options["to"] == to:
            raise UserError(f"{key}: has no effect with to={to}. Received: {key}={options[key]}")
    study = Study.open(folders_of(options["results_dir"]))
    if not study.records:
        raise UserError(f"expected records of cells. Received: results_dir={options['results_dir']}")
    if options["to"] == "csv":
        place = _write_tables(study, Path(options["out"] or study.folder / "export"))
    else:
        out = Path(options["out"] or study.folder)
        check_folder(out, "out")
        tracker = tracker_of(options["to"], out, uri=options["uri"])
        for record in study.records:
            tracker.add(record)
        place = tracker.place
    console.print(f"{len(study.records):,} cells: {place}", soft_wrap=True)
    return 0


def _write_tables(study, out: Path) -> str:  # type: ignore[no-untyped-def]  # a Study, which takes pandas to import
    from harness.records.traces import Traces
    from harness.report.files import write_frame

    check_folder(out, "out")
    traces = Traces(study.records, study.cells, with_settings=True)
    frames = {
        "cells": study.cells.rows,
        "history": traces.history,
        "probes": traces.probes,
        "diagnostics": traces.diagnostics,
    }
    folder = own_folder(out)
    written = [file for name, frame in frames.items() if len(frame) for file in write_frame(folder, name, frame)]
    return f"{folder} ({', '.join(path.name for path in written)})"
