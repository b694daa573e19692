"""Training against plain Keras: the same batches, the same steps, the same numbers."""

from __future__ import annotations

import hypothesis.strategies as st
import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny
from hypothesis import given

from harness.axes import AxisStrategy
from harness.axes.norm import NormFactory
from harness.cell.data import Arrays, prepare_split
from harness.cell.model import build_loss, build_model, build_optimizer
from harness.cell.training import Trainer, _no_success, batch_order
from harness.types import UserError

TRAIN = {
    "batch_size": 16,
    "learning_rate": 0.05,
    "optimizer": "sgd",
    "optimizer_options": {},
    "precision": "float32",
}
LOSSES = {
    "tiny": lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    "tiny_series": keras.losses.MeanSquaredError,
}


def trainer_of(data, *, axis=None, architecture=None, **train):
    architecture = architecture or {"_target_": "tiny_model.build"}
    norm = NormFactory(axis or AxisStrategy(kind="none"), batch_size=16, momentum=0.9)
    model = build_model(architecture, data.spec, norm)
    return Trainer(model, norm.layers, spec=data.spec, loss=LOSSES[data.name](), train={**TRAIN, **train})


def fit(trainer, data, *, seed=0, epochs=2, learning_rate=0.05):
    _, parts = prepare_split(data, seed)
    trainer.reset(seed=seed, learning_rate=learning_rate)
    return trainer.fit(
        parts["train"],
        parts["validation"],
        seed=seed,
        epochs=epochs,
        metrics=data.metrics,
        target_scale=data.target_scale,
    )


@pytest.fixture(scope="module")
def images():
    return tiny.load_images()


@pytest.fixture(scope="module")
def plain(images):
    return trainer_of(images)


@pytest.fixture(scope="module")
def series():
    data = tiny.load_series()
    return data, trainer_of(data, architecture={"_target_": "harness.architectures.seed_lstm.build"})


