"""How are the moving statistics doing, by site and by epoch?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from harness.cell.health import measures_of
from harness.report.answer import TRAINING, Answer, Drawing, seen_of
from harness.report.bands import BAND, curves_of, plot_band
from harness.report.canvas import FAINT, say_empty, subtitle_of
from harness.report.panels import dress_panel, panels_of, scale_y, share_legend
from harness.statistics.comparison import Comparison
from harness.words import broken

_MOST_NAMED = 6  # sites whose names fit below a panel


def of_comparison(comparison: Comparison, baseline: str) -> Iterator[Answer]:
    """Two answers, whoever the baseline is: by epoch where cells were looked at as they trained, and by site."""
    rows = comparison.diagnostics
    if rows.empty:
        return
    if rows["epoch"].nunique() > 1:
        yield Answer(
            question="How are the moving statistics, epoch by epoch?",
            figure=Drawing(
                "health-by-epoch",
                "Moving statistics by epoch",
                lambda: plot_health_by_epoch(comparison)[0],
                lambda: seen_of(rows),
                wide=True,
            ),
            reading="A variance near or below ε is divided by √ε instead of by its root; a lag is the distance of "
            "moving averages from statistics of the weights as they are. Of several sites the worst counts.",
            group=TRAINING,
            place=20,
        )
    yield Answer(
        question="How are the moving statistics, site by site?",
        figure=Drawing(
            "health-by-site",
            "Moving statistics by site",
            lambda: plot_site_health(comparison)[0],
            lambda: seen_of(rows[rows["epoch"] == rows.groupby("id")["epoch"].transform("max")]),
            wide=True,
        ),
        reading="Few samples behind a statistic (m′) make it noisy. Variances below ε, and moving averages that lag "
        "behind the weights, are where inference goes wrong; the site says in which layer.",
        group=TRAINING,
        place=30,
    )


def _titles() -> dict[str, str]:
    return {name: measure.title for name, measure in measures_of("site").items()}


def plot_site_health(comparison: Comparison, axes: Sequence[Axes] | None = None, *, band: float = BAND) -> list[Axes]:
    """A panel a measure, a line a strategy: the median over seeds by site, as training left the statistics.

    The first panel is m', the samples behind one statistic; the others are of the moving statistics
    (`measures.site_health`), with a band of the middle `band` of seeds. ε is what the layer adds to a variance.
    """
    frame = comparison.diagnostics
    # A cell that diverged stopped at an epoch of its own.
    last = frame[frame["epoch"] == frame.groupby("id")["epoch"].transform("max")]
    sites = list(dict.fromkeys(last["site"]))
    last = last.assign(place=last["site"].map(sites.index) + _offsets(last["axis"], alone=len(sites) == 1))
    names = {"samples_per_statistic": "m′, samples behind a statistic"} | _titles()
    del names["largest_inverse_sd"]  # says again what the least variance says
    note = "at the end of training, sites in the order of the model"
    panels = _plot_measures(comparison, last, names, axes, "Moving statistics by site", note, by="place", band=band)
    few = len(sites) <= _MOST_NAMED
    for ax in panels:
        labels = [broken(site, 10) for site in sites] if few else [str(number + 1) for number in range(len(sites))]
        step = max(1, len(sites) // 10)
        ax.set_xticks(range(0, len(sites), step), labels[::step])
        ax.set_xlim(-0.5, len(sites) - 0.5)
        ax.set_xlabel("" if few else "site")
    return panels


def plot_health_by_epoch(
    comparison: Comparison, axes: Sequence[Axes] | None = None, *, band: float = BAND
) -> list[Axes]:
    """A panel a measure, a line a strategy: the median over seeds by epoch, of each cell's worst site at that epoch."""
    worst = {name: "min" if one.direction == "max" else "max" for name, one in measures_of("site").items()}
    frame = comparison.diagnostics.groupby(["axis", "id", "epoch"], as_index=False).agg(worst)
    note = "each cell's worst site at each epoch"
    panels = _plot_measures(
        comparison, frame, _titles(), axes, "Moving statistics by epoch", note, by="epoch", band=band
    )
    for ax in panels:
        ax.set_xlabel("epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    return panels


def _offsets(strategies: pd.Series, *, alone: bool) -> pd.Series:
    """How far beside its site each strategy stands, so that marks of a model's only site do not hide each other."""
    names = sorted(strategies.unique())
    width = 0.5 if alone else 0.0
    return strategies.map({name: width * ((k + 0.5) / len(names) - 0.5) for k, name in enumerate(names)})


def _plot_measures(
    comparison: Comparison,
    frame: pd.DataFrame,
    names: Mapping[str, str],
    axes: Sequence[Axes] | None,
    title: str,
    note: str,
    *,
    by: str,
    band: float,
) -> list[Axes]:
    """A panel a measure, a line a strategy over the column `by`."""
    notes = (note, f"line: median, band: middle {100 * band:g} % of seeds")
    panels = panels_of(axes, len(names), title, subtitle_of(comparison, *notes))
    for ax, (measure, name) in zip(panels, names.items(), strict=True):
        for strategy, rows in frame.groupby("axis", sort=True):
            curves = curves_of(rows, measure, by=by)
            if curves.notna().any(axis=None):
                plot_band(ax, str(strategy), curves, comparison.looks, band=band, markersize=4)
        dress_panel(ax, name)
        if not ax.lines:
            say_empty(ax, "no strategy keeps moving statistics")
    scale_y(panels)
    for ax, measure in zip(panels, names, strict=True):
        if measure == "below_epsilon":  # not around 0, where all are healthy
            top = ax.get_ylim()[1]
            ax.set_ylim(-0.03 * top, top) if frame[measure].max() > 0 else ax.set_ylim(-0.03, 1.03)
        if measure.endswith("_variance") and ax.lines:
            _mark_epsilon(ax, comparison)
    share_legend(panels)
    return panels


def _mark_epsilon(ax: Axes, comparison: Comparison) -> None:
    """A dotted line at what the layers add to a variance, where it lies among what is shown."""
    settings = comparison.source.settings
    given = [comparison.cells[name] for name, path in settings.items() if path == "norm.epsilon"]
    # Not set where each layer of a model in a file keeps its own.
    values = {float(value) for column in given for value in pd.to_numeric(column).dropna()}
    low, high = ax.get_ylim()
    if len(values) == 1 and low < (epsilon := values.pop()) < high:
        ax.axhline(epsilon, color=FAINT, linewidth=1, linestyle=(0, (1, 1.5)))
        ax.annotate(
            "ε", (1, epsilon), xycoords=("axes fraction", "data"), fontsize=8, color=FAINT, ha="right", va="bottom"
        )
