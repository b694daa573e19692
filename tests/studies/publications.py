"""Studies published as a run's would be, of the synthetic records of tests/analysis."""

from __future__ import annotations

from harness.commands.publish.records import publish_records
from harness.records.grids import write_grid
from harness.records.store import prepare_results_dir, write_record

OVERRIDES = ("study=digits", "results_dir=work")


def run_into(work, records, planned=()):
    """Leave in a working folder what a run of a study would."""
    prepare_results_dir(work)
    for record in records:
        write_record(work, {key: value for key, value in record.items() if key not in ("stale", "path")})
    write_grid(work, " ".join(OVERRIDES), [*(record["id"] for record in records), *planned])


def publish(work, folder):
    return publish_records(work, folder, overrides=OVERRIDES, command="python -m harness publish study=digits")