@pytest.mark.parametrize(
    ("architecture", "load", "axis"),
    [
        ({"_target_": "tiny_model.build"}, tiny.load_images, AxisStrategy(kind="none")),
        ({"_target_": "tiny_model.build"}, tiny.load_images, AxisStrategy(("channel",))),
        ({"_target_": "harness.architectures.seed_lstm.build"}, tiny.load_series, AxisStrategy(("channel",))),
    ],
    ids=["images", "images normalized", "series normalized"],
)
def test_the_same_steps_as_keras_itself(architecture, load, axis):
    data = load()
    trainer = trainer_of(data, architecture=architecture, axis=axis)
    _, parts = prepare_split(data, 0)
    found = fit(trainer, data, epochs=2)
    weights = trainer.model.get_weights()

    trainer.initializer.reset(0)
    model = trainer.model
    model.compile(optimizer=keras.optimizers.SGD(0.05), loss=LOSSES[data.name](), jit_compile=False)
    losses = []
    for epoch in (1, 2):
        for batch in batch_order(0, epoch, len(parts["train"]), 16):
            model.reset_metrics()
            losses.append(float(model.train_on_batch(parts["train"].x[batch], parts["train"].y[batch])))

    np.testing.assert_allclose(found.step_losses, losses, rtol=2e-5)
    assert found.steps == len(losses) == 2 * (120 // 16)
    np.testing.assert_allclose(found.history["train_loss"], np.reshape(losses, (2, -1)).mean(axis=1), rtol=2e-5)
    for ours, theirs in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_the_history_has_one_value_an_epoch_of_what_validation_gives(images, plain):
    found = fit(plain, images, epochs=3)
    _, parts = prepare_split(images, 0)
    output = plain.model.predict(parts["validation"].x, verbose=0)

    assert found.history["epoch"] == [1.0, 2.0, 3.0]
    assert set(found.history) == {"epoch", "train_loss", "validation_loss", "validation_accuracy", "seconds"}
    assert all(len(column) == 3 for column in found.history.values())
    assert found.history["validation_accuracy"][-1] == tiny.accuracy(parts["validation"].y, output)
    expected = float(LOSSES["tiny"]()(parts["validation"].y, output))
    assert found.history["validation_loss"][-1] == pytest.approx(expected, rel=1e-5)
    assert (found.status, found.reason) == ("ok", "")
    assert found.history["train_loss"][-1] < found.initial_loss


def test_regression_is_scored_in_its_own_unit(series):
    data, trainer = series
    found = fit(trainer, data, epochs=1)

    # The loss is in units of ten: ten times its root is the root of the squared error that the metric has.
    assert found.history["validation_rmse"][0] == pytest.approx(
        10 * found.history["validation_loss"][0] ** 0.5, rel=1e-5
    )


def test_the_initial_loss_is_that_of_the_first_batches_and_moves_nothing(images):
    trainer = trainer_of(images, axis=AxisStrategy(("channel",)))
    _, parts = prepare_split(images, 0)
    found = fit(trainer, images, epochs=1)

    trainer.reset(seed=0, learning_rate=0.05)
    losses = [
        float(LOSSES["tiny"]()(parts["train"].y[batch], trainer.model(parts["train"].x[batch], training=True)))
        for batch in batch_order(0, 1, 120, 16)
    ]
    assert found.initial_loss == pytest.approx(np.mean(losses), rel=1e-5)
    # Had those forward passes moved the averages, the first epoch's would have begun elsewhere.
    assert found.step_losses[0] == pytest.approx(losses[0], rel=1e-5)
    moved = fit(trainer, images, epochs=1)
    np.testing.assert_array_equal(moved.history["validation_loss"], found.history["validation_loss"])


def test_a_loss_that_is_not_finite_stops_the_epoch_at_its_step(series):
    data, trainer = series
    reached = []
    _, parts = prepare_split(data, 0)
    trainer.reset(seed=0, learning_rate=1e30)
    found = trainer.fit(
        parts["train"],
        parts["validation"],
        seed=0,
        epochs=3,
        metrics=data.metrics,
        target_scale=10.0,
        on_epoch=reached.append,
    )

    # The first step's weights are near 1e30, whose square no float32 holds.
    assert (found.status, found.steps) == ("diverged", 2)
    assert found.reason == "the loss became inf in epoch 1, step 2 of 7"
    assert np.isfinite(found.step_losses[0])
    assert np.isinf(found.step_losses[1])
    assert reached == [1]
    assert len(found.history["epoch"]) == 1


def test_training_that_makes_nothing_better_has_diverged(images, plain):
    found = fit(plain, images, learning_rate=3.0, epochs=1)

    assert np.isfinite(found.step_losses).all()
    assert found.status == "diverged"
    assert "is no better than the initial" in found.reason


def test_weights_that_broke_in_the_very_last_step_have_diverged():
    history = {"train_loss": [0.7, 0.5], "validation_loss": [0.6, np.nan]}

    assert _no_success(history, 1.0) == ("the outputs for the validation examples are not finite after the last step")
    assert _no_success({**history, "validation_loss": [np.nan, 0.6]}, 1.0) == ""
    assert "0.5 is no better than the initial 0.5" in _no_success(history, 0.5)


def test_data_that_cannot_be_learnt_from_diverge_before_the_first_step(series):
    data, trainer = series
    _, parts = prepare_split(data, 0)
    trainer.reset(seed=0, learning_rate=0.05)
    broken = Arrays(parts["train"].x, np.full_like(parts["train"].y, np.nan))
    found = trainer.fit(broken, parts["validation"], seed=0, epochs=1, metrics=data.metrics, target_scale=1.0)

    assert (found.status, found.reason) == ("diverged", "the loss was not finite before the first step")
    assert (found.steps, found.history) == (0, {})


def test_the_same_bits_again_and_others_under_another_seed(images, plain):
    first, weights = fit(plain, images), plain.model.get_weights()
    fit(plain, images, seed=1, learning_rate=0.2)
    again = fit(plain, images)

    np.testing.assert_array_equal(first.step_losses, again.step_losses)
    assert first.order_digest == again.order_digest
    assert all(np.array_equal(a, b) for a, b in zip(weights, plain.model.get_weights(), strict=True))
    other = fit(plain, images, seed=1)
    assert other.order_digest != first.order_digest
    assert not np.array_equal(other.step_losses, first.step_losses)


def test_a_used_trainer_gives_the_bits_of_a_fresh_one(images):
    axis = AxisStrategy(("height",))
    used = trainer_of(
        images, axis=axis, optimizer="adam", architecture={"_target_": "tiny_model.build", "dropout": 0.3}
    )
    fit(used, images, seed=4, learning_rate=0.1)
    again = fit(used, images)
    fresh = trainer_of(
        images, axis=axis, optimizer="adam", architecture={"_target_": "tiny_model.build", "dropout": 0.3}
    )
    first = fit(fresh, images)

    np.testing.assert_array_equal(first.step_losses, again.step_losses)
    assert all(np.array_equal(a, b) for a, b in zip(used.model.get_weights(), fresh.model.get_weights(), strict=True))


def test_the_global_generators_have_no_say(images, plain):
    tf.random.set_seed(1)
    first = fit(plain, images)
    tf.random.set_seed(2)
    np.random.seed(3)  # noqa: NPY002
    again = fit(plain, images)

    np.testing.assert_array_equal(first.step_losses, again.step_losses)


def test_regularizers_of_the_model_belong_to_the_loss(images):
    inputs = keras.Input((6, 6, 1))
    from harness.cell.initialization import noting_initializers

    with noting_initializers():
        x = keras.layers.Flatten()(inputs)
        model = keras.Model(inputs, keras.layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.1))(x))
    trainer = Trainer(model, [], spec=images.spec, loss=LOSSES["tiny"](), train=TRAIN)
    found = fit(trainer, images, epochs=1)

    trainer.reset(seed=0, learning_rate=0.05)
    _, parts = prepare_split(images, 0)
    batch = batch_order(0, 1, 120, 16)[0]
    kernel = keras.ops.convert_to_numpy(model.layers[-1].kernel)
    bare = float(LOSSES["tiny"]()(parts["train"].y[batch], model(parts["train"].x[batch])))
    assert found.step_losses[0] == pytest.approx(bare + 0.1 * (kernel**2).sum(), rel=1e-5)


