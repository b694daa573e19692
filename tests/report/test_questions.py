"""What is asked of records: every question gives answers that hold together, and a user's own are asked too."""

from __future__ import annotations

import io
import re
from functools import cache

import pandas as pd
import pytest
from dials import dial_in, make_dial
from looked import STRATEGIES, make_looked_study
from matplotlib.axes import Axes
from rich.console import Console
from synthetic import RMSE, comparison_of, crossed, make_record, make_study

from harness.report.answer import GROUPS, Answer
from harness.report.files import write_drawing
from harness.report.questions import Questions, default_baseline
from harness.report.sheet import to_html, to_latex, to_markdown, to_terminal
from harness.types import UserError

QUESTIONS = Questions.found()
KINDS = ("of_comparison", "of_dial", "of_tasks")
ASKED = [(name, kind) for name, module in QUESTIONS.modules.items() for kind in KINDS if hasattr(module, kind)]
# What is known of other cells is not known of these.
LOST = [make_record("none", 7, status="diverged"), make_record("channel", 7, status="timeout")]


# --- studies in which there is something to say to every question -------------------------------------------------


@pytest.fixture(scope="module")
def looked():
    """Four strategies, looked at closely while they trained, under shifts, with cells that diverged and failed."""
    return comparison_of([*make_looked_study(dict.fromkeys(STRATEGIES, 0.9), seeds=7, epochs=3), *LOST])


def with_other_statistics(records):
    for record in records:
        if record["status"] == "ok":
            value = record["metrics"]["test_accuracy"]
            record["metrics"] |= {"test_accuracy_precise": value + 0.01, "test_accuracy_batch": value + 0.02}
    return records


ACCURACIES = {"channel": [0.8, 0.92, 0.95, 0.93], "layer": [0.9] * 4, "none": [0.5, 0.9, 0.94, None]}


@pytest.fixture(scope="module")
def rates():
    """Four learning rates, at one of which a strategy diverges."""
    return dial_in(with_other_statistics(make_dial(ACCURACIES, seeds=8, noise=0.002)))


@pytest.fixture(scope="module")
def sizes():
    """Three batch sizes, on which what is better depends."""
    accuracies = {axis: of_axis[:3] for axis, of_axis in ACCURACIES.items()}
    records = make_dial(accuracies, values=(2, 8, 32), setting="batch_size", seeds=8, noise=0.002)
    return dial_in(with_other_statistics(records), "batch_size")


@pytest.fixture(scope="module")
def tasks(looked):
    """A task whose metric is better where it is higher, and one where lower."""
    rul = make_study({"none": 15.0, "channel": 13.0, "spatial": 14.0}, seeds=5, spread=0.5, task="rul", measure=RMSE)
    return [looked, comparison_of(rul)]


@pytest.fixture(scope="module")
def apart():
    """A comparison whose seeds were taken apart, which is what one question asks about."""
    return comparison_of(crossed(lambda axis, split, init: 0.9 + 0.01 * split + 0.003 * init * (axis == "none")))


@pytest.fixture(scope="module")
def answers(looked, rates, sizes, tasks, apart):
    """A question's module and what it is asked of -> its answers."""

    @cache
    def ask(name, kind):
        if kind == "of_tasks":
            return list(QUESTIONS.modules[name].of_tasks(tasks))
        subjects = (apart if name == "sources" else looked,) if kind == "of_comparison" else (rates, sizes)
        return [answer for subject in subjects for answer in QUESTIONS.one(name, subject)]

    return ask


# --- what holds of every answer -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "kind"), ASKED)
def test_a_question_is_answered_in_whole_sentences_about_strategies_that_were_run(answers, name, kind):
    assert answers(name, kind)
    for answer in answers(name, kind):
        assert isinstance(answer, Answer)
        assert answer.group in GROUPS
        assert answer.question.strip() == answer.question != ""
        assert answer.sentence or answer.table or answer.figure
        for text in (answer.sentence, answer.reading, answer.caution):
            assert text == "" or text.endswith(".")
            assert not re.search(r"\b(nan|inf)\b|\bNone\b(?! of)|  ", text)
        assert {*re.findall(r"`([^`]*)`", answer.sentence)} <= {*STRATEGIES, *ACCURACIES}
        # Whoever sees a figure is told how to read it.
        assert answer.figure is None or len(f"{answer.reading} {answer.caution}") > 40
        assert answer.opens == (answer.leads or answer.sentence != "")


