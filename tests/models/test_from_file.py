"""A model of somebody's as an architecture: what becomes of its layers, weights and outputs, and what is refused."""

from __future__ import annotations

import hashlib
import json

import keras
import numpy as np
import pytest
from keras import layers

from harness.axes.norm import NormFactory
from harness.axes.resolved import SiteRecorder, site_from_dict
from harness.axes.strategy import AxisStrategy, check_takes
from harness.cell.evaluation import Evaluator
from harness.cell.initialization import Initializer, noting_initializers
from harness.cell.program import PROGRAMS
from harness.commands.cli import main
from harness.models.from_file import build
from harness.types import Own, Site, TaskSpec, UserError
from tests.bad_input.refusing import complaint

RNG = np.random.default_rng(0)
IMAGES = TaskSpec("images", ("height", "width", "channel"), (8, 8, 1), 3)
AS_BUILT = AxisStrategy(kind="as_built")


def lively(model):
    """Every weight of every layer drawn, so that whatever gets lost is seen."""
    for variable in model.variables:
        if variable.dtype == "float32":
            low, high = (0.5, 1.5) if "variance" in variable.path or "gamma" in variable.path else (-0.5, 0.5)
            variable.assign(RNG.uniform(low, high, variable.shape))
    return model


def sequential(axis=1, end="softmax", size=8):
    """One normalization, on rows unless said."""
    normalization = layers.BatchNormalization(axis=axis, momentum=0.8, epsilon=0.01, name="bn")
    stack = [keras.Input((size, size, 1)), layers.Conv2D(4, 3, activation="relu", name="conv"), normalization]
    return lively(keras.Sequential([*stack, layers.Flatten(name="flat"), layers.Dense(3, activation=end, name="out")]))


def nested():
    """A model within, called twice, of open size; a normalization without scale and a softmax layer of its own."""
    inner_input = keras.Input((None, None, 1))
    y = layers.BatchNormalization(name="bn")(layers.Conv2D(4, 3, name="conv")(inner_input))
    inner = keras.Model(inner_input, layers.ReLU(name="relu")(y), name="inner")
    x = keras.Input((8, 8, 1))
    y = layers.Concatenate(name="both")([inner(x), inner(x * 3.0)])
    y = layers.GlobalAveragePooling2D(name="pool")(y)
    y = layers.BatchNormalization(scale=False, name="last")(y)
    return lively(keras.Model(x, layers.Softmax(name="probabilities")(layers.Dense(3, name="out")(y))))


@pytest.fixture
def saved(tmp_path):
    def save(model):
        model.save(tmp_path / "mine.keras")
        return str(tmp_path / "mine.keras")

    return save


def factory(strategy=AS_BUILT, **options):
    return NormFactory(strategy, batch_size=8, **({"momentum": None, "epsilon": None} | options))


def examples(count=8):
    return np.random.default_rng(3).normal(size=(count, 8, 8, 1)).astype(np.float32)


@pytest.mark.parametrize("make", [sequential, nested, lambda: sequential(axis=-1)])
def test_as_built_with_its_weights_is_the_model_up_to_the_softmax(saved, make):
    model, x = make(), examples()
    again = build(IMAGES, factory(), path=saved(model), weights="keep")

    for training in (True, False):  # the second shows that the averages have moved alike
        ours = keras.ops.softmax(again(x, training=training))
        # Calls of a shared layer may come in another order, in which its averages end a little elsewhere.
        np.testing.assert_allclose(ours, model(x, training=training), rtol=2e-3 if make is nested else 2e-4)


def test_each_strategy_has_what_the_models_own_layer_has_besides_its_axes(saved):
    model = sequential()
    path = saved(model)
    for strategy in (AS_BUILT, AxisStrategy(["channel"]), AxisStrategy(kind="ghost", ghost=4)):
        norm = factory(strategy)
        build(IMAGES, norm, path=path)
        assert (norm.layers[0].momentum, norm.layers[0].epsilon) == (0.8, 0.01)
    norm = factory(momentum=0.5)
    build(IMAGES, norm, path=path)
    assert (norm.layers[0].momentum, norm.layers[0].epsilon) == (0.5, 0.01)


