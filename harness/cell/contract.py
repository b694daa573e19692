"""What a task, an architecture and a strategy promise, held against a cell of them: loaded, split, built, one step."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from harness.cell.cell import Cell
from harness.cell.data import build_task, draw_split, load_task, prepare_split, sizes_of
from harness.cell.program import Program
from harness.types import TaskData, UserError

# How far outputs of a model that was saved and opened again may lie from those before, relative to the largest.
_SAME = 1e-5


def check_task(cell: Cell) -> Iterator[str]:
    """A line on each promise of a cell's task that holds.

    Raises:
        UserError: the first that does not.
    """
    node = cell.config["task"]["data"]
    data = load_task(node).data
    shape = " x ".join(map(str, data.spec.shape))
    yield f"loads {len(data.x):,} examples of {shape} ({', '.join(data.axes)}), all that TaskData promises"
    if build_task(node).digest() != load_task(node).digest:
        raise UserError("expected the loader to give the same data each time. Received: other data the second time")
    yield "loads the same data again"
    first, second = draw_split(data, 0), draw_split(data, 0)
    if any(not np.array_equal(a, b) for a, b in zip(_parts(first), _parts(second), strict=True)):
        raise UserError(
            "expected a split that depends on the given generator alone. Received: two splits from one seed; draw from "
            "the generator that the splitter is given"
        )
    sizes = ", ".join(f"{count:,} {part}" for part, count in sizes_of(first).items())
    same = all(np.array_equal(a, b) for a, b in zip(_parts(first), _parts(draw_split(data, 1)), strict=True))
    yield f"splits into {sizes}, {'the same under every seed' if same else 'another split for another seed'}"
    yield from _metrics(data)


def _parts(split: Any) -> tuple[Any, ...]:
    return split.train, split.validation, split.test


def _metrics(data: TaskData) -> Iterator[str]:
    output = np.zeros((len(data.y), data.outputs))
    for metric in data.metrics:
        value = float(metric.compute(data.y, output))
        if not metric.low <= value <= metric.high:
            raise UserError(
                f"metric {metric.name}: expected a value from {metric.low:g} to {metric.high:g}, as it declares. "
                f"Received: {value:g} for outputs that are all zero"
            )
        best = "more" if metric.direction == "max" else "less"
        yield f"metric {metric.name} lies within its range ({best} is better)"


def check_model(cell: Cell) -> Iterator[str]:
    """A line on each promise of a cell's architecture and strategy that holds.

    Raises:
        UserError: the first that does not.
    """
    keras.backend.clear_session()
    program = Program(cell.config, cell.spec)
    model, names = program.trainer.model, _names(program)
    keras.layers.Dense(1)  # Keras numbers the layers that nobody named: this one must make no difference
    again = Program(cell.config, cell.spec)
    if names != _names(again):
        other = next((a for a, b in zip(names, _names(again), strict=False) if a != b), "another number of weights")
        raise UserError(
            "expected every layer to have a name of its own, the same each time it is built. "
            f"Received: {other}, which the second time is called otherwise"
        )
    yield f"builds {model.count_params():,} parameters, with the same names and shapes each time"
    drawn = [each.start(seed=seed, learning_rate=0.001) for each, seed in ((program, 0), (again, 0))]
    if drawn[0] != drawn[1]:
        raise UserError(
            "expected initial weights that depend on the seed alone. Received: other weights from the same seed"
        )
    yield "starts from the same weights under one seed"
    yield _kept(program)
    x, y = _batch(cell)
    yield _stepped(program, x, y)
    yield _round_trip(model, x)


def _names(program: Program) -> list[tuple[str, tuple[int, ...]]]:
    return [(str(weight.path), tuple(weight.shape)) for weight in program.trainer.initializer.shared_weights]


def _kept(program: Program) -> str:
    kept = [
        f"{site['name']} {tuple(site['shape'])} keeps {' x '.join(site['stat_axes']) or 'no axis'}"
        for site in program.sites
    ]
    return f"normalizes {len(kept)} site{'s' if len(kept) > 1 else ''}: {'; '.join(kept)}"


def _batch(cell: Cell) -> tuple[Any, Any]:
    _, parts = prepare_split(load_task(cell.config["task"]["data"]).data, 0)
    x, y = parts["train"].on_device
    size = cell.config["train"]["batch_size"]
    return x[:size], y[:size]


def _stepped(program: Program, x: Any, y: Any) -> str:
    model = program.trainer.model
    with tf.GradientTape() as tape:
        output = model(x, training=True)
        loss = tf.cast(tf.add_n([program.trainer.loss(y, output), *model.losses]), tf.float32)
    if not math.isfinite(float(loss)):
        raise UserError(f"expected a finite loss on the first batch. Received: {float(loss)}")
    gradients = tape.gradient(loss, model.trainable_variables)
    pairs = list(zip(model.trainable_variables, gradients, strict=True))
    unreached = [weight.path for weight, gradient in pairs if gradient is None]
    if unreached:
        raise UserError(f"expected every weight to take part in the loss. Received: no gradient for {unreached[0]}")
    broken = [weight.path for weight, gradient in pairs if not np.isfinite(_dense(gradient)).all()]
    if broken:
        raise UserError(f"expected finite gradients on the first batch. Received: others for {broken[0]}")
    return f"makes a training step: loss {float(loss):.3g}, a finite gradient for each weight"


def _dense(gradient: Any) -> Any:
    return tf.convert_to_tensor(gradient).numpy()


def _round_trip(model: keras.Model, x: Any) -> str:
    before = model(x, training=False).numpy()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        try:
            model.save(path)
            again = keras.saving.load_model(path, compile=False)
        except Exception as error:  # of any kind: Keras's own, or the user's layer's
            raise UserError(
                f"expected a model that can be saved and opened again. Received: {type(error).__name__}: "
                f"{' '.join(str(error).split())[:300]}"
            ) from error
    after = again(x, training=False).numpy()
    if not np.allclose(before, after, rtol=0, atol=_SAME * max(1.0, float(np.abs(before).max()))):
        raise UserError("expected the same outputs from a model that was saved and opened again. Received: others")
    return "is saved and opened again with the same outputs"
