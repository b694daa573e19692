"""The page that people land on counts outcomes as one does by hand."""

from __future__ import annotations

import numpy as np
import pytest
from publications import publish, run_into
from synthetic import make_record

from harness.report.landing import write_landing
from harness.report.outcomes import Verdict, _differing, _tally
from harness.report.study import Study

SEEDS = 24
# By how much each is better than channel, and the same with precise statistics; the margin of an accuracy is 0.01.
CHOICES = {
    "spatial": (0.05, 0.0005),  # far better, and the same once re-estimated
    "height": (0.004, 0.004),  # told, and too small to matter
    "width": (-0.003, 0.05),  # told, and too small to matter; far better once re-estimated
    "global": (0.0, 0.0),  # equivalent
    "elementwise": (-0.06, -0.06),
    "none": (-0.05, -0.05),
    "group": (-0.002, -0.002),
}


@pytest.fixture(scope="module")
def landed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("landing")
    rng = np.random.default_rng(5)
    seeds = 0.8 + rng.normal(0, 0.02, SEEDS)
    noise = rng.normal(0, 0.0005, (len(CHOICES) + 2, SEEDS))
    noise -= noise.mean(axis=1, keepdims=True)  # so that means are those that are asked for
    records = [make_record("channel", seed, seeds[seed], precise=seeds[seed] + 0.001) for seed in range(SEEDS)]
    for row, (name, (as_trained, precise)) in enumerate(CHOICES.items()):
        for seed in range(SEEDS):
            value = seeds[seed] + as_trained + noise[row, seed]
            records.append(make_record(name, seed, value, precise=seeds[seed] + 0.001 + precise + noise[row, seed]))
    # One that varies too much to be told from anything.
    wild = rng.normal(0, 0.1, SEEDS)
    wild -= wild.mean()
    for seed in range(SEEDS):
        records.append(make_record("renorm", seed, seeds[seed] + wild[seed], precise=seeds[seed] + wild[seed]))
    run_into(folder / "work", records)
    publish(folder / "work", folder / "results" / "reference" / "digits")
    study = Study.open_published(folder / "results" / "reference" / "digits")
    return write_landing(folder / "results", [study], []).read_text()


def test_outcomes_are_counted(landed):
    assert (
        "of 5 comparisons of another choice of axes with `channel`, 1 end better (1 by more than that) and 1 worse (1 "
        "by more); 3 show that the difference is smaller, 1 of them better and 1 worse by so little; 0 are undecided."
    ) in landed
    assert "no other choice of axes is shown to beat" not in landed  # `spatial` is


def test_what_differs_by_an_amount_that_can_matter_is_named_as_trained_and_re_estimated(landed):
    assert (
        "As trained `elementwise` is worse in 1 of 1; `spatial` is better in 1 of 1; no other is told to be better or "
        "worse by that much."
    ) in landed
    assert (
        "With statistics re-estimated after training `elementwise` is worse in 1 of 1; `width` is better in 1 of 1; no "
        "other is told to be better or worse by that much."
    ) in landed


def test_what_is_no_choice_of_axes_has_sentences_of_its_own(landed):
    assert (
        "No normalization at all is worse in 1 of 1, and, with those of `channel` re-estimated, is worse in 1 of 1."
    ) in landed
    assert "Of what averages over no batch `group` makes no difference that matters in 1 of 1." in landed


def test_every_strategy_stands_in_the_column_of_its_outcome(landed):
    row = next(line for line in landed.splitlines() if line.startswith("| [digits]("))
    _, _, better, small, worse, undecided, _ = (cell.strip() for cell in row.split("|"))

    # The records do not say how many examples there were, so that nothing is known of new data.
    assert better == "**`spatial`**°"
    assert small == "`global`, `group` ↓°, `height` ↑°, `width` ↓°"
    assert worse == "**`elementwise`**°, **`none`**°"
    assert undecided == "`renorm`"


def test_nothing_is_said_to_beat_the_baseline_where_that_was_not_shown():
    small, large = (Verdict("spatial", "better", is_beyond=shown) for shown in (False, True))
    headline = "**On real data no other choice of axes is shown to beat the channels"

    assert next(_tally([small, Verdict("height", "worse")])).startswith(headline)
    assert not any(said.startswith(headline) for said in _tally([small, large]))


def test_undecided_choices_are_not_passed_over_in_silence():
    found = [
        Verdict("spatial", "undecided"),
        Verdict("height", "worse"),
        Verdict("width", "no difference that matters"),
    ]

    assert _differing(found, "As trained") == (
        "As trained `height` is worse in 1 of 1; no other is told to be better or worse by that much, and 1 of 2 "
        "comparisons of other choices are undecided."
    )


def test_what_holds_for_new_data_is_counted_apart():
    found = [Verdict("spatial", "better", holds_anew=True), Verdict("height", "worse"), Verdict("band", "better")]

    assert list(_tally(found))[-1].endswith("1 of the 2 better and 0 of the 1 worse still leave out 0.")