def test_without_a_scale_no_strategy_has_one_and_initializers_go_along(saved):
    stack = [keras.Input((8, 8, 1)), layers.Conv2D(4, 3), layers.BatchNormalization(gamma_initializer="zeros")]
    stack += [layers.Conv2D(2, 3), layers.BatchNormalization(scale=False), layers.Flatten(), layers.Dense(3)]
    path = saved(keras.Sequential(stack))
    for strategy in (AS_BUILT, AxisStrategy("all"), AxisStrategy(kind="layer"), AxisStrategy(kind="instance")):
        norm = factory(strategy)
        build(IMAGES, norm, path=path)
        first, second = norm.layers
        assert not np.asarray(first.gamma).any()
        assert second.gamma is None
        assert second.beta is not None
        counted = [sum(int(np.prod(v.shape)) for v in one.trainable_variables) for one in norm.layers]
        assert counted == [site.parameters for site in norm.sites]


def test_sites_are_named_as_audit_names_them_and_a_shared_one_is_one_site(saved):
    recorder = SiteRecorder()
    build(IMAGES, recorder, path=saved(nested()))

    image, last = recorder.sites
    assert (image.name, image.axes, image.shape) == ("inner.bn", ("height", "width", "channel"), (6, 6, 4))
    assert (last.name, last.axes, last.shape) == ("last", ("feature",), (8,))
    assert image.own == Own((3,), (3,))
    assert last.own == Own((1,), (1,), scale=False)


def test_axes_can_be_named_for_all_sites_or_by_site(saved):
    path = saved(nested())
    for axes in (
        ["row", "column", "map"],
        {"inner.bn": ["row", "column", "map"]},
        {"inner/bn": ["row", "column", "map"]},
    ):
        recorder = SiteRecorder()
        build(IMAGES, recorder, path=path, axes=axes)
        assert [site.axes for site in recorder.sites] == [("row", "column", "map"), ("feature",)]


def test_a_shared_layers_precise_statistics_are_those_of_all_its_calls(saved):
    norm = factory()
    model = build(IMAGES, norm, path=saved(nested()), weights="keep")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    evaluator = Evaluator(model, norm.layers, loss=loss, batch_size=4)
    x = examples()
    (mean, variance), _ = evaluator.precise_statistics(x, np.arange(8, dtype=np.int32).reshape(2, 4))

    conv = model.get_layer("inner.conv")
    seen = [np.asarray(conv(part * by), np.float64) for part in (x[:4], x[4:]) for by in (1, 3)]
    means = np.array([part.mean((0, 1, 2)) for part in seen])
    squares = np.array([(part**2).mean((0, 1, 2)) for part in seen])
    np.testing.assert_allclose(mean, means.mean(0), rtol=1e-5)
    np.testing.assert_allclose(variance, squares.mean(0) - means.mean(0) ** 2, rtol=1e-4)


def built(norm, **options):
    with noting_initializers():
        model = build(IMAGES, norm, **options)
    return model, Initializer(model, norm.layers)


def test_fresh_weights_come_from_the_seed_and_are_the_same_under_every_strategy(saved):
    path = saved(sequential())
    digests = {}
    for strategy in (AS_BUILT, AxisStrategy(["channel"]), AxisStrategy(kind="none")):
        model, initializer = built(factory(strategy), path=path)
        for seed in (0, 1):
            initializer.reset(seed)
            digests.setdefault(seed, set()).add(initializer.shared_digest())
            np.testing.assert_array_equal(model.get_layer("conv").bias, 0)
    assert [len(found) for found in digests.values()] == [1, 1]
    assert digests[0] != digests[1]


