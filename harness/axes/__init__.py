"""Axis strategies, the layer that carries them out, and the factory that puts them into an architecture.

Names are looked up on demand: a strategy can be planned and explained without importing TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.axes.layer import AxisNormalization
    from harness.axes.norm import NormFactory
    from harness.axes.recorder import SiteRecorder
    from harness.axes.resolved import ResolvedSite, equivalent
    from harness.axes.strategy import AxisStrategy, check_takes, keep_axes

__all__ = [
    "AxisNormalization",
    "AxisStrategy",
    "NormFactory",
    "ResolvedSite",
    "SiteRecorder",
    "check_takes",
    "equivalent",
    "keep_axes",
]

_HOME = {
    "AxisNormalization": "layer",
    "AxisStrategy": "strategy",
    "NormFactory": "norm",
    "ResolvedSite": "resolved",
    "SiteRecorder": "recorder",
    "check_takes": "strategy",
    "equivalent": "resolved",
    "keep_axes": "strategy",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"harness.axes.{_HOME[name]}"), name)
    raise AttributeError(f"module 'harness.axes' has no attribute {name!r}")
