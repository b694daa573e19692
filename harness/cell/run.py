"""One cell from its config to its record: the whole story, each step in the file that it is imported from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.cell.cell import Cell
from harness.cell.clock import Clock
from harness.cell.costs import costs_of, forget_peak, peak_memory
from harness.cell.data import load_planned, prepare_split
from harness.cell.device import configure
from harness.cell.record import failure, outcome_of, record_of
from harness.config.settings import check_batch_size
from harness.seeds import SOURCES, source_seed


def run_cell(
    cell: Cell, on_epoch: Callable[[int], None] = lambda epoch: None, checkpoint_path: Path | None = None
) -> dict[str, Any]:
    """Run a cell and return its record (docs/records.md); whatever goes wrong inside becomes its status."""
    clock = Clock()
    try:
        outcome = _train_and_measure(cell, clock, on_epoch, checkpoint_path)
    except Exception as error:
        outcome = failure(error)
    return record_of(cell, outcome, clock.read())


def _train_and_measure(
    cell: Cell, clock: Clock, on_epoch: Callable[[int], None], checkpoint_path: Path | None
) -> dict[str, Any]:
    config = cell.config
    split_seed, init_seed, order_seed = (source_seed(config, source) for source in SOURCES)
    device = configure(config["train"])
    # TensorFlow is there only now: who plans and hands out cells does without.
    import tensorflow as tf

    from harness.cell.course import Checkpoint
    from harness.cell.measuring import measure_cell
    from harness.cell.program import PROGRAMS

    data = load_planned(cell)
    with clock.during("data"):
        split, parts = prepare_split(data, split_seed)
        check_batch_size(config, len(split.train))
    with tf.device(device):
        with clock.during("build"):
            program = PROGRAMS.of(cell)
            initial_weights = program.start(seed=init_seed, learning_rate=config["train"]["learning_rate"])
        known = forget_peak()
        with clock.during("train"), program.running():
            fit = program.trainer.fit(
                parts["train"],
                parts["validation"],
                seed=order_seed,
                probe_seed=config["seed"],
                epochs=config["train"]["epochs"],
                metrics=data.metrics,
                target_scale=data.target_scale,
                on_epoch=on_epoch,
                checkpoint=Checkpoint.of(checkpoint_path, config),
                probe=program.probe,
            )
        peak = peak_memory() if known else None
        with clock.during("evaluate"), program.running():
            measured = measure_cell(program, data, split, parts, fit, seed=order_seed)
        outcome = outcome_of(program, data, split, fit, measured, initial_weights=initial_weights, device=device)
        with clock.aside(), program.running():
            return outcome | costs_of(program, parts["test"].on_device[0], peak)