def test_fresh_weights_do_not_depend_on_how_many_layers_the_process_had_built(tmp_path):
    def automatic():
        inner = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(4, 3), layers.BatchNormalization()])
        return keras.Sequential([keras.Input((8, 8, 1)), inner, layers.Flatten(), layers.Dense(3)])

    digests, names = set(), set()
    for built_before in range(3):
        layers.Dense(1), layers.Conv2D(1, 1), layers.Flatten()
        one = automatic()
        one.save(tmp_path / f"{built_before}.keras")
        _, initializer = built(factory(), path=str(tmp_path / f"{built_before}.keras"))
        initializer.reset(0)
        digests.add(initializer.shared_digest())
        names.add(one.layers[-1].name)
    assert len(names) == 3
    assert len(digests) == 1


def test_kept_weights_are_those_of_the_file_at_every_seed_and_go_where_the_axes_include_them(saved):
    original = sequential(axis=-1)
    for strategy, kept in ((AxisStrategy("all"), True), (AxisStrategy(["height"]), False)):
        norm = factory(strategy)
        model, initializer = built(norm, path=saved(original), weights="keep")
        for seed in (0, 1):
            initializer.reset(seed)
            np.testing.assert_array_equal(model.get_layer("conv").kernel, original.get_layer("conv").kernel)
            mean = np.asarray(norm.layers[0].moving_mean)
            expected = np.broadcast_to(original.get_layer("bn").moving_mean, (6, 6, 4)) if kept else np.zeros(6)
            np.testing.assert_array_equal(mean, expected)
        differs = not np.allclose(examples_through(model), examples_through(original, logits=True), atol=1e-4)
        assert differs is not kept


def examples_through(model, logits=False):
    y = np.asarray(model(examples(), training=False))
    return np.log(y) - np.log(y).mean(1, keepdims=True) if logits else y - y.mean(1, keepdims=True)


def test_what_training_does_not_move_is_kept_in_fresh_models_too(saved):
    adapted = layers.Normalization(axis=-1)
    adapted.adapt(7 + 2 * examples())
    stack = [keras.Input((8, 8, 1)), adapted, layers.Conv2D(4, 3), layers.BatchNormalization(), layers.Flatten()]
    original = keras.Sequential([*stack, layers.Dense(3)])
    model, initializer = built(factory(), path=saved(original))
    initializer.reset(5)

    copy = next(layer for layer in model.layers if isinstance(layer, layers.Normalization))
    np.testing.assert_allclose(copy(examples()), adapted(examples()), rtol=1e-5)


def test_the_head_is_replaced_where_it_has_another_number_of_outputs(saved):
    path = saved(sequential())
    wider = TaskSpec("images", IMAGES.axes, IMAGES.shape, 7)
    model, _initializer = built(factory(), path=path)
    assert model.output.shape == (None, 3)
    assert "its 3 outputs are kept" in model.note
    model = build(wider, factory(), path=path, weights="keep")
    assert model.output.shape == (None, 7)
    assert model.get_layer("out").activation is keras.activations.linear
    assert "its output layer out of 3 is replaced by one of 7" in model.note
    with pytest.raises(UserError, match=r"head=refuse: expected a model with the 7 outputs.*Received: .* has 3"):
        build(wider, factory(), path=path, head="refuse")


def test_a_values_activation_is_its_own_and_a_body_without_a_head_gets_one(saved):
    value = TaskSpec("value", IMAGES.axes, IMAGES.shape, 1)
    stack = [keras.Input((8, 8, 1)), layers.Conv2D(4, 3), layers.BatchNormalization()]
    path = saved(keras.Sequential([*stack, layers.Flatten(), layers.Dense(1, activation="sigmoid", name="out")]))
    assert build(value, factory(), path=path).get_layer("out").activation is keras.activations.sigmoid
    path = saved(keras.Sequential([*stack, layers.GlobalAveragePooling2D()]))
    model = build(IMAGES, factory(), path=path)
    assert model.output.shape == (None, 3)
    assert "a dense layer of 3 outputs is put on its 4" in model.note


