"""The command line from Python: `compare` a model's strategies on data, `run` a grid; both train in other processes."""

from __future__ import annotations

import html
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.commands.arguments import parse
from harness.commands.as_overrides import (
    data_overrides,
    in_grammar,
    quoted,
    seeds_text,
    strategy_overrides,
    texts_of,
    training_overrides,
)
from harness.commands.given_model import saved_model
from harness.records.frames import Cells
from harness.records.grids import read_grids
from harness.records.store import FINISHED, read_records
from harness.statistics.comparison import Comparison as OneComparison
from harness.statistics.comparison import comparisons
from harness.types import UserError
from harness.words import in_one_line

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

RESULTS = Path("results") / "compare"
_DEFAULT_RESULTS = "results/runs"


@dataclass(frozen=True, repr=False)
class Comparison:
    """Strategies compared on one model and data. A notebook shows it as a table with its verdict.

    Attributes:
        cells: one row a cell, as `harness.load_results` gives them: settings, metrics, costs, provenance.
        baseline: the strategy that the others are compared with.
        results_dir: where the records lie; `python -m harness report results_dir=...` writes a page of them.
    """

    cells: pd.DataFrame
    baseline: str
    results_dir: Path
    _of: OneComparison = field(repr=False)

    @cached_property
    def verdict(self) -> str:
        """What the seeds tell of each strategy against the baseline, and what they do not, in a few sentences."""
        from harness.report.answers.better import better_sentence

        if len(self._of.strategies) < 2:
            return f"{self.baseline} alone is no comparison."
        return better_sentence(self._pairs, self.baseline).replace("`", "")

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a strategy, in the order of the metric.

        `axis`; `mean` of the test metric over seeds, in its own unit, with its 95 % interval `low`, `high`; `sd` over
        seeds; `precise_mean`, `gap`; costs; and against the baseline `verdict` (`better`, `worse`, `equivalent`,
        `undecided`), the mean paired `difference` and the corrected `p`, missing for the baseline itself.
        """
        from harness.statistics.summary import aggregate_comparison

        rows = aggregate_comparison(self._of).rows
        if len(self._of.strategies) < 2:
            return rows
        judged = self._pairs.rows[["axis", "verdict", "difference", "p"]]
        return rows.merge(judged, on="axis", how="left", suffixes=("", "_to_baseline"))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Each strategy's mean paired difference to the baseline with its interval; of one strategy, its seeds."""
        from harness.report.answers.better import plot_paired_differences
        from harness.report.answers.reached import plot_seed_cloud

        if len(self._of.strategies) < 2:
            return plot_seed_cloud(self._of, ax=ax)
        return plot_paired_differences(self._pairs, ax)

    @property
    def _pairs(self) -> Any:
        from harness.statistics.verdicts import compare_pairs

        return compare_pairs(self._of, baseline=self.baseline)

    @property
    def _sheet(self) -> Any:
        from harness.report.answers.reached import comparison_sheet
        from harness.statistics.summary import aggregate_comparison

        return comparison_sheet(aggregate_comparison(self._of))

    def __repr__(self) -> str:
        from harness.report.sheet import to_markdown

        return f"{to_markdown(self._sheet)}\n{self.verdict}\n"

    def _repr_html_(self) -> str:
        from harness.report.sheet import to_html

        said = [self._sheet.title, *self._sheet.caption, self.verdict]
        title, *notes = (html.escape(line) for line in said)
        return f"<p><b>{title}</b></p>\n{to_html(self._sheet)}\n" + "\n".join(f"<p>{note}</p>" for note in notes)


def run(overrides: Iterable[str] = (), *, config_dirs: Iterable[str | Path] = (), quiet: bool = False) -> pd.DataFrame:
    """Run what `python -m harness run OVERRIDES` runs; what has a record is not run again.

    Args:
        overrides: as typed there, each a string: `["task=mnist", "axis=none,channel", "seed=range(10)"]`.
        config_dirs: folders with yaml files of your own.
        quiet: whether nothing is printed of how far it is.

    Returns:
        One row a cell of the grid, failed ones too (`status`), as `harness.load_results` gives them.

    Raises:
        UserError: what the command line would refuse, in its words.
    """
    overrides = texts_of(overrides)
    given = parse(overrides)
    if given.words or given.hydra_flags:
        raise UserError(f"overrides: expected key=value. Received: {' '.join([*given.words, *given.hydra_flags])}")
    asked = [one.partition("=")[2].strip("'\"") for one in overrides if one.startswith("results_dir=")]
    folder = [_DEFAULT_RESULTS, *asked][-1]
    folder_option = [text for one in config_dirs for text in ("--config-dir", str(one))]
    _run([*overrides, *folder_option], quiet=quiet)
    return Cells.of(_last_grid(Path(folder).expanduser())[0]).rows


