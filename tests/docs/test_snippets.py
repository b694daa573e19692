"""The code in the documents runs: CONTRIBUTING's project is written out and run, and what reads records reads its."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from tests.docs.documents import ROOT, blocks, files
from tests.forks import Python

CONTRIBUTING = ROOT / "CONTRIBUTING.md"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The project that CONTRIBUTING describes, as someone would have it who copied its files."""
    folder = tmp_path_factory.mktemp("my-project")
    for name, content in files(CONTRIBUTING).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def python(project):
    with Python("tensorflow", "keras", "pandas", "statsmodels.api", "hydra", cwd=project) as python:
        yield python


@pytest.fixture(scope="module")
def printed(python):
    """What the command in CONTRIBUTING prints."""
    [command] = [
        line for block in blocks(CONTRIBUTING, "sh") for line in block.splitlines() if "-m harness run" in line
    ]
    return python.run(*command.split()[1:], COLUMNS="110")  # as wide as what the README shows


def test_the_project_has_the_files_that_its_listing_shows(project):
    listing = re.findall(
        r"[\w/]+\.(?:py|yaml)", re.findall(r"^```\n(.*?)^```$", CONTRIBUTING.read_text(), re.S | re.M)[0]
    )

    assert set(listing) <= set(files(CONTRIBUTING))


def test_a_strategy_a_task_and_an_architecture_of_ones_own_run_together(printed):
    rows = {line.split()[0]: line.split()[1] for line in printed.splitlines() if re.match(r" \w+ +\d/\d", line)}

    assert rows == {"none": "2/2", "channel": "2/2", "finest": "2/2"}


def test_the_strategy_of_ones_own_does_what_it_says(python):
    code = (
        "from finest import Finest\nfrom harness.types import Site\n"
        "for shape in [(40, 40, 2), (4, 4, 2)]:\n"
        "    print(Finest().resolve(Site('s', ('height', 'width', 'channel'), shape), batch_size=50).stat_axes)\n"
        "for units in (3, 30):\n"
        "    print(Finest(least=units).resolve(Site('s', ('feature',), (8,)), batch_size=10).stat_axes)\n"
    )

    # 50 examples are too few for every axis, and 50 x 2 channels enough for the positions.
    assert python.run("-c", code).split("\n")[:3] == ["('height', 'width')"] * 2 + ["('feature',)"]


def test_a_strategy_that_is_only_a_yaml_can_be_planned(python):
    overrides = ("task=mnist", "task.data.source=embedded", "axis=row_statistics", "seed=0", "engine=serial")
    planned = python.run("-m", "harness", "plan", "--config-dir", "conf", *overrides, COLUMNS="110")

    assert "height (scale and shift: channel)" in " ".join(planned.split())


def test_the_table_in_the_readme_has_the_columns_of_today(printed):
    def heading(text):
        lines = text.splitlines()
        [at] = [number for number, line in enumerate(lines) if line.startswith(" strategy")]
        return [lines[at - 1].split(), lines[at].split()]

    [shown] = blocks(ROOT / "README.md", "text")
    assert heading(shown) == heading(printed)


@pytest.mark.usefixtures("printed")
def test_a_question_of_ones_own_is_answered_in_the_report(python, project):
    [command] = [line for block in blocks(CONTRIBUTING, "sh") for line in block.splitlines() if "report" in line]
    python.run(*command.split()[1:])
    report = project / "results" / "runs" / "report"
    question, sentence = "At how many seeds is each the best?", r"is the best at \d of 2 seeds\."
    counted = pd.read_csv(report / "ripple-generated-small_conv" / "firsts.csv")

    assert counted["axis"].sort_values().tolist() == ["channel", "finest", "none"]
    assert counted["seeds"].sum() == 2
    for page in ("index.html", "index.md"):
        text = (report / page).read_text(encoding="utf-8")
        assert question in text
        assert re.search(sentence, text)
    assert (report / "ripple-generated-small_conv" / "best-at.png").stat().st_size > 1000


@pytest.mark.usefixtures("printed")
@pytest.mark.parametrize("page", ["README.md", "docs/statistics.md", "docs/your-model.md"])
def test_the_code_on_a_page_runs(page, python):
    code = blocks(ROOT / page, "python")

    assert code
    python.run("-c", "\n".join(code))
