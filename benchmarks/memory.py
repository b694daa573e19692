"""How much memory a worker holds, cell after cell: `python benchmarks/memory.py`.

One process runs cells of one short epoch as a worker does. First all share their graphs and differ in their seed, then
each has another strategy than the one before, so that its graphs are built anew. Prints the resident set every so many
cells. Some four minutes.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness.cell.cell import Cell
from harness.cell.sites import find_sites
from harness.config.composer import hydra_session
from harness.config.grid import expand
from harness.engines.plan import build_plan
from harness.engines.worker import work
from harness.records.store import prepare_results_dir

SHORT = ["task=mnist", "task.data.source=embedded", "task.data.limit=512", "train.epochs=1", "train.batch_size=128"]
STRATEGIES = ("none", "channel", "spatial", "elementwise", "height", "global")


def resident_gib() -> float:
    """The resident set of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * 4096 / 2**30


def plan(overrides: Sequence[str], results_dir: Path) -> list[Cell]:
    """The cells that overrides name."""
    with hydra_session() as composer:
        return build_plan(expand(composer, [*SHORT, *overrides]), results_dir, find_sites).to_run


def watch(title: str, cells: Sequence[Cell], results_dir: Path, *, every: int) -> None:
    """Run cells and print the resident set every so many."""
    sizes = []
    for number, cell in enumerate(cells, start=1):
        work(cell, results_dir)
        if number % every == 0 or number == 1:
            gc.collect()
            sizes.append(f"{number}: {resident_gib():.3f}")
    print(f"{title}, GiB after so many cells: {', '.join(sizes)}", flush=True)


def main() -> None:
    """Watch both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cells", type=int, default=200, help="that share their graphs")
    parser.add_argument("--rebuilt", type=int, default=60, help="that do not")
    parser.add_argument("--architecture", default="seed_cnn")
    arguments = parser.parse_args()
    architecture = f"architecture={arguments.architecture}"
    with tempfile.TemporaryDirectory() as folder:
        results_dir = Path(folder)
        prepare_results_dir(results_dir)
        same = plan([architecture, "axis=channel", f"seed=range({arguments.cells})"], results_dir)
        watch("one strategy", same, results_dir, every=max(1, arguments.cells // 10))
        seeds = -(-arguments.rebuilt // len(STRATEGIES))
        grid = [architecture, f"axis={','.join(STRATEGIES)}", f"seed=range(1000,{1000 + seeds})"]
        others = sorted(plan(grid, results_dir), key=lambda cell: cell.config["seed"])
        watch("another strategy each time", others, results_dir, every=len(STRATEGIES))


if __name__ == "__main__":
    main()
