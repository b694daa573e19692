"""What the documents say is there: commands, names, links."""

from __future__ import annotations

import re

import pytest

from harness.commands.arguments import configs_of
from harness.commands.cli import VERBS, parse
from tests.docs.documents import (
    CHOICES,
    PAGES,
    ROOT,
    anchors,
    blocks,
    choices,
    commands,
    files,
    first_column,
    prose_of,
    text_of,
)

README = ROOT / "README.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"


def by_page(pages):
    return pytest.mark.parametrize("page", pages, ids=lambda page: page.name)


def test_continuous_integration_runs_the_readme_s_command_word_for_word():
    tests = [line for block in blocks(README, "sh") for line in block.splitlines() if "pytest" in line]
    ran = [line.strip() for line in text_of(ROOT / ".ci" / "run").splitlines() if "pytest" in line]

    assert len(tests) == 1
    assert ran == tests


def test_the_first_command_installs_and_runs():
    first = blocks(README, "sh")[0].splitlines()

    assert len(first) == 1
    assert re.fullmatch(
        r"python3 -m venv .* && .*pip install .*-c constraints.txt .* && .*-m harness run \S+", first[0]
    )


@by_page(PAGES)
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(#[^)\s]*)?\)", prose_of(page)):
        linked = (page.parent / target).resolve() if target else page
        assert linked.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor[1:] in anchors(linked), f"{page.name} links to {target}{anchor}"


def test_the_readme_links_every_page():
    linked = set(re.findall(r"\]\(([^)#\s]+\.md)", text_of(README)))

    assert {str(page.relative_to(ROOT)) for page in PAGES} - {"README.md"} == linked


@pytest.mark.parametrize(
    ("page", "heading", "named"),
    [
        (README, "verb", set(VERBS)),
        (README, "name", choices("axis")),
        (README, "task", choices("task")),
        (README, "architecture", choices("architecture")),
        (ROOT / "docs" / "tasks.md", "task", choices("task")),
        (ROOT / "docs" / "architectures.md", "name", choices("architecture")),
    ],
    ids=lambda value: getattr(value, "name", value) if not isinstance(value, set) else "",
)
def test_a_table_names_what_there_is(page, heading, named):
    assert first_column(page, heading) == named


@by_page(PAGES)
def test_a_choice_that_a_page_names_exists(page):
    written = [name.removesuffix(".yaml").split("/") for name in files(CONTRIBUTING) if name.startswith("conf/")]
    own = {f"{group}={value}" for _, group, value in written}
    illustrated = {"architecture=my_cnn"}  # docs/architectures.md shows the file
    # `(axis=1)` is an argument of Keras's, `glob(...)` a function of Hydra's.
    for group, values in re.findall(rf"(?<![\w.(])({'|'.join(CHOICES)})=([a-z]\w*\b(?!\()(?:,\w+)*)", text_of(page)):
        for value in values.split(","):
            assert value in choices(group) or f"{group}={value}" in own | illustrated, f"{page.name}: {group}={value}"


@by_page([page for page in PAGES if commands(page)])
def test_a_command_composes(page, tmp_path, monkeypatch):
    for name, content in files(CONTRIBUTING).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for verb, *rest in commands(page):
        assert verb in VERBS
        arguments = parse(rest)
        for path in (text.partition("=")[2] for text in rest if text.startswith("architecture.path=")):
            (tmp_path / path).touch()
        if verb in ("run", "plan"):
            assert configs_of(arguments)


def test_a_study_says_its_command():
    for path in (ROOT / "conf" / "study").glob("*.yaml"):
        lines = [line for line in text_of(path).splitlines() if "python -m harness" in line]
        assert lines, f"{path.name} does not say how it is run"
        for line in lines:
            verb, *rest = line.partition("-m harness ")[2].split()
            assert verb == "run"
            assert f"study={path.stem}" in rest
