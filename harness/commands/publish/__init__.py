"""usage: python -m harness publish [study=NAME,...] [seeds=N] [only=records,checks,report,notebooks] [key=value ...]

Makes everything again that is committed of the studies in conf/study: their records, tables, figures and pages in
results/reference, checks on the layers, results/README.md, docs/claims.md and docs/published.md, and the outputs of
the notebooks that read the records.

  python -m harness publish                     every study, with the seeds that its yaml names
  python -m harness publish seeds=30            the same with 30 seeds
  python -m harness publish study=mnist         one study, and the notebooks that read it
  python -m harness publish only=report,notebooks     from the records as they are: trains nothing
  python -m harness publish data_root=DIR       where the studies' real data lie (../shared/data where nothing is said)

Cells run in results/publish and are skipped where a published record stands, so an interrupted command goes on where
it was, and more seeds run the new cells only. A study whose data are not there is named and left as it is. What else is
given goes to each `run`: engine=ray, train.epochs=3.

Exit status: 0 if every planned cell is ok or diverged, 1 if one failed or data are missing, 2 for bad input, 130 if
interrupted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from harness.commands.arguments import Arguments, configs_of, refuse_flags, whole_number
from harness.config.composer import config_directory
from harness.types import UserError
from harness.words import choose_from

if TYPE_CHECKING:
    from harness.statistics.rules import Prediction

PARTS = ("records", "checks", "report", "notebooks")
WORK = Path("results") / "publish"
DOCS = Path("docs")
NOTEBOOKS = Path("notebooks")
# A study that takes any task is published on digits that can be had everywhere.
LEFT_OPEN = {"stability": ("task=mnist", "task.data.source=embedded", "task.data.test=0.1")}


@dataclass(frozen=True)
class Request:
    """What is to be published.

    Attributes:
        studies: names of the studies.
        seeds: seeds of each; None: those that its yaml names.
        parts: which of `PARTS`.
        arguments: what goes to each `run`.
    """

    studies: tuple[str, ...]
    seeds: int | None
    parts: tuple[str, ...]
    arguments: Arguments

    def of(self, study: str) -> Arguments:
        """What a study is run with."""
        seeds = (f"seed=range({self.seeds})",) if self.seeds else ()
        task_given = any(text.startswith("task") for text in self.arguments.overrides)
        task = () if task_given else LEFT_OPEN.get(study, ())
        # Of studies that need none, `run` would say that where data lie has no effect.
        rest = [text for text in self.arguments.overrides if not text.startswith("data_root=") or self._reads(study)]
        own = (f"study={study}", *task, *seeds, *rest, f"results_dir={WORK}")
        return replace(self.arguments, overrides=own)

    def _reads(self, study: str) -> bool:
        """Whether a study names a folder of real data."""
        files = [
            Path(folder) / "study" / f"{study}.yaml" for folder in (*self.arguments.config_dirs, config_directory())
        ]
        return any("${data_root}" in file.read_text(encoding="utf-8") for file in files if file.is_file())

    def command(self, study: str) -> str:
        """What publishes a study of this request again."""
        seeds = (f"seeds={self.seeds}",) if self.seeds else ()
        return " ".join(["python -m harness publish", f"study={study}", *seeds, *self.arguments.overrides])


def main(arguments: Arguments, console: Console) -> int:
    """Run what is left to run, write what is committed, execute the notebooks."""
    from harness.commands.publish.checks import write_checks
    from harness.commands.publish.documents import read_rules
    from harness.commands.publish.notebooks import check_can_execute
    from harness.report.study import REFERENCE, published_studies

    request = read_request(arguments)
    if "notebooks" in request.parts:
        if not NOTEBOOKS.is_dir():
            raise UserError(
                f"publish expects to be called in a checkout, where {NOTEBOOKS}/ is; only=records,report needs none. "
                f"Received: {Path.cwd()}"
            )
        check_can_execute(f"only={','.join(request.parts)}")
    # A misspelt rule is told before anything takes long.
    predictions = read_rules(arguments.config_dirs)
    status = 0
    if "records" in request.parts:
        status = _publish_records(request, predictions, console)
    if "checks" in request.parts:
        console.print(f"wrote {write_checks(REFERENCE)}")
    if not {"report", "notebooks"} & {*request.parts}:
        return status
    there = published_studies()
    # One whose data are missing has been named, and may never have been published.
    studies = tuple(study for study in request.studies if study in there or "records" not in request.parts)
    for study in studies:
        if study not in there:
            raise UserError(f"expected a study with records in {REFERENCE}. Received: study={study}")
    if not studies:
        return status
    _say_stale(studies, console)
    if "report" in request.parts:
        _publish_report(replace(request, studies=studies), console)
    if "notebooks" in request.parts:
        _publish_notebooks(studies, console)
    return status


def read_request(arguments: Arguments) -> Request:
    """Take the options of `publish` out of a command line.

    Raises:
        UserError: a study or a part that does not exist, or a count that is none.
    """
    if arguments.words:
        raise UserError(f"publish takes options such as seeds=30. Received: {' '.join(arguments.words)}")
    refuse_flags(arguments)
    options = {"study": "", "seeds": "", "only": ",".join(PARTS)}
    rest = []
    for text in arguments.overrides:
        key, _, value = text.partition("=")
        if key in options:
            options[key] = value
        elif key == "results_dir":
            raise UserError(f"publish writes to results/reference in the current folder. Received: {text}")
        else:
            rest.append(text)
    seeds = whole_number("seeds", options["seeds"]) if options["seeds"] else None
    return Request(
        studies=_chosen("study", options["study"], _studies(arguments)),
        seeds=seeds,
        parts=_chosen("only", options["only"], PARTS),
        arguments=replace(arguments, overrides=tuple(rest)),
    )


def _studies(arguments: Arguments) -> Sequence[str]:
    from harness.config.composer import hydra_session

    with hydra_session(arguments.config_dirs) as composer:
        return composer.options("study")


def _chosen(key: str, text: str, there: Sequence[str]) -> tuple[str, ...]:
    """Those of `there` that a list names, in their order; all of them where it names none."""
    asked = [part.strip() for part in text.split(",") if part.strip()]
    for part in asked:
        if part not in there:
            raise UserError(f"{key}: {choose_from(part, there)}")
    return tuple(part for part in there if part in asked or not asked)


def _publish_records(request: Request, predictions: Mapping[str, Sequence[Prediction]], console: Console) -> int:
    """Run each study, and publish its records as soon as it is done; 1 if a cell failed."""
    from harness.commands import run
    from harness.commands.publish.records import gather, publish_records
    from harness.commands.publish.written import note_rules
    from harness.engines import build_engine, check_grid
    from harness.report.study import REFERENCE

    missing: dict[str, Path] = {}
    for study in request.studies:
        # A mistake in what goes to each `run` is told before anything is written.
        configs = configs_of(request.of(study))
        with build_engine(configs[0]["engine"]) as engine:
            check_grid(engine, configs)
        if absent := [path for path in _paths(configs) if not path.exists()]:
            missing[study] = absent[0]
    gather(REFERENCE, WORK)
    rules = {study: note_rules(WORK, REFERENCE, predictions.get(study, ())) for study in request.studies}
    status = 1 if missing else 0
    for number, study in enumerate(request.studies, 1):
        console.print()
        console.print(f"study {study} ({number} of {len(request.studies)})", style="bold")
        if study in missing:
            console.print(
                f"left as it is: it needs {missing[study]}, which is not there; say where with data_root=DIR",
                style="yellow",
                soft_wrap=True,
            )
            continue
        arguments, folder = request.of(study), REFERENCE / study
        status = max(status, run.main(arguments, console))
        command = request.command(study)
        grid = publish_records(WORK, folder, overrides=arguments.overrides, command=command, rules=rules[study])
        console.print(f"published: {folder} ({len(grid.cells)} cells)")
    return status


def _paths(configs: Sequence[Mapping[str, Any]]) -> list[Path]:
    """Where the data of a grid lie, of those that are files."""
    paths = {config["task"]["data"].get("path") for config in configs}
    return sorted(Path(path).expanduser() for path in paths if path)


def _say_stale(studies: Sequence[str], console: Console) -> None:
    """Whoever publishes records that today's code did not make is to know it."""
    from harness.records.store import read_records
    from harness.report.study import REFERENCE

    for study in studies:
        records = read_records(REFERENCE / study)
        if stale := sum(record["stale"] for record in records):
            console.print(
                f"{study}: {stale} of {len(records)} records are stale: made by other code or versions than are "
                f"installed here; python -m harness publish study={study} makes them again",
                style="yellow",
                soft_wrap=True,
            )


def _publish_report(request: Request, console: Console) -> None:
    from harness.commands.publish.documents import write_answer, write_documents
    from harness.report.markdown import write_pages, write_readme
    from harness.report.study import REFERENCE

    for study in request.studies:
        console.print(f"wrote {write_pages(REFERENCE, study)}, its tables and figures")
    console.print(f"wrote {write_readme(REFERENCE)}")
    documents = write_documents(REFERENCE, DOCS, request.arguments.config_dirs)
    for page in (*documents, write_answer(REFERENCE, REFERENCE.parent)):
        console.print(f"wrote {page}")


def _publish_notebooks(studies: Sequence[str], console: Console) -> None:
    """Execute in place the notebooks that read one of the studies, and with all of them those that read none.

    Those that cannot be are named.
    """
    from harness.commands.publish.notebooks import execute, studies_of, write_notebook
    from harness.report.study import published_studies

    there = set(published_studies())
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        needed = set(studies_of(path))
        if not (needed & set(studies) or (not needed and there <= set(studies))):
            continue
        if missing := sorted(needed - there):
            console.print(f"left as it is: {path} reads {', '.join(missing)}, which is not published", style="yellow")
            continue
        write_notebook(path, execute(path))
        console.print(f"executed {path}")