@pytest.mark.parametrize(("name", "kind"), ASKED)
def test_a_table_reads_the_same_however_it_is_rendered_and_its_numbers_are_behind_it(answers, name, kind):
    for table in [answer.table for answer in answers(name, kind) if answer.table is not None]:
        sheet, numbers = table.sheet, table.numbers
        assert re.fullmatch(r"[a-z0-9-]+", table.name)
        assert table.heading
        assert isinstance(numbers, pd.DataFrame)
        assert len(numbers) >= len(sheet.rows) > 0
        known = {*numbers["axis"], *numbers.get("baseline", ())}
        assert {row["axis"] for row in sheet.rows} <= known
        headings = [column.heading for column in sheet.columns]
        assert len(set(headings)) == len(headings)
        texts = [[column.text(row) for column in sheet.columns] for row in sheet.rows]
        assert not [text for row in texts for text in row if re.search(r"\b(nan|None|inf)\b", text) or not text]
        markdown = [line for line in to_markdown(sheet).splitlines() if line.startswith("|")][2:]
        assert [[cell.strip() for cell in line.strip("|").split(" | ")] for line in markdown] == texts
        assert to_html(sheet).count("<tr>") == to_latex(sheet).count(r"\\") == len(texts) + 1
        console = Console(width=200, file=io.StringIO())
        console.print(to_terminal(sheet, width=200))
        assert all(row[0] in console.file.getvalue() for row in texts)


@pytest.mark.parametrize(("name", "kind"), ASKED)
def test_a_figure_is_drawn_with_a_title_and_the_data_behind_it(answers, name, kind):
    for figure in [answer.figure for answer in answers(name, kind) if answer.figure is not None]:
        assert re.fullmatch(r"[a-z0-9-]+", figure.name)
        ax, data = figure.draw(), figure.data()
        assert isinstance(ax, Axes)
        panels = ax.figure.axes
        assert figure.wide == (len(panels) > 1) or figure.name == "together"  # two narrow ones
        assert ax.figure.get_suptitle() or all(one.get_title(loc="left") for one in panels)
        assert all(one.has_data() for one in panels)
        assert isinstance(data, pd.DataFrame)
        assert len(data) > 0


def test_what_the_answers_about_a_subject_write_into_its_folder_does_not_collide(looked, rates, sizes, tasks):
    about = [QUESTIONS.about(subject, "channel") for subject in (looked, rates, sizes)]
    for found in (*about, QUESTIONS.across(tasks)):
        tables = {one.table.name: one.table for one in found if one.table is not None}
        figures = {one.figure.name: one.figure for one in found if one.figure is not None}
        assert len(tables) == sum(one.table is not None for one in found)
        assert len(figures) == sum(one.figure is not None for one in found)
        # Both write a CSV of their name.
        for name in tables.keys() & figures.keys():
            pd.testing.assert_frame_equal(tables[name].numbers, figures[name].data())


def test_every_module_answers_something_but_the_one_that_a_verb_asks():
    assert set(QUESTIONS.modules) - {name for name, _ in ASKED} == {"seeds_needed"}


# --- which answers there are, and in which order ------------------------------------------------------------------


def figures_of(records, baseline="channel"):
    """Name -> the answer it belongs to, of the figures of a comparison in the order in which they are shown."""
    return {one.figure.name: one for one in QUESTIONS.about(comparison_of(records), baseline) if one.figure is not None}


# So far that they are told apart, as the square of all pairs is drawn for.
APART = {name: 0.9 - 0.1 * place for place, name in enumerate(STRATEGIES)}


@pytest.fixture(scope="module")
def drawn():
    return figures_of(make_looked_study(APART, seeds=7, epochs=3))


def test_what_decides_comes_first(drawn):
    names = list(drawn)
    assert names[:5] == ["seeds", "differences", "all-pairs", "stability", "inference-gap"]
    places = [(GROUPS.index(one.group), one.place) for one in drawn.values()]
    assert places == sorted(places)
    assert set(names) - set(names[:5]) == {
        *("learning-curves", "time-to-target", "cost", "shift-moved", "shift-one-at-a-time", "shift-length-80"),
        *("landscape", "inference-losses", "health-by-epoch", "health-by-site", "loss-spikes"),
    }


def test_what_was_not_looked_at_is_not_drawn():
    names = set(figures_of(make_study({"none": 0.9, "channel": 0.95}, seeds=3)))
    assert names == {"seeds", "differences", "stability", "inference-gap", "learning-curves", "time-to-target", "cost"}


def test_two_strategies_need_no_square_and_one_no_race():
    names = set(figures_of(make_study({"none": 0.9}, seeds=3), baseline="none"))
    assert not names & {"differences", "all-pairs", "time-to-target"}


def test_diverged_cells_alone_are_trouble_to_draw():
    records = [*make_study({"none": 0.9, "channel": 0.95}, seeds=3), make_record("none", 3, status="diverged")]
    assert "loss-spikes" in figures_of(records)


def test_a_refusal_is_said_in_the_figure_the_reading_and_the_data(drawn):
    answer = drawn["shift-length-80"]
    assert "Only the last 80 % of the time steps" in answer.reading
    assert "Refused" in answer.reading
    assert "Refused" not in drawn["shift-one-at-a-time"].reading
    said = [text.get_text().replace("\n", " ") for text in answer.figure.draw().texts]
    assert "refused: the statistics of site norm_1 keep the time axis: expected 100 steps. Received: 80" in said
    data = answer.figure.data()
    refused = data[data["axis"] == "elementwise"]
    assert refused["refusals"].str.startswith("length_80: the statistics").all()


