"""The page that people land on counts outcomes as one does by hand."""

from __future__ import annotations

import numpy as np
import pytest
from publications import publish, run_into
from synthetic import make_record

from harness.report.landing import _tally, _Verdict, write_landing
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
        " Of 6 comparisons of another choice of axes with `channel` on real data, 1 end better and 1 worse by an "
        "amount that can matter, which is 0.01 of an accuracy or 5 % of an error; 3 show that the difference is "
        "smaller, 2 of them though it is told; 1 are undecided."
    ) in landed


def test_what_differs_by_an_amount_that_can_matter_is_named_as_trained_and_re_estimated(landed):
    assert (
        "As trained `elementwise` is worse in 1 of 1; `spatial` is better in 1 of 1; no other choice of axes differs "
        "by such an amount anywhere."
    ) in landed
    assert (
        "With statistics re-estimated after training `elementwise` is worse in 1 of 1; `width` is better in 1 of 1; no "
        "other choice of axes differs by such an amount anywhere."
    ) in landed


def test_what_is_no_choice_of_axes_has_sentences_of_its_own(landed):
    assert "No normalization at all is worse in 1 of 1." in landed
    assert "Of what averages over no batch `group` makes no difference that matters in 1 of 1." in landed


def test_every_strategy_stands_in_the_column_of_its_outcome(landed):
    row = next(line for line in landed.splitlines() if line.startswith("| [digits]("))
    _, _, better, small, worse, undecided, _ = (cell.strip() for cell in row.split("|"))

    assert better == "`spatial`"
    assert small == "`global`, `group` ↓, `height` ↑, `width` ↓"
    assert worse == "`elementwise`, `none`"
    assert undecided == "`renorm`"


def test_the_baseline_is_advised_where_it_is_oftener_the_better_one():
    def verdicts(better, worse):
        return [_Verdict("spatial", outcome, "", "") for outcome in ["better"] * better + ["worse"] * worse]

    assert _tally(verdicts(1, 2)).startswith("**Keep the channels, or features (`axis=-1`), to begin with**: of 3 comp")
    assert _tally(verdicts(2, 2)).startswith("Of 4 comparisons")
