"""The page over all published studies: how complete they are, what they say, and how they are made again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from harness.commands.publish.page import verdicts_of
from harness.commands.publish.records import command_of, machines_of
from harness.records.store import write_text_atomically
from harness.reference import Study, open_study, published_studies
from harness.words import describe_seconds

HEAD = """\
# Reference results

Made by `python -m harness publish`, which rebuilds this folder and the outputs of the notebooks; nothing here is edited
by hand. Each folder holds a study's records (`records.parquet`, read by `harness.load_results` and every verb that
takes `results_dir`), its tables and figures, and a page that shows them. What a verdict means, and what it does not, is
in [docs/statistics.md](../../docs/statistics.md).
"""


def write_readme(reference: Path) -> Path:
    """Write the page over all studies from their records; returns it."""
    studies = [open_study(reference / name) for name in published_studies(reference)]
    page = reference / "README.md"
    write_text_atomically(page, "\n".join(_lines(studies, reference)))
    return page


def _lines(studies: list[Study], reference: Path) -> Iterator[str]:
    yield from (HEAD, "| study | cells | seeds | diverged | failed | computing | records (sha256) |")
    yield "| :--- | ---: | ---: | ---: | ---: | ---: | :--- |"
    for study in studies:
        yield _row(study)
    for study in studies:
        name = study.stamp.study
        yield from ("", f"## {name}", "", study.stamp.to_markdown(), "")
        yield f"Computed on {'; '.join(machines_of(reference / name)) or 'a machine that is not known'}."
        yield from ("", "```sh", command_of(reference / name), "```", "")
        yield from (f"- {said}" for said in verdicts_of(study))
    yield ""


def _row(study: Study) -> str:
    cells, name = study.cells, study.stamp.study
    ends = cells["status"].value_counts()
    failed = int(len(cells) - ends.get("ok", 0) - ends.get("diverged", 0))
    values = (
        f"[{name}]({name}/README.md)",
        f"{len(cells)} of {study.planned}",
        str(cells["seed"].nunique()),
        str(ends.get("diverged", 0)),
        str(failed),
        describe_seconds(float(pd.to_numeric(cells["seconds"]).sum())),
        f"`{study.stamp.digest[:16]}`",
    )
    return f"| {' | '.join(values)} |"
