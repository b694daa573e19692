"""Executed notebooks: what is kept of them, and which differences count."""

from __future__ import annotations

import copy

import pytest

from harness.commands.publish.notebooks import differences, execute, studies_of, tidied, write_notebook
from harness.types import UserError


def code(source, *outputs, name="one"):
    return {
        "cell_type": "code",
        "id": name,
        "metadata": {"execution": {"iopub.execute_input": "2026-01-01T00:00:00Z"}},
        "execution_count": 1,
        "outputs": list(outputs),
        "source": source,
    }


def result(**data):
    kinds = {name.replace("_", "/"): content for name, content in data.items()}
    return {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": kinds}


def notebook(*cells):
    return {"cells": list(cells), "metadata": {"language_info": {"version": "3.11.7"}}, "nbformat": 4}


@pytest.fixture
def stored():
    return notebook(code("show(1)", result(text_plain="accuracy 0.951", image_png="iVBOR")))


def test_what_changes_from_machine_to_machine_is_not_kept(stored):
    kept = tidied(stored)

    assert kept["metadata"]["language_info"] == {"name": "python"}
    assert kept["cells"][0]["metadata"] == {}
    assert kept["cells"][0]["outputs"] == stored["cells"][0]["outputs"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda cell: cell["outputs"][0]["data"].update({"text/plain": "accuracy 0.952"}), "one: +accuracy 0.952"),
        (lambda cell: cell["outputs"][0]["data"].pop("image/png"), "one: -(image/png)"),
        (lambda cell: cell.update(source="show(2)"), "one: +show(2)"),
        (lambda cell: cell["outputs"].append({"output_type": "stream", "text": "a warning"}), "one: +a warning"),
        (lambda cell: cell.update(id="two"), "two: +show(1)"),
    ],
)
def test_a_difference_in_text_is_found(stored, change, said):
    other = copy.deepcopy(stored)
    change(other["cells"][0])

    assert said in differences(stored, other)


def test_other_pixels_and_text_split_otherwise_are_no_difference(stored):
    other = copy.deepcopy(stored)
    other["cells"][0]["outputs"][0]["data"] = {"text/plain": ["accuracy ", "0.951"], "image/png": "AAAA"}

    assert differences(stored, other) == []


def test_a_notebook_is_executed_in_its_folder_and_gives_the_same_file_again(tmp_path):
    (tmp_path / "number.txt").write_text("41")
    path = tmp_path / "sum.ipynb"
    write_notebook(path, tidied(notebook(code("import harness\nint(open('number.txt').read()) + 1"))))
    executed = execute(path)
    write_notebook(path, executed)
    first = path.read_bytes()
    write_notebook(path, execute(path))

    assert executed["cells"][0]["outputs"][0]["data"] == {"text/plain": "42"}
    assert path.read_bytes() == first
    (tmp_path / "number.txt").write_text("42")
    assert differences(executed, execute(path)) == ["one: -42", "one: +43"]


def test_a_cell_that_raises_is_named_with_its_notebook(tmp_path):
    path = tmp_path / "broken.ipynb"
    write_notebook(path, tidied(notebook(code("int('four')"))))

    with pytest.raises(UserError, match=r"ValueError: invalid literal .*'four'.* Received: .*broken.ipynb"):
        execute(path)


def test_a_notebook_reads_the_studies_that_it_names(tmp_path):
    path = tmp_path / "two.ipynb"
    source = 'open_study("../results/reference/mnist")\nopen_study("../results/reference/stability")'
    write_notebook(path, tidied(notebook(code(source))))

    assert studies_of(path) == ["mnist", "stability"]
