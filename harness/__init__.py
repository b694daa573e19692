"""Which axes should my batch normalization keep, and what happens if I choose others?

`compare` says which axes are best for a model of yours on your data, `run` runs a grid as the command line does,
`load_results`, `load_history`, `load_probes` and `load_diagnostics` read records as frames, and `compare_frame` judges
any tool's results. All are looked up on demand: `import harness` alone makes the layers known to Keras.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from harness.layers.registration import register_with_keras

if TYPE_CHECKING:
    from harness.commands.from_python import Comparison, compare, run
    from harness.records.frames import load_results
    from harness.records.traces import load_diagnostics, load_history, load_probes
    from harness.statistics.foreign import compare_frame
    from harness.types import UserError

__version__ = "0.1.0"
_HOME = {
    "Comparison": "harness.commands.from_python",
    "UserError": "harness.types",
    "compare": "harness.commands.from_python",
    "compare_frame": "harness.statistics.foreign",
    "load_diagnostics": "harness.records.traces",
    "load_history": "harness.records.traces",
    "load_probes": "harness.records.traces",
    "load_results": "harness.records.frames",
    "run": "harness.commands.from_python",
}
__all__ = [
    "Comparison",
    "UserError",
    "compare",
    "compare_frame",
    "load_diagnostics",
    "load_history",
    "load_probes",
    "load_results",
    "run",
]

register_with_keras()


def __getattr__(name: str) -> Any:
    # pandas takes most of a second to import, which `python -m harness --help` should not pay.
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'harness' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
