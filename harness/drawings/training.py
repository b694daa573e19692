"""The figures of what happened while cells trained: the loss around the weights, inference losses, health, spikes."""

from __future__ import annotations

from harness.drawings.drawing import TRAINING, Drawing, numbers_of, seen_of
from harness.drawings.evidence import Evidence
from harness.figures.health import plot_health_by_epoch, plot_site_health
from harness.figures.inference import plot_inference_losses, probed_strategies
from harness.figures.landscape import PANELS, plot_landscape
from harness.figures.spikes import SPIKES, has_trouble, plot_spikes


def training_drawings(evidence: Evidence) -> list[Drawing]:
    """The figures of one comparison's probes and diagnostics; those that have nothing to show are not among them."""
    found = [_landscape, _inference_losses, _health_by_epoch, _site_health, _spikes]
    return [drawing for find in found if (drawing := find(evidence)) is not None]


def _landscape(evidence: Evidence) -> Drawing | None:
    probes = evidence.probes.frame
    if not any(name in probes and probes[name].notna().any() for name in PANELS):
        return None
    return Drawing(
        "landscape",
        "The loss around the weights",
        "From half a step to four steps along the gradient: how much the loss varies, how much the gradient changes, "
        "and how fast it changes. Lower is smoother (Santurkar et al. 2018); early steps matter most, since later ones "
        "also depend on how far training has come.",
        lambda: plot_landscape(evidence.probes)[0],
        seen_of(probes),
        TRAINING,
        wide=True,
    )


def _inference_losses(evidence: Evidence) -> Drawing | None:
    strategies = probed_strategies(evidence.history)
    if not strategies:
        return None
    rows = evidence.history.frame
    return Drawing(
        "inference-losses",
        "Validation loss by inference statistics",
        "Where the solid line runs above the others, the weights are better than inference with moving averages shows. "
        "Precise statistics are estimated anew after each epoch, for this figure only.",
        lambda: plot_inference_losses(evidence.history)[0],
        seen_of(rows[rows["axis"].isin(strategies)]),
        TRAINING,
        wide=True,
    )


def _health_by_epoch(evidence: Evidence) -> Drawing | None:
    rows = evidence.diagnostics.frame
    if rows.empty or rows["epoch"].nunique() < 2:
        return None
    return Drawing(
        "health-by-epoch",
        "Moving statistics by epoch",
        "A variance near or below ε is divided by √ε instead of by its root; a lag is the distance of moving averages "
        "from statistics of the weights as they are. Of several sites the worst counts.",
        lambda: plot_health_by_epoch(evidence.diagnostics)[0],
        seen_of(rows),
        TRAINING,
        wide=True,
    )


def _site_health(evidence: Evidence) -> Drawing | None:
    rows = evidence.diagnostics.frame
    if rows.empty:
        return None
    return Drawing(
        "health-by-site",
        "Moving statistics by site",
        "Few samples behind a statistic (m′) make it noisy. Variances below ε, and moving averages that lag behind the "
        "weights, are where inference goes wrong; the site says in which layer.",
        lambda: plot_site_health(evidence.diagnostics)[0],
        seen_of(rows[rows["epoch"] == rows.groupby("id")["epoch"].transform("max")]),
        TRAINING,
        wide=True,
    )


def _spikes(evidence: Evidence) -> Drawing | None:
    if not has_trouble(evidence.comparison):
        return None
    cells = evidence.comparison.frame
    return Drawing(
        "loss-spikes",
        "Loss spikes and divergence",
        "Further left is smoother; a × is a cell that diverged, at the spikes that it had until then. Each step "
        "counts, so that one jump that lasts is several spikes.",
        lambda: plot_spikes(evidence.comparison),
        numbers_of(cells, *([SPIKES] if SPIKES in cells else [])),
        TRAINING,
    )
