"""Which axes should my batch normalization keep, and what happens if I choose others?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.layers.registration import register_with_keras

if TYPE_CHECKING:
    from harness.records.frames import load_diagnostics, load_history, load_probes, load_results
    from harness.statistics.foreign import compare_frame

__version__ = "0.1.0"
__all__ = ["compare_frame", "load_diagnostics", "load_history", "load_probes", "load_results"]

register_with_keras()


def __getattr__(name: str) -> Any:
    # pandas takes most of a second to import, which `python -m harness --help` should not pay.
    if name == "compare_frame":
        from harness.statistics.foreign import compare_frame

        return compare_frame
    if name in __all__:
        from harness.records import frames

        return getattr(frames, name)
    raise AttributeError(f"module 'harness' has no attribute {name!r}")
