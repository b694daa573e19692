from __future__ import annotations

from dataclasses import replace

import pytest

from harness.config.provenance import current_provenance
from harness.engines.plan import build_plan
from harness.records.store import prepare_results_dir, write_record
from harness.types import Own, Site, UserError

IMAGES = (Site("norm_1", ("height", "width", "channel"), (4, 4, 3)), Site("norm_2", ("feature",), (5,)))
SERIES = (Site("norm_1", ("time", "feature"), (8, 64)),)


class Finder:
    """Knows the sites of the tiny architecture and of seed_lstm, and counts how often it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, config, spec):
        self.asked.append((config["architecture"]["name"], spec))
        return SERIES if config["architecture"]["name"] == "seed_lstm" else IMAGES


@pytest.fixture
def plan(configs, tmp_path):
    prepare_results_dir(tmp_path)
    finder = Finder()

    def of(*overrides):
        return build_plan(configs(*overrides), tmp_path, finder)

    of.finder = finder
    of.folder = tmp_path
    return of


def names(plan, what):
    return {planned.cell.config["axis"]["name"]: getattr(planned, what) for planned in plan.cells}


def leave_record(plan, cell, *, status="ok", seconds=2.0, **values):
    record = {
        "format": 1,
        "id": cell.id,
        "identity": cell.identity,
        **{key: cell.config[key]["name"] for key in ("task", "architecture", "axis")},
        "seed": cell.config["seed"],
        "status": status,
        "reason": "",
        "config": cell.config,
        "seconds": {"total": seconds},
        "sites": [{"name": site.name, "axes": list(site.axes), "shape": list(site.shape)} for site in IMAGES],
        "provenance": current_provenance(cell.config),
    }
    write_record(plan.folder, {**record, **values})


def test_every_cell_stands_in_the_plan_once_in_the_order_of_the_grid(plan):
    found = plan("axis=channel,none,channel", "seed=0,1")

    assert [(c.cell.config["seed"], c.cell.config["axis"]["name"]) for c in found.cells] == [
        (0, "channel"),
        (0, "none"),
        (1, "channel"),
        (1, "none"),
    ]
    assert found.repeated == 2
    assert len({planned.cell.id for planned in found.cells}) == 4
    assert found.to_run == [planned.cell for planned in found.cells]
    assert len(plan.finder.asked) == 1


def test_adding_to_a_grid_or_reordering_it_keeps_every_id(plan):
    few = {c.cell.id for c in plan("axis=channel,none", "seed=0").cells}
    many = {c.cell.id for c in plan("seed=2,0,1", "axis=none,spatial,channel", "results_dir=x", "engine=serial").cells}

    assert few < many


def test_cells_that_differ_in_spelling_alone_are_one(plan):
    found = plan("axis=none", "seed=0", "task.data.scale=2,2.0", "train.learning_rate=1,1.0")

    assert len(found.cells) == 1
    assert found.repeated == 3


def test_states(plan):
    cells = [planned.cell for planned in plan("axis=channel,none,spatial,elementwise,per_timestep", "seed=0").cells]
    leave_record(plan, cells[0])
    leave_record(plan, cells[1], status="oom")
    leave_record(plan, cells[2], provenance={"source": "other code"})
    found = plan("axis=channel,none,spatial,elementwise,per_timestep", "seed=0")

    assert names(found, "state") == {
        "channel": "done",
        "none": "failed before",
        "spatial": "stale",
        "elementwise": "to run",
        "per_timestep": "invalid",
    }
    assert [cell.config["axis"]["name"] for cell in found.to_run] == ["none", "spatial", "elementwise"]
    [invalid] = found.invalid
    assert invalid.invalid.startswith(
        "axis=per_timestep on architecture=tiny: no site of this architecture has the axes that the strategy keeps"
    )


def test_a_diverged_cell_is_done(plan):
    [planned] = plan("axis=channel", "seed=0").cells
    leave_record(plan, planned.cell, status="diverged")

    assert plan("axis=channel", "seed=0").to_run == []


def test_a_grid_that_is_done_asks_for_no_model(plan):
    for planned in plan("axis=channel,none", "seed=0").cells:
        leave_record(plan, planned.cell)
    plan.finder.asked.clear()
    found = plan("axis=channel,none", "seed=0")

    assert found.to_run == []
    assert plan.finder.asked == []
    assert [len(planned.sites) for planned in found.cells] == [2, 2]


def test_what_a_strategy_comes_to_is_known_beforehand(plan):
    [planned] = plan("axis=rows", "seed=0", "train.batch_size=10").cells
    first, second = planned.sites

    assert (first.stat_axes, first.param_axes) == (("height",), ("channel",))
    assert (first.statistics, first.parameters, first.samples_per_statistic) == (4, 6, 10 * 4 * 3)
    assert second.fell_back
    assert (second.stat_axes, second.samples_per_statistic) == (("feature",), 10)


def test_strategies_that_compute_the_same_are_named(plan):
    found = plan("task=tiny_series", "axis=elementwise,per_timestep_full,per_timestep,channel,none", "seed=0,1")

    assert names(found, "same_as") == {
        "elementwise": "",
        "per_timestep_full": "elementwise",
        "per_timestep": "",
        "channel": "",
        "none": "",
    }


def test_settings_of_one_strategy_are_told_apart(configs, plan):
    found = plan("task=tiny_series", "architecture=seed_lstm", "axis=layer,group", "seed=0")
    assert names(found, "same_as") == {"layer": "", "group": ""}

    on_series = ("task=tiny_series", "architecture=seed_lstm", "seed=0")
    groups = configs(*on_series, "axis=group", "axis.groups=1,64,100")
    found = build_plan([*groups, *configs(*on_series, "axis=instance")], plan.folder, plan.finder)
    # A group of one channel is an instance normalization, and so are more groups than there are channels.
    assert [planned.sites[0].groups for planned in found.cells] == [1, 64, 64, 64]
    assert [planned.same_as for planned in found.cells] == ["", "", "", "group"]


def test_raw_axes_are_the_same_as_the_name_for_them(configs, plan):
    found = build_plan(
        configs("axis=spatial,channel", "seed=0") + configs("axis.keep=[1,2],[2,1],[-1]", "seed=0"),
        plan.folder,
        plan.finder,
    )

    assert names(found, "same_as") == {
        "spatial": "",
        "channel": "",
        "keep_1_2": "spatial",
        "keep_2_1": "spatial",
        "keep_minus1": "channel",
    }


def test_time_is_estimated_from_cells_like_these(plan):
    grid = ("axis=channel,none,spatial", "seed=0,1")
    assert plan(*grid).estimated_seconds() is None

    cells = {(c.cell.config["axis"]["name"], c.cell.config["seed"]): c.cell for c in plan(*grid).cells}
    leave_record(plan, cells["channel", 0], seconds=3.0)
    leave_record(plan, cells["none", 0], seconds=1.0)
    # channel and none by their own, each of the two spatial ones by the median of all.
    assert plan(*grid).estimated_seconds() == 3.0 + 1.0 + 2 * 2.0
    # Of cells trained otherwise nothing is known.
    assert plan(*grid, "train.epochs=7").estimated_seconds() is None


def test_a_batch_larger_than_the_data_is_refused(plan):
    with pytest.raises(
        UserError, match=r"train\.batch_size: expected at most the 120 training examples\. Received: 121"
    ):
        plan("axis=none", "seed=0", "train.batch_size=121")


def test_notes_of_the_data_are_said_once(plan):
    found = plan("axis=channel,none", "seed=0")
    noted = [replace(c, cell=replace(c.cell, data={**c.cell.data, "note": "stand-in data"})) for c in found.cells]

    notes = replace(found, cells=tuple(noted)).notes()
    assert notes[0] == "stand-in data"
    assert notes.count("stand-in data") == 1
    assert found.notes() == notes[1:]


def test_a_run_too_short_for_its_moving_averages_is_told_before_it_is_trained(plan):
    # 120 examples in batches of 20, twice: 12 steps, 0.99^12 = 0.886 is left; 0.99^299 and 0.9^29 are below 0.05.
    assert plan("axis=none,rows", "seed=0,1").notes() == [
        "after 12 steps moving averages still hold 89 % of where they began (0.99^12), so that scores with them say "
        "little of a strategy: train.epochs=50 or more, or norm.momentum=0.9 with train.epochs=5 or more"
    ]
    assert plan("axis=rows", "seed=0", "norm.momentum=0.9", "train.epochs=5").notes() == []
    assert plan("axis=rows", "seed=0", "norm.momentum=0.77").notes() == []
    assert plan("axis=rows", "seed=0", "train.epochs=50").notes() == []  # 300 steps
    assert plan("axis=none,layer", "seed=0").notes() == []  # neither keeps moving averages


@pytest.mark.parametrize(
    ("momentum", "epochs", "remedy"),
    [
        (0.99, 2, "train.epochs=50 or more, or norm.momentum=0.9 with train.epochs=5 or more"),
        (0.99, 6, "train.epochs=50 or more, or norm.momentum=0.9"),  # 36 steps: 0.9^36 = 0.02
        (0.9, 2, "train.epochs=5 or more"),
        (0.7, 1, "train.epochs=2 or more"),  # 9 steps; no momentum of less is advised
        (1, 2, "norm.momentum=0.9 with train.epochs=5 or more"),
        (1, 6, "norm.momentum=0.9"),
    ],
)
def test_training_longer_goes_before_averages_that_forget_and_both_do(momentum, epochs, remedy, plan):
    given = ("axis=rows", "seed=0", f"norm.momentum={momentum}", f"train.epochs={epochs}")
    [note] = plan(*given).notes()
    assert note.endswith(f": {remedy}")

    for one in remedy.replace(" or more", "").split(", or "):
        assert plan(*given, *one.split(" with ")).notes() == []


def own(momentum, **config):
    config = {"name": "bn", **({} if momentum is None else {"momentum": momentum}), **config}
    return Site("bn", ("height", "width", "channel"), (4, 4, 3), Own((3,), (3,), config=config))


@pytest.mark.parametrize(
    ("sites", "given", "held"),
    [
        ([own(0.99)], (), "89 % of where they began (0.99^12)"),
        ([own(None)], (), "(0.99^12)"),  # Keras's
        ([own(0.8), own(0.9)], (), "28 % of where they began (0.9^12)"),  # the slowest
        ([own(0.5)], (), None),
        ([own(0.99)], ("norm.momentum=0.5",), None),  # in the place of its own
        ([own(0.5)], ("norm.momentum=0.99",), "(0.99^12)"),
        ([replace(own(0.99), own=Own((3,), (3,)))], (), None),  # as a record tells it, without a config
    ],
)
def test_a_given_models_own_momentum_decides_what_is_told(sites, given, held, configs, tmp_path):
    [config] = configs("axis=channel", "seed=0", *given)
    if not given:
        config["norm"] = {"momentum": None, "epsilon": None}  # as conf/norm/own.yaml has them
    config["architecture"] = {"_target_": "harness.models.from_file.build", "name": "from_file", "weights": "fresh"}
    notes = build_plan([config], tmp_path, lambda config, spec: sites).notes()

    assert len(notes) == (held is not None)
    assert held is None or held in notes[0]


@pytest.mark.parametrize(("axis", "told"), [("channel", False), ("rows", True)])
def test_averages_that_go_on_from_a_model_s_file_are_not_late(axis, told, configs, tmp_path):
    [config] = configs(f"axis={axis}", "seed=0")
    config["architecture"] = {"_target_": "harness.models.from_file.build", "name": "from_file", "weights": "keep"}

    assert bool(build_plan([config], tmp_path, lambda config, spec: [own(0.99)]).notes()) is told


def of_raw_axes(configs, plan, *overrides):
    """The plan of the last axis by its number, rows and channel, in this order."""
    grid = configs("axis.keep=[-1]", *overrides) + configs("axis=rows,channel", *overrides)
    return build_plan(grid, plan.folder, plan.finder)


def test_strategies_that_compute_the_same_are_trained_once_as_the_baseline_if_it_is_one_of_them(configs, plan):
    found = of_raw_axes(configs, plan, "seed=0,1")
    states = {(c.cell.config["axis"]["name"], c.cell.config["seed"]): c.state for c in found.cells}
    same = {key for key, state in states.items() if state == "the same as another"}

    assert same == {("keep_minus1", 0), ("keep_minus1", 1)}, "channel stands for both, though it was named later"
    assert [cell.config["axis"]["name"] for cell in found.to_run] == ["rows", "channel", "rows", "channel"]
    channel = {c.cell.config["seed"]: c.cell.id for c in found.cells if c.cell.config["axis"]["name"] == "channel"}
    assert found.same == {channel[0]: ["keep_minus1"], channel[1]: ["keep_minus1"]}
    each = of_raw_axes(configs, plan, "seed=0,1", "duplicates=each")
    assert len(each.to_run) == 6
    assert names(each, "same_as")["keep_minus1"] == "channel"
    assert each.same == {}


def test_only_what_differs_in_the_strategy_alone_stands_for_another(configs, plan):
    slow, fast = (
        configs(f"axis{axis}", "seed=0", f"train.learning_rate={rate}")[0]
        for axis, rate in (("=channel", 0.1), (".keep=[-1]", 0.2))
    )

    assert len(build_plan([slow, fast], plan.folder, plan.finder).to_run) == 2
