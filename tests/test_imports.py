"""Imports run one way, downwards; what reads results never imports what computes them."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from harness.config import config_directory

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = config_directory().parent
PACKAGES = ("harness", "tasks")
HEAVY = {"tensorflow", "keras", "tf_keras", "tensorflow_datasets"}
# What layers have in common, whichever package they are in.
BELOW_LAYERS = ("harness.origin", "harness.xla")


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for package in PACKAGES for path in (ROOT / package).rglob("*.py")}


@cache
def imports(module: str, *, at_start: bool) -> frozenset[str]:
    """Modules that a module imports: at its own start, or anywhere in it (for type checkers alone: never)."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in statements(tree.body, at_start=at_start):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} imports relatively"
            base = str(node.module)
            # `from harness import seeds` imports the module harness.seeds; of a package, the package itself as well.
            inner = {f"{base}.{alias.name}" for alias in node.names}
            found |= {base} | (inner & MODULES.keys())
    return frozenset(found)


def statements(body: list[ast.stmt], *, at_start: bool) -> Iterator[ast.AST]:
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from statements(node.orelse, at_start=at_start)
        elif at_start and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        elif at_start and isinstance(node, (ast.ClassDef, ast.If, ast.Try, ast.With)):
            yield from statements(
                [child for child in ast.walk(node) if isinstance(child, ast.stmt)][1:], at_start=False
            )
        else:
            yield from ast.walk(node)


@cache
def reached(module: str) -> frozenset[str]:
    """All that importing a module imports, packages' own `__init__` included, as far as it is ours; and what is not."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        parent = name.rpartition(".")[0]
        waiting += [parent] if parent else []
        if name in MODULES:
            waiting += imports(name, at_start=True)
    return frozenset(seen)


def tops(modules: frozenset[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def within(package: str) -> list[str]:
    return sorted(name for name in MODULES if f"{name}.".startswith(f"{package}."))


@pytest.mark.parametrize("module", within("harness"))
def test_the_harness_never_imports_a_task(module):
    assert "tasks" not in tops(imports(module, at_start=False))


@pytest.mark.parametrize("module", within("harness.architectures"))
def test_an_architecture_knows_no_strategy(module):
    ours = {name for name in imports(module, at_start=False) if name.startswith("harness")}
    below = {"harness", "harness.types", *BELOW_LAYERS}

    assert all(name in below or name.startswith("harness.architectures") for name in ours)


@pytest.mark.parametrize("module", BELOW_LAYERS)
def test_what_all_layers_stand_on_knows_none_of_them(module):
    assert not {name for name in imports(module, at_start=False) if name.startswith("harness")}


@pytest.mark.parametrize("module", within("tasks"))
def test_a_task_knows_types_and_other_tasks(module):
    ours = {name for name in imports(module, at_start=False) if name.partition(".")[0] in PACKAGES}

    assert all(name == "harness.types" or name.startswith("tasks") for name in ours)
    assert not HEAVY & tops(reached(module))


LIGHT = [
    *("words", "types", "seeds", "config", "grid", "settings", "identity", "provenance", "records", "plan", "cli"),
    *("frame", "comparison", "tables", "data", "reference", "notebook"),
]


@pytest.mark.parametrize(
    "module",
    [
        *(f"harness.{name}" for name in LIGHT),
        *(
            name
            for package in ("statistics", "figures", "publishing", "reporting")
            for name in within(f"harness.{package}")
        ),
    ],
)
def test_what_plans_and_reads_does_not_compute(module):
    assert not HEAVY & tops(reached(module))


@pytest.mark.parametrize("module", within("harness.commands"))
def test_a_command_imports_tensorflow_only_when_it_has_to(module):
    assert not HEAVY & tops(reached(module))


def test_strategies_are_pure_python():
    for module in ("harness.axes.strategy", "harness.axes.resolved", "harness.axes.recorder"):
        assert not (HEAVY | {"numpy"}) & tops(imports(module, at_start=False))
        assert not HEAVY & tops(reached(module))


# Each may import from its own line and from those above it.
LAYERS = [
    {"harness.types", "harness.seeds", "harness.words", *BELOW_LAYERS},
    {"harness.settings", "harness.identity", "harness.device"},
    {"harness.provenance", "harness.data", "harness.config"},
    {"harness.records", "harness.grid"},
    {"harness.initialization", "harness.evaluation", "harness.inspection"},
    {"harness.training"},
    {"harness.execute"},
    {"harness.plan"},
    {"harness.frame"},
    {"harness.comparison"},
    {"harness.tables"},
    {"harness.reporting.report"},
    {"harness.cli"},
]
HEIGHT = {module: height for height, layer in enumerate(LAYERS) for module in layer}


@pytest.mark.parametrize("module", sorted(HEIGHT))
def test_imports_run_downwards(module):
    # A function may reach up to what it starts (training is imported where a cell is run), a module may not.
    upwards = {name for name in imports(module, at_start=True) if HEIGHT.get(name, -1) > HEIGHT[module]}

    assert upwards == set()


def test_no_module_imports_itself_in_a_circle():
    graph = {module: imports(module, at_start=True) & MODULES.keys() for module in MODULES}

    # Raises CycleError, which names the circle.
    assert set(TopologicalSorter(graph).static_order()) == set(MODULES)


def test_the_analysis_side_starts_without_tensorflow():
    code = (
        "import harness.frame, harness.comparison, harness.tables, harness.figures, harness.plan, sys\n"
        "import harness.reporting.report\n"
        "from harness import load_results\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)

    assert printed.stdout.strip() == "[]"


def test_the_packages_that_are_installed_are_those_on_disk():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    declared = project["tool"]["setuptools"]["packages"]
    files = {path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file()}
    on_disk = {".".join(path.parent.relative_to(ROOT).parts) for path in files if path.parent.name != "__pycache__"}

    assert len(declared) == len(set(declared))
    assert set(declared) == on_disk | {"harness.conf"}
    assert project["tool"]["setuptools"]["package-dir"] == {"harness.conf": "conf"}