def test_a_frozen_part_stays_frozen_and_is_no_site(saved):
    base = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(4, 3), layers.BatchNormalization(name="bn")], name="base"
    )
    base.trainable = False
    x = keras.Input((8, 8, 1))
    y = layers.BatchNormalization(name="top")(layers.GlobalAveragePooling2D()(base(x, training=False)))
    path = saved(lively(keras.Model(x, layers.Dense(3)(y))))
    recorder = SiteRecorder()
    assert "2 of its layers are frozen" in build(IMAGES, recorder, path=path).note
    assert [site.name for site in recorder.sites] == ["top"]
    model = build(IMAGES, factory(), path=path, weights="keep")
    before = np.array(model.get_layer("base.bn").moving_mean)
    model(examples(), training=True)
    np.testing.assert_array_equal(model.get_layer("base.bn").moving_mean, before)


def wrapped():
    stack = [keras.Input((8, 8, 1)), layers.TimeDistributed(layers.BatchNormalization()), layers.Flatten()]
    return keras.Sequential([*stack, layers.Dense(3)])


def two_inputs():
    a, b = keras.Input((8, 8, 1)), keras.Input((8, 8, 1))
    y = layers.BatchNormalization()(layers.Add()([a, b]))
    return keras.Model([a, b], layers.Dense(3)(layers.Flatten()(y)))


def frozen():
    model = sequential()
    model.trainable = False
    return model


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(3)]), "which has none"),
        (frozen, "are all frozen"),
        (wrapped, "as TimeDistributed"),
        (two_inputs, "which has 2 and 1"),
        (lambda: keras.Sequential([keras.Input((8, 8, 1)), layers.BatchNormalization()]), "which has 8 × 8 × 1"),
        (
            lambda: keras.Sequential([keras.Input((9, 8, 1)), layers.BatchNormalization(), layers.Flatten()]),
            r"examples of task images, 8 × 8 × 1 \(height, width, channel\)\. Received: .*, which takes 9 × 8 × 1",
        ),
    ],
)
def test_what_cannot_be_an_architecture_is_told(saved, make, said):
    with pytest.raises(UserError, match=said):
        build(IMAGES, SiteRecorder(), path=saved(make()))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"head": "keep"}, "architecture.head: expected one of replace, refuse"),
        ({"weights": "frsh"}, "the nearest is fresh"),
        ({"axes": "time"}, "architecture.axes: expected names"),
        ({"axes": [1, 2, 3]}, "architecture.axes: expected names"),
        ({"axes": ["time", "feature"]}, "axes: expected 3 names at bn"),
        ({"axes": {"bm": ["a", "b", "c"]}}, "the nearest is bn"),
        ({"digest": "0" * 64}, "whose digest begins with 000000000000"),
    ],
)
def test_options_that_cannot_be_are_told(saved, options, said):
    with pytest.raises(UserError, match=said):
        build(IMAGES, SiteRecorder(), path=saved(sequential()), **options)


def test_as_built_elsewhere_and_of_the_batch_axis_is_refused():
    site = Site("norm", ("time", "feature"), (5, 2))
    with pytest.raises(UserError, match="needs architecture=from_file"):
        check_takes(AS_BUILT, [site])
    with pytest.raises(UserError, match=r"keeps the batch axis at 'norm'.*axis=\[0\]"):
        AS_BUILT.resolve(Site("norm", ("feature",), (5,), Own((0,), (0,))), batch_size=8)
    ghosts = AS_BUILT.resolve(Site("norm", ("feature",), (5,), Own((1,), (1,), "ghost", 4)), batch_size=8)
    assert (ghosts.kind, ghosts.ghost, ghosts.samples_per_statistic) == ("ghost", 4, 4)


def test_a_record_tells_what_the_model_had_there():
    site = Site("bn", ("height", "width", "channel"), (6, 6, 4), Own((1,), (1,), scale=False))
    entry = AS_BUILT.resolve(site, batch_size=8).to_dict()
    assert entry["stat_axes"] == ["height"]
    assert entry["parameters"] == 6
    assert site_from_dict(json.loads(json.dumps(entry))) == site


