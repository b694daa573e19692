"""usage: python -m harness run [key=value ...]

Runs the grid that the overrides describe, skips cells that have a record, and prints the comparison.

  python -m harness run task=mnist                        the task's own comparison: its default architecture,
                                                          its default strategies, three seeds
  python -m harness run task=mnist axis=channel seed=0    one cell
  python -m harness run task=mnist axis=none,channel seed='range(10)'
  python -m harness run task=mnist axis='glob(*)' skip_invalid=true
  python -m harness run task=mnist axis.keep=[1,2]        raw axes, as Keras counts them (the batch is 0)

  python -m harness run task=mnist until=told_apart       seeds in rounds, until the strategies are told apart
                                                          from the baseline (channel) or 30 seeds are reached
  python -m harness run task=mnist until=decided          the same, until each is told apart or equivalent

Often set: seed, train.epochs, train.batch_size, train.learning_rate, train.optimizer, norm.momentum,
norm.epsilon, results_dir=PATH (default results/runs). --cfg job prints the config, --config-dir DIR adds yours.

Exit status: 0 if every planned cell is ok or diverged, 1 if one failed, 2 for bad input, 130 if interrupted.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from harness.commands.arguments import Arguments, configs_of, refuse_words
from harness.commands.rounds import Rounds
from harness.commands.shown import say_environments
from harness.commands.status import print_failures
from harness.config.hydra_flags import print_hydra
from harness.engines import Engine, Event, build_engine, check_grid
from harness.engines.lag import Lag
from harness.engines.plan import Plan, build_plan
from harness.engines.progress import RunProgress
from harness.records.grids import write_grid
from harness.records.places import check_folder
from harness.records.store import FINISHED, compact, find_record, prepare_results_dir, read_records
from harness.records.trackers import Tracker, tracker_of
from harness.report.answers.better import better_sentence
from harness.report.answers.reached import comparison_sheet, gap_sentence
from harness.report.questions import default_baseline
from harness.report.sheet import to_terminal
from harness.report.study import Study
from harness.statistics.caution import UNDECIDED
from harness.statistics.comparison import Comparison
from harness.statistics.summary import aggregate_comparison
from harness.statistics.verdicts import compare_pairs
from harness.types import UserError
from harness.words import describe_seconds

_MOST_TOLD = 3  # comparisons whose verdicts are printed after a run


def main(arguments: Arguments, console: Console) -> int:
    """Plan, run what is left to run, and compare."""
    if arguments.hydra_flags:
        refuse_words(arguments)
        return print_hydra(arguments.hydra_flags, arguments.overrides, arguments.config_dirs)
    configs = configs_of(arguments, console)
    results_dir = Path(configs[0]["results_dir"])
    check_folder(results_dir, "results_dir")
    rounds = Rounds.asked(configs, arguments.overrides)
    log = configs[0]["log"]
    tracker = None if log == "none" else tracker_of(log, results_dir)
    with build_engine(configs[0]["engine"]) as engine:
        check_grid(engine, configs)
        grid = wanted = rounds.first_round() if rounds else configs
        while wanted:
            plan = build_plan(grid, results_dir, engine.find_sites)
            _refuse_invalid(plan, skip=bool(configs[0]["skip_invalid"]))
            prepare_results_dir(results_dir)
            _announce(plan, console, with_notes=grid is wanted)
            if rounds and (same := [planned.cell.config for planned in plan.cells if planned.trained_as]):
                rounds = rounds.without(same)
            _run_cells(plan, engine, results_dir, console, tracker, command=" ".join(arguments.overrides))
            wanted = rounds.next_round(_records_of(plan, results_dir)) if rounds else []
            grid = [*grid, *wanted]
    failed = _print_outcome(plan, results_dir, console)
    if tracker:
        console.print(f"log: {tracker.place}", soft_wrap=True)
    if rounds:
        _print_rounds(rounds, plan, results_dir, console)
    return 1 if failed else 0


def _run_cells(
    plan: Plan, engine: Engine, results_dir: Path, console: Console, tracker: Tracker | None, *, command: str
) -> None:
    write_grid(results_dir, command, [planned.cell.id for planned in plan.trained], plan.same)
    if cells := plan.to_run:
        with RunProgress(console, cells, engine) as progress:
            on_event = _Handing(tracker, results_dir, progress, console) if tracker else progress
            engine.run(cells, results_dir=results_dir, on_event=on_event)
        compact(results_dir)


class _Handing:
    """Hands each cell on to a tracker as it ends; where that fails it is said once, and the cells go on."""

    def __init__(self, tracker: Tracker, results_dir: Path, shown: RunProgress, console: Console) -> None:
        self._tracker: Tracker | None = tracker
        self._results_dir = results_dir
        self._shown = shown
        self._console = console

    def __call__(self, event: Event) -> None:
        """Take one event of an engine."""
        self._shown(event)
        if event.kind != "finished" or self._tracker is None:
            return
        try:
            record = find_record(self._results_dir, event.cell.id)
            if record is not None:
                self._tracker.add(record)
        except (UserError, OSError) as error:
            self._tracker = None
            hint = f"python -m harness export to=... results_dir={shlex.quote(str(self._results_dir))} does it later"
            self._console.print(f"not handed on any more: {error}; {hint}", style="yellow", soft_wrap=True)


def _records_of(plan: Plan, results_dir: Path) -> list[dict[str, Any]]:
    known = {record["id"]: record for record in read_records(results_dir)}
    cells = [planned.cell.id for planned in plan.trained]
    return [known[cell] for cell in cells if cell in known]


def _print_rounds(rounds: Rounds, plan: Plan, results_dir: Path, console: Console) -> None:
    for line in rounds.verdicts(_records_of(plan, results_dir)):
        console.print(line, soft_wrap=True)
    all_seeds = rounds.cells_of_most()
    saved = all_seeds - len(plan.cells)
    console.print(
        f"{len(plan.cells)} cells; {rounds.most} seeds for all would be {all_seeds}: {saved} saved", style="dim"
    )


def _refuse_invalid(plan: Plan, *, skip: bool) -> None:
    if not plan.is_refused(skip=skip):
        return
    share = f"{len(plan.invalid)} of {len(plan.cells)} cells are invalid"
    many = f" ({share}: `plan` lists them, skip_invalid=true leaves them out)"
    raise UserError(plan.invalid[0].invalid + (many if len(plan.cells) > len(plan.invalid) else ""))


def _announce(plan: Plan, console: Console, *, with_notes: bool) -> None:
    for note in plan.notes() if with_notes else ():
        console.print(note, style="yellow", soft_wrap=True)
    say_environments((planned.record for planned in plan.cells if planned.record is not None), console)
    states = [planned.state for planned in plan.cells]
    parts = [f"{states.count('done')} done", f"{len(plan.to_run)} to run"]
    if again := states.count("failed before"):
        parts.append(f"{again} of them failed before and are tried again")
    if stale := states.count("stale"):
        parts.append(f"{stale} of them have a stale record (other code, versions or variables), which is kept aside")
    if same := states.count("the same as another"):
        parts.append(f"{same} the same as another and trained once (duplicates=each trains them all)")
    if invalid := len(plan.invalid):
        parts.append(f"{invalid} invalid and left out")
    if plan.repeated:
        parts.append(f"{plan.repeated} named twice")
    console.print(f"{len(plan.cells)} cells: {', '.join(parts)}", soft_wrap=True)
    seconds = plan.estimated_seconds()
    if plan.to_run and seconds is not None:
        console.print(f"about {describe_seconds(seconds)} of computing, from cells of this folder", style="dim")


def _print_outcome(plan: Plan, results_dir: Path, console: Console) -> int:
    """Print the comparison of the planned cells and every failure; return how many failed."""
    wanted = [planned.cell for planned in plan.trained]
    records = _records_of(plan, results_dir)
    comparisons = (
        Study(results_dir, records, same=plan.same).comparisons if any(one["measures"] for one in records) else []
    )
    for comparison in comparisons:
        console.print()
        console.print(to_terminal(comparison_sheet(aggregate_comparison(comparison)), width=console.width))
    console.print()
    found = f"{len(records)} of {len(wanted)} cells of this grid"
    console.print(f"records: {results_dir / 'records'} ({found})", soft_wrap=True)
    console.print(
        f"tables and figures: python -m harness report results_dir={shlex.quote(str(results_dir))}", soft_wrap=True
    )
    failed = [record for record in records if record["status"] not in FINISHED]
    found_ids = {record["id"] for record in records}
    missing = [cell.id for cell in wanted if cell.id not in found_ids]
    print_failures(failed, missing, results_dir, console)
    _print_verdicts(comparisons, plan.lags(), console)
    return len(failed) + len(missing)


def _print_verdicts(comparisons: Sequence[Comparison], lags: Sequence[Lag], console: Console) -> None:
    """What is known and what is not, in a few sentences; of a grid of many comparisons the report says it."""
    several = [one for one in comparisons if len(one.strategies) > 1]
    if not 0 < len(several) <= _MOST_TOLD:
        return
    open_ = False
    console.print()
    for comparison in several:
        baseline = default_baseline(comparison.strategies)
        pairs = compare_pairs(comparison, baseline=baseline)
        open_ |= bool((pairs.rows["verdict"] == UNDECIDED).any())
        title = f"{comparison.title}: " if len(several) > 1 else ""
        console.print(f"{title}{better_sentence(pairs, baseline).replace('`', '')}", soft_wrap=True)
        if moved := gap_sentence(aggregate_comparison(comparison)):
            console.print(moved.replace("`", ""), soft_wrap=True)
    if lags:
        # More seeds would tell the lag of the averages apart, and no strategies.
        remedies = "; ".join(lag.remedy for lag in lags)
        console.print(
            f"The moving averages had too few steps to say much of a strategy. First {remedies}.", soft_wrap=True
        )
    elif open_:
        said = (
            "What is undecided may be equal or not; the same command with until=decided adds seeds until that is known."
        )
        console.print(said, soft_wrap=True)
