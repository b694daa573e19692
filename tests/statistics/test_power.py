from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower
from synthetic import comparison_of, make_record, make_study, write_study

from harness.commands.cli import main
from harness.statistics.caution import detectable_effect, family_reach, verdict_power
from harness.statistics.family import judge_family
from harness.statistics.power import plan_seeds, sd_interval, seeds_for_verdict
from harness.statistics.verdicts import seeds_to_decide


@pytest.mark.parametrize("d_z", [0.2, 0.5, 1.0])
def test_seeds_for_one_comparison_agree_with_statsmodels(d_z):
    by_statsmodels = TTestPower().solve_power(effect_size=d_z, alpha=0.05, power=0.8)
    assert seeds_for_verdict(d_z) == math.ceil(by_statsmodels)


def test_no_difference_takes_forever_and_an_unknown_one_is_unknown():
    assert seeds_for_verdict(0.0) == math.inf
    assert math.isnan(seeds_for_verdict(float("nan")))


@pytest.mark.parametrize("d_z", [25.0, 1e13])
def test_a_huge_difference_still_takes_the_seeds_of_the_test(d_z):
    assert seeds_for_verdict(d_z, comparisons=3) == 6  # 2 / 2^6 is the first p-value below 0.05
    assert verdict_power(d_z, 5) == 0.0


@pytest.mark.parametrize(("n", "comparisons"), [(10, 4), (16, 1), (25, 6)])
def test_the_chance_of_a_verdict_is_that_of_studies(n, comparisons):
    rng, told, studies = np.random.default_rng(n), 0, 300
    pairs = [(place + 1, 0) for place in range(comparisons)]
    d_z = detectable_effect(n, comparisons=comparisons, power=0.7)
    for _ in range(studies):
        scores = rng.normal(size=(n, comparisons + 1)) / np.sqrt(2)
        scores[:, 1] += d_z
        told += judge_family(scores, pairs, np.full(comparisons, np.nan), alpha=0.05).p[0] < 0.05
    assert told / studies == pytest.approx(0.7, abs=0.04 + 3 * (0.7 * 0.3 / studies) ** 0.5)


def test_seeds_that_decide_leave_nothing_open_whatever_the_difference():
    # reach(n) * sd / sqrt(n) <= margin / 2 at that n and not at one less
    for sd, margin, k in ((0.02, 0.01, 1), (0.02, 0.01, 5), (0.1, 0.01, 3)):
        n = seeds_to_decide(sd, margin, k)
        half = [family_reach(int(n) - less, k) * sd / math.sqrt(n - less) for less in (0, 1)]
        assert half[0] <= margin / 2 < half[1]
    assert seeds_to_decide(1e-6, 0.01, 5) == 20
    assert seeds_to_decide(10.0, 0.001, 5) == math.inf
    assert math.isnan(seeds_to_decide(math.nan, 0.01, 5))
    assert math.isnan(seeds_to_decide(0.01, math.nan, 5))


@pytest.mark.parametrize(("values", "plans"), [([0.906, 0.912, 0.92, 0.938], False), ([0.89, 0.91, 0.92, 0.92], True)])
def test_a_pilot_that_shows_no_spread_gives_no_plan_and_one_without_a_difference_does(values, plans):
    baseline = [0.9, 0.906, 0.914, 0.932] if not plans else [0.9, 0.9, 0.92, 0.92]
    records = [make_record("channel", seed, value) for seed, value in enumerate(baseline)]
    records += [make_record("none", seed, value) for seed, value in enumerate(values)]
    plan = plan_seeds(comparison_of(records), difference=0.01).rows.iloc[0]
    assert math.isfinite(plan["seeds"]) == plans
    assert plan["difference"] == 0.01
    if not plans:
        assert plan[["sd", "detectable", "seeds", "decide_seeds"]].isna().all()


def test_without_a_difference_the_verdict_seldom_claims_one():
    assert all(verdict_power(0.0, n) == pytest.approx(0.05) for n in (6, 10, 20, 30))


def test_the_interval_of_a_standard_deviation_by_hand():
    # chi2(0.975, 9) = 19.0228, chi2(0.025, 9) = 2.70039
    assert sd_interval(2.0, 10) == pytest.approx((2 * (9 / 19.0228) ** 0.5, 2 * (9 / 2.70039) ** 0.5), rel=1e-5)
    assert np.isnan(sd_interval(2.0, 1)).all()


def test_a_pilot_s_plan_by_hand():
    # paired differences of 0.01 +- 0.01: mean 0.01, SD 0.01; the margin, 0.01, is d_z 1
    records = [make_record("channel", seed, 0.90) for seed in range(3)]
    records += [make_record("none", seed, 0.90 + value) for seed, value in enumerate([0.0, 0.01, 0.02])]
    plan = plan_seeds(comparison_of(records)).rows.iloc[0]
    assert plan[["axis", "baseline", "pairs"]].tolist() == ["none", "channel", 3]
    assert plan["sd"] == pytest.approx(0.01)
    assert plan["shown"] == pytest.approx(0.01)
    assert plan["difference"] == plan["margin"] == 0.01
    assert plan["seeds"] == seeds_for_verdict(1.0) == 10
    assert plan["detectable"] == math.inf
    assert plan["seeds_high"] > plan["seeds"]
    assert plan["decide_seeds"] == seeds_to_decide(plan["sd"], 0.01, 1) == 20
    assert plan["chance"] == 0.0


def test_half_the_difference_takes_about_four_times_the_seeds():
    frame = comparison_of(make_study({"channel": 0.95, "none": 0.94}, seeds=10))
    whole, half = (plan_seeds(frame, difference=size).rows["seeds"].iloc[0] for size in (0.004, 0.002))
    assert half / whole == pytest.approx(4, rel=0.25)


def test_more_strategies_take_more_seeds():
    two = plan_seeds(comparison_of(make_study({"channel": 0.95, "none": 0.94})), difference=0.003).rows
    five = make_study({"channel": 0.95, "none": 0.94, "layer": 0.94, "spatial": 0.94, "group": 0.94})
    many = plan_seeds(comparison_of(five), difference=0.003).rows.set_index("axis")
    assert many.loc["none", "sd"] == pytest.approx(two["sd"].iloc[0])
    assert many.loc["none", "seeds"] > two["seeds"].iloc[0]


def test_the_verb_prints_the_plan(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    records = make_study({"channel": 0.95, "none": 0.93, "layer": 0.951}, seeds=5)
    write_study(tmp_path, records)
    assert main(["power", f"results_dir={tmp_path}", "difference=0.004", "baseline=none"]) == 0
    out = capsys.readouterr().out
    lines = {line.split()[0]: line.split() for line in out.splitlines() if line.strip()}
    expected = plan_seeds(comparison_of(records), baseline="none", difference=0.004).rows.set_index("axis")
    for axis in ("channel", "layer"):
        assert lines[axis][4] == "0.0040"
        assert lines[axis][7] == f"{expected.loc[axis, 'seeds']:.0f}"


@pytest.mark.parametrize("difference", ["x", "0", "-1", "inf", "nan"])
def test_the_verb_refuses_what_is_no_difference(difference, capsys):
    assert main(["power", f"difference={difference}"]) == 2
    assert f"above 0, in the metric's own unit. Received: difference={difference}" in capsys.readouterr().err
