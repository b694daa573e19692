"""A cell's model and the graphs that train it, which neighbouring cells share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras

from harness.axes.norm import NormFactory
from harness.cell.cell import Cell, structure_key
from harness.cell.graphs import forget_custom_gradients, noting_custom_gradients
from harness.cell.initialization import digest_weights
from harness.cell.model import build_loss, build_model
from harness.cell.probes import ProbeSettings
from harness.cell.shifts import ShiftProbe, build_other_length
from harness.cell.training import Trainer
from harness.config.build import build_strategy
from harness.types import TaskSpec


class Program:
    """All that is built for a cell before a seed and a learning rate are known.

    Attributes:
        config: of the cell that it was built for; cells that share it may differ in seed, rate, epochs and data.
        trainer: model, optimizer and graphs.
        normalization_layers: those that the strategy put at sites.
        sites: the strategy at each site of the model, as a record has it.
        probe: what is looked at while it trains.
        shifts: scores the trained model under shifts, where that is asked for.
    """

    def __init__(self, config: Mapping[str, Any], spec: TaskSpec) -> None:
        model, norm = _build_with_strategy(config, spec)
        loss = build_loss(config["task"]["loss"])
        self.config = config
        self.trainer = Trainer(model, norm.layers, spec=spec, loss=loss, train=config["train"])
        self.normalization_layers = norm.layers
        self.sites = [site.to_dict() for site in norm.sites]
        self.probe = ProbeSettings(**config["probe"])
        self.shifts = self._prepare_shifts(spec, norm) if self.probe.shifts else None
        self._custom_gradients: set[str] = set()

    def start(self, *, seed: int, learning_rate: float) -> str:
        """Begin anew from the weights of `seed`; returns the hash of those that all strategies share."""
        self.trainer.reset(seed=seed, learning_rate=learning_rate)
        return self.trainer.initializer.shared_digest()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Graphs that are traced inside can be let go of again."""
        with noting_custom_gradients(self._custom_gradients):
            yield

    def digest_weights(self) -> str:
        """SHA-256 over all weights as they are."""
        return digest_weights(self.trainer.model.weights)

    def forget(self) -> None:
        """Let go of the graphs, which must not be differentiated after."""
        forget_custom_gradients(self._custom_gradients)

    def _prepare_shifts(self, spec: TaskSpec, norm: NormFactory) -> ShiftProbe:
        other_length = build_other_length(
            spec,
            self.trainer.model,
            norm.sites,
            build=lambda other: _build_with_strategy(self.config, other),
            loss=self.trainer.loss,
            batch_size=self.trainer.batch_size,
        )
        return ShiftProbe(self.trainer, norm.layers, other_length)


class Programs:
    """What a worker keeps from one cell for the next that shares it.

    One program at a time: a process that keeps every graph grows by megabytes a cell.
    """

    def __init__(self) -> None:
        self._kept: dict[str, Program] = {}

    def of(self, cell: Cell) -> Program:
        """The program of a cell: the one that is kept where it serves, else a new one in its place."""
        key = structure_key(cell)
        if key not in self._kept:
            self.forget()
            # Also starts Keras's automatic names anew, from which the seeds of a user's unnamed layers are derived.
            keras.backend.clear_session()
            self._kept[key] = Program(cell.config, cell.spec)
        return self._kept[key]

    def forget(self) -> None:
        """Keep none."""
        while self._kept:
            self._kept.popitem()[1].forget()


PROGRAMS = Programs()


def _build_with_strategy(config: Mapping[str, Any], spec: TaskSpec) -> tuple[keras.Model, NormFactory]:
    """The model of a config for a task, and the norm that was put at its sites."""
    norm = NormFactory(
        build_strategy(config["axis"]),
        batch_size=config["train"]["batch_size"],
        momentum=config["norm"]["momentum"],
        epsilon=config["norm"]["epsilon"],
        present=spec.present,
    )
    return build_model(config["architecture"], spec, norm), norm
