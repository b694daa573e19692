"""How the moving statistics are doing: site by site at the end of training, and epoch by epoch at the worst site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from harness.cell.health import measures_of
from harness.figures.bands import BAND, curves_of, plot_band
from harness.figures.canvas import FAINT, broken, say_empty, subtitle_of
from harness.figures.panels import dress_panel, panels_of, scale_y, share_legend
from harness.statistics.comparison import Comparison, the_comparison

MEASURES = {
    "least_variance": "least moving variance",
    "median_variance": "median moving variance",
    "below_epsilon": "share of variances below ε",
    "largest_inverse_sd": "largest 1/√(variance + ε)",
    "mean_lag": "lag of the means (SDs)",
    "variance_lag": "lag of the variances (|log ratio|)",
}
_MOST_NAMED = 6  # sites whose names fit below a panel


def plot_site_health(
    diagnostics: pd.DataFrame | Comparison, axes: Sequence[Axes] | None = None, *, band: float = BAND
) -> list[Axes]:
    """A panel a measure, a line a strategy: the median over seeds by site, as training left the statistics.

    The first panel is m', the samples behind one statistic; the others are of the moving statistics
    (`measures.site_health`), with a band of the middle `band` of seeds. ε is what the layer adds to a variance.

    Args:
        diagnostics: `looks.load_diagnostics`'s frame, or rows of it, that holds one comparison.
        axes: six to draw on; `None` makes a figure.
        band: share of the seeds, in (0, 1].

    Returns:
        The axes drawn on.
    """
    comparison = diagnostics if isinstance(diagnostics, Comparison) else the_comparison(diagnostics)
    frame = comparison.cells
    # A cell that diverged stopped at an epoch of its own.
    last = frame[frame["epoch"] == frame.groupby("id")["epoch"].transform("max")]
    sites = list(dict.fromkeys(last["site"]))
    last = last.assign(place=last["site"].map(sites.index) + _offsets(last["axis"], alone=len(sites) == 1))
    names = {"samples_per_statistic": "m′, samples behind a statistic"} | MEASURES
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
    diagnostics: pd.DataFrame | Comparison, axes: Sequence[Axes] | None = None, *, band: float = BAND
) -> list[Axes]:
    """A panel a measure, a line a strategy: the median over seeds by epoch, of each cell's worst site at that epoch.

    Args:
        diagnostics: `looks.load_diagnostics`'s frame, or rows of it, that holds one comparison of cells run with
            `probe=full`.
        axes: six to draw on; `None` makes a figure.
        band: share of the seeds, in (0, 1].

    Returns:
        The axes drawn on.
    """
    comparison = diagnostics if isinstance(diagnostics, Comparison) else the_comparison(diagnostics)
    worst = {name: "min" if one.direction == "max" else "max" for name, one in measures_of("site").items()}
    frame = comparison.cells.groupby(["axis", "id", "epoch"], as_index=False).agg(worst)
    note = "each cell's worst site at each epoch"
    panels = _plot_measures(
        comparison, frame, MEASURES, axes, "Moving statistics by epoch", note, by="epoch", band=band
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
                plot_band(ax, str(strategy), curves, band=band, markersize=4)
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
    paths: Mapping[str, str] = comparison.frame.attrs.get("settings", {})
    values = {value for name, path in paths.items() if path == "norm.epsilon" for value in comparison.frame[name]}
    low, high = ax.get_ylim()
    if len(values) == 1 and low < (epsilon := float(values.pop())) < high:
        ax.axhline(epsilon, color=FAINT, linewidth=1, linestyle=(0, (1, 1.5)))
        ax.annotate(
            "ε", (1, epsilon), xycoords=("axes fraction", "data"), fontsize=8, color=FAINT, ha="right", va="bottom"
        )
