"""Two benchmarks beside each other: what counts as slower, and what cannot be told."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from harness.commands.bench.against import FASTER, FEW, SAME, SLOWER, compare, judge
from harness.commands.bench.tables import against_table
from harness.commands.bench.throughput import ALL, KERAS, ONE, TORCH, TORCH_COMPILED, pair_of
from harness.commands.cli import main

FIRST, SECOND = pair_of(ONE, KERAS), pair_of(ALL, TORCH)
TEXT = {"encoding": "utf-8"}


def stored(*names: str, processor: str = "some", **ratios: list[float]) -> dict[str, Any]:
    """A benchmark as JSON has it; `ratios`: architecture -> of one worker to keras.fit, `(round,)`."""
    return {
        "machine": {"processor": processor, "cores": 2, "versions": {"torch": "2.13"}},
        "quick": False,
        "grid": {},
        "architectures": {
            name: {
                "task": "mnist",
                "batch_size": 32,
                "workers": 2,
                "ratios": {FIRST: ratios.get(name, [4.0, 4.1, 3.9, 4.2, 4.0]), SECOND: [3.0, 3.1, 2.9, 3.0, 3.2]},
            }
            for name in names or ratios
        },
    }


def verdicts(now: Any, then: Any) -> dict[str, str]:
    return {line.architecture: line.verdict for line in compare(now, then).lines if line.pair == FIRST}


@pytest.mark.parametrize(
    ("now", "then", "verdict"),
    [
        ([4.0, 4.0, 4.0], [4.0, 4.0, 4.0], SAME),
        ([3.2, 4.4, 3.1, 3.3, 3.2], [4.0, 4.1, 3.9, 4.2, 4.0], SAME),  # one round of ours reaches theirs
        ([3.6, 3.7, 3.65], [4.0, 3.9, 4.0], SAME),  # apart, and by less than a tenth (3.65 / 4.0)
        ([3.6, 3.5, 3.55], [4.0, 3.9, 4.0], SLOWER),
        ([4.4, 4.6, 4.5], [4.0, 3.9, 4.0], FASTER),
        ([4.3, 4.4, 4.4], [4.0, 3.9, 4.0], SAME),  # 4.0 / 4.4 is more than nine tenths
        ([2.0, 2.0], [4.0, 4.0, 4.0], FEW),
        ([2.0, 2.0, 2.0], [4.0, 4.0], FEW),
    ],
)
def test_slower_is_below_in_every_round_and_by_a_tenth(now: list[float], then: list[float], verdict: str) -> None:
    assert judge(now, then) == verdict


rounds = st.lists(st.floats(0.1, 100), min_size=3, max_size=7)


@given(rounds, rounds, st.floats(0.5, 2))
def test_a_verdict_is_turned_round_with_the_runs_and_hangs_on_no_unit(
    now: list[float], then: list[float], unit: float
) -> None:
    turned = {SLOWER: FASTER, FASTER: SLOWER, SAME: SAME}
    # Powers of two scale without rounding.
    scale = 2.0 ** round(np.log2(unit))

    assert judge(then, now) == turned[judge(now, then)]
    assert judge([scale * one for one in now], [scale * one for one in then]) == judge(now, then)
    assert judge(now, now) == SAME


@pytest.mark.parametrize(("count", "chance"), [(3, 1 / 20), (5, 1 / 252)])
def test_what_chance_alone_takes_for_slower(count: int, chance: float) -> None:
    # Of rounds that differ by chance, and much: the least difference then hardly counts.
    rng = np.random.default_rng(0)
    draws = rng.lognormal(sigma=3.0, size=(20_000, 2, count))
    found = np.mean([judge(now, then) == SLOWER for now, then in draws.tolist()])

    assert abs(found - chance) < 4 * np.sqrt(chance / len(draws)) + 0.1 * chance


def test_only_what_is_in_both_is_compared_and_the_rest_is_named() -> None:
    compared = compare(stored("seed_cnn", "new"), stored("seed_cnn", "gone"))

    assert {line.architecture for line in compared.lines} == {"seed_cnn"}
    assert compared.notes == ["Not in the file: new.", "Not measured now: gone."]
    assert not compared.slower
    assert compare(stored("new"), stored("gone")).notes[-1] == "There is nothing in both to compare."


def test_another_machine_is_not_judged() -> None:
    compared = compare(stored(gru=[1.0] * 5), stored(gru=[4.0] * 5, processor="other"))

    assert {line.verdict for line in compared.lines} == {"other machine"}
    assert not compared.slower
    assert compared.notes == ["The file is of another machine (other, 2 cores): nothing is judged."]


def test_other_versions_are_told_and_judged() -> None:
    then = stored(gru=[4.0] * 5)
    then["machine"]["versions"] = {"torch": "2.12", "numpy": "2.4"}
    compared = compare(stored(gru=[1.0] * 5), then)

    assert compared.slower
    assert compared.notes == ["torch was 2.12 and is 2.13: a peer that is faster looks like a harness that is slower."]


def test_other_batches_are_not_compared() -> None:
    then = stored("gru")
    then["architectures"]["gru"]["batch_size"] = 128
    compared = compare(stored("gru"), then)

    assert compared.lines == []
    assert compared.notes[0] == "gru was measured on mnist with batches of 128 and 2 workers: not compared."


def test_what_was_compiled_in_one_run_alone_is_left_out() -> None:
    then = stored("gru")
    then["architectures"]["gru"]["ratios"][pair_of(ALL, TORCH_COMPILED)] = [1.0] * 5

    assert [line.pair for line in compare(stored("gru"), then).lines] == [FIRST, SECOND]


def write(folder: Path, **files: Any) -> None:
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content), **TEXT)


@pytest.mark.parametrize(
    ("now", "status", "said"),
    [
        ([4.0, 4.1, 3.9, 4.2, 4.0], 0, "+0% same"),
        ([4.3, 3.7, 4.0, 3.8, 4.2], 0, "+0% same"),
        ([2.0, 2.1, 1.9, 2.0, 2.1], 1, "4.00 2.00 −50% slower"),
        ([8.0, 8.1, 7.9, 8.0, 8.1], 0, "+100% faster"),
    ],
    ids=["equal", "noisy", "slower", "faster"],
)
def test_the_command_exits_1_where_one_is_slower(
    now: list[float], status: int, said: str, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    write(tmp_path, now=stored(seed_cnn=now, gru=[4.0] * 5), before=stored("seed_cnn", gru=[4.0] * 5))

    assert main(["bench", "file=now.json", "against=before.json"]) == status
    assert said in " ".join(capsys.readouterr().out.split())


def damaged() -> dict[str, Any]:
    zero, empty, text, less = (copy.deepcopy(stored("gru")) for _ in range(4))
    zero["architectures"]["gru"]["ratios"][FIRST][0] = 0.0
    empty["architectures"]["gru"]["ratios"][FIRST] = []
    text["architectures"]["gru"]["ratios"][FIRST][0] = "4.0"
    del less["machine"]
    return {"zero": zero, "empty": empty, "text": text, "less": less, "list": [], "nothing": None}


@pytest.mark.parametrize("content", damaged().values(), ids=damaged().keys())
@pytest.mark.parametrize("option", ["file", "against"])
def test_a_damaged_file_is_one_line(option: str, content: Any, tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, good=stored("gru"), bad=content)
    argv = ["bench", "file=good.json", "against=good.json"]

    assert main([f"{option}=bad.json" if text.startswith(option) else text for text in argv]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"harness: error: {option}: expected a file that bench out=FILE has written (")
    assert said.endswith("Received: bad.json\n")
    assert said.count("\n") == 1


def test_a_file_with_ratios_alone_can_be_compared_and_not_shown(tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, good=stored("gru"))

    assert main(["bench", "file=good.json"]) == 2
    assert "file: expected all that bench out=FILE has written (KeyError" in capsys.readouterr().err


def test_names_in_a_file_are_shown_and_not_obeyed(tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    write(tmp_path, good=stored("[red]gru\x1b[2J"))

    assert main(["bench", "file=good.json", "against=good.json"]) == 0
    assert "[red]gru\\x1b[2J" in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b'{"machine": ', b"[" * 100_000])
def test_what_is_no_json_is_one_line(content: bytes, tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.json").write_bytes(content)

    assert main(["bench", "against=bad.json"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_table_fits_a_narrow_terminal() -> None:
    console = Console(width=80, record=True, file=Path(os.devnull).open("w"))  # noqa: SIM115
    console.print(against_table(compare(stored("hyper_cnn3d"), stored("hyper_cnn3d"))))

    rows = [line for line in console.export_text().splitlines() if "hyper_cnn3d" in line]
    assert len(rows) == 2
    assert all(row.rstrip().endswith("same") for row in rows)
