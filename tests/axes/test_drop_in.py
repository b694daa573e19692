"""The layer in models and scripts that were written for Keras's own: every line of use, against Keras and NumPy."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness.axes import AxisNormalization
from harness.layers import kernel
from harness.layers.variants import FrozenNormalization, GhostNormalization
from tests.axes.oracle import LARGE, Reference, normal, spread

ROOT = Path(__file__).parents[2]


def run(code: str, **environment: str) -> str:
    """What a Python of its own prints."""
    told = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), "TF_CPP_MIN_LOG_LEVEL": "3"}
    finished = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, env={**told, **environment}
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
    return finished.stdout


@pytest.mark.parametrize("in_graph", [False, True])
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_forward_mode_gives_the_directional_derivative(training: bool, compiled: bool, in_graph: bool) -> None:
    if compiled and in_graph:
        pytest.skip("a graph that is traced does not know who will follow it")
    layer = AxisNormalization((1, 3), compiled=compiled)
    x, direction = (tf.constant(normal(LARGE, seed)) for seed in (0, 1))
    layer(x, training=True)
    call = tf.function(lambda x: layer(x, training=training)) if in_graph else lambda x: layer(x, training=training)
    with tf.autodiff.ForwardAccumulator(x, direction) as accumulator:
        y = call(x)
    got = accumulator.jvp(y)
    assert got is not None
    if training:
        # A normalization's Jacobian for scale 1 is symmetric: its product is the gradient for `direction` from above.
        size = (LARGE[1], LARGE[3])
        expected, _, _ = Reference(x, (1, 3), (1, 3), np.ones(size), np.zeros(size)).gradients(direction)
    else:
        scale = 1 / np.sqrt(layer.moving_variance.numpy() + 1e-3)
        expected = direction.numpy() * spread(scale, LARGE, (1, 3))
    np.testing.assert_allclose(got, expected, atol=1e-4)


@pytest.mark.parametrize("compiled", [False, True])
def test_nothing_is_compiled_unless_asked_for(compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []

    def heard(module: Any, name: str) -> None:
        function = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *args, **options: called.append(name) or function(*args, **options))

    heard(kernel.compiled, "normalize_batch")
    heard(kernel.compiled, "normalize_by")
    layer = AxisNormalization(compiled=compiled)
    for training in (True, False):
        layer(normal(LARGE), training=training)
        tf.function(lambda x, training=training: layer(x, training=training))(normal(LARGE))
    assert called == (["normalize_batch"] * 2 + ["normalize_by"] * 2 if compiled else [])


def swapped(model: keras.Model) -> keras.Model:
    """The way that the README shows."""
    return keras.models.clone_model(
        model,
        clone_function=lambda layer: (
            AxisNormalization.from_config(layer.get_config())
            if isinstance(layer, keras.layers.BatchNormalization)
            else layer.__class__.from_config(layer.get_config())
        ),
    )


def test_a_keras_models_weights_come_along(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((6, 4)), keras.layers.BatchNormalization(), keras.layers.Dense(2)])
    model(normal((8, 6, 4)), training=True)
    model.save_weights(tmp_path / "theirs.weights.h5")
    for variable in (theirs := keras.models.clone_model(model)).variables:
        variable.assign(variable + 1)
    theirs.load_weights(tmp_path / "theirs.weights.h5")
    ours = swapped(theirs)
    ours.set_weights(theirs.get_weights())
    x = normal((8, 6, 4), 1)
    np.testing.assert_allclose(ours(x), model(x), rtol=1e-5, atol=1e-6)
    ours(x, training=True)
    theirs.set_weights(ours.get_weights())
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-5, atol=1e-6)


def test_replicas_share_statistics() -> None:
    said = run(
        """
        import numpy as np, tensorflow as tf
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
        import keras
        from harness.axes import AxisNormalization
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        x = np.random.default_rng(0).normal(2, 3, (12, 4, 3)).astype("f")
        for kept, cut in [((), 6), (1, 6), ((1, 2), 6), (-1, 3), ((1, 2), 12)]:
            parts = [x[:cut], x[cut:]]
            with strategy.scope():
                layer = AxisNormalization(kept, synchronized=True)
                layer.build((None, 4, 3))
            alone = AxisNormalization(kept)
            with tf.GradientTape() as tape:
                whole = tf.constant(x)
                tape.watch(whole)
                expected = alone(whole, training=True)
                loss = tf.reduce_sum(tf.sin(expected))
            slope = tape.gradient(loss, whole)

            @tf.function
            def step():
                def one():
                    number = tf.distribute.get_replica_context().replica_id_in_sync_group
                    part = tf.cond(number == 0, lambda: tf.constant(parts[0]), lambda: tf.constant(parts[1]))
                    part = tf.ensure_shape(part, [None, 4, 3])
                    with tf.GradientTape() as tape:
                        tape.watch(part)
                        y = layer(part, training=True)
                        loss = tf.reduce_sum(tf.sin(y))
                    return y, tape.gradient(loss, part)
                return strategy.run(one)

            y, dx = (np.concatenate(strategy.experimental_local_results(v)) for v in step())
            np.testing.assert_allclose(y, expected, atol=1e-5)
            np.testing.assert_allclose(dx, slope, atol=1e-5)
            np.testing.assert_allclose(layer.moving_variance.numpy(), alone.moving_variance.numpy(), rtol=1e-5)
        print("shared")
        """
    )
    assert said == "shared\n"


@pytest.mark.parametrize("policy", ["float16", "bfloat16"])
def test_pure_half_precision_keeps_its_statistics_in_float32(policy: str) -> None:
    layer = AxisNormalization(momentum=0.0, dtype=policy)
    x = normal((64, 3), mean=0.0, sd=1000.0)
    y = layer(tf.cast(x, policy), training=True)
    assert y.dtype == policy
    # A variance of 1e6 is beyond float16.
    half = tf.cast(tf.cast(x, policy), "float64").numpy()
    np.testing.assert_allclose(layer.moving_variance, half.var(0), rtol=1e-4)
    assert np.isfinite(tf.cast(layer(tf.cast(x, policy)), "float32")).all()


# What is loaded, where and by whom.


@pytest.mark.parametrize("first", ["import harness, keras", "import keras, harness", "import harness.axes, keras"])
def test_importing_the_package_is_enough_to_load(first: str, tmp_path: Path) -> None:
    layers = [AxisNormalization((1, 2)), GhostNormalization(), FrozenNormalization()]
    keras.Sequential([keras.Input((4, 3)), *layers]).save(tmp_path / "model.keras")
    said = run(f"{first}; print(len(keras.saving.load_model({str(tmp_path / 'model.keras')!r}).layers))")
    assert said == "3\n"


def test_importing_the_package_imports_no_keras() -> None:
    assert run("import sys, harness, harness.axes; print('keras' in sys.modules, 'tensorflow' in sys.modules)") == (
        "False False\n"
    )


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_take_the_plain_way(backend: str) -> None:
    pytest.importorskip(backend, reason=f"{backend} is not installed")
    said = run(
        """
        import sys, numpy as np, keras
        from harness.axes import AxisNormalization
        from harness.layers.variants import FrozenNormalization, GhostNormalization
        x = np.random.default_rng(0).normal(2, 3, (64, 16, 16, 16)).astype("f")
        value = keras.ops.convert_to_numpy
        for kept in [(), (3,), (1, 2), (1, 2, 3)]:
            averaged = tuple(k for k in range(4) if k not in kept)
            wanted = (x - x.mean(averaged, keepdims=True)) / np.sqrt(x.var(averaged, keepdims=True) + 1e-3)
            for compiled in (False, True):
                layer = AxisNormalization(kept, compiled=compiled)
                np.testing.assert_allclose(value(layer(x, training=True)), wanted, atol=1e-4)
                assert np.isfinite(value(layer(x))).all()
        model = keras.Sequential([keras.Input((4, 4, 3)), AxisNormalization((1, 2), renorm=True), GhostNormalization(),
                                  FrozenNormalization(), keras.layers.Flatten(), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        history = model.fit(x[:, :4, :4, :3], x[:, 0, 0, :1], batch_size=24, epochs=2, verbose=0)
        assert np.isfinite(history.history["loss"]).all()
        try:
            AxisNormalization(synchronized=True)
        except ValueError as error:
            print(keras.backend.backend(), error)
        """,
        KERAS_BACKEND=backend,
    )
    assert said.startswith(f"{backend} synchronized needs Keras's TensorFlow backend")


def test_weights_go_from_keras_s_layer_to_this_one_and_back_as_arrays():
    def model(layer):
        return keras.Sequential([keras.Input((4, 4, 3)), layer, keras.layers.Flatten(), keras.layers.Dense(2)])

    theirs, ours = model(keras.layers.BatchNormalization()), model(AxisNormalization())
    rng = np.random.default_rng(0)
    theirs.set_weights([rng.uniform(0.5, 1.5, value.shape) for value in theirs.get_weights()])
    x = rng.normal(size=(2, 4, 4, 3)).astype(np.float32)

    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-5, atol=1e-5)
    again = model(keras.layers.BatchNormalization())
    again.set_weights(ours.get_weights())
    np.testing.assert_array_equal(again(x), theirs(x))
