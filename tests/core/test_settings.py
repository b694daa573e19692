from __future__ import annotations

import math
import re

import hypothesis.strategies as st
import pytest
from hypothesis import given

from harness.config.numbers import Number
from harness.config.settings import LAYER_NUMBERS, NUMBERS, check_batch_size, check_device, check_finite
from harness.types import UserError
from harness.words import choose_from


@given(st.floats(allow_nan=True) | st.integers() | st.booleans() | st.text() | st.none())
def test_a_number_is_taken_exactly_where_it_lies_in_its_range(value):
    number = Number(0, 10, whole=True, above=True)
    fits = isinstance(value, (int, float)) and not isinstance(value, bool) and value in range(1, 11)

    if fits:
        assert number.convert("key", value) == value
        assert type(number.convert("key", value)) is int
    else:
        with pytest.raises(UserError, match=r"key: expected a whole number above 0 and at most 10\. Received: "):
            number.convert("key", value)


def test_limits_belong_to_the_range_unless_it_lies_above_them():
    assert LAYER_NUMBERS["norm.momentum"].convert("", 0) == 0.0
    assert LAYER_NUMBERS["norm.momentum"].convert("", 1) == 1.0
    assert NUMBERS["seed"].convert("", 0) == 0
    with pytest.raises(UserError, match="above 0"):
        NUMBERS["train.learning_rate"].convert("", 0)
    with pytest.raises(UserError, match="Received: inf"):
        NUMBERS["train.learning_rate"].convert("", math.inf)


@pytest.mark.parametrize("device", ["auto", "cpu", "gpu", "gpu:0", "gpu:12"])
def test_devices(device):
    check_device(device)


@pytest.mark.parametrize("device", ["tpu", "gpu:", "gpu:x", "GPU", "cpu:0", None, 0])
def test_devices_that_do_not_exist(device):
    with pytest.raises(UserError, match=rf"train\.device: expected .*Received: {device}$"):
        check_device(device)


def test_a_batch_may_be_as_large_as_the_data_and_no_larger():
    check_batch_size({"train": {"batch_size": 120}}, 120)
    with pytest.raises(UserError, match=r"at most the 119 training examples\. Received: 120"):
        check_batch_size({"train": {"batch_size": 120}}, 119)


def test_no_setting_is_infinite():
    check_finite({"a": {"b": 1.0}, "c": "inf"})
    with pytest.raises(UserError, match=re.escape("a.b: expected a finite number. Received: inf")):
        check_finite({"a": {"b": math.inf}})


def test_the_nearest_word_is_named_where_one_is_near():
    assert choose_from("chanel", ["band", "channel"]) == (
        "expected one of band, channel, the nearest is channel. Received: chanel"
    )
    assert choose_from("xyz", ["band", "channel"]) == "expected one of band, channel. Received: xyz"
