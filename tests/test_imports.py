"""Imports run one way, from room to room; what reads results never imports what computes them."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from harness.config.composer import config_directory

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = config_directory().parent
PACKAGES = ("harness", "tasks")
HEAVY = {"tensorflow", "keras", "tf_keras", "tensorflow_datasets"}

# The rooms of the house (docs/architecture.md): each may import from those before it and from itself.
ROOMS = ("loose", "config", "layers", "axes", "architectures", "cell", "models")
ROOMS = (*ROOMS, "records", "engines", "statistics", "report", "commands")
LOOSE = {"types", "seeds", "words", "files"}
# Doors: a package's own name hands on what lies in its rooms, and nothing in the house comes in through it.
DOORS = {"harness", "harness.__main__"}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
OURS = sorted(name for name in MODULES if name.partition(".")[0] == "harness" and name not in DOORS)


def room_of(module: str) -> str:
    room = module.split(".")[1]
    return "loose" if room in LOOSE else room


@cache
def imports(module: str, *, at_start: bool) -> frozenset[str]:
    """Modules that a module imports: when it is itself imported, or anywhere, in functions and for type checkers."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in statements(tree.body) if at_start else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} imports relatively"
            base = str(node.module)
            # `from harness import seeds` imports the module harness.seeds; of a package, the package itself as well.
            inner = {f"{base}.{alias.name}" for alias in node.names} & MODULES.keys()
            found |= inner if len(inner) == len(node.names) else {base} | inner
    return frozenset(found)


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """What runs when a module is imported, one statement inside another too."""
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from statements(node.orelse)
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node
            yield from statements([child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)])


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


def of_ours(module: str) -> set[str]:
    return {name for name in imports(module, at_start=False) if name.partition(".")[0] in PACKAGES}


@pytest.mark.parametrize("module", OURS)
def test_imports_run_from_later_rooms_to_earlier_ones(module):
    room = ROOMS.index(room_of(module))
    ours = of_ours(module)
    from_later = {name for name in ours - {"harness"} if ROOMS.index(room_of(name)) > room}

    assert from_later == set()
    # The door knows all rooms: who comes in through it knows them all as well.
    assert "harness" not in ours or ast.unparse(ast.parse(MODULES[module].read_text())).count("import harness\n") == 1
    assert not any(name.startswith("tasks") for name in ours), "the harness never imports a task"


def test_no_module_imports_itself_in_a_circle():
    graph = {module: imports(module, at_start=False) & MODULES.keys() - DOORS for module in MODULES}

    # Raises CycleError, which names the circle.
    assert set(TopologicalSorter(graph).static_order()) >= set(MODULES) - DOORS


def test_the_top_of_the_house_is_rooms_and_little_else():
    names = {path.name for path in (ROOT / "harness").iterdir() if path.name not in ("__pycache__", "conf")}

    assert names == {*ROOMS[1:], *(f"{name}.py" for name in LOOSE), "__init__.py", "__main__.py"}


@pytest.mark.parametrize("module", within("harness.architectures"))
def test_an_architecture_knows_no_strategy_and_no_config(module):
    known = {room_of(name) for name in of_ours(module) - {"harness"}}

    assert known <= {"loose", "layers", "architectures"}


@pytest.mark.parametrize("module", within("harness.layers"))
def test_a_layer_knows_layers_alone(module):
    assert {room_of(name) for name in of_ours(module) - {"harness"}} <= {"loose", "layers"}


@pytest.mark.parametrize("module", within("tasks"))
def test_a_task_knows_types_and_other_tasks(module):
    assert all(name == "harness.types" or name.startswith("tasks") for name in of_ours(module))
    assert not HEAVY & tops(reached(module))


@pytest.mark.parametrize("module", [name for name in OURS if name not in within("harness.config")])
def test_one_room_knows_hydra(module):
    assert not {"hydra", "omegaconf"} & tops(imports(module, at_start=False))


# What these rooms compute with is TensorFlow; in `cell` it is imported once a cell is run, and `axes` only by `norm`.
COMPUTING = ("layers", "architectures", "cell", "models")


@pytest.mark.parametrize("module", [name for name in OURS if room_of(name) not in COMPUTING])
def test_what_plans_and_reads_starts_without_tensorflow(module):
    assert module == "harness.axes.norm" or module.endswith(("bench.ceiling",)) or not HEAVY & tops(reached(module))


@pytest.mark.parametrize("name", ["cell", "clock", "data", "device", "health", "record", "run", "sites"])
def test_a_cell_can_be_planned_and_handed_out_without_tensorflow(name):
    assert not HEAVY & tops(reached(f"harness.cell.{name}"))


@pytest.mark.parametrize("module", [name for name in OURS if room_of(name) in ("records", "statistics", "report")])
def test_what_reads_never_reaches_what_computes(module):
    assert not HEAVY & tops(imports(module, at_start=False))


def test_strategies_are_pure_python():
    for module in ("harness.axes.strategy", "harness.axes.resolved"):
        assert not (HEAVY | {"numpy"}) & tops(imports(module, at_start=False))


def test_the_analysis_side_starts_without_tensorflow():
    code = (
        "import harness.engines.plan, sys\n"
        "import harness.report.report, harness.report.notebook\n"
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
