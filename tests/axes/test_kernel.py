"""The compiled kernel against the plain operations and against NumPy float64, derivatives of both orders included."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness.axes import AxisNormalization
from harness.layers import compiled, kernel, plain, xla
from harness.layers.layout import Layout
from tests.axes.oracle import SHAPES, Reference, axis_sets, every_axis_set, spread

EPSILON = 1e-3
# Rows of 640 columns, three to an example: large enough for a layout with rows, small enough to be quick.
SHAPE = (5, 3, 40, 16)
# One of each kind: nothing, trailing axes, axes with a gap, everything. The slow test has all.
KINDS = [((), ()), ((3,), (3,)), ((1, 3), (2,)), ((1, 2, 3), (1, 2, 3))]

slow = pytest.mark.slow


class Case:
    """A batch, parameters that broadcast against it, and the gradient that comes from above."""

    def __init__(self, shape: tuple[int, ...], axis: tuple[int, ...], param_axis: tuple[int, ...]) -> None:
        rng = np.random.default_rng(0)
        size = [n if k in param_axis else 1 for k, n in enumerate(shape)]
        self.x, self.dy = rng.normal(2, 3, shape).astype(np.float32), rng.normal(size=shape).astype(np.float32)
        self.gamma = rng.uniform(0.5, 2, size).astype(np.float32)
        self.beta = rng.normal(size=size).astype(np.float32)
        self.averaged = tuple(k for k in range(len(shape)) if k not in axis)
        self.exact = Reference(self.x, axis, param_axis, self.gamma, self.beta, EPSILON)
        self.mean = spread(self.exact.mean, shape, axis)
        self.variance = spread(self.exact.variance, shape, axis)

    def run(self, normalize: Any) -> list[np.ndarray]:
        """y, mean, variance, dx, dgamma, dbeta."""
        sources = [tf.constant(v) for v in (self.x, self.gamma, self.beta)]
        with tf.GradientTape() as tape:
            tape.watch(sources)
            out = normalize(*sources, averaged=self.averaged, epsilon=EPSILON)
        gradients = tape.gradient(out.y, sources, output_gradients=tf.constant(self.dy))
        return [v.numpy() for v in (out.y, out.mean, out.variance, *gradients)]

    def expected(self) -> list[np.ndarray]:
        dx, dgamma, dbeta = self.exact.gradients(self.dy)
        return [self.exact.y(), self.mean, self.variance, dx, dgamma, dbeta]


def assert_near(actual: Any, expected: Any, tolerance: float) -> None:
    """Within `tolerance` of the largest value expected."""
    np.testing.assert_allclose(
        np.asarray(actual), np.reshape(expected, np.shape(actual)), atol=tolerance * max(np.abs(expected).max(), 1e-30)
    )


def check_case(case: Case) -> None:
    for name, fast, plainly, exact in zip(
        ("y", "mean", "variance", "dx", "dgamma", "dbeta"),
        case.run(compiled.normalize_batch),
        case.run(plain.normalize_batch),
        case.expected(),
        strict=True,
    ):
        assert fast.shape == plainly.shape, name
        assert_near(fast, exact, 1e-5)
        assert_near(plainly, exact, 1e-5)


@pytest.mark.parametrize(("axis", "param_axis"), KINDS)
def test_kernel_equals_float64(axis: tuple[int, ...], param_axis: tuple[int, ...]) -> None:
    check_case(Case(SHAPE, axis, param_axis))


def test_a_single_example_is_enough() -> None:
    check_case(Case((1, *SHAPE[1:]), (3,), (3,)))


@slow
@pytest.mark.parametrize(("shape", "axis"), [*every_axis_set(), *[(SHAPE, axis) for axis in axis_sets(4)]])
def test_kernel_equals_float64_for_every_set_of_axes(shape: tuple[int, ...], axis: tuple[int, ...]) -> None:
    check_case(Case(shape, axis, axis))
    check_case(Case(shape, axis, tuple(k for k in range(1, len(shape)) if k not in axis)))


def hessian_product(normalize: Any, case: Case) -> list[np.ndarray]:
    """Derivatives of a function of dx, dgamma and dbeta, by x, gamma, beta and the gradient from above."""
    sources = [tf.constant(v) for v in (case.x, case.gamma, case.beta, case.dy)]
    with tf.GradientTape() as outer:
        outer.watch(sources)
        with tf.GradientTape() as inner:
            inner.watch(sources[:3])
            y = normalize(*sources[:3], averaged=case.averaged, epsilon=EPSILON).y
            # Not linear in y, so that its own second derivative has a part.
            total = tf.reduce_sum(tf.sin(y) * sources[3])
        first = inner.gradient(total, sources[:3])
        weighted = tf.add_n([tf.reduce_sum(tf.square(g)) for g in first])
    return [g.numpy() for g in outer.gradient(weighted, sources)]


@pytest.mark.parametrize(("axis", "param_axis"), [((3,), (3,)), ((1,), (2, 3))])
def test_second_derivatives_equal_those_of_plain_operations(axis: tuple[int, ...], param_axis: tuple[int, ...]) -> None:
    case = Case(SHAPE, axis, param_axis)
    fast = hessian_product(compiled.normalize_batch, case)
    for got, wanted in zip(fast, hessian_product(plain.normalize_batch, case), strict=True):
        assert_near(got, wanted, 1e-4)
    graph = tf.function(lambda: hessian_product_graph(case))
    for got, wanted in zip(graph(), fast, strict=True):
        assert_near(got, wanted, 1e-4)


def hessian_product_graph(case: Case) -> Any:
    sources = [tf.constant(v) for v in (case.x, case.gamma, case.beta, case.dy)]

    def total(*s: Any) -> Any:
        y = compiled.normalize_batch(*s[:3], averaged=case.averaged, epsilon=EPSILON).y
        return tf.reduce_sum(tf.sin(y) * s[3])

    first = tf.gradients(total(*sources), sources[:3])
    return tf.gradients(tf.add_n([tf.reduce_sum(tf.square(g)) for g in first]), sources)


@pytest.mark.parametrize("axis", [(), (3,), (1,), (1, 2, 3)])
def test_a_large_mean_does_not_drown_a_small_spread(axis: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    for mean, sd in [(1e3, 1.0), (1e3, 0.1), (1e4, 1.0), (1e4, 0.1)]:
        case = Case(SHAPE, axis, axis)
        case.x = rng.normal(mean, sd, SHAPE).astype(np.float32)
        case.exact = Reference(case.x, axis, axis, case.gamma, case.beta, EPSILON)
        y, _, variance, dx, dgamma, _ = case.run(compiled.normalize_batch)
        exact_dx, exact_dgamma, _ = case.exact.gradients(case.dy)
        for got, wanted in [
            (y, case.exact.y()),
            (variance, case.exact.variance),
            (dx, exact_dx),
            (dgamma, exact_dgamma),
        ]:
            assert_near(got, wanted, 1e-4)


def test_a_first_example_far_off_the_others_does_not_spoil_the_variance() -> None:
    # Sums are shifted by the first example: the worst that can be in its place.
    case = Case(SHAPE, (1, 2, 3), (1, 2, 3))
    case.x[0] += 1e4
    case.exact = Reference(case.x, (1, 2, 3), (1, 2, 3), case.gamma, case.beta, EPSILON)
    y, _, variance, *_ = case.run(compiled.normalize_batch)
    np.testing.assert_allclose(variance[0], case.exact.variance, rtol=1e-4)
    assert_near(y, case.exact.y(), 1e-4)


def test_constant_input_has_no_variance() -> None:
    x = tf.fill(SHAPE, 0.1)
    out = compiled.normalize_batch(x, None, None, averaged=(0, 1, 2), epsilon=EPSILON)
    np.testing.assert_allclose(out.variance, 0, atol=1e-12)
    np.testing.assert_allclose(out.y, 0, atol=1e-5)
    np.testing.assert_allclose(out.mean, 0.1, rtol=1e-7)


def test_the_same_input_gives_the_same_bits() -> None:
    case = Case(SHAPE, (1,), (1,))
    first = case.run(compiled.normalize_batch)
    for _ in range(3):
        for a, b in zip(first, case.run(compiled.normalize_batch), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("dtype", "jit_compile"),
    [("float32", False), ("mixed_bfloat16", False), pytest.param("float32", True, marks=slow)],
)
def test_a_model_trains_to_the_same_with_either_kernel(
    dtype: str, jit_compile: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.random.default_rng(0).normal(2, 3, (12, 3, 40, 16)).astype(np.float32)

    def train(fast_from: float) -> list[np.ndarray]:
        monkeypatch.setattr(xla, "FAST_FROM", fast_from)
        inputs = keras.Input(x.shape[1:])
        layer = AxisNormalization(axis=(1,), param_axis=(3,), momentum=0.5, dtype=dtype)
        model = keras.Model(inputs, layer(inputs))
        model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=jit_compile)
        # The last batch is smaller than the others.
        model.fit(x, np.tanh(x), batch_size=5, epochs=2, shuffle=False, verbose=0)
        return model.get_weights()

    for fast, plainly in zip(train(0), train(float("inf")), strict=True):
        np.testing.assert_allclose(fast, plainly, atol=1e-5 if dtype == "float32" else 1e-2)


@pytest.mark.parametrize(("axis", "param_axis"), KINDS)
@pytest.mark.parametrize("bare", [False, True])
def test_given_statistics_normalize_as_in_plain_operations(
    axis: tuple[int, ...], param_axis: tuple[int, ...], bare: bool
) -> None:
    case = Case(SHAPE, axis, param_axis)
    rng = np.random.default_rng(1)
    size = [n if k in axis else 1 for k, n in enumerate(SHAPE)]
    statistics = [tf.constant(v, tf.float32) for v in (rng.normal(size=size), rng.uniform(0.5, 2, size))]
    given = [] if bare else [tf.constant(case.gamma), tf.constant(case.beta)]

    def run(normalize: Any) -> list[Any]:
        sources = [tf.constant(case.x), *statistics, *given]
        with tf.GradientTape() as outer:
            outer.watch(sources)
            with tf.GradientTape() as tape:
                tape.watch(sources)
                y = normalize(*sources, *[None] * (5 - len(sources)), epsilon=EPSILON)
            first = tape.gradient(y, sources, output_gradients=tf.constant(case.dy) * tf.sin(y))
            total = tf.add_n([tf.reduce_sum(tf.square(g)) for g in first])
        return [y, *first, *outer.gradient(total, sources)]

    for fast, plainly in zip(run(compiled.normalize_by), run(plain.normalize_by), strict=True):
        assert_near(fast, plainly.numpy(), 1e-5)


@pytest.mark.parametrize("fast_from", [0, float("inf")])
@pytest.mark.parametrize("axis", [(), (3,), (1, 3)])
def test_moments_are_those_of_float64(axis: tuple[int, ...], fast_from: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xla, "FAST_FROM", fast_from)
    averaged = tuple(k for k in range(4) if k not in axis)
    x = np.random.default_rng(0).normal(1e3, 0.1, SHAPE).astype(np.float32)

    mean, variance = kernel.moments(tf.constant(x), averaged=averaged)

    exact = x.astype(np.float64)
    np.testing.assert_allclose(mean, exact.mean(averaged, keepdims=True), rtol=1e-9)
    np.testing.assert_allclose(variance, exact.var(averaged, keepdims=True), rtol=1e-4)


def test_where_the_kernel_applies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xla, "_suits_device", lambda: True)

    def is_fast(*shape: int | None, dtype: str = "float32") -> bool:
        return xla.is_worth_compiling(keras.KerasTensor(shape, dtype=dtype))

    assert is_fast(128, 26, 26, 32)
    assert is_fast(None, 26, 26, 32), "32 examples are assumed"
    assert not is_fast(None, 4, 4, 32)
    assert not is_fast(4, 26, 26, 32)
    assert not is_fast(128, None, 26, 32)
    assert not is_fast(128, 26, 26, 32, dtype="float64")
    monkeypatch.setattr(xla, "_suits_device", lambda: False)
    assert not is_fast(128, 26, 26, 32)


def test_rows_contain_the_kept_axes_and_are_long_enough() -> None:
    image = (26, 26, 32)
    found = {axis: Layout.of(image, axis, ()) for axis in [(), (3,), (2,), (2, 3), (1,), (1, 3)]}
    assert [(found[axis].rows, found[axis].block) for axis in found] == [
        (26, (26, 32)),
        (26, (26, 32)),
        (26, (26, 32)),
        (26, (26, 32)),
        (1, (26, 26, 32)),
        (1, (26, 26, 32)),
    ]
    assert [found[axis].averaged for axis in found] == [(0, 1), (0,), (1,), (), (1, 2), (1,)]
    assert Layout.of(image, (3,), (1,)).rows == 1
    assert Layout.of((7,), (), ()).block == (7,)
    assert SHAPES[2][1] == Layout.of(SHAPES[2][1:], (1,), (1,)).columns
