"""Studies published as a run's would be, of synthetic records."""

from __future__ import annotations

from synthetic import write_study

from harness.commands.publish.records import publish_records
from harness.records.grids import write_grid

OVERRIDES = ("study=digits", "results_dir=work")


def run_into(work, records, planned=()):
    """Leave in a working folder what a run of a study would."""
    write_study(work, records)
    write_grid(work, " ".join(OVERRIDES), [*(record["id"] for record in records), *planned])


def publish(work, folder):
    return publish_records(work, folder, overrides=OVERRIDES, command="python -m harness publish study=digits")
