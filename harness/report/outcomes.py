"""How choices of axes stand to the baseline on real data: outcomes of verdicts, counted and said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness.report.text import mark, rows_of
from harness.statistics.caution import BASELINE, BETTER, EQUIVALENT, UNDECIDED, WORSE
from harness.statistics.comparison import Comparison
from harness.statistics.largest import NO_CHOICE, SAME_CHOICE
from harness.statistics.new_data import new_data_intervals
from harness.statistics.verdicts import compare_pairs

# The kinds of outcome, by verdict and size: a difference within the margin is told apart and does not matter.
IS_BETTER, _NO_MATTER, IS_WORSE, _IS_OPEN = BETTER, "no difference that matters", WORSE, UNDECIDED
OUTCOMES = (IS_BETTER, _NO_MATTER, IS_WORSE, _IS_OPEN)
_STANDS = {
    IS_BETTER: "is better",
    IS_WORSE: "is worse",
    _NO_MATTER: "makes no difference that matters",
    _IS_OPEN: "is undecided",
}
_ARROWS = {BETTER: "↑", WORSE: "↓"}


@dataclass(frozen=True)
class Verdict:
    """One strategy against the baseline in one comparison."""

    strategy: str
    outcome: str  # of OUTCOMES
    arrow: str = ""  # where it is told apart by less than what matters
    is_beyond: bool = False  # told apart by more than what matters
    holds_anew: bool = False  # the interval for new data of this kind leaves out 0 too
    precise: str = ""  # the outcome with statistics that are re-estimated after training; empty where it is not known

    @property
    def name(self) -> str:
        """The strategy without its settings."""
        return self.strategy.partition(" ")[0]


def say_outcomes(real: Sequence[Verdict]) -> Iterator[str]:
    """What verdicts on real data say: how many of what kind, of which strategies, and what re-estimating changes."""
    axes = [one for one in real if one.name not in (*NO_CHOICE, *SAME_CHOICE)]
    if axes:
        yield from _tally(axes)
        yield _differing(axes, "As trained")
    if precise := _re_estimated(axes):
        yield _differing(precise, "With statistics re-estimated after training")
    if nothing := [one for one in real if one.name == "none"]:
        again = _re_estimated(nothing)
        behind = f", and, with those of {mark(BASELINE)} re-estimated, {_stands(again)}" if again else ""
        yield f"No normalization at all {_stands(nothing)}{behind}."
    if alone := [one for one in real if one.name in NO_CHOICE and one.name != "none"]:
        yield f"Of what averages over no batch {'; '.join(_each(alone).values())}."


def _tally(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """How often which outcome was found, and what of it holds for new data."""
    better, worse = ([one for one in verdicts if one.outcome == outcome] for outcome in (IS_BETTER, IS_WORSE))
    arrows = [one.arrow for one in verdicts]
    undecided = sum(one.outcome == _IS_OPEN for one in verdicts)
    beyond = [sum(one.is_beyond for one in ones) for ones in (better, worse)]
    if not beyond[0]:
        yield (
            "**On real data no other choice of axes is shown to beat the channels, or features (`axis=-1`), by more "
            "than what matters.**"
        )
    yield (
        f"What matters is 0.01 of an accuracy or 5 % of an error: of {len(verdicts)} comparisons of another choice of "
        f"axes with {mark(BASELINE)}, {len(better)} end better ({beyond[0]} by more than that) and {len(worse)} worse "
        f"({beyond[1]} by more); {sum(one.outcome == _NO_MATTER for one in verdicts)} show that the difference is "
        f"smaller, {arrows.count('↑')} of them better and {arrows.count('↓')} worse by so little; {undecided} are "
        "undecided."
    )
    if better or worse:
        anew = [sum(one.holds_anew for one in ones) for ones in (better, worse)]
        yield (
            f"These verdicts are about the data at hand and new seeds: for new data of their kind, whose intervals are "
            f"wider, {anew[0]} of the {len(better)} better and {anew[1]} of the {len(worse)} worse still leave out 0."
        )


def _re_estimated(verdicts: Sequence[Verdict]) -> list[Verdict]:
    return [replace(one, outcome=one.precise) for one in verdicts if one.precise]


def _differing(verdicts: Sequence[Verdict], when: str) -> str:
    """Which choices of axes are told to differ by what is not shown to be small, and how often."""
    names = {one.strategy for one in verdicts if one.outcome in (IS_BETTER, IS_WORSE)}
    rest = [one for one in verdicts if one.strategy not in names]
    undecided = sum(one.outcome == _IS_OPEN for one in rest)
    others = f"{undecided} of {len(rest)} comparisons of other choices are undecided" if undecided else ""
    if not names:
        return f"{when} no other choice is told to be better or worse by that much{others and f', and {others}'}."
    ways = "; ".join(_each([one for one in verdicts if one.strategy in names]).values())
    none_else = f"no other is told to be better or worse by that much{others and f', and {others}'}" if rest else ""
    return f"{when} {ways}{none_else and f'; {none_else}'}."


def _each(verdicts: Sequence[Verdict]) -> dict[str, str]:
    """Strategy -> its name and how it stands."""
    names = sorted({one.strategy for one in verdicts})
    return {name: f"{mark(name)} {_stands([one for one in verdicts if one.strategy == name])}" for name in names}


def _stands(verdicts: Sequence[Verdict]) -> str:
    """How one strategy stands to the baseline: `is better in 1 and is undecided in 2 of 3`."""
    counts = {words: sum(one.outcome == outcome for one in verdicts) for outcome, words in _STANDS.items()}
    *others, last = (f"{words} in {number}" for words, number in counts.items() if number)
    begin = f"{', '.join(others)} and " if others else ""
    return f"{begin}{last} of {len(verdicts)}"


def verdicts_of(comparison: Comparison) -> list[Verdict]:
    """Every strategy against the baseline."""
    precise = f"{comparison.metric()[0]}_precise"
    by_precise = _outcomes(comparison, precise) if precise in comparison.cells else {}
    anew = new_data_intervals(comparison, baseline=BASELINE).set_index("axis")
    leaves_out = (anew["new_low"] > 0) | (anew["new_high"] < 0)
    return [
        Verdict(strategy, *found, bool(leaves_out[strategy]), by_precise.get(strategy, ("",))[0])
        for strategy, found in _outcomes(comparison).items()
    ]


def _outcomes(comparison: Comparison, metric: str | None = None) -> dict[str, tuple[str, str, bool]]:
    """Strategy -> its outcome, the arrow of one that is told apart by less than what matters, whether it is more."""
    rows = rows_of(compare_pairs(comparison, metric, baseline=BASELINE).rows)
    return {str(row["axis"]): _outcome(str(row["verdict"]), str(row["size"])) for row in rows}


def _outcome(verdict: str, size: str) -> tuple[str, str, bool]:
    if verdict in _ARROWS and size == "within":
        return _NO_MATTER, _ARROWS[verdict], False
    told = {BETTER: IS_BETTER, WORSE: IS_WORSE, EQUIVALENT: _NO_MATTER}.get(verdict, _IS_OPEN)
    return told, "", size == "beyond"
