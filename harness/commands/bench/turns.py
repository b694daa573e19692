"""Contenders as processes that take turns: started once, told over standard input when to go."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any

from harness.commands.bench.cpu import CpuWatch

END_SECONDS = 10
# A quiet machine's own housekeeping is a percent or two.
DISTURBED = 0.05

# As the user has it: importing TensorFlow here sets variables, which would speed up the programs of others.
ENVIRONMENT = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}

Answer = dict[str, Any]


class ContenderError(RuntimeError):
    """A contender's process ended before it was told to."""


class Contender:
    """One program in one process, or in several that can take a turn together, as workers do.

    Each process writes a line of JSON when it is ready (`contender`: its name, `setup_seconds`), and after each turn.

    Attributes:
        setup: what the first process said when it was ready.
    """

    def __init__(self, command: Sequence[str], *, processes: int = 1, log: Path) -> None:
        """Start the processes one after another; what they print to standard error goes to the file `log`.

        Raises:
            ContenderError: one of them ended instead of getting ready.
        """
        self._log = log
        self._processes: list[subprocess.Popen[str]] = []
        setups = []
        try:
            for number in range(processes):
                self._processes.append(_start([*command, *([f"--number={number}"] if processes > 1 else [])], log))
                setups.append(self._answer_of(self._processes[-1]))
        except BaseException:
            self.close()
            raise
        self.setup = setups[0]

    def __enter__(self) -> Contender:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def take_turn(self, processes: int = 1, *, tries: int = 1) -> list[Answer]:
        """Let so many of its processes go at once; what each says when it is done.

        Each answer also has `others`: the part of the machine's CPU time that other programs took meanwhile. Where
        that is more than `DISTURBED`, the turn is taken again, `tries` times in all, and the quietest one counts.

        Raises:
            ContenderError: one of them ended.
        """
        answers: list[list[Answer]] = []
        while len(answers) < tries and not (answers and answers[-1][0]["others"] <= DISTURBED):
            answers.append(self._take_turn(self._processes[:processes]))
        return min(answers, key=lambda said: float(said[0]["others"]))

    def _take_turn(self, at_work: Sequence[subprocess.Popen[str]]) -> list[Answer]:
        watch = CpuWatch([process.pid for process in at_work])
        for process in at_work:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        answers = [self._answer_of(process) for process in at_work]
        others = watch.others()
        return [{**answer, "others": others} for answer in answers]

    def close(self) -> None:
        """See that its processes end."""
        for process in self._processes:
            # Closing its standard input is what ends a contender.
            try:
                process.communicate(timeout=END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()

    def _answer_of(self, process: subprocess.Popen[str]) -> Answer:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            said = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise ContenderError(f"exit status {process.wait()}: {said[-1] if said else 'no message'}")
        answer: Answer = json.loads(line)
        return answer


def _start(command: Sequence[str], log: Path) -> subprocess.Popen[str]:
    with log.open("ab") as errors:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=ENVIRONMENT,
        )


def rates(turns: Sequence[Sequence[Answer]]) -> list[float]:
    """Examples a second in each turn `(turn,)`, all processes of the turn together."""
    return [sum(answer["examples"] / answer["seconds"] for answer in answers) for answers in turns]


def typical(turns: Sequence[Sequence[Answer]], key: str) -> float:
    """The median over turns and processes of what was said under `key`."""
    return float(median(float(answer[key]) for answers in turns for answer in answers))


def ratios(one: Sequence[float], other: Sequence[float]) -> list[float]:
    """How many times as large `one` is `(round,)`, each turn by the other's of the same round."""
    return [a / b for a, b in zip(one, other, strict=True)]
