"""Batch normalization in NumPy float64: the oracle that shares no code and no arithmetic with what it judges."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Axes = tuple[int, ...]

LARGE = (64, 16, 16, 16)  # 2^18 values, from which on the layer may compile
SHAPES = {2: (6, 3), 3: (5, 3, 2), 4: (4, 3, 2, 3), 5: (3, 2, 3, 2, 2)}


def axis_sets(rank: int) -> list[Axes]:
    """Every set of non-batch axes of a tensor of that rank, the empty one included."""
    axes = range(1, rank)
    return [chosen for size in range(rank) for chosen in itertools.combinations(axes, size)]


def every_axis_set() -> list[tuple[tuple[int, ...], Axes]]:
    """`(shape, kept axes)` for ranks 2 to 5."""
    return [(shape, axes) for rank, shape in SHAPES.items() for axes in axis_sets(rank)]


def normal(shape: tuple[int, ...], seed: int = 0, mean: float = 2.0, sd: float = 3.0) -> NDArray[np.float32]:
    """Normal values, the same for the same seed."""
    return np.random.default_rng(seed).normal(mean, sd, shape).astype(np.float32)


def compact(shape: tuple[int, ...], axes: Axes) -> tuple[int, ...]:
    """The shape of a variable that keeps `axes`."""
    return tuple(shape[k] for k in axes)


def spread(values: Any, shape: tuple[int, ...], axes: Axes) -> Array:
    """A compact variable as it broadcasts against a tensor of `shape`."""
    return np.reshape(np.asarray(values, np.float64), [n if k in axes else 1 for k, n in enumerate(shape)])


@dataclass
class Reference:
    """One batch through the layer: `x` and `dy` of one shape, `gamma` and `beta` compact over `param_axis`."""

    x: Any
    axis: Axes
    param_axis: Axes
    gamma: Any
    beta: Any
    epsilon: float = 1e-3

    def __post_init__(self) -> None:
        self.x = np.asarray(self.x, np.float64)
        self.averaged = tuple(k for k in range(self.x.ndim) if k not in self.axis)
        self.shared = tuple(k for k in range(self.x.ndim) if k not in self.param_axis)
        self.mean = self.x.mean(self.averaged)
        self.variance = self.x.var(self.averaged)
        self.scale = 1 / np.sqrt(spread(self.variance, self.x.shape, self.axis) + self.epsilon)
        self.normalized = (self.x - spread(self.mean, self.x.shape, self.axis)) * self.scale

    def y(self) -> Array:
        shape = self.x.shape
        return self.normalized * spread(self.gamma, shape, self.param_axis) + spread(self.beta, shape, self.param_axis)

    def gradients(self, dy: Any) -> tuple[Array, Array, Array]:
        """dx, dgamma and dbeta by the chain rule: Ioffe & Szegedy (2015), section 3, simplified."""
        dy = np.asarray(dy, np.float64)
        inner = dy * spread(self.gamma, self.x.shape, self.param_axis)
        mean = inner.mean(self.averaged, keepdims=True)
        slope = (inner * self.normalized).mean(self.averaged, keepdims=True)
        dx = self.scale * (inner - mean - self.normalized * slope)
        return dx, (dy * self.normalized).sum(self.shared), dy.sum(self.shared)
