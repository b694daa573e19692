"""Records on their way between the folder where cells run and the folders that are committed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.engines.machine import describe_machine
from harness.files import own_folder, write_text
from harness.records.archive import Archived, archive_lock, write_archive
from harness.records.grids import Grid, read_grids, write_grid
from harness.records.store import archived_records, compact, prepare_results_dir, record_path
from harness.report.study import MADE, Study, published_studies
from harness.types import UserError


def gather(reference: Path, work: Path) -> int:
    """Lay the records of all published studies into a working folder, where a run then finds them done.

    What the working folder has already counts more: it is as new or newer. Returns how many records came.
    """
    published: dict[str, Archived] = {}
    for study in published_studies(reference):
        published |= archived_records(reference / study)
    prepare_results_dir(work)
    with archive_lock(work):
        known = archived_records(work)
        new = {name: copy for name, copy in published.items() if name not in known}
        if new:
            write_archive(work, known | new)
    return len(new)


def publish_records(
    work: Path, folder: Path, *, overrides: Sequence[str], command: str, rules: Mapping[str, str] | None = None
) -> Grid:
    """Put the records of a grid that was run in `work` into a study's folder: these and no others.

    Args:
        work: where the grid was run.
        folder: `results/reference/<study>`.
        overrides: those that the grid was run with.
        command: what publishes the study again.
        rules: of `written.note_rules`.

    Raises:
        UserError: no cell of the grid has a record.
    """
    grid = next((grid for grid in read_grids(work) if grid.command == " ".join(overrides)), None)
    if grid is None:
        raise UserError(f"expected a grid that was run into {work}. Received: {' '.join(overrides)}")
    compact(work)
    wanted = set(grid.cells)
    # No file's time is kept: the same records give the same archive.
    copies = {name: Archived(one.text, one.size, 0) for name, one in archived_records(work).items() if name in wanted}
    if not copies:
        raise UserError(f"expected records of the grid's cells in {work}. Received: none of {len(wanted)}")
    own_folder(folder)
    write_archive(folder, copies)
    shutil.rmtree(own_folder(folder, "grids"), ignore_errors=True)
    write_grid(folder, grid.command, grid.cells, grid.same)
    # A record that came with `gather` has no file of its own: what has one was computed here.
    computed_here = [record_path(work, cell).exists() for cell in grid.cells]
    machines = [] if all(computed_here) else Study(folder, ()).machines
    if any(computed_here) and describe_machine() not in machines:
        machines.append(describe_machine())
    made = {"command": command, "machines": machines} | ({"rules": dict(rules)} if rules else {})
    write_text(folder / MADE, json.dumps(made, indent=1) + "\n")
    return grid
