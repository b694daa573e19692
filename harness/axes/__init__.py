"""Which axes are kept: strategies, sites, m'. Also the door to the layer that carries a strategy out.

Names are looked up on demand: a strategy can be planned and explained without importing TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.axes.norm import NormFactory
    from harness.axes.resolved import ResolvedSite, SiteRecorder, equivalent
    from harness.axes.strategy import AxisStrategy, check_takes, keep_axes
    from harness.layers.normalization import AxisNormalization

_HOME = {
    "AxisNormalization": "harness.layers.normalization",
    "AxisStrategy": "harness.axes.strategy",
    "NormFactory": "harness.axes.norm",
    "ResolvedSite": "harness.axes.resolved",
    "SiteRecorder": "harness.axes.resolved",
    "check_takes": "harness.axes.strategy",
    "equivalent": "harness.axes.resolved",
    "keep_axes": "harness.axes.strategy",
}
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


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'harness.axes' has no attribute {name!r}")
