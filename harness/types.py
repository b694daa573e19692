"""The frozen dataclasses that several modules pass around, and the one error that users see."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Direction = Literal["max", "min"]


class UserError(ValueError):
    """A mistake in what the user asked for: the command line prints it in one line and exits with 2."""


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A number that runs are compared by, as it is declared where it is measured.

    Attributes:
        name: its column, or the part of it that is the quantity's own.
        direction: whether more (`max`) or less (`min`) of it is better.
        unit: of its values, empty where they have none.
        low, high: between which they lie.
        margin: a difference that is too small to matter, in the unit; None: a rule says (docs/statistics.md).
    """

    name: str
    direction: Direction
    unit: str = ""
    low: float = 0.0
    high: float = float("inf")
    margin: float | None = None

    @property
    def span(self) -> float:
        """How far two values can lie apart, which may be infinite."""
        return self.high - self.low

    @property
    def perfect(self) -> float:
        """The best value that there is, which may be infinite."""
        return self.high if self.direction == "max" else self.low


@dataclass(frozen=True)
class Metric:
    """What a task is scored by.

    `compute(target, output)` takes the targets `(example,)` and the model's outputs `(example, output)`,
    float64, both in the task's own unit, and returns one float. `margin` is a difference that is too small to matter,
    in that unit; without one a rule says.
    """

    name: str
    direction: Direction
    compute: Callable[[NDArray[Any], NDArray[Any]], float]
    unit: str = ""
    low: float = 0.0
    high: float = float("inf")
    margin: float | None = None

    def declaration(self) -> dict[str, Any]:
        """Name, direction, unit, range and margin: what verdicts, tables and figures need to know of the metric."""
        said = {"name": self.name, "direction": self.direction, "unit": self.unit, "low": self.low, "high": self.high}
        return said if self.margin is None else {**said, "margin": self.margin}


