"""Make our layers known to Keras as soon as there is a Keras, so that models which hold them load.

Keras loads a class of somebody else's by its registered name alone, so that the module which registers it must have
been imported. Importing it imports Keras and its backend, which whoever never loads a model should not wait for.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any

HOMES = ("harness.layers.variants", "harness.layers.masked", "harness.layers.multiply_add")


def register_with_keras() -> None:
    """Import our layers where Keras has been imported, or else right after it will be."""
    if "keras" in sys.modules:
        _import_ours()
    elif not any(isinstance(finder, _AfterKeras) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AfterKeras())


def _import_ours() -> None:
    for home in HOMES:
        importlib.import_module(home)


class _AfterKeras(MetaPathFinder):
    """Finds Keras as anybody would, once, and has our layers imported after it."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        del path, target
        if name != "keras":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _ThenOurs(spec.loader)
        return spec


class _ThenOurs(Loader):
    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        # Whatever asks the module how it was loaded gets the loader that it has without us.
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        _import_ours()
