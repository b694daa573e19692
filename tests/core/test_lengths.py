"""Examples of unequal lengths: what is not there counts in no statistic, told against float64 over what is there."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tiny

from harness.architectures import gru, res_cnn, seed_lstm
from harness.axes import AxisStrategy
from harness.axes.norm import NormFactory
from harness.axes.resolved import with_lengths
from harness.cell.data import LoadedTask, prepare_split, standardizer, summarize
from harness.cell.evaluation import Evaluator
from harness.cell.promises import check_data
from harness.types import Site, UserError
from tasks.splits import GroupSplit

RNG = np.random.default_rng(0)
EXAMPLES, STEPS, FEATURES = 40, 9, 3
LENGTHS = RNG.integers(2, STEPS + 1, EXAMPLES)
LENGTHS[:3] = STEPS  # the last step is there in few
THERE = np.arange(STEPS) < LENGTHS[:, None]
X = (5 + 2 * RNG.normal(size=(EXAMPLES, STEPS, FEATURES))).astype(np.float32)


def data(x=X, lengths=LENGTHS, **changes):
    y = np.arange(EXAMPLES, dtype=np.float32)
    series = replace(tiny.load_series(), x=np.where(THERE[..., None], x, np.float32(0)), y=y, lengths=lengths)
    splitter = GroupSplit(np.arange(EXAMPLES), 0.2, 0.2)
    return replace(
        series, **{"axes": ("time", "feature"), "standardize_axes": ("feature",), "splitter": splitter, **changes}
    )


def test_the_mean_and_deviation_are_those_of_the_steps_that_are_there():
    train = np.arange(0, EXAMPLES, 2)
    made = standardizer(data(), train)(data().x)
    readings = X[train][THERE[train]].astype(np.float64)
    expected = (X.astype(np.float64) - readings.mean(axis=0)) / readings.std(axis=0)
    np.testing.assert_allclose(made[THERE], expected[THERE], rtol=1e-5, atol=1e-6)
    assert not made[~THERE].any()
    # Of some of the examples, as shifted ones come.
    np.testing.assert_array_equal(standardizer(data(), train)(data().x[5:9], np.arange(5, 9)), made[5:9])


def test_a_step_of_zeros_that_is_there_is_not_taken_for_padding():
    x = X.copy()
    x[0, 4] = 0
    made = standardizer(data(x, standardize_axes=None), np.arange(9))(data(x).x)
    assert (made.any(axis=2) == THERE).all()
    np.testing.assert_allclose(made[0, 4], 0, atol=1e-30)


def test_what_lies_behind_an_example_changes_nothing():
    other = data()
    other.x[~THERE] = 77
    _, parts = prepare_split(data(), 0)
    _, others = prepare_split(other, 0)
    np.testing.assert_array_equal(parts["train"].x, others["train"].x)


@pytest.mark.parametrize(
    ("lengths", "said"),
    [
        (LENGTHS[:5], r"lengths \(example,\) in whole numbers for 40 examples. Received: lengths of type int64 \(5,\)"),
        (LENGTHS * 1.0, "Received: lengths of type float64"),
        (LENGTHS.tolist(), "Received: lengths of type list"),
        (LENGTHS - 2, "lengths from 1 to 9, the steps of x. Received: from 0"),
        (LENGTHS + 1, "Received: from 3 to 10"),
    ],
)
def test_lengths_that_do_not_fit_are_one_line(lengths, said):
    check_data(data())
    with pytest.raises(UserError, match=said):
        check_data(data(lengths=lengths))


def test_lengths_are_in_the_digest_and_their_shares_in_the_summary():
    whole = replace(data(), lengths=None)
    assert data().digest() != whole.digest()
    summary = summarize(LoadedTask(data(), "digest"))
    np.testing.assert_allclose(summary["present"], THERE.mean(axis=0))
    assert "present" not in summarize(LoadedTask(whole, "digest"))


KEPT = [("feature",), ("time",), ("time", "feature"), ()]


def built(kept, build):
    spec = data().spec
    norm = NormFactory(AxisStrategy(kept), batch_size=EXAMPLES, momentum=0.0, present=spec.present)
    return build(spec, norm), norm


def expected_of(inputs, kept):
    """Mean and variance `(kept sizes)` of the steps that are there, by loops over float64."""
    mean, variance = [], []
    times = range(STEPS) if "time" in kept else [slice(None)]
    features = range(inputs.shape[2]) if "feature" in kept else [slice(None)]
    for t in times:
        for f in features:
            values = inputs[:, t, f].astype(np.float64)[THERE[:, t]].ravel()
            mean.append(values.mean())
            variance.append(values.var())
    return np.array(mean), np.array(variance)


@pytest.mark.parametrize("kept", KEPT, ids=str)
@pytest.mark.parametrize("build", [seed_lstm.build, gru.build, res_cnn.build], ids=["lstm", "gru", "cnn"])
def test_padding_touches_no_statistic(kept, build):
    keras.utils.set_random_seed(0)
    model, norm = built(kept, build)
    x = standardizer(data(), np.arange(EXAMPLES))(data().x)
    sites = keras.Model(model.inputs, [layer.input[0] for layer in norm.layers])

    def inputs_of(x):
        return [np.asarray(values) for values in keras.tree.flatten(sites([x], training=True))]

    inputs = inputs_of(x)
    model(x, training=True)  # of momentum 0: the averages are this batch's statistics
    for layer, values in zip(norm.layers, inputs, strict=True):
        mean, variance = expected_of(values, kept)
        np.testing.assert_allclose(np.ravel(layer.moving_mean), mean, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(np.ravel(layer.moving_variance), variance, rtol=1e-4, atol=1e-6)
    # The precise ones, over batches of which some lack the last steps, are those of all of their values together.
    evaluator = Evaluator(model, norm.layers, loss=keras.losses.MeanSquaredError(), batch_size=10)
    precise = evaluator.precise_statistics(x, np.arange(EXAMPLES, dtype=np.int32).reshape(4, 10))
    by_batch = zip(*(inputs_of(x[start : start + 10]) for start in range(0, EXAMPLES, 10)), strict=True)
    for (precise_mean, precise_variance), values in zip(precise, by_batch, strict=True):
        mean, variance = expected_of(np.concatenate(values), kept)
        np.testing.assert_allclose(np.ravel(precise_mean), mean, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(np.ravel(precise_variance), variance, rtol=1e-4, atol=1e-6)
    assert evaluator.outputs(x, statistics="batch").shape == (EXAMPLES, 1)


@pytest.mark.parametrize("build", [seed_lstm.build, res_cnn.build], ids=["lstm", "cnn"])
def test_more_padding_changes_no_output(build):
    keras.utils.set_random_seed(0)
    model, _ = built(("feature",), build)
    x = standardizer(data(), np.arange(EXAMPLES))(data().x)
    keras.utils.set_random_seed(0)
    spec = replace(data().spec, shape=(STEPS + 4, FEATURES), present=(*data().spec.present, 0.0, 0.0, 0.0, 0.0))
    longer = build(spec, NormFactory(AxisStrategy(("feature",)), batch_size=8, present=spec.present))
    longer.set_weights(model.get_weights())
    padded = np.pad(x, ((0, 0), (0, 4), (0, 0)))
    for training in (False, True):
        outputs = [np.asarray(one(values, training=training)) for one, values in ((model, x), (longer, padded))]
        np.testing.assert_allclose(*outputs, rtol=1e-4, atol=1e-6)


def test_a_masked_model_is_saved_and_loaded(tmp_path):
    model, _ = built(("feature",), res_cnn.build)
    x = standardizer(data(), np.arange(EXAMPLES))(data().x)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(np.asarray(loaded(x)), np.asarray(model(x)))


def test_fewest_samples_and_median_by_hand():
    # Four steps, there in all, all, half and a quarter of the examples; a batch of 8 and 6 features.
    present = (1.0, 1.0, 0.5, 0.25)
    site = Site("norm_1", ("time", "feature"), (4, 6))

    def counted(kept):
        found = with_lengths(AxisStrategy(kept).resolve(site, batch_size=8), present)
        return found.samples_per_statistic, found.median_samples

    assert counted(("time", "feature")) == (2, 6)  # 8 * 0.25; between 8 and 8 * 0.5
    assert counted(("time",)) == (12, 36)
    assert counted(("feature",)) == (22, 22)  # 8 * 4 * 2.75 / 4
    assert counted(()) == (132, 132)
    with pytest.raises(UserError, match="would average over the padding of shorter examples"):
        with_lengths(AxisStrategy(kind="instance").resolve(site, batch_size=8), present)
    plain = AxisStrategy(("time",)).resolve(site, batch_size=8)
    assert with_lengths(plain, None) is plain
    # A step that few training examples have rests on one sample at the least, one that none has on nothing.
    late = with_lengths(plain, (1.0, 1.0, 0.01, 0.0))
    assert (late.samples_per_statistic, late.median_samples) == (0, 24)  # median of 48, 48, 0.48 and 0
    assert "median_samples_per_statistic" not in plain.to_dict()
