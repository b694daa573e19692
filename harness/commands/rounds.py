"""Seeds in rounds: a grid under `until` goes on only with the strategies that are not yet told apart, or decided."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.config.identity import canonical, outcome_config
from harness.records.frames import declare
from harness.statistics.margin import margin_of
from harness.statistics.sequential import Decision, Interim, decide, judge
from harness.types import Direction, UserError

Config = dict[str, Any]


@dataclass(frozen=True)
class Rounds:
    """The strategies of a grid, one config each and comparison, and the rule by which seeds are added.

    Attributes:
        rule: `told_apart`, or `decided`, which also ends with a strategy that is equivalent.
        configs: configs that differ in strategy or in what separates comparisons; their seed does not matter.
        baseline: the strategy that each other is compared with.
        first, step, most: seeds of the first round, of each further one, and of all.
        alpha: probability of any false claim within one comparison.
    """

    rule: str
    configs: tuple[Config, ...]
    baseline: str
    first: int
    step: int
    most: int
    alpha: float

    @staticmethod
    def asked(configs: Sequence[Config], overrides: Sequence[str]) -> Rounds | None:
        """The rounds of a grid where it asks for any.

        Raises:
            UserError: seeds are named as well, or as `of` says.
        """
        rule = configs[0]["until"]["rule"]
        if rule == "none":
            return None
        for text in overrides:
            if text.lstrip("+~").partition("=")[0] == "seed":
                raise UserError(
                    f"until={rule} says itself which seeds are run: expected until.first, until.step and until.most "
                    f"in their place. Received: {text}"
                )
        return Rounds.of(configs)

    @staticmethod
    def of(configs: Sequence[Config]) -> Rounds:
        """The rounds that the `until` node of a grid's configs asks for.

        Raises:
            UserError: a baseline that the grid lacks.
        """
        rule = dict(configs[0]["until"])
        one_seed = {canonical(_without_seed(config)): config for config in configs}
        rounds = Rounds(configs=tuple(one_seed.values()), **rule)
        for members in rounds._comparisons().values():
            names = [config["axis"]["name"] for config in members]
            if rounds.baseline not in names or len(names) < 2:
                raise UserError(
                    f"until.baseline: expected one of the grid's strategies and another to compare with it, "
                    f"which are {', '.join(names)}. Received: {rounds.baseline}"
                )
        return rounds

    def first_round(self) -> list[Config]:
        """The configs of the first round's cells."""
        return [_with_seed(config, seed) for seed in range(self.first) for config in self.configs]

    def without(self, configs: Sequence[Mapping[str, Any]]) -> Rounds:
        """The same rounds without the strategies of these configs, which compute the same as others."""
        left_out = {canonical(_without_seed(config)) for config in configs}
        return replace(self, configs=tuple(c for c in self.configs if canonical(_without_seed(c)) not in left_out))

    def next_round(self, records: Sequence[Mapping[str, Any]]) -> list[Config]:
        """The configs of the cells to add, given the records of all rounds so far; empty: nothing more is wanted."""
        cells: list[Config] = []
        for members in self._comparisons().values():
            interim = self._interim(members, records)
            undecided = [c for c in members if c["axis"]["name"] in interim and not interim[c["axis"]["name"]].settled]
            if not undecided:
                continue
            baseline = [config for config in members if config["axis"]["name"] == self.baseline]
            done = max(len(_scores(config, records)) for config in undecided)
            seeds = range(done, min(done + self.step, self.most))
            cells += [_with_seed(config, seed) for seed in seeds for config in (*baseline, *undecided)]
        return cells

    def verdicts(self, records: Sequence[Mapping[str, Any]]) -> list[str]:
        """One line a strategy: what was seen of it, and whether it is told apart from the baseline."""
        return [
            f"{name} and {self.baseline}: {seen}"
            for members in self._comparisons().values()
            for name, seen in self._interim(members, records).items()
        ]

    def cells_of_most(self) -> int:
        """How many cells the grid would have with `most` seeds for all."""
        return self.most * len(self.configs)

    def _comparisons(self) -> dict[str, list[Config]]:
        groups: dict[str, list[Config]] = {}
        for config in self.configs:
            groups.setdefault(canonical(_without_seed(config, "axis")), []).append(config)
        return groups

    def _interim(
        self, members: Sequence[Config], records: Sequence[Mapping[str, Any]]
    ) -> dict[str, Interim | Decision]:
        scores = {config["axis"]["name"]: _scores(config, records) for config in members}
        declared = next((record["measures"][0] for record in records if record["measures"]), None)
        direction: Direction = declared["direction"] if declared else "max"
        shared = {"comparisons": len(members) - 1}
        of_baseline = scores.pop(self.baseline)
        if self.rule == "told_apart":
            return {
                name: judge(one, of_baseline, direction=direction, alpha=self.alpha, **shared)
                for name, one in scores.items()
            }
        margin = self._margin(members[0], declared, of_baseline)
        return {
            name: decide(one, of_baseline, direction=direction, margin=margin, alpha=self.alpha, **shared)
            for name, one in scores.items()
        }

    def _margin(self, config: Config, declared: Mapping[str, Any] | None, of_baseline: Mapping[int, float]) -> float:
        """The margin, by the baseline's first round where it takes its mean: later ones have been looked at."""
        if declared is None:
            return math.nan
        of_first = [of_baseline[seed] for seed in range(self.first) if math.isfinite(of_baseline.get(seed, math.nan))]
        mean = sum(of_first) / len(of_first) if of_first else math.nan
        return margin_of(declare(declared), mean, config.get("margin"))


def _scores(config: Config, records: Iterable[Mapping[str, Any]]) -> dict[int, float]:
    """Seed -> test score of the config's cells; NaN for one that did not end well."""
    key = canonical(_without_seed(config))
    found: dict[int, float] = {}
    for record in records:
        if canonical(_without_seed(record["config"])) == key:
            ended_well = record["status"] == "ok" and record["measures"]
            name = f"test_{record['measures'][0]['name']}" if ended_well else ""
            found[int(record["seed"])] = float(record["metrics"].get(name) or "nan") if ended_well else float("nan")
    return found


def _with_seed(config: Config, seed: int) -> Config:
    config = copy.deepcopy(config)
    config["seed"] = seed
    return config


def _without_seed(config: Mapping[str, Any], *also: str) -> dict[str, Any]:
    return {key: value for key, value in outcome_config(config).items() if key not in ("seed", *also)}
