"""Every measure of stability side by side, against numbers worked out by hand."""

from __future__ import annotations

from synthetic import RMSE, comparison_of, make_record

from harness.report.answers.stable import stability_sheet
from harness.report.sheet import to_markdown
from harness.statistics.stability import aggregate_stability


def records():
    """Eleven seeds of channel, 0.80 to 0.90, and of none, one of which diverged."""
    spikes = [0, 0, 1, 0, 7]
    found = [make_record("channel", seed, 0.80 + seed / 100) for seed in range(11)]
    found += [
        make_record("none", seed, 0.5, metrics={"loss_spikes": float(spikes[seed]), "below_epsilon": 0.25})
        for seed in range(5)
    ]
    return [*found, make_record("none", 5, status="diverged", metrics={"loss_spikes": 900.0})]


def test_the_sheet_has_columns_for_what_was_measured_and_no_others():
    text = to_markdown(stability_sheet(aggregate_stability(comparison_of(records()))))

    assert "| strategy | diverged | finished | SD | IQR | worst seed | worst tenth | loss spikes | below ε |" in text
    assert "| none | 1/6 [3, 56] | 5/6 | 0.0000 | 0.0000 | 0.500 | 0.500 | 0 | 0.25 |" in text
    assert "β" not in text


def test_a_strategy_of_which_nothing_finished_keeps_its_row():
    lost = [make_record("none", seed, status="diverged", measure=RMSE) for seed in range(3)]
    kept = [make_record("channel", seed, 10.0 + seed, measure=RMSE) for seed in range(3)]
    text = to_markdown(stability_sheet(aggregate_stability(comparison_of([*lost, *kept]))))

    assert "| none | 3/3 [44, 100] | 0/3 | – | – | – | – |" in text
    assert "| channel | 0/3 [0, 56] | 3/3 | 1.00 | 1.00 | 12.0 | 12.0 |" in text
