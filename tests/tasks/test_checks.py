"""Checks of options: what passes, what does not, and what the message says."""

import numpy as np
import pytest

from harness.types import UserError
from tasks.checks import check_choice, check_file, check_flag, check_integer, check_number


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "1", None, True, -0.1, 1.1])
def test_numbers_out_of_range_or_of_another_kind_are_refused(value):
    with pytest.raises(UserError, match=r"x must be a number between 0 and 1\. Received: x="):
        check_number("x", value, low=0, high=1)


@pytest.mark.parametrize("value", [2.0, "3", None, False, 0])
def test_what_is_not_a_whole_number_is_refused(value):
    with pytest.raises(UserError, match=r"x must be a whole number of at least 1\. Received: x="):
        check_integer("x", value)


def test_numpy_scalars_pass():
    assert check_integer("x", np.int64(3)) == 3
    assert check_number("x", np.float32(0.5)) == 0.5


def test_the_text_false_is_not_a_flag():
    with pytest.raises(UserError, match="x='false'"):
        check_flag("x", "false")


def test_the_nearest_choice_is_named():
    with pytest.raises(UserError, match=r"one of full, embedded \(did you mean embedded\?\)\. Received: x='embeded'"):
        check_choice("x", "embeded", ["full", "embedded"])


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"a table at .*absent.txt"):
        check_file(tmp_path / "absent.txt", what="a table")
