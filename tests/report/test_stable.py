"""Every measure of stability side by side, against numbers worked out by hand."""

from __future__ import annotations

import importlib.util
import sys

import pytest
from looked import make_looked_study
from synthetic import RMSE, comparison_of, make_record, uneven_records

from harness.cell import health
from harness.report.answers.health import plot_health_by_epoch, plot_site_health
from harness.report.answers.stable import stability_sheet
from harness.report.sheet import to_markdown
from harness.statistics.stability import aggregate_stability


def test_the_sheet_has_columns_for_what_was_measured_and_no_others():
    text = to_markdown(stability_sheet(aggregate_stability(comparison_of(uneven_records()))))

    assert "| strategy | diverged | finished | SD | IQR | worst seed | worst tenth | loss spikes | below ε |" in text
    assert "| none | 1/6 [3, 56] | 5/6 | 0.0000 | 0.0000 | 0.500 | 0.500 | 0 | 0.25 |" in text
    assert "β" not in text


def test_a_strategy_of_which_nothing_finished_keeps_its_row():
    lost = [make_record("none", seed, status="diverged", measure=RMSE) for seed in range(3)]
    kept = [make_record("channel", seed, 10.0 + seed, measure=RMSE) for seed in range(3)]
    text = to_markdown(stability_sheet(aggregate_stability(comparison_of([*lost, *kept]))))

    assert "| none | 3/3 [44, 100] | 0/3 | – | – | – | – |" in text
    assert "| channel | 0/3 [0, 56] | 3/3 | 1.00 | 1.00 | 12.0 | 12.0 |" in text


# --- a measure is declared once -----------------------------------------------------------------------------------

DEAD = health.CellMeasure(
    name="dead_share",
    kind="site",
    direction="min",
    high=1.0,
    compute=lambda site: float((site.variance == 0).mean()),
    heading="dead",
    title="share of dead channels",
    meaning="Share of the moving variances that are 0.",
)


def imported_anew(name):
    """A module as it is when it is imported now, of which the rest of the program knows nothing."""
    spec = importlib.util.find_spec(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def declared(monkeypatch):
    """What tabulates stability, imported where one more measure is declared."""
    monkeypatch.setattr(health, "MEASURES", (*health.MEASURES, DEAD))
    for name in ("harness.statistics.stability", "harness.report.answers.stable"):
        monkeypatch.setitem(sys.modules, name, imported_anew(name))
    return sys.modules["harness.report.answers.stable"]


@pytest.fixture(scope="module")
def seen():
    """Cells at whose last site a share of channels is dead, as records have it of a measure that is declared."""
    records = make_looked_study({"none": 0.9, "channel": 0.95, "spatial": 0.93}, seeds=3, epochs=2)
    for record in records:
        share = {"none": 0.0, "channel": 0.125, "spatial": 0.5}[record["axis"]]
        for row in record["diagnostics"]:
            row[DEAD.name] = share if row["site"] == "norm_3" else 0.0
        if record["diagnostics"]:
            record["metrics"][DEAD.name] = share
    return comparison_of(records)


def test_a_measure_that_is_declared_is_in_the_table_of_stability(declared, seen):
    (answer,) = declared.of_comparison(seen, "channel")
    said = {
        row["axis"]: {one.heading: one.text(row) for one in answer.table.sheet.columns}
        for row in answer.table.sheet.rows
    }

    assert {axis: row["dead"] for axis, row in said.items()} == {"channel": "0.125", "none": "–", "spatial": "0.5"}
    assert answer.table.numbers.set_index("axis")[DEAD.name]["spatial"] == 0.5


@pytest.mark.parametrize("plot", [plot_health_by_epoch, plot_site_health])
def test_a_measure_that_is_declared_has_a_panel_in_the_figures_of_health(declared, seen, plot):
    panels = {ax.get_title(loc="left"): ax for ax in plot(seen)}
    lines = {line.get_label(): line.get_ydata().tolist() for line in panels[DEAD.title].lines}

    assert lines["spatial"] == ([0.5, 0.5] if plot is plot_health_by_epoch else [0.0, 0.0, 0.5])


def test_what_is_not_declared_is_in_neither(seen):
    assert "dead" not in [column.heading for column in stability_sheet(aggregate_stability(seen)).columns]
    assert DEAD.title not in [ax.get_title(loc="left") for ax in plot_site_health(seen)]
