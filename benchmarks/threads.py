"""Where cores do most, in a cell's threads or in workers of one thread each: `python benchmarks/threads.py`.

For each architecture, on its task's recipe: one worker of one thread, as many workers of one thread as there are cores,
and one worker with a thread a core. They take turns, each turn a whole cell of one epoch, which is taken again where
other programs disturb it; the median over turns is reported. Some ten minutes on two cores.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import median

from harness.commands.bench.turns import Contender, rates, ratios
from harness.engines.machine import usable_cores

CELLS = {
    "seed_cnn": "mnist",
    "deep_cnn": "mnist",
    "mlp": "mnist",
    "seed_lstm": "degradation",
    "gru": "degradation",
    "hyper_cnn2d": "hyperspectral",
    "hyper_cnn3d": "hyperspectral",
}


def measure(architecture: str, *, turns: int, tries: int, cores: int) -> list[list[float]]:
    """Examples a second `(way, turn)`: one worker, a worker a core, one worker with a thread a core."""
    command = [sys.executable, "-m", "harness.commands.bench.cells", f"task={CELLS[architecture]}", "axis=channel"]
    command += [f"architecture={architecture}", "train.epochs=1"]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with (
            Contender([*command, "train.threads=1"], processes=cores, log=log) as narrow,
            Contender([*command, f"train.threads={cores}"], log=log) as wide,
        ):
            ways = [(narrow, 1), (narrow, cores), (wide, 1)]
            answers = [[contender.take_turn(count, tries=tries) for contender, count in ways] for _ in range(turns)]
    return [rates([turn[way] for turn in answers]) for way in range(len(ways))]


def main() -> None:
    """Measure and print one line an architecture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--tries", type=int, default=4, help="of a turn that other programs disturb")
    parser.add_argument("architectures", nargs="*", help=f"some of {', '.join(CELLS)}; default: all")
    arguments = parser.parse_args()
    cores = usable_cores()
    print(f"| architecture | examples/s, 1 worker | {cores} workers | 1 worker, {cores} threads |")
    print("| --- | ---: | ---: | ---: |")
    for architecture in arguments.architectures or CELLS:
        one, workers, threads = measure(architecture, turns=arguments.turns, tries=arguments.tries, cores=cores)
        gains = " | ".join(f"× {median(ratios(way, one)):.2f}" for way in (workers, threads))
        print(f"| {architecture} | {median(one):,.0f} | {gains} |", flush=True)


if __name__ == "__main__":
    main()