@dataclass(frozen=True)
class TaskSpec:
    """What an architecture needs to know of a task.

    `axes` names the axes of one example (the batch axis is not among them) and `shape` gives their sizes. Where
    examples have unequal lengths, `present` is the share of them that has each step `(time,)`; the others hold zeros
    there, at all features, and an architecture masks these (`keras.layers.Masking()`).
    """

    name: str
    axes: tuple[str, ...]
    shape: tuple[int, ...]
    outputs: int
    present: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Split:
    """Which examples of the pool train, validate and test: three index vectors `(example,)`, disjoint."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]

    def digest(self) -> str:
        """SHA-256 over the three index vectors in order."""
        return digest_arrays(self.train, self.validation, self.test)


@dataclass(frozen=True)
class Shift:
    """A way in which examples may differ once a model is deployed.

    Attributes:
        apply: takes examples `(example, *axes)`, float32, as of `TaskData.floats`, and returns shifted ones of that
            shape and type.
        meaning: what it does to them, in a sentence.
        unit: of the number at the end of its name, where it has one (`moved_2`: pixels).
    """

    apply: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    meaning: str = ""
    unit: str = ""

    def __call__(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """The shifted examples."""
        return self.apply(x)

    @staticmethod
    def declaration_of(name: str, shift: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> dict[str, str]:
        """What a record keeps of a shift; of a plain function, its name."""
        return {"name": name, "meaning": getattr(shift, "meaning", ""), "unit": getattr(shift, "unit", "")}


DIGESTED_AT_ONCE = 4096
"""Examples: a digest is of floats, which need not all be in memory at a time."""


@dataclass(frozen=True)
class TaskData:
    """A task's whole pool of examples, and how a seed splits it.

    Attributes:
        name: the task's name, as in `conf/task/<name>.yaml`.
        source: where the examples came from (`full`, `embedded`, `generated`, `cmapss`, `scene`, ...).
            Results from different sources are never pooled.
        axes: names of the axes of one example, in the order of `x`'s axes after the first.
        x: `(example, *axes)`, float32, as the model takes it (apart from `standardize_axes`); uint8 with a `divisor`.
        y: `(example,)`; int64 classes or float32 values, scaled so that training is well conditioned.
        outputs: number of model outputs (classes, or 1 for regression).
        splitter: takes a NumPy generator and returns a `Split`; the same generator state gives the same split.
        metrics: what the task is scored by, the most important first.
        target_scale: targets and outputs are multiplied by this before metrics are computed (regression).
        standardize_axes: axes (of `axes`) that keep a mean and standard deviation of their own when `x` is
            standardised with the *training* examples' statistics; `None`: `x` is used as it is.
        standardize_groups: whole numbers along the first axes of `x`, the example among them: readings of one number
            are standardised by the training readings of that number, those of different numbers apart. `None`: all
            together.
        lengths: steps of each example `(example,)`, whose first axis is `time`; what lies behind them in `x` counts in
            no statistic and is masked. `None`: all are as long as `x` is.
        divisor: what an `x` of uint8, as pixels are stored, is divided by once it is on the device, to the bits of
            dividing it before, in a quarter of the memory. Such an `x` is not standardised.
        note: one line for the user about where the data came from, where there is something to say.
        shifts: ways in which examples may differ once a model is deployed, by name: a `Shift`, or a plain function,
            of which then nobody can say what it means. With `probe.shifts` the trained model is scored on each;
            nothing is trained on them.
    """

    name: str
    source: str
    axes: tuple[str, ...]
    x: NDArray[Any]
    y: NDArray[Any]
    outputs: int
    splitter: Callable[[np.random.Generator], Split]
    metrics: tuple[Metric, ...]
    target_scale: float = 1.0
    standardize_axes: tuple[str, ...] | None = None
    note: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    shifts: Mapping[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = field(default_factory=dict)
    standardize_groups: NDArray[np.int64] | None = None
    lengths: NDArray[np.int64] | None = None
    divisor: float | None = None

    def floats(self, examples: Any = slice(None)) -> NDArray[np.float32]:
        """The examples of these indices, all unless said, as floats: `x`, divided where there is a divisor."""
        part: NDArray[np.float32] = self.x[examples]
        return part if self.divisor is None else part.astype(np.float32) / np.float32(self.divisor)

    @property
    def spec(self) -> TaskSpec:
        """The part of the task that an architecture may know."""
        shape = tuple(self.x.shape[1:])
        if self.lengths is None:
            return TaskSpec(self.name, self.axes, shape, self.outputs)
        present = (np.arange(shape[0]) < self.lengths[:, None]).mean(axis=0)
        return TaskSpec(self.name, self.axes, shape, self.outputs, tuple(map(float, present)))

    def digest(self) -> str:
        """SHA-256 over examples as floats, targets, groups and lengths, shapes and dtypes included."""
        total = hashlib.sha256(f"{np.dtype(np.float32).str}{self.x.shape}".encode())
        for start in range(0, len(self.x), DIGESTED_AT_ONCE):
            total.update(np.ascontiguousarray(self.floats(slice(start, start + DIGESTED_AT_ONCE))).data)
        others = (array for array in (self.standardize_groups, self.lengths) if array is not None)
        return _add_arrays(total, self.y, *others)


@dataclass(frozen=True)
class Own:
    """The batch normalization that a site has in a model that was built before, whatever strategy is put there.

    Attributes:
        axis, param_axis: the axes that keep statistics, and a scale and shift, as Keras counts them (the batch is 0).
        kind: `batch`, `renorm`, `ghost` or `frozen`.
        ghost: examples that share statistics, for `ghost`.
        center, scale: whether there is a shift, and a scale.
        config: its layer's, for what no strategy decides (momentum, epsilon, initializers, regularizers).
    """

    axis: tuple[int, ...]
    param_axis: tuple[int, ...]
    kind: str = "batch"
    ghost: int | None = None
    center: bool = True
    scale: bool = True
    config: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class Site:
    """One place in an architecture where the axis strategy is applied.

    `axes` names the site's axes without the batch, `shape` gives their sizes (`None`: unknown until run time).
    The last axis is the one that holds channels or features. `own` is what is there in a model that was built before.
    """

    name: str
    axes: tuple[str, ...]
    shape: tuple[int | None, ...]
    own: Own | None = None


class Norm(Protocol):
    """What an architecture is handed: it puts the normalization under study at a site.

    The architecture calls it once a site, on a Keras tensor `(batch, *axes)`, and goes on with what it returns. A site
    that is called by the same name again has the same layer again.
    """

    def __call__(self, x: Any, *, axes: tuple[str, ...], name: str, own: Own | None = None) -> Any:
        """Normalize `x` at the site called `name`, whose axes without the batch are called `axes`."""


def digest_arrays(*arrays: NDArray[Any]) -> str:
    """SHA-256 over arrays, their dtypes and shapes, in order; the same on every platform of one byte order."""
    return _add_arrays(hashlib.sha256(), *arrays)


def _add_arrays(total: Any, *arrays: NDArray[Any]) -> str:
    for array in arrays:
        total.update(f"{array.dtype.str}{array.shape}".encode())
        total.update(np.ascontiguousarray(array).data)
    return str(total.hexdigest())
