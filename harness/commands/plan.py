"""usage: python -m harness plan [key=value ...]

Says what `run` with the same overrides would do, and trains nothing: how many cells there are, which are done,
which strategies compute the same as another at every site, which are invalid and why, and, where records of
such cells are at hand, how long it would take.

Exit status: 0, 1 where `run` would refuse the grid for its invalid cells (skip_invalid=true leaves them out, as long as
there are others), 2 for bad input.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from harness.axes.resolved import ResolvedSite
from harness.axes.strategy import OVER_BATCH
from harness.commands.arguments import Arguments, configs_of, refuse_words
from harness.commands.rounds import Rounds
from harness.commands.shown import say_environments
from harness.config.hydra_flags import print_hydra
from harness.engines import build_engine, check_grid
from harness.engines.plan import PlannedCell, build_plan
from harness.report.sheet import MISSING, Column, Sheet, to_terminal
from harness.words import describe_seconds, visible

SIDES = ("train", "validate", "test")


def main(arguments: Arguments, console: Console) -> int:
    """Print the plan."""
    if arguments.hydra_flags:
        refuse_words(arguments)
        return print_hydra(arguments.hydra_flags, arguments.overrides, arguments.config_dirs)
    configs = configs_of(arguments, console)
    if rounds := Rounds.asked(configs, arguments.overrides):
        configs = rounds.first_round()
        most = rounds.cells_of_most()
        first = f"the first round of until={rounds.rule}: {rounds.first} seeds; at most {most} cells in all"
        console.print(first, soft_wrap=True)
    with build_engine(configs[0]["engine"]) as engine:
        check_grid(engine, configs)
        plan = build_plan(configs, Path(configs[0]["results_dir"]), engine.find_sites)
    for note in plan.notes():
        console.print(note, style="yellow", soft_wrap=True)
    say_environments((planned.record for planned in plan.cells if planned.record is not None), console)
    groups: dict[tuple[str, str], list[PlannedCell]] = {}
    for planned in plan.cells:
        config = planned.cell.config
        groups.setdefault((config["task"]["name"], config["architecture"]["name"]), []).append(planned)
    for said in dict.fromkeys(_data_of(planned) for planned in plan.cells):
        console.print(said, soft_wrap=True)
    for (task, architecture), cells in groups.items():
        console.print()
        sheet = _table(f"{task} · {cells[0].cell.data['source']} data · {architecture}", cells)
        console.print(to_terminal(sheet, width=console.width))
    states = Counter(planned.state for planned in plan.cells)
    repeated = f", {plan.repeated} named twice" if plan.repeated else ""
    console.print(f"{len(plan.cells)} cells: {', '.join(f'{n} {state}' for state, n in states.items())}{repeated}")
    seconds = plan.estimated_seconds()
    if not plan.to_run:
        console.print("nothing to run")
    elif seconds is None:
        console.print("how long it takes is not known yet: no such cell has been run into this folder")
    else:
        console.print(f"about {describe_seconds(seconds)} of computing for the {len(plan.to_run)} cells to run")
    for reason in dict.fromkeys(planned.invalid for planned in plan.invalid):
        console.print(Text.assemble(("invalid", "red"), f" {visible(reason)}"), soft_wrap=True)
    if not plan.is_refused(skip=bool(configs[0]["skip_invalid"])):
        return 0
    others = "skip_invalid=true leaves the invalid cells out" if len(plan.invalid) < len(plan.cells) else "none is left"
    console.print(f"run would refuse this grid: {others}", soft_wrap=True)
    return 1


def _data_of(planned: PlannedCell) -> str:
    """What a cell learns from, in a line: shape, axes, what is to be found, sizes of the split."""
    data, task = planned.cell.data, planned.cell.config["task"]["name"]
    shape = " × ".join(map(str, data["shape"]))
    found = f"{data['outputs']} classes" if data["outputs"] > 1 else "one value"
    sizes = ", ".join(f"{count:,} {verb}" for count, verb in zip(data["sizes"].values(), SIDES, strict=True))
    return f"{task}: {shape} ({', '.join(data['axes'])}) to {found}; {sizes}"


def _table(title: str, cells: Sequence[PlannedCell]) -> Sheet:
    by_axis: dict[str, list[PlannedCell]] = {}
    for planned in cells:
        by_axis.setdefault(planned.cell.config["axis"]["name"], []).append(planned)
    columns = [
        Column("strategy", lambda row: row["strategy"], numeric=False),
        Column("done", lambda row: row["done"], rank=3),
        Column("statistics", lambda row: row["statistics"], rank=1),
        Column("scale+shift", lambda row: row["parameters"], rank=2),
        Column("m′", lambda row: row["samples"]),
        Column("keeps, site by site", lambda row: row["keeps"], numeric=False, wraps=20),
    ]
    return Sheet(
        title, columns, [_row(axis, members) for axis, members in by_axis.items()], elsewhere="COLUMNS=120 makes room"
    )


def _row(axis: str, members: Sequence[PlannedCell]) -> dict[str, str]:
    first = members[0]
    return {
        "strategy": axis,
        "done": MISSING if all(one.trained_as or one.invalid for one in members) else _done(members),
        "statistics": f"{sum(site.statistics for site in first.sites):,}" if first.sites else MISSING,
        "parameters": f"{sum(site.parameters for site in first.sites):,}" if first.sites else MISSING,
        "samples": _samples(first.sites),
        "keeps": _what_is_kept(first),
    }


def _done(members: Sequence[PlannedCell]) -> str:
    own = [planned for planned in members if not planned.trained_as and not planned.invalid]
    return f"{sum(planned.done for planned in own)} of {len(own)}"


def _samples(sites: Sequence[ResolvedSite]) -> str:
    """m' of the site with the fewest samples; where examples have unequal lengths, its median over the steps too."""
    counted = [site for site in sites if site.samples_per_statistic is not None]
    if not counted:
        return "–"
    fewest = min(counted, key=lambda site: site.samples_per_statistic or 0)
    least, median = fewest.samples_per_statistic, fewest.median_samples
    return f"{least:,}" if median in (None, least) else f"{least:,} (median {median:,})"


def _what_is_kept(planned: PlannedCell) -> str:
    if planned.invalid:
        return "invalid, see below"
    if planned.same_as:
        return f"the same as {planned.same_as}"
    kept = []
    for site in planned.sites:
        if site.kind == "none":
            text = "nothing is normalized"
        else:
            text = " × ".join(site.stat_axes) or "no axis: one statistic"
            if site.param_axes != site.stat_axes and site.kind in OVER_BATCH:
                text += f" (scale and shift: {' × '.join(site.param_axes) or 'one'})"
        kept.append(text + (" (fallback)" if site.fell_back else ""))
    counts = Counter(kept)
    return "; ".join(text if n == 1 else f"{text} [{n} sites]" for text, n in counts.items())
