"""By which code and versions a record was made, found without importing any of them."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import os
import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from harness.config.identity import outcome_config
from harness.words import in_one_line

PACKAGES = ("tensorflow", "keras", "numpy")
# Variables that can change the bits of a result, by the names that TensorFlow, oneDNN, XLA, CUDA's libraries and Keras
# give them. Not all of `TF_`: Terraform's begin with it as well, and hold passwords, which belong in no record.
CHANGING = (
    *("TF_ALLOW_", "TF_AUTO", "TF_CPU_", "TF_CUBLAS", "TF_CUDNN_", "TF_DETERMINISTIC_", "TF_DISABLE_", "TF_ENABLE_"),
    *("TF_FP16_", "TF_GPU_", "TF_MATMUL_", "TF_MKL_", "TF_MLIR_", "TF_NUM_", "TF_ONEDNN_", "TF_OVERRIDE_", "TF_ROCM_"),
    *("TF_TENSOR", "TF_USE_", "TF_XLA_", "XLA_", "KERAS_", "ONEDNN_", "DNNL_", "MKL_", "CUBLAS_", "CUDNN_"),
    "NVIDIA_TF32_",
)
# Of those, what only says what is printed, where things lie and how memory is had, and what is set here.
_UNCHANGING = (
    *("TF_GPU_ALLOCATOR", "TF_USE_LEGACY_KERAS", "TF_CPU_ALLOCATOR"),
    *("KERAS_HOME", "KERAS_BACKEND", "ONEDNN_VERBOSE", "DNNL_VERBOSE", "MKL_VERBOSE"),
)
# What is set where it is not. Without oneDNN, which TensorFlow leaves off where a CPU has no AVX-512, 2-D convolutions
# take up to 2.4 times as long and 3-D ones 6.
PRESET = {"TF_ENABLE_ONEDNN_OPTS": "1"}
COMPUTING = ("harness.cell.run",)
_LONGEST = 200


def current_provenance(config: Mapping[str, Any]) -> dict[str, Any]:
    """`source` (digest) and `versions` that a cell of this config would be computed by now."""
    modules = {target.rpartition(".")[0] for target in _targets(outcome_config(config))}
    # The packages' own code is in their versions.
    own = sorted(name for name in modules if name.partition(".")[0] not in PACKAGES)
    return {
        "source": source_digest((*COMPUTING, *own)),
        "versions": package_versions(),
        "python": platform.python_version(),
        "environment": environment(),
    }


def is_stale(record: Mapping[str, Any]) -> bool:
    """Whether other code, versions of the packages that compute, or environment variables made this record."""
    made_by = record.get("provenance") or {}
    try:
        now = current_provenance(record["config"])
    except (KeyError, TypeError, ImportError, ValueError, OSError):
        return True
    changed = any(made_by.get(key) != now[key] for key in ("source", "versions"))
    return changed or made_by.get("environment", {}) != now["environment"]


def environment() -> dict[str, str]:
    """The variables that can change the bits of a result and are not as `PRESET` or unset, with their values."""
    return {
        name: value
        for name, value in sorted(os.environ.items())
        if name.startswith(CHANGING) and not name.startswith(_UNCHANGING) and PRESET.get(name) != value
    }


def environment_difference(record: Mapping[str, Any]) -> str:
    """With which other variables than are set now a record was made, in a line; empty where with the same."""
    then, now = (record.get("provenance") or {}).get("environment", {}), environment()
    names = sorted(name for name in {*then, *now} if then.get(name) != now.get(name))
    if not names:
        return ""
    return in_one_line(f"made {_with(names, then)}, and now it is {_with(names, now).removeprefix('with ')}")


def _with(names: Iterable[str], values: Mapping[str, str]) -> str:
    """`with A=1 and without B`."""
    return " and ".join(f"with {name}={values[name]}" if name in values else f"without {name}" for name in names)


def _targets(node: Any) -> Iterator[str]:
    """What Hydra calls for a config: the `_target_`s of the data, the loss, the architecture, the strategy."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from [str(value)] if key == "_target_" else _targets(value)
    elif isinstance(node, (list, tuple)):
        for item in node:
            yield from _targets(item)


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

    Comments, docstrings and formatting do not count, nor does the version of Python that reads the code.
    """
    total = hashlib.sha256()
    for name, module in sorted(_closure(roots).items()):
        total.update(f"{name}\n".encode())
        total.update(module.code)
    return total.hexdigest()


@dataclass(frozen=True)
class _Module:
    """A module's code as bytes that no formatting changes, and what it imports."""

    code: bytes
    imports: tuple[str, ...]


def _closure(roots: Iterable[str]) -> dict[str, _Module]:
    own = {root.partition(".")[0] for root in roots}
    modules: dict[str, _Module] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in modules or name.partition(".")[0] not in own:
            continue
        path = _source_file(name)
        if path is None:
            continue
        status = path.stat()
        modules[name] = _read_module(name, path, status.st_mtime_ns, status.st_size)
        waiting.extend(modules[name].imports)
    return modules


@lru_cache(maxsize=1024)
def _read_module(name: str, path: Path, mtime_ns: int, size: int) -> _Module:
    # Read once and not for each of the thousand things that a stranger's records may say they called.
    tree = _parse(path)
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    imports = tuple(_imports(tree, package))
    code = "".join(f"{token}\n" for token in _tokens(_without_docstrings(tree)))
    return _Module(code.encode(), imports)


def _parse(path: Path) -> ast.Module:
    text = path.read_text(encoding="utf-8")
    try:
        return ast.parse(text)
    except SyntaxError:
        # It cannot be imported either, so its text is all there is to tell it from what it will become.
        return ast.Module([ast.Expr(ast.Name(text)), ast.Pass()], [])


def _imports(tree: ast.Module, package: str) -> list[str]:
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            # `from harness import seeds` imports the module harness.seeds, not a name within harness.
            names.append(base)
            names.extend(f"{base}.{alias.name}" for alias in node.names)
    return names


def _tokens(node: Any) -> Iterator[str]:
    """A syntax tree as text that no version of Python writes differently, as `ast.unparse` and `ast.dump` do."""
    if isinstance(node, ast.AST):
        yield type(node).__name__
        for field, value in ast.iter_fields(node):
            # Newer versions of Python add fields, which are empty in older code.
            if value is not None and value != []:
                yield f".{field}"
                yield from _tokens(value)
        yield "end"
    elif isinstance(node, list):
        for item in node:
            yield from _tokens(item)
    else:
        yield repr(node)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and _has_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def _has_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    first = node.body[0] if node.body else None
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)


@lru_cache(maxsize=1024)
def _source_file(name: str) -> Path | None:
    """The file of a module, found by its place: asking Python for a submodule would import what it lies in."""
    top, *inner = name.split(".")
    # A record's words for what is called may be anything, and are no place to look for files in.
    if len(name) > _LONGEST or not all(part.isidentifier() for part in (top, *inner)):
        return None
    spec = importlib.util.find_spec(top)
    if spec is None:
        return None
    if not inner:
        return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
    # A folder without __init__.py is a package too, and may be spread over several places.
    for place in (Path(folder).joinpath(*inner) for folder in spec.submodule_search_locations or []):
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.is_file():
                return file
    return None
