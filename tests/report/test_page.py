"""The page as a browser shows it: these need Chromium, and are skipped where there is none."""

from __future__ import annotations

import csv
import html
import io
import re

import numpy as np
import pytest
from looked import make_looked_study
from synthetic import RMSE, make_record, make_study, write_study

from harness.records.grids import write_grid
from harness.report.answer import DECIDES, TRAINING
from harness.report.chapters import Figure
from harness.report.page import shown_of
from harness.report.report import write_report
from tests.report.browsing import browse, browser


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A report with everything in it: two tasks, three learning rates, diverged, failed, stale and missing cells."""
    results = tmp_path_factory.mktemp("results")
    records = make_study({"none": 0.94, "channel": 0.97, "elementwise_stats_channel_params": 0.93}, seeds=7)
    records += make_looked_study({"none": 15.0, "channel": 13.0}, seeds=7, spread=0.5, task="rul", measure=RMSE)
    rng = np.random.default_rng(0)
    for rate in (0.1, 1.0):
        for axis in ("none", "channel"):
            for seed in range(3):
                status = "diverged" if rate == 1.0 and axis == "none" else "ok"
                value = None if status == "diverged" else 0.9 + 0.01 * rng.normal()
                records.append(make_record(axis, seed, value, status=status, settings={"learning_rate": rate}))
    strange = {"look": {"colour": "red; background:url(//elsewhere)", "marker": "</svg>"}}
    records.append(make_record("group <b>", 0, status="error", strategy=strange))
    write_study(results, records)
    write_grid(results, "run", [*(record["id"] for record in records), "mnist-lenet-layer-s0-never-run"])
    return write_report(results)[0].parent


@pytest.fixture(scope="module")
def page(report):
    return (report / "index.html").read_text(encoding="utf-8")


def test_every_link_leads_somewhere(report, page):
    ids = set(re.findall(r' id="([^"]+)"', page))
    links = {html.unescape(link) for link in re.findall(r' href="([^"]+)"', page)}
    assert len(links) > 40
    for link in links:
        assert link[1:] in ids if link.startswith("#") else (report / link).is_file(), link


def test_ids_are_unique(page):
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_the_page_is_self_contained(page):
    assert not re.findall(r'(?:src|href)="(?:https?:|//)', page)
    assert "<img" not in page
    assert "@import" not in page
    assert len(page) < 10_000_000


def test_what_is_incomplete_is_said(page):
    text = html.unescape(re.sub(r"<[^>]+>", " ", page))
    assert "48 of 49 planned cells have a record: 44 ok, 3 diverged, 1 error; 1 missing; 48 stale" in text
    assert "mnist-lenet-layer-s0-never-run" in text
    assert "error for the test" in text


def test_names_are_escaped(page):
    assert "group &lt;b&gt;" in page
    assert "group <b>" not in page
    assert "elsewhere" not in page


def test_every_figure_says_how_to_read_it_and_links_its_data(page):
    figures = re.findall(r"<figure.*?</figure>", page, flags=re.DOTALL)
    names = {re.search(r'class="([^" ]+)', figure)[1] for figure in figures}
    of_a_comparison = {"seeds", "differences", "all-pairs", "stability", "inference-gap", "learning-curves", "cost"}
    of_looks = {"landscape", "inference-losses", "health-by-epoch", "health-by-site", "loss-spikes"}
    of_shifts = {"shift-moved", "shift-one-at-a-time", "shift-length-80"}
    of_all = {"tasks", "together", "profiles", "time-profiles"}
    of_a_dial = {"curves", "usable-rates", "differences-by-value", "gap-parts"}
    assert names - of_a_dial == of_a_comparison | {"time-to-target"} | of_looks | of_shifts | of_all
    for figure in figures:
        assert len(re.search(r"<figcaption><strong>.*?</strong>(.*?)</figcaption>", figure, flags=re.DOTALL)[1]) > 40
        assert 'csv">data (CSV)</a>' in figure
        assert "<svg viewBox=" in figure


def test_where_the_page_would_grow_too_large_what_decides_stays(monkeypatch):
    svg = '<svg width="1" viewBox="0 0 1 1"><g/></svg>'
    figures = [
        Figure(name, name, "", f"a/{name}", svg, group, wide=False)
        for name, group in (("why", TRAINING), ("who", DECIDES))
    ]
    monkeypatch.setattr("harness.report.page._MOST_FIGURE_BYTES", len(svg) + 1)
    shown = shown_of(figures)
    assert shown["a/why"] is None
    assert shown["a/who"].startswith('<svg viewBox="0 0 1 1"')


@browser
def test_sorting_filtering_and_the_theme_work_and_no_request_leaves_the_page(page, tmp_path):
    script = """(() => {
      const cells = (n) => Array.from(document.querySelectorAll("#rows tbody tr"))
        .filter((row) => !row.hidden).map((row) => row.cells[n].textContent);
      const headings = Array.from(document.querySelectorAll("#rows th"));
      const column = (name) => headings.findIndex((one) => one.textContent.trim() === name);
      const rows = () => Array.from(document.querySelectorAll("#rows tbody tr"));
      const values = () => rows().map((row) => row.cells[column("mean")].dataset.value);
      const result = {};
      headings[column("mean")].querySelector("button").click();
      result.up = values();
      result.sorted = headings[column("mean")].getAttribute("aria-sort");
      headings[column("mean")].querySelector("button").click();
      result.down = values();
      headings[column("strategy")].querySelector("button").click();
      result.names = cells(0);
      const filter = document.getElementById("filter");
      filter.value = "rul channel"; filter.dispatchEvent(new Event("input"));
      result.filtered = cells(1).map((task, i) => task + " " + cells(0)[i]);
      result.matches = document.getElementById("matches").value;
      filter.value = ""; filter.dispatchEvent(new Event("input"));
      const task = document.getElementById("task");
      task.value = "mnist"; task.dispatchEvent(new Event("change"));
      result.tasks = Array.from(new Set(cells(1)));
      const paper = () => getComputedStyle(document.querySelector("section")).backgroundColor;
      const before = paper();
      document.getElementById("theme").click();
      result.turned = paper() !== before;
      return result;
    })()"""
    outcome, console = browse(page, tmp_path, script)
    got = outcome["value"]
    assert outcome["failed"] is None
    assert console == []
    assert outcome["requests"] == []
    numbers = [float(value) for value in got["up"] if value]
    assert numbers == sorted(numbers)
    assert len(numbers) >= 8
    assert got["up"][-2:] == ["", ""]  # the failed and the diverged have no mean: last, whichever way
    assert got["sorted"] == "ascending"
    assert [float(value) for value in got["down"] if value] == numbers[::-1]
    assert got["down"][-2:] == ["", ""]
    assert got["names"] == sorted(got["names"])
    assert got["filtered"] == ["rul channel"]
    assert got["matches"].startswith("1 of ")
    assert got["tasks"] == ["mnist"]
    assert got["turned"] is True


@browser
@pytest.mark.parametrize("width", [400, 1400])
def test_nothing_sticks_out_or_is_cut(page, tmp_path, width):
    script = """(() => {
      for (const details of document.querySelectorAll("details")) details.open = true;
      const root = document.documentElement;
      const out = Array.from(document.querySelectorAll("body *")).filter((one) => {
        if (one.closest(".scroll") && !one.matches(".scroll")) return false;  // these scroll by themselves
        return one.getBoundingClientRect().right > root.clientWidth + 0.5;
      }).map((one) => one.tagName + "." + one.className);
      const cut = Array.from(document.querySelectorAll("h1, h2, h3, p, dd, figcaption, label, a")).filter(
        (one) => getComputedStyle(one).overflow === "hidden" && one.scrollWidth > one.clientWidth).length;
      const svg = Array.from(document.querySelectorAll("svg")).flatMap((one) => {
        const box = one.getBoundingClientRect();
        return Array.from(one.querySelectorAll("text")).filter((text) => {
          const t = text.getBoundingClientRect();
          return t.left < box.left - 1 || t.right > box.right + 1 || t.top < box.top - 1 || t.bottom > box.bottom + 1;
        }).map((text) => text.textContent.trim());
      });
      return {width: root.clientWidth, overflow: root.scrollWidth - root.clientWidth, out, cut, svg};
    })()"""
    outcome, console = browse(page, tmp_path, script, width=width)
    assert console == []
    assert outcome["value"] == {"width": width, "overflow": 0, "out": [], "cut": 0, "svg": []}


@browser
def test_strategies_are_hidden_everywhere_columns_by_name_and_the_view_is_in_the_address(page, tmp_path):
    script = """(() => {
      const result = {};
      const marks = () => Array.from(document.querySelectorAll('svg [data-strategy="channel"]:not([data-names])'));
      const seen = (one) => one.getClientRects().length > 0 && getComputedStyle(one).display !== "none";
      for (const details of document.querySelectorAll("details")) details.open = true;
      result.before = marks().filter(seen).length;
      const rows = () => Array.from(document.querySelectorAll("#rows tbody tr")).filter((row) => !row.hidden);
      result.rows = rows().filter((row) => row.dataset.axis === "channel").length;
      // By a click at the name in a figure, as at the chip.
      document.querySelector('svg [data-names][data-strategy="channel"]').dispatchEvent(new Event("click"));
      result.after = marks().filter(seen).length;
      result.rowsAfter = rows().filter((row) => row.dataset.axis === "channel").length;
      result.pressed = document.querySelector('[data-show="channel"]').getAttribute("aria-pressed");
      const box = document.querySelector('#columns input[name="SD"]');
      box.click();
      const heading = Array.from(document.querySelectorAll("#rows th")).find((one) => one.textContent.trim() === "SD");
      result.column = [heading.hidden, rows()[0].cells[heading.cellIndex].hidden];
      result.hash = decodeURIComponent(location.hash);
      document.querySelector('[data-show="channel"]').click();
      result.back = marks().filter(seen).length;
      return result;
    })()"""
    outcome, console = browse(page, tmp_path, script)
    got = outcome["value"]
    assert (outcome["failed"], console) == (None, [])
    assert got["before"] > 3
    assert got["rows"] > 1
    assert (got["after"], got["rowsAfter"], got["pressed"]) == (0, 0, "false")
    assert got["back"] == got["before"]
    assert got["column"] == [True, True]
    assert got["hash"] == "#all?hide=channel&without=SD"


@browser
def test_a_view_that_was_sent_is_seen_again(page, tmp_path):
    script = """(() => {
      const rows = Array.from(document.querySelectorAll("#rows tbody tr")).filter((row) => !row.hidden);
      return {
        axes: Array.from(new Set(rows.map((row) => row.dataset.axis))).sort(),
        means: rows.map((row) => row.cells[7].dataset.value).filter(Boolean).map(Number),
        sd: document.querySelector('[name=SD]').checked,
        filter: document.getElementById("filter").value,
      };
    })()"""
    sent = "#all?filter=mnist&hide=none&without=SD&sort=mean+down"
    shown = page.replace("<head>", f"<head><script>location.hash = '{sent}';</script>")
    outcome, console = browse(shown, tmp_path, script)
    got = outcome["value"]
    assert (outcome["failed"], console) == (None, [])
    assert got["filter"] == "mnist"
    assert "none" not in got["axes"]
    assert len(got["axes"]) > 1
    assert got["sd"] is False
    assert got["means"] == sorted(got["means"], reverse=True)


@browser
def test_a_table_is_copied_as_csv_markdown_and_latex(page, tmp_path):
    script = """(() => { const links = document.querySelector("#all .copy");
      document.querySelector('#columns input[name="m′"]').click();
      const said = {};
      for (const button of links.querySelectorAll("button")) {
        const name = button.textContent;
        button.click();
        said[name] = links.dataset.copied;
      }
      return said; })()"""
    outcome, console = browse(page, tmp_path, script)
    got = outcome["value"]
    assert (outcome["failed"], console) == (None, [])
    rows = list(csv.reader(io.StringIO(got["CSV"])))
    assert rows[0][:2] == ["strategy", "task"]
    assert "m′" not in rows[0]
    assert {len(row) for row in rows} == {len(rows[0])}
    markdown = got["Markdown"].splitlines()
    assert markdown[0].startswith("| strategy | task |")
    assert set(markdown[1]) <= set("|:- ")
    assert len(markdown) == len(rows) + 1
    assert got["LaTeX"].startswith("\\begin{tabular}{llllll")
    assert got["LaTeX"].count(r"\\") == len(rows)
    assert "hyper_" not in got["LaTeX"], "underscores are escaped"


def test_marks_say_strategy_seed_and_value_where_they_are_pointed_at(page, report):
    titles = re.findall(r"<use [^>]*><title>([^<]*)</title>", page)

    assert any(re.fullmatch(r"channel, seed 0: 0\.\d+", one) for one in titles)
    assert 'data-strategy="channel"' in page
    assert "stands-for" not in page