def test_the_data_behind_a_figure_is_what_it_shows_without_the_settings(drawn):
    data = {name: one.figure.data() for name, one in drawn.items()}
    assert {"axis", "seed", "step", "loss_variation", "beta_smoothness"} <= set(data["landscape"])
    assert "learning_rate" not in data["landscape"]
    assert data["health-by-site"]["epoch"].unique().tolist() == [3]
    assert len(data["all-pairs"]) == 6
    assert data["time-to-target"].columns.tolist() == ["axis", "seed", "status", "id", "epochs", "seconds"]


@pytest.mark.parametrize("name", ["landscape", "health-by-epoch", "all-pairs", "time-to-target"])
def test_saved_figures_are_whole_and_the_same_each_time(drawn, tmp_path, name):
    files, svg = write_drawing(drawn[name].figure, tmp_path / "a")
    again, other = write_drawing(drawn[name].figure, tmp_path / "b")
    assert [file.read_bytes() for file in files] == [file.read_bytes() for file in again]
    assert svg == other
    assert sorted(file.suffix for file in files) == [".csv", ".png", ".svg"]
    assert len(pd.read_csv(tmp_path / "a" / f"{name}.csv")) == len(drawn[name].figure.data())


def test_what_takes_long_is_asked_only_of_who_wants_it_thorough(looked):
    thorough = {
        name for name, kind in ASKED if kind == "of_comparison" and getattr(QUESTIONS.modules[name], "THOROUGH", False)
    }
    questions = {one.question for name in thorough for one in QUESTIONS.one(name, looked)}
    assert thorough == {"all_pairs", "resampled"}
    brief = {one.question for one in QUESTIONS.about(looked, "channel", thorough=False)}
    assert {one.question for one in QUESTIONS.about(looked, "channel")} - brief == questions


def test_one_question_is_asked_with_its_options_and_a_baseline(looked):
    (answer,) = QUESTIONS.one("better", looked, "none", metric="test_accuracy_precise")
    assert set(answer.table.numbers["baseline"]) == {"none"}
    assert answer.sentence.startswith("On test accuracy precise, over 7 to 8 seeds, ")


def test_a_question_that_there_is_not_is_refused_with_the_nearest(looked, rates):
    with pytest.raises(UserError, match=r"question: .*the nearest is better\. Received: bettr"):
        QUESTIONS.one("bettr", looked)
    with pytest.raises(UserError, match=r"question: expected one of .*Received: better"):
        QUESTIONS.one("better", rates)  # of a comparison alone


def test_the_baseline_unless_said():
    assert default_baseline(["spatial", "none", "channel"]) == "channel"
    assert default_baseline(["spatial", "none"]) == "none"
    assert default_baseline(["spatial", "layer"]) == "layer"


# --- a user's own -------------------------------------------------------------------------------------------------

OWN = """
from harness.report.answer import Answer


def of_comparison(comparison, baseline):
    yield Answer(question="Which is mine?", sentence=f"Not `{baseline}`.", place=5)
"""


@pytest.fixture
def own(tmp_path):
    """Writes a file of `answers/` in a config folder, and returns the questions that are found with that folder."""

    def write(name, text):
        (tmp_path / "answers").mkdir(exist_ok=True)
        (tmp_path / "answers" / name).write_text(text, encoding="utf-8")
        return Questions.found([tmp_path])

    return write


def test_a_file_in_a_folder_s_answers_is_asked_in_its_place_beside_ours(own, looked):
    asked = [one.question for one in own("mine.py", OWN).about(looked, "none", thorough=False)]
    ours = [one.question for one in QUESTIONS.about(looked, "none", thorough=False)]
    assert asked == [ours[0], "Which is mine?", *ours[1:]]
    assert own("mine.py", OWN).one("mine", looked, "none")[0].sentence == "Not `none`."
    assert "mine" not in Questions.found().modules


def test_a_file_of_the_same_name_replaces_ours(own, looked):
    asked = [one.question for one in own("cost.py", OWN).about(looked, "none")]
    assert "Which is mine?" in asked
    assert "What does it cost?" not in asked
    assert "What does it cost?" in [one.question for one in Questions.found().about(looked, "none")]


def test_a_folder_without_answers_and_files_that_begin_with_an_underscore_ask_nothing(own, tmp_path):
    assert Questions.found([tmp_path]).modules == QUESTIONS.modules
    assert own("_shared.py", "raise RuntimeError").modules == QUESTIONS.modules


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package'"),
        ("def of_comparison(:", "SyntaxError: "),
        ("raise ValueError('first line\\nsecond line')", "ValueError: first line)"),
        ("number = 1 / 0", "ZeroDivisionError: division by zero"),
        ("def answers(comparison): ...", "a module that defines of_comparison, of_dial, of_tasks"),
        ("", "a module that defines of_comparison, of_dial, of_tasks"),
    ],
)
def test_a_file_that_cannot_be_asked_is_refused_in_a_line_that_names_it(own, tmp_path, text, said):
    with pytest.raises(UserError) as refused:
        own("mine.py", text)
    assert said in str(refused.value)
    assert str(refused.value).endswith(f"Received: {tmp_path / 'answers' / 'mine.py'}")
    assert len(str(refused.value).splitlines()) == 1