@given(
    seed=st.integers(0, 10**6),
    epoch=st.integers(0, 1000),
    examples=st.integers(1, 300),
    batch_size=st.integers(1, 300),
)
def test_an_epoch_uses_each_example_at_most_once_in_full_batches(seed, epoch, examples, batch_size):
    order = batch_order(seed, epoch, examples, batch_size)

    assert order.shape == (examples // batch_size, batch_size)
    assert order.dtype == np.int32
    assert len(np.unique(order)) == order.size
    assert order.size > examples - batch_size
    assert ((order >= 0) & (order < examples)).all()
    np.testing.assert_array_equal(order, batch_order(seed, epoch, examples, batch_size))


@given(seed=st.integers(0, 10**6), epoch=st.integers(1, 100))
def test_every_seed_and_epoch_has_an_order_of_its_own(seed, epoch):
    orders = [batch_order(*pair, 100, 10) for pair in ((seed, epoch), (seed, epoch + 1), (seed + 1, epoch))]

    assert not any(np.array_equal(a, b) for a, b in ((orders[0], orders[1]), (orders[0], orders[2])))


@pytest.mark.parametrize("name", ["sgd", "SGD", "adam", "AdamW", "rmsprop", "lion"])
def test_optimizers_go_by_name(name):
    optimizer = build_optimizer({**TRAIN, "optimizer": name, "learning_rate": 0.25})

    assert type(optimizer).__name__.lower() == name.lower()
    assert float(optimizer.learning_rate) == 0.25


def test_optimizers_take_options_and_refuse_others():
    assert build_optimizer({**TRAIN, "optimizer_options": {"momentum": 0.5}}).momentum == 0.5
    with pytest.raises(UserError, match=r"train\.optimizer_options: expected arguments of sgd.*\{'speed': 9\}$"):
        build_optimizer({**TRAIN, "optimizer_options": {"speed": 9}})
    with pytest.raises(UserError, match=r"train\.optimizer: expected one of .* nearest is adam\. Received: adm"):
        build_optimizer({**TRAIN, "optimizer": "adm"})


def test_a_loss_goes_by_its_target():
    assert isinstance(build_loss({"_target_": "keras.losses.MeanSquaredError"}), keras.losses.MeanSquaredError)
    with pytest.raises(UserError, match=r"^task\.loss: expected a Keras loss"):
        build_loss({"_target_": "keras.losses.MeanSquaredError", "nope": 1})


@pytest.mark.parametrize(
    ("precision", "compute"), [("mixed_bfloat16", "bfloat16"), pytest.param("mixed_float16", "float16")]
)
def test_reduced_precision_trains_and_keeps_weights_and_statistics_in_float32(images, precision, compute):
    keras.config.set_dtype_policy(precision)
    try:
        trainer = trainer_of(images, axis=AxisStrategy(("channel",)), precision=precision)
        found = fit(trainer, images)
        fit(trainer, images, seed=1)
        again = fit(trainer, images)
    finally:
        keras.config.set_dtype_policy("float32")

    assert trainer.model.get_layer("conv").compute_dtype == compute
    assert {weight.dtype for weight in trainer.model.weights if "seed_generator" not in weight.path} == {"float32"}
    assert found.status == "ok"
    np.testing.assert_array_equal(found.step_losses, again.step_losses)
