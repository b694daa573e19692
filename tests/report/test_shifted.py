"""Figures of shifts: the values of the records, at their sizes, and what has no value is said."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic import RMSE, make_record

from harness.figures.shifts import plot_shift, shifts_of
from harness.types import UserError


def record(axis, seed, value, shifted, **options):
    made = make_record(axis, seed, value, precise=value, batch=value, **options)
    made["metrics"] |= {f"test_{name}": one for name, one in shifted.items()}
    return made


@pytest.fixture
def moved():
    return comparison_of(
        [
            record(
                "channel", 0, 0.9, {"accuracy_moved_1": 0.8, "accuracy_moved_2": 0.5, "accuracy_one_at_a_time": 0.7}
            ),
            record(
                "channel", 1, 0.7, {"accuracy_moved_1": 0.6, "accuracy_moved_2": 0.3, "accuracy_one_at_a_time": 0.9}
            ),
            record("none", 0, 0.8, {"accuracy_moved_1": 0.4, "accuracy_moved_2": 0.1, "accuracy_one_at_a_time": 0.8}),
        ]
    )


@pytest.fixture
def lengths():
    refused = record("elementwise", 0, 19.0, {"rmse_length_80": "NaN"}, measure=RMSE)
    refused["refusals"] = {"length_80": "site norm_1 keeps time"}
    return comparison_of(
        [
            record("channel", 0, 20.0, {"rmse_length_80": 21.0, "rmse_log_length_80": 1.0}, measure=RMSE),
            record("channel", 1, 22.0, {"rmse_length_80": 25.0}, measure=RMSE),
            refused,
        ]
    )


def test_a_shift_of_several_sizes_is_a_line_from_the_examples_as_they_are(moved):
    ax = plot_shift(moved)
    lines = {line.get_label(): np.asarray(line.get_xydata()) for line in ax.lines}
    np.testing.assert_allclose(lines["channel"], [[0, 0.8], [1, 0.7], [2, 0.4]])
    np.testing.assert_allclose(lines["none"], [[0, 0.8], [1, 0.4], [2, 0.1]])
    assert "moved (pixels)" in ax.get_xlabel()
    assert "higher is better" in ax.get_ylabel()


def test_any_other_shift_is_a_pair_of_marks_a_seed(moved):
    ax = plot_shift(moved, shift="one_at_a_time")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["channel", "none"]  # 0.8 both: by name
    _, before, after = ax.collections[:3]
    assert np.asarray(before.get_offsets())[:, 0].tolist() == [0.9, 0.7]
    assert np.asarray(after.get_offsets())[:, 0].tolist() == [0.7, 0.9]
    np.testing.assert_allclose(np.asarray(before.get_offsets())[:, 1], np.asarray(after.get_offsets())[:, 1])


def test_a_refused_shift_is_said_with_its_reason_and_stands_last(lengths):
    ax = plot_shift(lengths)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["channel", "elementwise"]
    said = [text.get_text().replace("\n", " ") for text in ax.texts if "refused" in text.get_text()]
    assert said == ["refused: site norm_1 keeps time"]
    assert len(ax.collections) == 3


def test_a_value_that_is_not_finite_is_no_refusal(lengths):
    ax = plot_shift(lengths.assign(refusals=""))
    assert [text.get_text() for text in ax.texts if "value" in text.get_text()] == ["no value: not finite"]


def test_a_shift_that_every_strategy_refuses_is_shown_as_refused(lengths):
    refused = lengths[lengths["axis"] == "elementwise"]
    assert shifts_of(refused) == {"length_80": ["test_rmse_length_80"]}
    assert "refused" in " ".join(text.get_text() for text in plot_shift(refused).texts)
    assert shifts_of(refused.assign(refusals="")) == {}


def test_what_was_measured_is_what_can_be_drawn(moved, lengths):
    assert shifts_of(moved) == {
        "moved": ["test_accuracy_moved_1", "test_accuracy_moved_2"],
        "one_at_a_time": ["test_accuracy_one_at_a_time"],
    }
    lengths.attrs["measures"]["mnist"].append(RMSE | {"name": "rmse_log"})
    assert shifts_of(lengths) == {"length_80": ["test_rmse_length_80"]}


def test_shifts_that_were_not_measured_are_refused_or_said(moved):
    with pytest.raises(UserError, match=r"shift: expected one of moved, one_at_a_time, .*Received: moves"):
        plot_shift(moved, shift="moves")
    ax = plot_shift(comparison_of([make_record("none", 0, 0.9, precise=0.9, batch=0.9)]))
    assert [text.get_text() for text in ax.texts] == ["no cell was run under shifts (probe.shifts=true)"]