GRID = ["task=tiny", "engine=serial", "train.epochs=1", "seed=0", "duplicates=each"]


def test_a_grid_compares_the_model_as_built_and_knows_the_file_by_its_digest(saved, tmp_path, capsys):
    from tests.core.conftest import CONF

    path = saved(sequential(size=6))
    argv = [*GRID, f"architecture.path={path}", f"results_dir={tmp_path / 'runs'}", "--config-dir", str(CONF)]
    assert main(["run", *argv, "architecture=from_file", "axis=as_built,height,channel"]) == 0
    printed = capsys.readouterr().out
    assert "the softmax at its end is left out" in printed
    assert "moving averages still hold 26 % of where they began (0.8^6)" in printed  # its own momentum
    records = [json.loads(one.read_text()) for one in sorted((tmp_path / "runs" / "records").glob("*.json"))]
    by_axis = {record["axis"]: record for record in records}
    architecture = by_axis["as_built"]["config"]["architecture"]
    assert architecture["digest"] == hashlib.sha256((tmp_path / "mine.keras").read_bytes()).hexdigest()
    assert by_axis["as_built"]["config"]["norm"] == {"momentum": None, "epsilon": None}
    # The model keeps rows, so that it is the strategy of that name to the last bit.
    assert by_axis["as_built"]["hashes"] == by_axis["height"]["hashes"]
    assert by_axis["as_built"]["hashes"]["final_weights"] != by_axis["channel"]["hashes"]["final_weights"]

    moved = tmp_path / "moved.keras"
    (tmp_path / "mine.keras").rename(moved)
    again = [text.replace(path, str(moved)) for text in argv]
    assert main(["plan", *again, "architecture=from_file", "axis=as_built,height"]) == 0
    assert "2 cells: 2 done" in capsys.readouterr().out
    where = ["results_dir=" + str(tmp_path / "runs"), "--config-dir", str(CONF)]
    assert main(["reproduce", by_axis["as_built"]["id"], f"architecture.path={moved}", *where]) == 0
    assert "equal bit for bit" in capsys.readouterr().out
    sequential(axis=-1, size=6).save(moved)
    assert main(["plan", *again, "architecture=from_file", "axis=as_built,height"]) == 0
    assert "2 cells: 2 to run" in capsys.readouterr().out
    PROGRAMS.forget()  # the model of before is at hand yet
    assert main(["reproduce", by_axis["as_built"]["id"], f"architecture.path={moved}", *where]) == 1
    assert "architecture.digest: expected the model that was planned with" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ([], "architecture.path: expected the path of a saved Keras model"),
        (["architecture.path=nowhere.keras"], "expected a file that holds a Keras model. Received: nowhere.keras"),
        (["architecture.path=[1]"], "architecture.path: expected a path"),
        (["architecture.path={junk}"], "cannot be read as a Keras model"),
        (["architecture.path={model}", "architecture.digest=abc"], "whose digest begins with abc"),
        (["architecture.path={model}", "norm.momentum=2"], "norm.momentum: expected"),
        (
            ["architecture.path={model}", "architecture.weights=old"],
            "architecture.weights: expected one of fresh, keep",
        ),
    ],
)
def test_a_grid_without_such_a_model_is_refused_in_a_line(saved, overrides, said, tmp_path, capsys):
    saved(sequential(size=6))
    (tmp_path / "junk.keras").write_text("no zip")
    names = {"junk": tmp_path / "junk.keras", "model": tmp_path / "mine.keras"}
    given = [one.replace("{junk}", str(names["junk"])).replace("{model}", str(names["model"])) for one in overrides]
    assert said in complaint(["run", *GRID, "architecture=from_file", *given], capsys, tmp_path)


def test_momentum_is_a_number_where_no_model_has_its_own(tmp_path, capsys):
    argv = ["run", *GRID, "architecture=tiny", "axis=channel", "norm=own"]
    assert "norm.momentum: expected" in complaint(argv, capsys, tmp_path)
