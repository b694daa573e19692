"""What is declared is what is imported, what is pinned is what is declared, and the picture is what the code draws."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from importlib.metadata import distributions

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.docs.documents import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
# Imported by tensorflow-datasets, which does not say so.
NOT_OURS = {"importlib-resources"}


def declared(requirements):
    return {canonicalize_name(Requirement(text).name) for text in requirements}


def providers():
    """The distribution that each installed package is in; the optional ones need not be installed."""
    # Python 3.10's packages_distributions() overlooks those without a list of their packages.
    found = {name: name for name in ("ray", "submitit", "torch", "nbclient", "nbformat")}
    for distribution in distributions():
        listed = distribution.read_text("top_level.txt")
        files = {file.parts[0].removesuffix(".py") for file in distribution.files or ()}
        found |= dict.fromkeys(listed.split() if listed else files, canonicalize_name(distribution.metadata["Name"]))
    return found


def imported(*folders):
    """The distributions whose packages the code in `folders` imports, at whatever depth, or takes files from."""
    names = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(str(node.module).partition(".")[0])
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "resources.files":
                names.add(ast.literal_eval(node.args[0]).partition(".")[0])
    names -= {*sys.stdlib_module_names, "harness", "tasks", "tests", "benchmarks"}
    providing = providers()
    assert names <= set(providing), "imported, and in no distribution"
    return {providing[name] for name in names}


def pins():
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            yield line


def test_what_is_declared_is_what_is_imported():
    extras = PROJECT["optional-dependencies"]
    optional = declared([one for name, ones in extras.items() if name not in ("gpu", "test", "dev") for one in ones])
    found = imported("harness", "tasks")

    assert declared(PROJECT["dependencies"]) - NOT_OURS <= found
    assert found <= declared(PROJECT["dependencies"]) | optional


def test_a_constraint_is_a_name_and_a_version_and_nothing_else():
    for line in pins():
        assert re.fullmatch(r"[\w.-]+==[\w.!+]+( ; [\w.'=<>!* ()]+)?", line), line


@pytest.mark.parametrize("python", PYTHONS)
def test_each_python_has_one_version_of_everything_that_is_declared(python):
    environment = {"python_version": python, "python_full_version": f"{python}.9", "sys_platform": "linux"}
    environment |= {"platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"}
    pinned = {}
    for line in pins():
        requirement = Requirement(line)
        if requirement.marker is None or Marker(str(requirement.marker)).evaluate(environment):
            name = canonicalize_name(requirement.name)
            assert name not in pinned, f"{name} twice"
            pinned[name] = str(requirement.specifier).removeprefix("==")
    extras = PROJECT["optional-dependencies"]
    wanted = [text for extra in ("test", "dev", "notebooks", "ray", "slurm") for text in extras[extra]]
    for text in [*PROJECT["dependencies"], *wanted]:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate(environment):
            assert pinned[canonicalize_name(requirement.name)] in requirement.specifier, text


def test_the_picture_is_what_the_strategies_resolve_to():
    spec = importlib.util.spec_from_file_location("axes_picture", ROOT / "docs" / "axes_picture.py")
    picture = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(picture)

    assert picture.PICTURE.read_text(encoding="utf-8") == picture.draw()


def test_the_picture_numbers_values_by_what_they_share():
    spec = importlib.util.spec_from_file_location("axes_picture", ROOT / "docs" / "axes_picture.py")
    picture = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(picture)
    from harness.axes import AxisStrategy

    numbers = picture.number_statistics(AxisStrategy("height").resolve(picture.SITE, batch_size=2), (2, 3, 3, 2))

    assert {index[1]: number for index, number in numbers.items()} == {0: 1, 1: 2, 2: 3}
    assert all(number == index[1] + 1 for index, number in numbers.items())
