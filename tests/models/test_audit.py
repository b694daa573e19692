"""What an audit says of models whose faults are known, since they were built in; from Python and by its user."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from keras import layers

from harness.axes import AxisNormalization
from harness.commands.cli import main
from harness.layers.variants import FrozenNormalization, GhostNormalization
from harness.models import audit
from harness.types import UserError
from tests.models.builders import IMAGE, application, applications, sequential, trained
from tests.needs import needs_renorm


def kinds(found, level=None):
    return [(path, one.kind) for path, one in found.findings if level in (None, one.level)]


def one_of(model, **options):
    [layer] = audit(model, **options).layers
    return layer


def test_a_healthy_model_has_notes_alone():
    found = audit(trained(sequential(layers.Conv2D(4, 3, use_bias=False), layers.BatchNormalization(name="bn"))))

    assert kinds(found) == [("bn", "folds")]
    assert not found.failed
    [layer] = found.layers
    assert layer.found.named.axes == ("height", "width", "channel")
    assert layer.found.named.source.startswith("conv2d")
    assert layer.explanation.resolved.samples_per_statistic == 32 * 10 * 8


def test_an_activation_in_between_makes_the_bias_count_and_leaves_a_multiply_add():
    for activation, found in [("relu", {"no-fold"}), (None, {"folds", "idle-bias"})]:
        model = sequential(layers.Conv2D(4, 3, activation=activation), layers.BatchNormalization())
        assert {one.kind for one in one_of(trained(model)).findings} == found


@pytest.mark.parametrize(
    ("part", "axis", "named", "wrong"),
    [
        (lambda: layers.Conv2D(4, 3), 1, ("height", "width", "channel"), True),
        (lambda: layers.Conv2D(4, 3), -1, ("height", "width", "channel"), False),
        (lambda: layers.Conv2D(4, 3), 3, ("height", "width", "channel"), False),
        (lambda: layers.DepthwiseConv2D(3), 2, ("height", "width", "channel"), True),
        (lambda: layers.SeparableConv2D(4, 3), 1, ("height", "width", "channel"), True),
        (lambda: layers.Conv2DTranspose(4, 3), 1, ("height", "width", "channel"), True),
        (lambda: layers.Permute((3, 1, 2)), 1, ("axis", "axis", "axis"), None),
    ],
)
def test_an_axis_that_is_not_where_the_channels_are(part, axis, named, wrong):
    layer = one_of(
        trained(sequential(part(), layers.ReLU(), layers.MaxPooling2D(), layers.BatchNormalization(axis=axis)))
    )
    found = {one.kind: one for one in layer.findings}

    if wrong is None:  # no layer before says what is where
        assert layer.found.named.source == ""
        return
    assert layer.found.named.axes == named
    assert ("not-the-channels" in found) == wrong
    if wrong:
        assert found["not-the-channels"].level == "error"
        assert found["not-the-channels"].remedy == "axis=-1"
        assert f"axis={axis} keeps {named[axis - 1]}, and the channels are axis 3" in found["not-the-channels"].reason


def channels_first():
    inputs = keras.Input((3, 12, 10))
    y = layers.Conv2D(4, 3, data_format="channels_first", name="conv")
    # It is built and called by its shapes alone, which a CPU could not compute.
    y = y(inputs)
    return inputs, y


@pytest.mark.parametrize(("axis", "wrong"), [(1, False), (-1, True), (3, True)])
def test_channels_that_come_first(axis, wrong):
    inputs, y = channels_first()
    layer = one_of(trained(keras.Model(inputs, layers.BatchNormalization(axis=axis)(y))))
    found = {one.kind: one for one in layer.findings}

    assert layer.found.named.axes == ("channel", "height", "width")
    assert ("not-the-channels" in found) == wrong
    if wrong:
        assert found["not-the-channels"].remedy == "axis=1"


def test_a_sequence_whose_features_are_pooled_is_a_warning():
    model = sequential(layers.LSTM(6, return_sequences=True), layers.BatchNormalization(axis=1), shape=(7, 3))
    layer = one_of(trained(model))

    assert layer.found.named.axes == ("time", "feature")
    assert (layer.findings[0].level, layer.findings[0].kind) == ("warning", "not-the-channels")
    assert "AxisNormalization(axis=[1, 2])" in layer.findings[0].remedy


@pytest.mark.parametrize(
    ("shape", "parts", "named"),
    [
        ((9, 5), lambda: [layers.Conv1D(4, 2)], ("time", "channel")),
        ((4, 6, 6, 2), lambda: [layers.Conv3D(3, 2)], ("depth", "height", "width", "channel")),
        ((9, 5), lambda: [layers.Bidirectional(layers.GRU(4, return_sequences=True))], ("time", "feature")),
        ((9, 5), lambda: [layers.GRU(4)], ("feature",)),
        ((6, 6, 2), lambda: [layers.Conv2D(3, 3), layers.Flatten(), layers.Dense(5)], ("feature",)),
        ((6, 6, 2), lambda: [layers.Conv2D(3, 3), layers.GlobalAveragePooling2D()], ("feature",)),
        ((5, 6, 6, 2), lambda: [layers.TimeDistributed(layers.Conv2D(3, 3))], ("time", "height", "width", "channel")),
        ((6, 6, 2), lambda: [layers.Conv2D(3, 3), layers.Permute((3, 1, 2))], ("channel", "height", "width")),
        (
            (5, 6, 6, 2),
            lambda: [layers.ConvLSTM2D(3, 3, return_sequences=True)],
            ("time", "height", "width", "channel"),
        ),
        ((9, 5), lambda: [layers.Dense(3)], ("time", "feature")),
        ((6, 6, 2), lambda: [layers.Reshape((36, 2))], ("time", "feature")),
    ],
)
def test_axes_are_named_by_the_layers_before(shape, parts, named):
    assert one_of(sequential(*parts(), layers.BatchNormalization(), shape=shape)).found.named.axes == named


def test_nested_shared_and_wrapped_layers():
    inner = sequential(layers.Conv2D(4, 3), layers.BatchNormalization(name="in"))
    inner.name = "encoder"
    a, b = keras.Input(IMAGE), keras.Input(IMAGE)
    y = layers.Concatenate()([inner(a), inner(b)])
    y = layers.Dropout(0.1)(y)
    y = layers.BatchNormalization(name="out")(y)
    frames = layers.Reshape((5, 2, 8, 8))(y)
    frames = layers.TimeDistributed(layers.BatchNormalization(name="frame"), name="each")(frames)
    found = audit(trained(keras.Model([a, b], frames)))
    by_path = {layer.found.path: layer for layer in found.layers}

    assert set(by_path) == {"encoder/in", "out", "each/frame"}
    assert by_path["encoder/in"].found.uses == 2
    assert by_path["out"].found.named.axes == ("height", "width", "channel")  # through the nested model
    assert {("encoder/in", "shared"), ("encoder/in", "idle-bias"), ("out", "after-dropout")} <= set(kinds(found))
    assert ("out", "idle-bias") not in kinds(found)


def test_a_normalization_at_the_start_of_a_nested_model_knows_what_is_before_it():
    inner = sequential(layers.BatchNormalization(name="first", axis=1), shape=(10, 8, 4))
    model = trained(sequential(layers.Conv2D(4, 3), inner))
    layer = one_of(model)

    assert layer.found.named.source.startswith("conv2d")
    assert layer.findings[0].kind == "not-the-channels"


def test_a_subclassed_model():
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv, self.bn = layers.Conv2D(4, 3), layers.BatchNormalization(axis=1, name="bn")

        def call(self, x, training=None):
            return self.bn(self.conv(x), training=training)

    model = Net()
    assert one_of(model).findings[0].kind == "not-built"
    model(np.zeros((1, *IMAGE), np.float32))
    layer = one_of(trained(model))

    assert layer.explanation.resolved.statistics == 10
    # Nobody says where its channels are: by the rank alone it is no error.
    assert ("warning", "not-the-channels") in [(one.level, one.kind) for one in layer.findings]


def test_a_kept_batch():
    model = keras.Sequential([keras.Input(batch_shape=(8, 4, 5)), layers.BatchNormalization(axis=0, name="bn")])
    found = audit(trained(model), batch_size=32)

    assert kinds(found, "error") == [("bn", "batch-kept")]
    assert found.failed
    assert "tied to a batch of 8" in found.findings[0][1].reason


def test_statistics_that_never_moved():
    model = sequential(layers.BatchNormalization(name="bn"))
    assert ("bn", "never-moved") in kinds(audit(model), "warning")
    model.layers[0].gamma.assign([1.0, 2.0, 1.0])
    assert ("bn", "never-moved") in kinds(audit(model), "error")
    model.layers[0].moving_mean.assign([0.0, 0.1, 0.0])
    assert "never-moved" not in dict(map(reversed, kinds(audit(model))))
    model.layers[0].moving_variance.assign([1.0, np.nan, 1.0])
    assert kinds(audit(model), "error") == [("bn", "not-finite")]


def test_variances_near_zero_are_counted():
    model = trained(sequential(AxisNormalization(axis=[1, 2], name="an")))
    variance = np.ones(IMAGE[:2], np.float32)
    variance[0, :4] = [0, 1e-5, 9e-4, 2e-3]
    model.layers[0].moving_variance.assign(variance)
    [found] = [one for _, one in audit(model).findings if one.kind == "small-variance"]

    assert "3 of 120 variances are below ε = 0.001, the smallest 0.0e+00" in found.reason
    assert "up to 32" in found.reason
    assert "constant-places" not in [one.kind for _, one in audit(model).findings]


@pytest.mark.parametrize(
    ("momentum", "steps", "level"), [(0.99, 10, "error"), (0.99, 100, "warning"), (0.99, 459, None), (0.5, 7, None)]
)
def test_averages_that_had_no_time(momentum, steps, level):
    found = audit(trained(sequential(layers.BatchNormalization(momentum=momentum))), steps=steps)
    slow = [one for _, one in found.findings if one.kind == "slow-momentum"]

    assert [one.level for one in slow] == ([level] if level else [])
    for one in slow:
        assert f"{100 * momentum**steps:.0f} % of what they began as" in one.reason
        enough = float(one.remedy.split()[1])
        assert enough**steps <= 0.01 < (enough + 0.002) ** steps


def test_frozen_masked_and_few_samples():
    inputs = keras.Input((6,), dtype="int32")
    y = layers.Embedding(20, 5, mask_zero=True)(inputs)
    y = layers.BatchNormalization(name="frozen", trainable=False)(y)
    y = layers.LSTM(4)(y)
    y = layers.BatchNormalization(name="few")(y)
    found = set(kinds(audit(keras.Model(inputs, y), batch_size=4)))

    assert {("frozen", "frozen"), ("frozen", "masked"), ("few", "few-samples")} <= found
    assert ("few", "masked") not in found


@needs_renorm
def test_layers_of_this_project():
    model = sequential(
        layers.Conv2D(4, 3),
        AxisNormalization(axis=[1, 2], param_axis=-1),
        GhostNormalization(ghost=8),
        FrozenNormalization(axis=()),
        AxisNormalization(axis=[1, 3], renorm=True),
        AxisNormalization(axis=1),
    )
    found = audit(trained(model))
    resolved = [layer.explanation.resolved for layer in found.layers]

    assert [r.kind for r in resolved] == ["batch", "ghost", "frozen", "renorm", "batch"]
    assert [r.statistics for r in resolved] == [80, 4, 1, 40, 10]
    assert [r.parameters for r in resolved] == [8, 8, 2, 80, 20]
    assert [r.samples_per_statistic for r in resolved] == [128, 640, 10240, 256, 1024]
    assert not found.failed  # axes that somebody chose from several are no mistake


def test_layers_that_do_not_average_over_the_batch():
    model = sequential(
        layers.LayerNormalization(),
        layers.LayerNormalization(axis=[1, 2, 3]),
        layers.GroupNormalization(groups=3),
        layers.RMSNormalization(),
    )
    resolved = [layer.explanation.resolved for layer in audit(model).layers]

    assert [r.samples_per_statistic for r in resolved] == [3, 360, 120, 3]
    assert [r.parameters for r in resolved] == [6, 720, 6, 3]
    assert all(r.statistics == 0 for r in resolved)


def test_a_model_without_normalization():
    with pytest.raises(UserError, match="expected a model with a normalization layer"):
        audit(sequential(layers.Dense(2)))


@pytest.fixture(scope="module")
def wrong(tmp_path_factory):
    """A saved model with a wrong axis, trained for 16 steps by its optimizer's count."""
    path = tmp_path_factory.mktemp("models") / "wrong.keras"
    model = trained(sequential(layers.Conv2D(4, 3), layers.BatchNormalization(axis=1, name="bn"), layers.Flatten()))
    model.compile("sgd", "mse")
    model.optimizer.build(model.trainable_variables)
    model.optimizer.iterations.assign(16)
    model.save(path)
    return path


