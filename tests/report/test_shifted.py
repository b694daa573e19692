"""Figures of shifts: the values of the records, at their sizes, and what has no value is said."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic import RMSE, comparison_of, make_record

from harness.report.answers.shifted import plot_shift, shifts_of
from harness.types import UserError

PIXELS = [{"name": f"moved_{size}", "meaning": "Images are moved.", "unit": "pixels"} for size in (1, 2)]
REFUSED = {"length_80": "site norm_1 keeps time"}


def record(axis, seed, value, shifted, refusals=None, **options):
    made = make_record(axis, seed, value, precise=value, batch=value, **options)
    made["metrics"] |= {f"test_{name}": one for name, one in shifted.items()}
    return made | {"refusals": refusals or {}}


@pytest.fixture(scope="module")
def moved():
    seen = {
        ("channel", 0): (0.9, {"accuracy_moved_1": 0.8, "accuracy_moved_2": 0.5, "accuracy_one_at_a_time": 0.7}),
        ("channel", 1): (0.7, {"accuracy_moved_1": 0.6, "accuracy_moved_2": 0.3, "accuracy_one_at_a_time": 0.9}),
        ("none", 0): (0.8, {"accuracy_moved_1": 0.4, "accuracy_moved_2": 0.1, "accuracy_one_at_a_time": 0.8}),
    }
    return comparison_of([record(*cell, *values, shifts=PIXELS) for cell, values in seen.items()])


def lengths(*, refusals=REFUSED, more=()):
    """Cells of two strategies, one of which refuses shorter sequences unless it is told to say nothing of it."""
    records = [
        record("channel", 0, 20.0, {"rmse_length_80": 21.0, "rmse_log_length_80": 1.0}, measure=RMSE),
        record("channel", 1, 22.0, {"rmse_length_80": 25.0}, measure=RMSE),
        refusing(refusals),
    ]
    return comparison_of([one | {"measures": [*one["measures"], *more]} for one in records])


def refusing(refusals=REFUSED):
    return record("elementwise", 0, 19.0, {"rmse_length_80": "NaN"}, refusals, measure=RMSE)


def test_a_shift_of_several_sizes_is_a_line_from_the_examples_as_they_are(moved):
    ax = plot_shift(moved)
    lines = {line.get_label(): np.asarray(line.get_xydata()) for line in ax.lines}
    np.testing.assert_allclose(lines["channel"], [[0, 0.8], [1, 0.7], [2, 0.4]])
    np.testing.assert_allclose(lines["none"], [[0, 0.8], [1, 0.4], [2, 0.1]])
    assert ax.get_xlabel() == "moved (pixels); 0: as they are"
    assert "higher is better" in ax.get_ylabel()


def test_any_other_shift_is_a_pair_of_marks_a_seed(moved):
    ax = plot_shift(moved, shift="one_at_a_time")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["channel", "none"]  # 0.8 both: by name
    _, before, after = ax.collections[:3]
    assert np.asarray(before.get_offsets())[:, 0].tolist() == [0.9, 0.7]
    assert np.asarray(after.get_offsets())[:, 0].tolist() == [0.7, 0.9]
    np.testing.assert_allclose(np.asarray(before.get_offsets())[:, 1], np.asarray(after.get_offsets())[:, 1])


def test_a_refused_shift_is_said_with_its_reason_and_stands_last():
    ax = plot_shift(lengths())
    assert [label.get_text() for label in ax.get_yticklabels()] == ["channel", "elementwise"]
    said = [text.get_text().replace("\n", " ") for text in ax.texts if "refused" in text.get_text()]
    assert said == ["refused: site norm_1 keeps time"]
    assert len(ax.collections) == 3


def test_a_value_that_is_not_finite_is_no_refusal():
    ax = plot_shift(lengths(refusals={}))
    assert [text.get_text() for text in ax.texts if "value" in text.get_text()] == ["no value: not finite"]


def test_a_shift_that_every_strategy_refuses_is_shown_as_refused():
    refused = comparison_of([refusing()])
    assert shifts_of(refused) == {"length_80": ["test_rmse_length_80"]}
    assert "refused" in " ".join(text.get_text() for text in plot_shift(refused).texts)
    assert shifts_of(comparison_of([refusing({})])) == {}


def test_what_was_measured_is_what_can_be_drawn(moved):
    assert shifts_of(moved) == {
        "moved": ["test_accuracy_moved_1", "test_accuracy_moved_2"],
        "one_at_a_time": ["test_accuracy_one_at_a_time"],
    }
    assert shifts_of(lengths(more=[RMSE | {"name": "rmse_log"}])) == {"length_80": ["test_rmse_length_80"]}


def test_shifts_that_were_not_measured_are_refused_or_said(moved):
    with pytest.raises(UserError, match=r"shift: expected one of moved, one_at_a_time, .*Received: moves"):
        plot_shift(moved, shift="moves")
    ax = plot_shift(comparison_of([make_record("none", 0, 0.9, precise=0.9, batch=0.9)]))
    assert [text.get_text() for text in ax.texts] == ["no cell was run under shifts (probe.shifts=true)"]
