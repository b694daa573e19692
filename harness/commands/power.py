"""usage: python -m harness power [results_dir=PATH] [baseline=AXIS] [difference=NUMBER] [metric=NAME]

Says, from the records of a pilot, how many seeds would tell each strategy from the baseline (channel unless said, or
none where there is no channel), what the present number could have told, and how many would decide whichever way it is.
`difference` is the size worth telling, in the metric's own unit; without it, the margin within which strategies count
as equivalent (0.01 of accuracies, 5 % of errors).
"""

from __future__ import annotations

from rich.console import Console

from harness.commands.arguments import Arguments, folders_of, positive_number, read_options
from harness.types import UserError


def main(arguments: Arguments, console: Console) -> int:
    """Print one table a comparison."""
    from harness.report.answers.seeds_needed import seeds_sheet
    from harness.report.questions import default_baseline
    from harness.report.sheet import to_terminal
    from harness.report.study import Study
    from harness.statistics.power import plan_seeds

    if arguments.words:
        raise UserError(f"power takes options such as difference=0.005. Received: {' '.join(arguments.words)}")
    options = read_options(arguments, results_dir="results/runs", baseline="", difference="", metric="")
    difference = positive_number("difference", options["difference"])
    study = Study.open(folders_of(options["results_dir"]))
    if not study.records:
        raise UserError(f"expected records of a pilot. Received: results_dir='{study.folder}'")
    for comparison in study.comparisons:
        baseline = options["baseline"] or default_baseline(comparison.strategies)
        plan = plan_seeds(comparison, options["metric"] or None, baseline=baseline, difference=difference)
        if plan.rows.empty:
            said = f"{comparison.title}: only {baseline} was run, so there is nothing to tell it from"
            console.print(said, soft_wrap=True)
        else:
            console.print(to_terminal(seeds_sheet(plan), width=console.width))
    return 0
