"""Models whose normalization is replaced: outputs that must not change, weights that go along, what is refused."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from harness.axes import AxisNormalization, AxisStrategy
from harness.commands.cli import main
from harness.models import audit, convert, fold, read_model, recalibrate
from harness.types import UserError
from tests.bad_input.refusing import complaint
from tests.models.builders import IMAGE, SHAPES, application, applications, functional, lively, outputs, sequential

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("kept", [["channel"], ["height", "width", "channel"], ["height", "channel"], [1, 3]])
def test_axes_that_include_the_old_ones_give_the_same_outputs(kept):
    model = functional()
    made = convert(model, AxisStrategy(stat_axes=kept))

    np.testing.assert_allclose(outputs(made.model, *SHAPES), outputs(model, *SHAPES), rtol=1e-4, atol=1e-5)
    assert [(one.path, one.same) for one in made.layers] == [("inner/bn", True), ("shared", True)]
    found = [one.found.layer for one in audit(made.model).layers]
    assert all(isinstance(layer, AxisNormalization) for layer in found)
    assert [(layer.momentum, layer.epsilon, layer.scale) for layer in found] == [(0.99, 1e-3, True), (0.9, 1e-2, False)]


def test_axes_that_do_not_include_them_start_anew_and_the_rest_is_kept():
    model = functional()
    made = convert(model, AxisStrategy(stat_axes=["height", "width"], param_axes=["channel"]))
    by_path = {one.path: one for one in made.layers}

    assert {(one.statistics, one.parameters, one.same) for one in made.layers} == {("fresh", "kept", False)}
    [old, new] = [m.get_layer("inner").get_layer("bn") for m in (model, made.model)]
    np.testing.assert_array_equal(new.gamma, old.gamma)
    assert new.moving_mean.shape == (6, 6)
    assert by_path["inner/bn"].resolved.samples_per_statistic == 32 * 4
    np.testing.assert_array_equal(
        made.model.get_layer("inner").get_layer("conv").kernel, model.get_layer("inner").get_layer("conv").kernel
    )
    assert recalibrate(made.model, [RNG.normal(size=(16, *shape)) for shape in SHAPES]) == ["bn", "shared"]


def test_the_model_that_is_converted_stays_as_it_is():
    model = functional()
    before = outputs(model, *SHAPES)
    made = convert(model, AxisStrategy(stat_axes=[]))
    made.model.get_layer("inner").get_layer("conv").kernel.assign(np.zeros((3, 3, 3, 4)))

    np.testing.assert_array_equal(outputs(model, *SHAPES), before)


@pytest.mark.parametrize("kind", ["none", "layer", "group", "rms", "ghost", "frozen"])
def test_every_kind_of_strategy(kind):
    made = convert(functional(), AxisStrategy(stat_axes=["channel"], kind=kind))

    assert np.isfinite(outputs(made.model, *SHAPES)).all()
    assert {one.resolved.kind for one in made.layers} == {kind}


def test_chosen_layers_alone():
    made = convert(functional(), AxisStrategy(stat_axes=["height"]), only=["shared"])

    assert [one.path for one in made.layers] == ["shared"]
    assert type(made.model.get_layer("inner").get_layer("bn")) is layers.BatchNormalization


def test_names_of_ones_own():
    model = lively(keras.Sequential([keras.Input((6, 5)), layers.BatchNormalization(name="bn")]))
    [one] = convert(model, AxisStrategy(stat_axes=["sensor"]), axes=["moment", "sensor"]).layers

    assert one.resolved.axis == (2,)
    assert one.same


def test_it_is_saved_and_read(tmp_path):
    made = convert(functional(), AxisStrategy(stat_axes=["height", "width", "channel"])).model
    made.save(tmp_path / "made.keras")

    np.testing.assert_array_equal(outputs(read_model(tmp_path / "made.keras"), *SHAPES), outputs(made, *SHAPES))


def test_what_cannot_be_converted_is_said_with_the_reason():
    class Net(keras.Model):
        pass

    wrapped = keras.Sequential([keras.Input((4, 6, 3)), layers.TimeDistributed(layers.BatchNormalization())])
    plain = keras.Sequential([keras.Input((6, 3)), layers.Dense(2)])
    strategy = AxisStrategy(stat_axes=["channel"])
    with pytest.raises(UserError, match=r"expected a sequential or functional model.*Received: a Net"):
        convert(Net(), strategy)
    with pytest.raises(UserError, match="expected normalization layers in models and not in other layers"):
        convert(wrapped, strategy)
    with pytest.raises(UserError, match="expected a model with batch normalization"):
        convert(plain, strategy)
    with pytest.raises(UserError, match="layers: expected one of inner/bn, shared, the nearest is shared"):
        convert(functional(), strategy, only=["share"])
    with pytest.raises(UserError, match="no site of this architecture has the axes"):
        convert(functional(), AxisStrategy(stat_axes=["time"]))
    with pytest.raises(UserError, match="axes: expected 3 names at inner/bn"):
        convert(functional(), strategy, axes=["a", "b"])


def test_a_copy_is_never_written_over_its_model(tmp_path, capsys):
    path = tmp_path / "in.keras"
    sequential(keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization()).save(path)
    before = path.read_bytes()
    (tmp_path / "link.keras").symlink_to(path)

    for out in (path, tmp_path / "link.keras"):
        assert main(["convert", f"model={path}", f"out={out}", "axis=spatial"]) == 2
        assert "out: expected another file than the model" in " ".join(capsys.readouterr().err.split())
    assert path.read_bytes() == before


def test_its_user_converts_and_recalibrates(tmp_path, capsys):
    parts = [layers.Conv2D(4, 3), layers.BatchNormalization(name="bn"), layers.Flatten(), layers.Dense(2)]
    model = lively(keras.Sequential([keras.Input((8, 8, 3)), *parts]))
    model.save(tmp_path / "in.keras")
    x = RNG.normal(size=(20, 8, 8, 3)).astype(np.float32)
    np.savez(tmp_path / "x.npz", x=x)
    argv = ["convert", f"model={tmp_path / 'in.keras'}", f"out={tmp_path / 'out.keras'}"]

    assert main([*argv, "axis=elementwise"]) == 0
    said = capsys.readouterr().out
    assert "bn: keeps height × width × channel; statistics kept, scale and shift kept" in said
    assert "1 layer replaced; 1 of them gives in inference what they gave" in said
    assert said.endswith("out.keras: written; opened after `import harness`\n")
    made = read_model(tmp_path / "out.keras")
    np.testing.assert_allclose(outputs(made, (8, 8, 3)), outputs(model, (8, 8, 3)), rtol=1e-4, atol=1e-5)

    assert main([*argv, "axis=[1,2]", f"recalibrate={tmp_path / 'x.npz'}", "batch_size=20"]) == 0
    said = capsys.readouterr().out
    assert "bn: keeps height × width; statistics start anew" in said
    assert "1 layer replaced\n" in said  # which gives what its new statistics make of it
    assert "1 layer with statistics estimated anew on 20 examples" in said
    made = read_model(tmp_path / "out.keras")
    given = np.asarray(model.layers[0](x), np.float64)
    np.testing.assert_allclose(made.get_layer("bn").moving_mean, given.mean((0, 3)), rtol=1e-4, atol=1e-5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.keras", "out.keras", "x.npz"]


def test_its_user_folds_with_or_without_axes(tmp_path, capsys):
    parts = [layers.Conv2D(4, 3, name="conv"), layers.BatchNormalization(name="bn"), layers.Flatten(), layers.Dense(2)]
    model = lively(keras.Sequential([keras.Input((8, 8, 3)), *parts]))
    model.save(tmp_path / "in.keras")
    x = RNG.normal(size=(20, 8, 8, 3)).astype(np.float32)
    np.savez(tmp_path / "x.npz", x_train=x)
    argv = ["convert", f"model={tmp_path / 'in.keras'}", f"out={tmp_path / 'out.keras'}", "fold=true"]

    assert main(argv) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "bn: goes into conv"
    assert said[1] == "1 folded into kernels, 0 became a multiply-add; 288 operations for an example before, 0 after"
    made = keras.saving.load_model(tmp_path / "out.keras")
    assert [layer.name for layer in made.layers[:1]] == ["conv"]
    np.testing.assert_allclose(outputs(made, (8, 8, 3)), outputs(model, (8, 8, 3)), rtol=1e-4, atol=1e-5)

    assert main([*argv, "axis=elementwise", f"recalibrate={tmp_path / 'x.npz'}", "batch_size=20"]) == 0
    assert "bn: becomes a multiply-add, as it differs along height, width, channel" in capsys.readouterr().out
    given = np.asarray(model.layers[0](x), np.float64)
    norm = (given - given.mean(0)) / np.sqrt(given.var(0) + 1e-3) * model.layers[1].gamma.numpy() + model.layers[1].beta
    np.testing.assert_allclose(read_model(tmp_path / "out.keras").layers[1](given), norm, rtol=1e-3, atol=1e-4)


def test_its_user_recalibrates_alone(tmp_path, capsys):
    keras.Sequential([keras.Input((3,)), layers.BatchNormalization()]).save(tmp_path / "in.keras")
    x = RNG.normal(3, 2, (32, 3))
    np.savez(tmp_path / "x.npz", x=x)
    argv = ["convert", f"model={tmp_path / 'in.keras'}", f"out={tmp_path / 'out.keras'}"]

    assert main([*argv, f"recalibrate={tmp_path / 'x.npz'}"]) == 0
    assert capsys.readouterr().out.startswith("1 layer with statistics estimated anew on 32 examples\n")
    np.testing.assert_allclose(read_model(tmp_path / "out.keras").layers[0].moving_mean, x.mean(0), rtol=1e-5)


@pytest.mark.parametrize("option", ["axis=timestep", "layers=[nope]", "recalibrate=x.npz"])
def test_its_user_is_told_what_cannot_be_and_nothing_is_written(option, tmp_path, capsys):
    keras.Sequential([keras.Input((6, 6, 3)), layers.BatchNormalization(name="bn")]).save(tmp_path / "in.keras")
    np.savez(tmp_path / "x.npz", x=np.zeros((4, 6, 6, 2)))
    options = {"axis": "axis=channel", option.partition("=")[0]: option}

    argv = ["convert", "model=in.keras", "out=out.keras", *options.values()]
    said = complaint(argv, capsys, tmp_path, config_dir=None)
    assert ("no site" if "axis" in option else option.partition("=")[0]) in said


@pytest.mark.parametrize("name", applications())
def test_models_of_keras_applications(name):
    model = application(name)
    made = convert(model, AxisStrategy(stat_axes=["channel"]))
    batch = [layer.name for layer in model.layers if isinstance(layer, layers.BatchNormalization)]

    assert [one.path for one in made.layers] == batch
    assert all(one.same for one in made.layers)
    # Of the largest output, as fifty layers round: Keras's own float32 lies 1.3e-5 from float64 in ResNet50,
    # and the converted model 0.8e-5.
    before, after = outputs(model, (96, 96, 3)), outputs(made.model, (96, 96, 3))
    assert np.abs(after - before).max() < 3e-5 * np.abs(before).max()


def test_a_layer_that_was_adapted_to_data_stays_adapted():
    # keras.layers.Normalization computes by what it made of its weights when it was adapted, not by these.
    rng = np.random.default_rng(0)
    adapted = layers.Normalization()
    adapted.adapt(rng.normal(3, 2, (64, *IMAGE)).astype("float32"))
    model = sequential(adapted, layers.Conv2D(4, 3), layers.BatchNormalization())
    x = rng.normal(3, 2, (2, *IMAGE)).astype("float32")

    for made in (convert(model, AxisStrategy(stat_axes=["channel"])), fold(model)):
        np.testing.assert_allclose(made.model(x), model(x), atol=1e-4)


RENORM = AxisStrategy(stat_axes=["channel"], kind="renorm")


def test_renormalization_begins_where_the_statistics_of_before_ended():
    model = lively(sequential(layers.Conv2D(4, 3), layers.BatchNormalization()))
    old, new = model.layers[-1], convert(model, RENORM).model.layers[-1]
    stddev = np.sqrt(np.asarray(old.moving_variance) + old.epsilon)

    assert np.allclose(new.renorm_mean, old.moving_mean)
    assert np.allclose(new.renorm_stddev, stddev)
    assert np.allclose(new.moving_stddev, stddev)
