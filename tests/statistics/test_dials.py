from __future__ import annotations

import numpy as np
import pytest
from dials import RATES, dial_in, make_dial
from synthetic import comparisons_of, make_record

from harness.statistics.dials import by_seed, dials_of


def dial(values, setting="learning_rate"):
    return dial_in(make_dial({"none": [0.5] * len(values)}, values=values, setting=setting), setting)


def test_a_dial_has_one_comparison_a_value_in_their_order_and_all_their_cells():
    found = dial_in(make_dial({"none": [0.5] * 4, "channel": [0.6] * 4}, values=(32, 4, 128, 8)), "learning_rate")
    assert found.values == (4, 8, 32, 128)
    assert [one.cells["learning_rate"].unique().tolist() for one in found.members] == [[4], [8], [32], [128]]
    assert len(found.whole.cells) == 4 * 2 * 3
    assert found.strategies == ["channel", "none"]
    assert found.title == "mnist (embedded), lenet: learning rate 4 to 128"
    assert found.slug == "mnist-embedded-lenet-by-learning-rate"


def test_of_a_grid_over_two_settings_each_is_a_dial_at_every_value_of_the_other():
    records = [
        make_record("none", seed, settings={"learning_rate": rate, "batch_size": size})
        for seed in range(2)
        for rate in (0.1, 0.01, 0.001)
        for size in (8, 32)
    ]
    found = dials_of(comparisons_of(records))
    sizes = [one for one in found if one.name == "batch_size"]
    assert [(len(one.values), dict(one.whole.settings)) for one in sizes] == [
        (2, {"learning_rate": rate}) for rate in (0.001, 0.01, 0.1)
    ]
    assert [(len(one.values), dict(one.whole.settings)) for one in found if one.name == "learning_rate"] == [
        (3, {"batch_size": 8}),
        (3, {"batch_size": 32}),
    ]


def test_settings_that_change_together_are_no_dial():
    records = [
        make_record("none", 0, settings={"learning_rate": rate, "batch_size": size})
        for rate, size in ((0.1, 8), (0.01, 32))
    ]
    assert dials_of(comparisons_of(records)) == []


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        (RATES, "log"),
        ((8, 32, 128), "log"),
        ((8, 128), "log"),
        ((2, 4, 6, 8), "linear"),
        ((0.0, 0.1, 0.2), "linear"),
        ((0.9, 0.99, 0.999), "even"),  # neither the values nor their logarithms are apart evenly
        ((1, 2, 1000), "even"),
        (("adam", "sgd"), "even"),
    ],
)
def test_the_scale_suits_the_values(values, scale):
    assert dial(values).scale == scale


def test_a_setting_that_is_not_set_comes_last():
    found = dial((None, 500, 2000))
    assert found.values == (500, 2000, None)
    assert found.labels == ("500", "2000", "null")
    assert not found.is_number


def test_values_that_are_no_numbers_are_all_named_in_the_title():
    assert dial(("sgd", "adam", "lion")).title == "mnist (embedded), lenet: learning rate adam, lion, sgd"


def test_labels_have_as_few_digits_as_tell_the_values_apart():
    assert dial((1e-4, 10**-3.5, 1e-3)).labels == ("0.0001", "0.000316", "0.001")
    assert dial((0.99901, 0.99902)).labels == ("0.99901", "0.99902")
    assert dial((4000, 4001)).labels == ("4000", "4001")


def test_data_that_a_setting_explains_do_not_take_its_values_apart():
    records = make_dial({"none": [0.5, 0.6]}, values=(100, 200), setting="examples")
    for record in records:
        record["data"]["digest"] = f"{record['config']['train']['examples']}"
    assert dial_in(records, "examples").values == (100, 200)
    assert [one.title for one in comparisons_of(records)] == [
        "mnist (embedded), lenet, examples 100",
        "mnist (embedded), lenet, examples 200",
    ]


def test_other_data_at_the_same_setting_still_do():
    records = make_dial({"none": [0.5, 0.6], "channel": [0.5, 0.6]}, values=(0.1, 0.2))
    for record in records:
        record["data"]["digest"] = record["axis"]
    assert len(comparisons_of(records)) == 4


def test_cells_keep_their_declarations():
    found = dial(RATES)
    assert found.whole.metric()[0] == "test_accuracy"
    assert np.isfinite(found.whole.cells["test_accuracy"]).all()


def test_what_was_computed_of_a_dial_is_kept_with_it_and_with_no_other():
    records = make_dial({"none": [0.5, 0.6, 0.7, 0.8]})
    one, other = dial_in(records), dial_in(records)
    found = by_seed(one, "validation_accuracy")
    assert by_seed(one, "validation_accuracy") is found
    assert by_seed(one, column="validation_accuracy") is found
    assert by_seed(one, "validation_loss")["none"].values.tolist() != found["none"].values.tolist()
    again = by_seed(other, "validation_accuracy")
    assert again is not found
    assert again["none"].values.tolist() == found["none"].values.tolist()
