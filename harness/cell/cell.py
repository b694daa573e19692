"""What a cell is: one planned run, and what of it is baked into the graphs that train it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.config.identity import canonical, outcome_config
from harness.types import TaskSpec


@dataclass(frozen=True)
class Cell:
    """A planned cell: its id and identity, its resolved config, and a summary of the data that it will see."""

    id: str
    identity: str
    config: Mapping[str, Any]
    data: Mapping[str, Any]

    @property
    def spec(self) -> TaskSpec:
        """The task as an architecture may know it."""
        data = self.data
        present = tuple(data["present"]) if data.get("present") else None
        return TaskSpec(
            self.config["task"]["name"], tuple(data["axes"]), tuple(data["shape"]), data["outputs"], present
        )


def structure_key(cell: Cell) -> str:
    """What is baked into the graphs. Cells equal in it share them; seed, rate, epochs and data are not in it."""
    structure = outcome_config(cell.config)
    structure.pop("seed")
    structure.pop("seeds", None)
    structure["task"] = {"loss": structure["task"]["loss"]}
    structure["train"] = {k: v for k, v in structure["train"].items() if k not in ("learning_rate", "epochs")}
    spec = cell.spec
    task = {"axes": spec.axes, "shape": spec.shape, "outputs": spec.outputs, "present": spec.present}
    return canonical({"structure": structure, **task})
