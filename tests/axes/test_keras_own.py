"""Keras's own tests of BatchNormalization, which its wheel brings along, run on the drop-in."""

from __future__ import annotations

from types import SimpleNamespace

import keras
import pytest

from harness.axes import AxisNormalization

theirs = pytest.importorskip(
    "keras.src.layers.normalization.batch_normalization_test", reason="this Keras comes without its tests"
)


@pytest.mark.slow
class TestOnTheDropIn(theirs.BatchNormalizationTest):
    """All of them, with `layers.BatchNormalization` standing for `AxisNormalization`."""

    @pytest.fixture(autouse=True)
    def drop_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        keras.utils.set_random_seed(0)
        names = {name: getattr(keras.layers, name) for name in dir(keras.layers)}
        monkeypatch.setattr(theirs, "layers", SimpleNamespace(**{**names, "BatchNormalization": AxisNormalization}))