def compare(
    model: Any,
    data: Any,
    *,
    strategies: Sequence[str | Sequence[int | str]] | None = None,
    seeds: int | Sequence[int] = 10,
    weights: str = "fresh",
    head: str = "replace",
    axes: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    data_axes: Sequence[str] | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    baseline: str | None = None,
    margin: float | None = None,
    overrides: Iterable[str] = (),
    results_dir: str | Path = RESULTS,
    quiet: bool = False,
) -> Comparison:
    """Train a model under each strategy and seed on the same data, and say which differences are real.

    All strategies start from the same weights and see the same batches. A second call with more seeds or strategies
    trains what is new and no more.

    Args:
        model: a built Keras model, sequential or functional; the path of one saved as .keras or .h5; or a function
            that builds one. That is given what it names or takes, in this order, of `task` (a `harness.types.TaskSpec`
            with `axes`, `shape` and `outputs`) and `norm`, which it may call in the place of a batch normalization:
            `x = norm(x, axes=("height", "width", "channel"), name="norm_1")`, as this project's architectures do.
        data: `{"x": x, "y": y}` with x `(example, *axes)` and y `(example,)`, classes or numbers, maybe `group` and
            `split` `(example,)`, or `x_test` and `y_test`; `(x, y)`, or `(x, y, x_test, y_test)`; the path of an .npz
            file or a folder of .npy files that holds these; or the name of a task, such as `"mnist"`.
        strategies: names such as `"spatial"`, and axes that are kept, such as `[1, 2]` (the batch is 0) or
            `["height"]`; None: what the task compares, and the model `as_built`.
        seeds: how many, or which; below 6 no difference can be told.
        weights: `fresh`: drawn from each seed by the model's own initializers; `keep`: from the model's.
        head: what becomes of an output layer of another number of outputs than the data's: `replace` or `refuse`.
        axes: names of the axes of the model's normalizations, as in `AxisStrategy`; None: by the layers before them.
        data_axes: names of an example's axes; None: by their number.
        epochs, batch_size: of training; None: as the task has them.
        baseline: what the strategies are compared with; None: `as_built`, else `channel`, else `none`.
        margin: a difference too small to matter, in the metric's unit; None: 0.01 of accuracies, 5 % of errors.
        overrides: further settings, as on the command line: `["train.learning_rate=0.01"]`.
        results_dir: where records, and the model and arrays that were given, are kept.
        quiet: whether nothing is printed of how far it is.

    Returns:
        A `Comparison` with `verdict`, `table`, `plot()` and `cells`.

    Raises:
        UserError: the model or the data are not of these, do not fit each other, or no cell finished; in one line.
    """
    folder = Path(results_dir).expanduser()
    of_data = data_overrides(data, folder, data_axes)
    shared = [*of_data, f"results_dir={quoted(str(folder))}", *training_overrides(epochs, batch_size, margin)]
    # Of strategies that compute the same one is trained, which need not be the one that is named as the baseline.
    shared += ["duplicates=each"] if baseline is not None else []
    shared += texts_of(overrides)
    path, sites, strategies = saved_model(model, folder, shared, weights, strategies)
    shared += ["architecture=from_file", f"architecture.path={quoted(str(path))}"]
    shared += [f"architecture.weights={weights}", f"architecture.head={head}"]
    if axes is not None or sites:
        shared.append(f"architecture.axes={in_grammar(axes if axes is not None else sites)}")
    shared.append(f"seed={seeds_text(seeds)}")
    records: dict[str, dict[str, Any]] = {}
    same: dict[str, Sequence[str]] = {}
    for of_axes in strategy_overrides(strategies):
        _run([*shared, *of_axes], quiet=quiet)
        found, of_grid = _last_grid(folder)
        records |= {record["id"]: record for record in found}
        same |= of_grid
    return _comparison(list(records.values()), same, baseline, margin, folder)


def _comparison(
    records: Sequence[Mapping[str, Any]],
    same: Mapping[str, Sequence[str]],
    baseline: str | None,
    margin: float | None,
    folder: Path,
) -> Comparison:
    from harness.report.questions import default_baseline
    from harness.words import choose_from

    if not any(record["measures"] for record in records):
        reason = next((record["reason"] for record in records if record["status"] not in FINISHED), "no cell was run")
        raise UserError(f"expected a cell that finishes. Received: {in_one_line(str(reason))}")
    cells = Cells.of(records)
    (found,) = comparisons(cells, margin=margin, same=same)
    chosen = default_baseline(found.strategies) if baseline is None else baseline
    if chosen not in found.strategies:
        raise UserError(f"baseline: {choose_from(str(chosen), found.strategies)}")
    return Comparison(found.cells, chosen, folder, found)


def _run(arguments: Sequence[str], *, quiet: bool) -> None:
    """`python -m harness run` in a process of its own, where TensorFlow is set up as cells need it.

    Raises:
        UserError: it was refused.
    """
    paths = [str(Path(path).resolve()) for path in sys.path if path and Path(path).is_dir()]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "harness", "run", *arguments]
    with (
        tempfile.TemporaryFile() as aside,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=aside, text=True, encoding="utf-8", env=environment
        ) as process,
    ):
        assert process.stdout is not None
        try:
            told = True
            for line in process.stdout:
                told &= bool(line.strip())  # behind an empty line is the comparison, which is returned
                if told and not quiet:
                    print(line, end="", flush=True)
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            raise
        process.wait()
        aside.seek(0)
        errors = aside.read().decode("utf-8", "replace")
    if process.returncode not in (0, 1):
        said = [line for line in errors.splitlines() if line.startswith("harness: error: ")]
        raise UserError(said[-1].partition("error: ")[2] if said else f"the run ended: {errors[-300:].strip()}")


def _last_grid(folder: Path) -> tuple[list[dict[str, Any]], Mapping[str, Sequence[str]]]:
    """The records of the grid that was begun last, and which strategies they stand for besides; none without one."""
    grids = read_grids(folder) if folder.is_dir() else []
    if not grids:
        return [], {}
    wanted = set(grids[0].cells)
    return [record for record in read_records(folder) if record["id"] in wanted], grids[0].same
