from __future__ import annotations

import base64

import numpy as np
import pytest

from harness.cell.examples import pack_examples, unpack_examples


def test_classes_come_back_as_right_and_wrong():
    output = np.eye(3)[[0, 1, 2, 0, 1, 2, 0, 1, 2]]
    packed = pack_examples(np.array([0, 1, 2, 0, 1, 2, 1, 1, 1]), output, target_scale=1.0)
    assert packed["count"] == 9
    assert unpack_examples(packed).tolist() == [1, 1, 1, 1, 1, 1, 0, 1, 0]
    assert len(pack_examples(np.zeros(10_000), np.ones((10_000, 2)), target_scale=1.0)["values"]) < 1700


def test_errors_come_back_in_the_tasks_unit():
    packed = pack_examples(np.array([[1.0], [2.0]]), np.array([[1.5], [0.0]]), target_scale=100.0)
    assert unpack_examples(packed).tolist() == [50, 200]


@pytest.mark.parametrize(
    "output", [np.zeros((4097, 1)), np.full((2, 1), np.nan), np.full((2, 1), 1e6), np.zeros((2**16 + 1, 2))]
)
def test_what_does_not_fit_is_left_out(output):
    assert pack_examples(np.zeros(len(output)), output, target_scale=1.0) == {}


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "rank"},
        {"count": 17},
        {"count": 0},
        {"count": True},
        {"values": "###"},
        {"values": base64.b64encode(b"abc").decode()},
    ],
)
def test_other_than_it_says_is_refused(change):
    packed = pack_examples(np.zeros(9), np.ones((9, 2)), target_scale=1.0)
    with pytest.raises(ValueError, match="expected"):
        unpack_examples(packed | change)
