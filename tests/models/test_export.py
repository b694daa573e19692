"""Models as they are deployed: what SavedModel, TFLite and ONNX hold is run, and must give what the model gives.

Every set of axes is tried at sizes from which passes would be compiled and below, as trained, converted and folded.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from harness.axes import AxisNormalization, AxisStrategy
from harness.layers.multiply_add import MultiplyAdd
from harness.models import convert, fold
from tests.models.builders import application, applications, lively, sequential

SMALL, LARGE = (6, 5, 4), (48, 48, 16)
AXES = [axes for size in range(4) for axes in combinations((1, 2, 3), size)]
FEW = [(), (3,), (1, 2)]


def needs_onnx() -> None:
    for package in ("onnx", "tf2onnx", "onnxruntime"):
        pytest.importorskip(package, reason=f"{package} is not installed")


def saved(model: Any, folder: Any, x: Any) -> Any:
    model.export(folder / "saved", verbose=False)
    served = tf.saved_model.load(str(folder / "saved"))
    graph = served.signatures["serving_default"].graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    assert not any("_XlaMustCompile" in node.attr and node.attr["_XlaMustCompile"].b for node in nodes)
    assert not any("_XlaMustCompile" in f.attr and f.attr["_XlaMustCompile"].b for f in graph.library.function)
    return served.serve(x)


def lite(model: Any, folder: Any, x: Any) -> Any:
    return run_lite(tf.lite.TFLiteConverter.from_keras_model(model).convert(), x)[0]


def run_lite(content: bytes, x: Any) -> tuple[Any, list[str]]:
    """What a TFLite model gives, and the names of its operations."""
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.resize_tensor_input(0, x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    names = [one["op_name"] for one in interpreter._get_ops_details()]
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"]), names


def onnx(model: Any, folder: Any, x: Any) -> Any:
    import onnxruntime

    model(x)  # Keras asks for a model that has been called
    model.export(folder / "model.onnx", format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def examples(shape: tuple[int, ...]) -> Any:
    return np.random.default_rng(1).normal(size=(2, *shape)).astype(np.float32)


def model_of(axis: Any, shape: tuple[int, ...], **options: Any) -> Any:
    parts = [layers.Conv2D(shape[-1], 3, padding="same"), AxisNormalization(axis, **options), layers.ReLU()]
    return lively(sequential(*parts, shape=shape))


@pytest.mark.parametrize(
    ("axis", "shape"),
    [
        *(pytest.param(axis, LARGE, marks=[] if axis in FEW else pytest.mark.slow) for axis in AXES),
        *(pytest.param(axis, SMALL, marks=pytest.mark.slow) for axis in AXES),
    ],
)
@pytest.mark.parametrize("way", [saved, lite, onnx])
def test_every_set_of_axes_runs_where_it_is_deployed(way: Any, axis: Any, shape: Any, tmp_path: Any) -> None:
    if way is onnx:
        needs_onnx()
    model, x = model_of(axis, shape), examples(shape)
    folded = fold(model).model

    np.testing.assert_allclose(way(model, tmp_path, x), model(x), rtol=1e-4, atol=1e-4)
    (tmp_path / "folded").mkdir()
    np.testing.assert_allclose(way(folded, tmp_path / "folded", x), model(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("way", [saved, lite, onnx])
def test_what_was_converted_runs_where_it_is_deployed(way: Any, tmp_path: Any) -> None:
    if way is onnx:
        needs_onnx()
    parts = [layers.Conv2D(4, 3), layers.BatchNormalization(), layers.ReLU()]
    model = convert(lively(sequential(*parts)), AxisStrategy(stat_axes=["height", "width", "channel"])).model
    x = examples((12, 10, 3))
    np.testing.assert_allclose(way(model, tmp_path, x), model(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("way", [saved, lite, onnx])
def test_a_copy_of_what_is_trained_compiled_runs_where_it_is_deployed(way: Any, tmp_path: Any) -> None:
    if way is onnx:
        needs_onnx()
    model, x = model_of((1, 2), LARGE, compiled=True), examples(LARGE)
    model(np.repeat(x, 8, 0), training=True)
    cloned = keras.models.clone_model(model)
    cloned.set_weights(model.get_weights())
    for name, copy in (("folded", fold(model).model), ("cloned", cloned)):
        (tmp_path / name).mkdir()
        np.testing.assert_allclose(way(copy, tmp_path / name, x), model(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("axis", "left"),
    [
        (3, ["CONV_2D"]),  # as Keras's own, and the activation with it
        ((), ["CONV_2D"]),
        ((1, 2), ["CONV_2D", "MUL", "ADD"]),
    ],
)
def test_a_folded_model_has_no_operation_too_many(axis: Any, left: list[str]) -> None:
    model = fold(model_of(axis, LARGE)).model
    _, names = run_lite(tf.lite.TFLiteConverter.from_keras_model(model).convert(), examples(LARGE))
    assert [name for name in names if name != "DELEGATE"] == left
    assert sum(isinstance(layer, MultiplyAdd) for layer in model.layers) == (len(left) > 1)


@pytest.mark.slow
@pytest.mark.parametrize("way", [saved, lite, onnx])
@pytest.mark.parametrize("name", applications())
def test_models_of_keras_applications(name: str, way: Any, tmp_path: Any) -> None:
    if way is onnx:
        needs_onnx()
        if name == "EfficientNetB0":
            pytest.skip("Keras makes inputs of the constants of its own Normalization in ONNX, whatever comes after")
    size = 71 if name == "Xception" else 32
    model, x = application(name, size), examples((size, size, 3))
    converted = convert(model, AxisStrategy(stat_axes=["channel"])).model
    for number, one in enumerate((converted, fold(converted).model)):
        (folder := tmp_path / str(number)).mkdir()
        expected = np.asarray(model(x))
        np.testing.assert_allclose(way(one, folder, x), expected, atol=1e-3 * np.abs(expected).max())
