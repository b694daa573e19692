"""Batch normalization whose kept axes may be any set, as a drop-in for Keras's own layer."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from typing import Any

import keras
from keras import ops

from harness.layers import plain
from harness.layers.plain import Normalized
from harness.layers.renorm import check_clipping, correct

Axis = int | Iterable[int]
Shape = tuple[int | None, ...]
# Where a config holds the axes once more: Keras's reader of .h5 files takes `axis` away from a layer if it is a list.
SEVERAL = "axes"


@keras.saving.register_keras_serializable(package="harness")
class AxisNormalization(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Batch normalization that keeps any set of axes.

    The arguments, their order and defaults are those of `keras.layers.BatchNormalization` (Keras 3.15), and so are the
    numbers wherever that layer can do the same, with two differences: where a mask or an empty batch leaves a statistic
    without any value, its moving averages stay as they are (Keras pulls them to 0 or to NaN), and inputs with a
    large mean and a small spread lose no accuracy. `renorm=True` (Ioffe 2017) and `synchronized=True` work for every
    set of axes. Statistics are kept in float32 at least, under a policy of pure float16 or bfloat16 too.

    Args:
        axis: the axes that KEEP statistics of their own, an integer or any number of them, counted as Keras does
            (the batch is 0, the last is -1). All other axes, the batch among them, are averaged over. `()` keeps
            none: one mean and one variance for the whole batch.
        momentum: of the moving averages, which inference uses.
        epsilon: added to the variance.
        param_axis: the axes that keep a scale and shift of their own; `None`: the same as `axis`.
        compiled: whether large float32 activations take passes compiled by XLA (TensorFlow on a CPU), which are
            several times faster, but take a second to compile for each shape and batch size: for long trainings with
            one batch size. They have no forward-mode derivatives and cannot be exported, since where that is run
            nothing compiles: `harness.models.fold(model).model` and `keras.models.clone_model(model)` can. Not kept in
            a config: a model that is loaded takes the plain way.

    Variables: `gamma`, `beta` (shape: sizes of `param_axis`, in the order of the input's axes), `moving_mean`,
    `moving_variance` (shape: sizes of `axis`; biased). `gamma` and `beta` are absent without `scale` and `center`;
    with `renorm` there are `moving_stddev`, `renorm_mean` and `renorm_stddev` besides, as in Keras.
    """

    def __init__(
        self,
        axis: Axis = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: Mapping[str, float] | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        *,
        param_axis: Axis | None = None,
        compiled: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if synchronized and not _on_tensorflow():
            raise ValueError(
                "synchronized needs Keras's TensorFlow backend. "
                f"Received: synchronized={synchronized!r}, backend {keras.backend.backend()}"
            )
        self.compiled = compiled
        self.axis = _parse(axis, "axis")
        self.param_axis = None if param_axis is None else _parse(param_axis, "param_axis")
        self.momentum = float(momentum)
        self.epsilon = float(epsilon)
        self.center = center
        self.scale = scale
        self.beta_initializer = keras.initializers.get(beta_initializer)
        self.gamma_initializer = keras.initializers.get(gamma_initializer)
        self.moving_mean_initializer = keras.initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = keras.initializers.get(moving_variance_initializer)
        self.beta_regularizer = keras.regularizers.get(beta_regularizer)
        self.gamma_regularizer = keras.regularizers.get(gamma_regularizer)
        self.beta_constraint = keras.constraints.get(beta_constraint)
        self.gamma_constraint = keras.constraints.get(gamma_constraint)
        self.renorm = renorm
        self.renorm_clipping = check_clipping(renorm_clipping) if renorm else renorm_clipping
        self.renorm_momentum = renorm_momentum
        self.synchronized = synchronized
        self.supports_masking = True
        self.gamma = self.beta = None
        self.moving_mean: Any = None
        self.moving_variance: Any = None
        self.moving_stddev = self.renorm_mean = self.renorm_stddev = None

    def build(self, input_shape: Shape) -> None:
        """Make the variables for inputs `(batch, *axes)`."""
        self._stat_axis = _resolve(self.axis, input_shape, "axis")
        self._param_axis = (
            self._stat_axis if self.param_axis is None else _resolve(self.param_axis, input_shape, "param_axis")
        )
        rank = len(input_shape)
        self._averaged = tuple(k for k in range(rank) if k not in self._stat_axis)
        self._stat_shape = tuple(input_shape[k] if k in self._stat_axis else 1 for k in range(rank))
        self._param_shape = tuple(input_shape[k] if k in self._param_axis else 1 for k in range(rank))

        stats = {
            "shape": tuple(input_shape[k] for k in self._stat_axis),
            "trainable": False,
            "autocast": False,
            "dtype": keras.backend.result_type(self.variable_dtype, "float32"),
        }
        params = {"shape": tuple(input_shape[k] for k in self._param_axis), "autocast": False}
        if self.scale:
            self.gamma = self.add_weight(
                name="gamma",
                initializer=self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
                **params,
            )
        if self.center:
            self.beta = self.add_weight(
                name="beta",
                initializer=self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
                **params,
            )
        self.moving_mean = self.add_weight(name="moving_mean", initializer=self.moving_mean_initializer, **stats)
        self.moving_variance = self.add_weight(
            name="moving_variance", initializer=self.moving_variance_initializer, **stats
        )
        if self.renorm:
            self._build_renorm(stats)
        kept = {k: input_shape[k] for k in {*self._stat_axis, *self._param_axis}}
        self.input_spec = keras.layers.InputSpec(ndim=rank, axes=kept)

    def _build_renorm(self, stats: dict[str, Any]) -> None:
        def stddev(shape: Any, dtype: Any = None) -> Any:
            return ops.sqrt(_fresh(self.moving_variance_initializer)(shape, dtype=dtype))

        self.moving_stddev = self.add_weight(name="moving_stddev", initializer=stddev, **stats)
        mean = _fresh(self.moving_mean_initializer)
        self.renorm_mean = self.add_weight(name="renorm_mean", initializer=mean, **stats)
        self.renorm_stddev = self.add_weight(name="renorm_stddev", initializer=stddev, **stats)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalize `inputs`, `(batch, *axes)`.

        Args:
            inputs: float16 and bfloat16 are normalized in float32, and come back as the layer's compute dtype.
            training: whether to use the batch's own statistics and move the averages; else the averages are used.
                A layer with `trainable=False` always uses the averages, as in Keras.
            mask: the shape of `inputs` without the last axis; false values count in no statistic.
        """
        if mask is not None and len(mask.shape) != len(inputs.shape) - 1:
            raise ValueError(
                "mask must have one dimension less than the inputs. "
                f"Received: mask.shape={tuple(mask.shape)}, inputs.shape={tuple(inputs.shape)}"
            )
        dtype = keras.backend.result_type(inputs.dtype, "float32")
        x = ops.cast(inputs, dtype)
        gamma = self._broadcast(self.gamma, self._param_shape, dtype)
        beta = self._broadcast(self.beta, self._param_shape, dtype)
        if training and self.trainable:
            mask = None if mask is None else ops.cast(ops.expand_dims(mask, -1), "bool")
            y = self._train(x, gamma, beta, mask)
        else:
            mean = self._broadcast(self.moving_mean, self._stat_shape, dtype)
            variance = self._broadcast(self.moving_variance, self._stat_shape, dtype)
            way = self._way(x, mean, variance, gamma, beta)
            y = way.normalize_by(x, mean, variance, gamma, beta, epsilon=self.epsilon)
        return ops.cast(y, self.compute_dtype)

    def _train(self, x: Any, gamma: Any, beta: Any, mask: Any) -> Any:
        """`x`, `(batch, *axes)`, by its own statistics, which move the averages."""
        if not self.renorm:
            normalized = self._normalize(x, gamma, beta, mask)
            self._move(self.moving_mean, normalized.mean, self.momentum, normalized.count)
            self._move(self.moving_variance, normalized.variance, self.momentum, normalized.count)
            return normalized.y
        normalized = self._normalize(x, None, None, mask)
        dtype = normalized.mean.dtype
        mean, stddev = (
            self._broadcast(variable, self._stat_shape, dtype) for variable in (self.renorm_mean, self.renorm_stddev)
        )
        r, d = correct(normalized, mean, stddev, epsilon=self.epsilon, clipping=self.renorm_clipping or {})
        self._move_renorm(normalized)
        y = normalized.y * r + d
        y = y if gamma is None else y * gamma
        return y if beta is None else y + beta

    def _normalize(self, x: Any, gamma: Any, beta: Any, mask: Any) -> Normalized:
        options = {"averaged": self._averaged, "epsilon": self.epsilon, "mask": mask}
        if self.synchronized:
            from harness.layers.replicas import across_replicas

            return plain.normalize_batch(x, gamma, beta, across=across_replicas(), **options)
        normalized: Normalized = self._way(x, gamma, beta).normalize_batch(x, gamma, beta, **options)
        return normalized

    def _way(self, *tensors: Any) -> Any:
        """The module that normalizes: what is compiled is there for TensorFlow alone, and knows no forward mode."""
        if not self.compiled or not _on_tensorflow():
            return plain
        from harness.layers import kernel

        return plain if kernel.is_differentiated_forward(tensors) else kernel

    def _move_renorm(self, normalized: Normalized) -> None:
        mean, stddev, count = normalized.mean, ops.sqrt(normalized.variance + self.epsilon), normalized.count
        self._move(self.renorm_mean, mean, self.renorm_momentum, count)
        self._move(self.renorm_stddev, stddev, self.renorm_momentum, count)
        self._move(self.moving_mean, mean, self.momentum, count)
        self._move(self.moving_stddev, stddev, self.momentum, count)
        moved = ops.relu(ops.square(ops.convert_to_tensor(self.moving_stddev)) - self.epsilon)
        if count is not None:
            seen = ops.reshape(count, moved.shape) > 0
            moved = ops.where(seen, moved, ops.convert_to_tensor(self.moving_variance))
        self.moving_variance.assign(moved)

    def _broadcast(self, variable: Any, shape: Shape, dtype: str) -> Any:
        return None if variable is None else ops.reshape(ops.cast(variable, dtype), shape)

    def _move(self, variable: Any, batch_value: Any, momentum: float, count: Any) -> None:
        """Move an average towards a batch's value, where that has seen anything: `count` is the values behind it."""
        old = ops.cast(variable, batch_value.dtype)
        new = old * momentum + ops.reshape(batch_value, variable.shape) * (1.0 - momentum)
        if count is not None:
            new = ops.where(ops.reshape(count, variable.shape) > 0, new, old)
        variable.assign(new)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON holds them."""
        config = {
            "axis": _as_json(self.axis),
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": keras.initializers.serialize(self.beta_initializer),
            "gamma_initializer": keras.initializers.serialize(self.gamma_initializer),
            "moving_mean_initializer": keras.initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": keras.initializers.serialize(self.moving_variance_initializer),
            "beta_regularizer": keras.regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": keras.regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": keras.constraints.serialize(self.beta_constraint),
            "gamma_constraint": keras.constraints.serialize(self.gamma_constraint),
            "renorm": self.renorm,
            "renorm_clipping": self.renorm_clipping,
            "renorm_momentum": self.renorm_momentum,
            "synchronized": self.synchronized,
        }
        if self.param_axis is not None:  # without it, this is a config of Keras's own layer too
            config["param_axis"] = list(self.param_axis) if isinstance(self.param_axis, tuple) else self.param_axis
        if isinstance(self.axis, tuple) and len(self.axis) != 1:
            config[SEVERAL] = list(self.axis)
        return {**super().get_config(), **config}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> AxisNormalization:
        """The layer of a config, this one's or one of `keras.layers.BatchNormalization`."""
        axis = config.get(SEVERAL, config.get("axis", -1))
        return cls(**{**{name: value for name, value in config.items() if name != SEVERAL}, "axis": axis})


def _on_tensorflow() -> bool:
    return bool(keras.backend.backend() == "tensorflow")


def _as_json(axis: int | tuple[int, ...]) -> int | list[int]:
    """One axis as a number, which is all that Keras's own layer takes."""
    if isinstance(axis, int):
        return axis
    return axis[0] if len(axis) == 1 else list(axis)


def _fresh(initializer: Any) -> Any:
    """An initializer that may be called once more: Keras warns of one without a seed that gives the same twice."""
    return initializer.clone() if isinstance(initializer, keras.initializers.Initializer) else initializer


def _parse(axis: Axis, argument: str) -> int | tuple[int, ...]:
    """An integer or a tuple of integers, checked as far as one can be without knowing the input's rank."""
    # An array without axes, such as np.array(1), is one number.
    several = isinstance(axis, Iterable) and not isinstance(axis, str) and getattr(axis, "ndim", 1) > 0
    items = tuple(axis) if several else (axis,)  # type: ignore[arg-type]
    received = f"Received: {argument}={list(items) if several else axis!r}"
    try:
        if any(isinstance(item, bool) for item in items):
            raise TypeError
        axes = tuple(operator.index(item) for item in items)  # type: ignore[arg-type]
    except TypeError:
        hint = "; for one statistic over everything use ()" if axis is None else ""
        raise ValueError(f"{argument} must be an integer or a sequence of integers{hint}. {received}") from None
    if 0 in axes:
        raise ValueError(
            f"{argument} must not contain 0: keeping the batch axis would tie the weights to the batch size. {received}"
        )
    if len(set(axes)) < len(axes):
        raise ValueError(f"{argument} must not contain an axis twice. {received}")
    return axes if several else axes[0]


def _resolve(axis: int | tuple[int, ...], input_shape: Shape, argument: str) -> tuple[int, ...]:
    """The axes counted from the front, ascending, checked against the input's shape."""
    rank = len(input_shape)
    given = axis if isinstance(axis, tuple) else (axis,)
    received = f"Received: {argument}={list(given) if isinstance(axis, tuple) else axis}, input_shape={input_shape}"
    for k in given:
        if not -rank <= k < rank:
            raise ValueError(f"{argument} must lie between {1 - rank} and {rank - 1}. {received}")
        if k == -rank:
            raise ValueError(
                f"{argument} must not contain the batch axis, which would tie the weights to the batch size. {received}"
            )
        if input_shape[k] is None:
            raise ValueError(f"{argument} can keep only axes of known size. {received}")
    resolved = tuple(sorted(k % rank for k in given))
    if len(set(resolved)) < len(resolved):
        raise ValueError(f"{argument} must not contain an axis twice. {received}")
    return resolved
