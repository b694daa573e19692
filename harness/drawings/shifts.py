"""The figures of shifts: how the trained models do on examples unlike those that they were trained on."""

from __future__ import annotations

from collections.abc import Sequence

from harness.drawings.drawing import SHIFTS, Drawing
from harness.drawings.evidence import Evidence
from harness.figures.shifts import plot_shift, refusals_of, shifts_of
from harness.records.frames import IDENTIFYING

_MEANT = {
    "moved": "Images are moved by so many pixels.",
    "band_gain": "Each spectral band is scaled by a factor of its own.",
    "band_offset": "Each spectral band is raised by an amount of its own.",
    "sensor_drift": "Each sensor drifts away as time goes by.",
    "one_at_a_time": "One example makes a batch, whose own statistics are used: a layer left in training mode.",
}


def shift_drawings(evidence: Evidence) -> list[Drawing]:
    """A figure for each shift that the trained models were run under."""
    return [_shift(evidence, name, columns) for name, columns in shifts_of(evidence.comparison).items()]


def _shift(evidence: Evidence, name: str, columns: Sequence[str]) -> Drawing:
    cells = evidence.comparison.frame
    column, _ = evidence.comparison.measure()
    data = cells[[*IDENTIFYING, "data_source", column, *columns, "refusals", "stale", "id"]]
    return Drawing(
        f"shift-{name.replace('_', '-')}",
        name.replace("_", " ").capitalize(),
        f"{_meaning(name)} {_reading(evidence, name, columns)}",
        lambda: plot_shift(evidence.comparison, shift=name),
        data,
        SHIFTS,
    )


def _meaning(name: str) -> str:
    if name.startswith("length_"):
        return f"Only the last {name.removeprefix('length_')} % of the time steps are shown."
    return _MEANT.get(name, "The task's own shift of its test examples.")


def _reading(evidence: Evidence, name: str, columns: Sequence[str]) -> str:
    if len(columns) > 1:
        return "A line that stays level does not mind; at 0 the examples are as they are."
    said = "A short line does not mind; hollow is without the shift, filled with it."
    refused = " Refused: the trained model cannot be run so at all." if refusals_of(evidence.comparison, name) else ""
    return said + refused
