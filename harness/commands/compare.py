"""usage: python -m harness compare FILE group=COLUMN seed=COLUMN metric=COLUMN [key=value ...]

Says of any tool's results whether differences over seeds are real: the same verdicts, tables, figures and page as for
this project's own. FILE is a .csv or .parquet with one row a run (exports of Weights & Biases and MLflow as they come),
or a folder of TensorBoard's CSV files.

  group=optimizer       the column that says what is compared (for a folder: told by the names of runs)
  seed=seed             the column by which runs are paired
  metric=accuracy       the column of the result; what is no number there is a lost run, worse than any other
  direction=max         whether more (max) or less (min) is better; told by the metric's name where that says it
  baseline=adam         what the others are compared with; the first name unless said
  margin=0.01           a difference too small to matter; 0.01 of shares, 5 % of the baseline's mean of others
  block=dataset         a column that tells tasks apart, each compared by itself
  out=PATH              writes the page, tables and figures there

Exit status: 0, or 2 for bad input.
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from harness.commands.arguments import Arguments, positive_number, read_options
from harness.records.places import check_folder
from harness.types import UserError
from harness.words import choose_from


def main(arguments: Arguments, console: Console) -> int:
    """Print the verdicts, and write the page where asked to."""
    from harness.records.foreign import read_table, records_of
    from harness.report.answers.better import better_sentence, pairs_sheet
    from harness.report.report import write_pages
    from harness.report.sheet import to_terminal
    from harness.report.study import Study
    from harness.statistics.verdicts import compare_pairs

    options = read_options(
        arguments, group="group", seed="seed", metric="", direction="", baseline="", margin="", block="", out=""
    )
    if len(arguments.words) != 1:
        given = " ".join(arguments.words) or "nothing"
        raise UserError(f"expected one file of results, .csv or .parquet. Received: {given}")
    margin = positive_number("margin", options["margin"])
    path = Path(arguments.words[0]).expanduser()
    if options["out"]:
        check_folder(Path(options["out"]), "out")
    records = records_of(
        read_table(path),
        group=options["group"],
        seed=options["seed"],
        metric=options["metric"],
        direction=options["direction"],
        block=options["block"],
        name=path.stem,
    )
    study = Study(Path(options["out"] or path.parent), records, margin=margin)
    for comparison in study.comparisons:
        if options["baseline"] and options["baseline"] not in comparison.strategies:
            raise UserError(f"baseline: {choose_from(options['baseline'], comparison.strategies)}")
        if len(comparison.strategies) < 2:
            raise UserError(
                f"group: expected at least two to compare in {comparison.title}. Received: {comparison.strategies[0]}"
            )
    for comparison in study.comparisons:
        baseline = options["baseline"] or comparison.strategies[0]
        pairs = compare_pairs(comparison, baseline=baseline)
        console.print(to_terminal(pairs_sheet(pairs), width=console.width))
        console.print(better_sentence(pairs, baseline).replace("`", ""), soft_wrap=True)
        console.print()
    if options["out"]:
        paths = write_pages(
            study, Path(options["out"]), baseline=options["baseline"] or study.comparisons[0].strategies[0]
        )
        console.print(f"wrote {len(paths)} files: {paths[0]}", soft_wrap=True)
    return 0
