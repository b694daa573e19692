"""By which code and versions a record was made, found without importing any of them."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import platform
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("tensorflow", "keras", "numpy")
COMPUTING = ("harness.execute",)


def current_provenance(config: Mapping[str, Any]) -> dict[str, Any]:
    """`source` (digest) and `versions` that a cell of this config would be computed by now."""
    roots = (*COMPUTING, _module_of(config["task"]["data"]["_target_"]), _module_of(config["architecture"]["_target_"]))
    return {"source": source_digest(roots), "versions": package_versions(), "python": platform.python_version()}


def is_stale(record: Mapping[str, Any]) -> bool:
    """Whether other code or other versions of the packages that compute made this record."""
    made_by = record.get("provenance", {})
    try:
        now = current_provenance(record["config"])
    except (KeyError, ModuleNotFoundError):
        return True
    return bool(made_by.get("source") != now["source"] or made_by.get("versions") != now["versions"])


@lru_cache(maxsize=1)
def _versions() -> tuple[tuple[str, str], ...]:
    found = []
    for package in PACKAGES:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:
            continue
    return tuple(found)


def package_versions() -> dict[str, str]:
    """Package -> version, of those whose version can change a result."""
    return dict(_versions())


@lru_cache(maxsize=256)
def source_digest(roots: tuple[str, ...]) -> str:
    """SHA-256 over the code of the modules `roots` and of all that they import from the same packages.

    Comments, docstrings and formatting do not count.
    """
    total = hashlib.sha256()
    for name, tree in sorted(_closure(roots).items()):
        total.update(f"{name}\n{ast.unparse(tree)}\n".encode())
    return total.hexdigest()


def _closure(roots: Iterable[str]) -> dict[str, ast.Module]:
    own = {root.partition(".")[0] for root in roots}
    modules: dict[str, ast.Module] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in modules or name.partition(".")[0] not in own:
            continue
        path = _source_file(name)
        if path is None:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        waiting.extend(_imports(tree))
        modules[name] = _without_docstrings(tree)
    return modules


def _imports(tree: ast.Module) -> list[str]:
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # `from harness import seeds` imports the module harness.seeds, not a name within harness.
            names.append(node.module)
            names.extend(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
                node.body = node.body[1:] or [ast.Pass()]
    return tree


@lru_cache(maxsize=1024)
def _source_file(name: str) -> Path | None:
    """The file of a module, found by its place: asking Python for a submodule would import what it lies in."""
    top, *inner = name.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None or spec.origin is None:
        return None
    if not inner:
        return Path(spec.origin)
    place = Path(spec.origin).parent.joinpath(*inner)
    return next((file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()), None)


def _module_of(target: str) -> str:
    """`tasks.mnist` of `tasks.mnist.load`; a package's own `__init__` where the function lives there."""
    return target.rpartition(".")[0]