def test_its_user_sees_the_table_the_findings_and_the_status(wrong, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["audit", f"model={wrong}"]) == 1
    said = " ".join(capsys.readouterr().out.split())

    assert "bn Batch 10 × 8 × 4 (height, width, channel) height (1) 10 20 1,024" in said
    assert "error: axis=1 keeps height, and the channels are axis 3 of (batch, height, width, channel)" in said
    assert "after 16 steps at momentum 0.99 the moving averages still are 85 %" in said
    assert "1 normalization layer: 2 errors" in said


@pytest.mark.parametrize("name", ["encoder_stage1_block2_depthwise_batch_norm", 90 * "b"])
def test_names_of_layers_can_be_copied_whatever_the_width(name, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    path = tmp_path / "m.keras"
    sequential(layers.Conv2D(4, 3), layers.BatchNormalization(name=name)).save(path)

    assert main(["audit", f"model={path}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith(f" {name} ") for line in lines)
    # In the table, and after each of three findings.
    assert sum(name in line for line in lines) >= 4
    assert len(name) > 50 or max(map(len, lines)) <= 80


def test_json_and_markdown(wrong, capsys):
    assert main(["audit", f"model={wrong}", "format=json", "steps=5000", "batch_size=8"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert main(["audit", f"model={wrong}", "format=markdown"]) == 1
    markdown = capsys.readouterr().out

    assert document["batch_size"] == 8
    assert [layer["layer"] for layer in document["layers"]] == ["bn"]
    assert document["layers"][0]["samples_per_statistic"] == 8 * 8 * 4
    assert [one["kind"] for one in document["findings"] if one["level"] == "error"] == ["not-the-channels"]
    assert set(document["findings"][0]) == {"level", "kind", "layer", "reason", "remedy"}
    assert "| bn | Batch |" in markdown
    assert "- **error**: axis=1 keeps height" in markdown


def test_outputs_that_are_not_finite_are_told_and_are_json(tmp_path, capsys):
    model = trained(sequential(layers.Flatten(), layers.Dense(1), layers.BatchNormalization()))
    model.layers[-1].moving_variance.assign([np.nan])
    model.save(tmp_path / "nan.keras")
    np.savez(tmp_path / "d.npz", x=np.random.default_rng(0).normal(size=(6, *IMAGE)), y=np.arange(6.0))
    argv = ["audit", f"model={tmp_path / 'nan.keras'}", f"data={tmp_path / 'd.npz'}"]

    assert main([*argv, "format=json"]) == 1
    document = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert document["gap"]["moving"] is None
    assert document["gap"]["precise"] > 0
    assert main(argv) == 1
    assert "not finite with moving averages" in " ".join(capsys.readouterr().out.split())


def test_a_healthy_model_exits_with_0(tmp_path, capsys):
    model = trained(sequential(layers.Conv2D(4, 3), layers.BatchNormalization()))
    model.save(tmp_path / "right.keras")

    assert main(["audit", f"model={tmp_path / 'right.keras'}"]) == 0
    assert "0 errors" in capsys.readouterr().out


@pytest.mark.parametrize("name", applications())
def test_models_of_keras_applications(name):
    model = application(name)
    batch = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    found = audit(trained(model))

    assert [layer.found.path for layer in found.layers] == [layer.name for layer in batch]
    assert not found.failed
    assert all(layer.explanation.resolved.statistics == layer.found.shape[-1] for layer in found.layers)
    assert all(layer.found.named.axes[-1] in ("channel", "feature") for layer in found.layers)


def test_its_user_is_told_that_the_first_examples_alone_are_looked_at(tmp_path, capsys, monkeypatch):
    sequential(layers.BatchNormalization(), layers.Flatten(), layers.Dense(1)).save(tmp_path / "m.keras")
    x = np.random.default_rng(0).normal(size=(30, *IMAGE))
    np.savez(tmp_path / "d.npz", x=x, y=np.arange(30.0), x_train=x[:20])
    argv = ["audit", f"model={tmp_path / 'm.keras'}", f"data={tmp_path / 'd.npz'}"]

    main(argv)
    said = " ".join(capsys.readouterr().out.split())
    assert "rmse over 30 examples (less is better)" in said
    assert "after recalibration on 20 training examples of their own" in said
    monkeypatch.setattr("harness.commands.audit.MOST_EXAMPLES", 12)
    main(argv)
    said = " ".join(capsys.readouterr().out.split())
    assert "rmse over the first 12 of 30 examples (less is better)" in said
    assert "after recalibration on the first 12 of 20 training examples of their own" in said
