"""What can be done with a Keras model of anybody's: read it, audit, replace, recalibrate and fold its normalization.

Names are looked up on demand, since all of it imports Keras.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.models.audit import Audit, audit
    from harness.models.convert import Conversion, convert
    from harness.models.fold import Folding, fold
    from harness.models.precise import recalibrate
    from harness.models.reading import read_model

_HOME = {
    "Audit": "harness.models.audit",
    "audit": "harness.models.audit",
    "Conversion": "harness.models.convert",
    "convert": "harness.models.convert",
    "Folding": "harness.models.fold",
    "fold": "harness.models.fold",
    "read_model": "harness.models.reading",
    "recalibrate": "harness.models.precise",
}
__all__ = ["Audit", "Conversion", "Folding", "audit", "convert", "fold", "read_model", "recalibrate"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        # The function, though its module has the same name and would take its place here.
        found = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'harness.models' has no attribute {name!r}")


class _Door(ModuleType):
    """Importing `harness.models.convert` would put the module in the place of the function of its name."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Door
