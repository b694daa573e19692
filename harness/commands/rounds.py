"""Seeds in rounds: a grid under `until=told_apart` goes on only with the strategies that are not yet told apart."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.config.identity import canonical, outcome_config
from harness.statistics.sequential import Interim, judge
from harness.types import UserError

Config = dict[str, Any]


@dataclass(frozen=True)
class Rounds:
    """The strategies of a grid, one config each and comparison, and the rule by which seeds are added.

    Attributes:
        configs: configs that differ in strategy or in what separates comparisons; their seed does not matter.
        baseline: the strategy that each other is compared with.
        first, step, most: seeds of the first round, of each further one, and of all.
        alpha: probability of any false claim within one comparison.
    """

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
        if configs[0]["until"]["rule"] != "told_apart":
            return None
        for text in overrides:
            if text.lstrip("+~").partition("=")[0] == "seed":
                raise UserError(
                    "until=told_apart says itself which seeds are run: expected until.first, until.step and until.most "
                    f"in their place. Received: {text}"
                )
        return Rounds.of(configs)

    @staticmethod
    def of(configs: Sequence[Config]) -> Rounds:
        """The rounds that the `until` node of a grid's configs asks for.

        Raises:
            UserError: a baseline that the grid lacks.
        """
        rule = {key: value for key, value in configs[0]["until"].items() if key != "rule"}
        one_seed = {canonical(_without_seed(config)): config for config in configs}
        rounds = Rounds(tuple(one_seed.values()), **rule)
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

    def next_round(self, records: Sequence[Mapping[str, Any]]) -> list[Config]:
        """The configs of the cells to add, given the records of all rounds so far; empty: nothing more is wanted."""
        cells: list[Config] = []
        for members in self._comparisons().values():
            interim = self._interim(members, records)
            undecided = [
                c for c in members if c["axis"]["name"] in interim and not interim[c["axis"]["name"]].told_apart
            ]
            if not undecided:
                continue
            baseline = [config for config in members if config["axis"]["name"] == self.baseline]
            done = max(len(_scores(config, records)) for config in undecided)
            seeds = range(done, min(done + self.step, self.most))
            cells += [_with_seed(config, seed) for seed in seeds for config in (*baseline, *undecided)]
        return cells

    def verdicts(self, records: Sequence[Mapping[str, Any]]) -> list[str]:
        """One line a strategy: what was seen of it, and whether it is told apart from the baseline."""
        lines = []
        for members in self._comparisons().values():
            for name, seen in self._interim(members, records).items():
                better = "better" if seen.wins > seen.losses else "worse"
                verdict = f"told apart ({better})" if seen.told_apart else "not told apart"
                tosses = f"better at {seen.wins} of {seen.wins + seen.losses} seeds at which they differ"
                lines.append(
                    f"{name} and {self.baseline}: {verdict}; {tosses}, e = {seen.wealth:.3g} of {seen.needed:.3g}"
                )
        return lines

    def cells_of_most(self) -> int:
        """How many cells the grid would have with `most` seeds for all."""
        return self.most * len(self.configs)

    def _comparisons(self) -> dict[str, list[Config]]:
        groups: dict[str, list[Config]] = {}
        for config in self.configs:
            groups.setdefault(canonical(_without_seed(config, "axis")), []).append(config)
        return groups

    def _interim(self, members: Sequence[Config], records: Sequence[Mapping[str, Any]]) -> dict[str, Interim]:
        scores = {config["axis"]["name"]: _scores(config, records) for config in members}
        directions = [record["measures"][0]["direction"] for record in records if record["measures"]]
        return {
            name: judge(
                scores[name],
                scores[self.baseline],
                direction=directions[0] if directions else "max",
                comparisons=len(members) - 1,
                alpha=self.alpha,
            )
            for name in scores
            if name != self.baseline
        }


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
