"""A Keras model of anybody's, from a file, as an architecture: each of its batch normalizations is a site."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras

from harness.axes.resolved import ResolvedSite
from harness.cell.initialization import keep_value
from harness.config.model_file import check_digest
from harness.layers.folding import functional_of
from harness.models.convert import _replaced as hand_over
from harness.models.copying import give_weights
from harness.models.ending import PROBABILITIES, activation_of, end_of
from harness.models.graph import Found, find_normalizations, kind_of
from harness.models.reading import read_model
from harness.types import Norm, Own, TaskSpec, UserError
from harness.words import choose_from

HEADS, WEIGHTS = ("replace", "refuse"), ("fresh", "keep")


def build(
    task: TaskSpec,
    norm: Norm,
    *,
    path: str,
    digest: str | None = None,
    head: str = "replace",
    weights: str = "fresh",
    axes: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
) -> keras.Model:
    """The model in a file, flat, with `norm` in the place of each batch normalization that trains.

    A normalization with `trainable=False` stays as it is. Other layers keep their settings, but for the last one's
    softmax or sigmoid where the task has classes, as losses take logits.

    Args:
        task: its examples must have the shape that the model takes, which may leave sizes open.
        norm: called once for each call of a batch normalization; sites have the layers' names, with those of the models
            that they are nested in before, as in `encoder.bn`.
        path: a model saved as .keras or .h5.
        digest: SHA-256 of the file, where it must be the one that was planned with.
        head: what becomes of an output layer of another number of outputs than the task's: `replace` or `refuse`.
        weights: `fresh`: all are drawn from a seed by the layers' initializers, but for those that training does not
            move, such as a `Normalization`'s; `keep`: seeds start from those in the file, and draw what has none there.
        axes: names of the axes of all sites, or by site; None: as the layers before them tell.

    Returns:
        A model whose `note` says what was done.

    Raises:
        UserError: no such file, no model, one with code of its own or subclassed, several inputs or outputs, no batch
            normalization that trains, or one inside another layer; or it does not fit the task.
    """
    for option, value, known in (("head", head, HEADS), ("weights", weights, WEIGHTS)):
        if value not in known:
            raise UserError(f"architecture.{option}: {choose_from(str(value), known)}")
    check_digest(path, digest)
    model = read_model(path)
    return Rebuilding(Path(path).name, model, task, norm, head, axes).build(keep=weights == "keep")


@dataclass
class Rebuilding:
    """One model being built anew from another, layer by layer, those of nested models too.

    Attributes:
        name: of the file.
        model: that is built anew.
        task, norm, head, axes: as in `build`.
    """

    name: str
    model: Any
    task: TaskSpec
    norm: Norm
    head: str
    axes: Any
    _sites: dict[int, Found] = field(default_factory=dict)
    _names: dict[int, str] = field(default_factory=dict)
    _plain: dict[int, str] = field(default_factory=dict)  # of a layer, by its id: what its copy is called
    _copies: dict[int, tuple[Any, Any]] = field(default_factory=dict)  # of a layer, by its id: itself and its copy
    _reached: set[int] = field(default_factory=set)
    _left_out: set[int] = field(default_factory=set)
    _changed: dict[int, dict[str, Any]] = field(default_factory=dict)
    _said: list[str] = field(default_factory=list)

    def build(self, *, keep: bool) -> keras.Model:
        """The new model, its weights kept where that is asked for."""
        functional = functional_of(self.model)
        if functional is None:
            raise UserError(
                "architecture.path: expected a sequential or functional model: what a subclassed one does stands in "
                f"its code (CONTRIBUTING.md has an architecture of one's own). Received: {self.name}, a "
                f"{type(self.model).__name__}"
            )
        self._find_sites()
        inputs = self._input(functional)
        self._prepare_head(functional)
        outputs = keras.tree.flatten(self._run(functional, inputs, ()))[0]
        self._check_reached()
        if id(None) in self._changed:
            outputs = keras.layers.Dense(self.task.outputs, name="head")(outputs)
        rebuilt = keras.Model(inputs, outputs, name="from_file")
        self._give_weights(rebuilt, keep=keep)
        rebuilt.note = f"{self.name}: {'; '.join(self._said)}"
        return rebuilt

    def _find_sites(self) -> None:
        found = find_normalizations(self.model)
        ours = [one for one in found if kind_of(one.layer) & {"BatchNormalization", "AxisNormalization"}]
        self._sites = {id(one.layer): one for one in ours if one.layer.trainable}
        if not self._sites:
            frozen = f", whose {len(ours)} are all frozen (trainable=False)" if ours else ", which has none"
            raise UserError(
                "architecture.path: expected a model with batch normalization that trains. "
                f"Received: {self.name}{frozen}"
            )
        if isinstance(self.axes, Mapping):
            known = [one.path.replace("/", ".") for one in self._sites.values()]
            for site in self.axes:
                if str(site).replace("/", ".") not in known:
                    raise UserError(f"architecture.axes: {choose_from(str(site), known)}")

    def _input(self, functional: Any) -> Any:
        shape = tuple(self.task.shape)
        taken = [tuple(one.shape[1:]) for one in functional.inputs]
        if len(taken) != 1 or len(functional.outputs) != 1:
            raise UserError(
                "architecture.path: expected a model of one input and one output. "
                f"Received: {self.name}, which has {len(taken)} and {len(functional.outputs)}"
            )
        fits = len(taken[0]) == len(shape) and all(
            mine in (None, theirs) for mine, theirs in zip(taken[0], shape, strict=True)
        )
        if not fits:
            raise UserError(
                f"architecture.path: expected a model that takes the examples of task {self.task.name}, "
                f"{_shown(shape)} ({', '.join(self.task.axes)}). Received: {self.name}, which takes {_shown(taken[0])}"
            )
        return keras.Input(shape, name="input")

    def _prepare_head(self, functional: Any) -> None:
        """Note what is to be another at the model's end, so that it puts out the task's number of logits or values."""
        behind, last = end_of(functional)
        wanted, shape = self.task.outputs, tuple(functional.outputs[0].shape)
        made = shape[-1]
        if len(shape) != 2:
            raise UserError(
                f"architecture.path: expected a model with outputs (batch, output), and that many as task "
                f"{self.task.name} has: {wanted}. Received: {self.name}, which has {_shown(shape[1:])}"
            )
        logits = wanted > 1 or made != wanted
        taken_off = [layer for layer in behind if logits and activation_of(layer) in PROBABILITIES]
        self._left_out |= {id(layer) for layer in taken_off}
        if last is not None and logits and (kind := activation_of(last)) in PROBABILITIES:
            self._changed[id(last)] = {"activation": "linear"}
            taken_off.append(kind)
        if taken_off:
            kinds = [one if isinstance(one, str) else activation_of(one) for one in taken_off]
            self._said.append(f"the {' and '.join(map(str, kinds))} at its end is left out, as losses take logits")
        if made == wanted:
            self._said.append(f"its {wanted} outputs are kept")
            return
        if self.head == "refuse":
            raise UserError(
                f"architecture.head=refuse: expected a model with the {wanted} outputs of task {self.task.name}; "
                f"architecture.head=replace puts them in. Received: {self.name}, which has {made}"
            )
        if last is None:
            self._changed[id(None)] = {}
            self._said.append(f"a dense layer of {wanted} outputs is put on its {made}")
            return
        self._changed[id(last)] = {"units": wanted, "activation": "linear"}
        self._said.append(f"its output layer {last.name} of {made} is replaced by one of {wanted}")

    def _run(self, functional: Any, inputs: Any, path: tuple[str, ...]) -> Any:
        """A model's graph on other inputs."""

        def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
            inner = functional_of(operation)
            if inner is not None:
                return self._run(inner, args[0] if args else kwargs["inputs"], (*path, self._plain_name(operation)))
            if id(operation) in self._left_out:
                return args[0]
            if not isinstance(operation, keras.Layer):
                return operation(*args, **kwargs)
            if id(operation) in self._sites:
                return self._site(operation, args[0] if args else kwargs["inputs"])
            layer = self._copy(operation, path)
            takes = inspect.signature(layer.call).parameters
            return layer(*args, **{key: value for key, value in kwargs.items() if key != "mask" or "mask" in takes})

        return functional._run_through_graph(inputs, operation_fn=lambda operation: operation, call_fn=call)

    def _site(self, layer: Any, x: Any) -> Any:
        self._reached.add(id(layer))
        found = self._sites[id(layer)]
        name = found.path.replace("/", ".")
        axes = self.axes
        if isinstance(axes, Mapping):
            axes = next((value for key, value in axes.items() if str(key).replace("/", ".") == name), None)
        if axes is not None and (
            isinstance(axes, str) or not isinstance(axes, Sequence) or not all(isinstance(a, str) for a in axes)
        ):
            raise UserError(
                f"architecture.axes: expected names, as in [time,feature], or such a list by site. Received: {axes}"
            )
        return self.norm(x, axes=_names_at(found, axes), name=name, own=own_of(layer, len(x.shape)))

    def _copy(self, layer: Any, path: tuple[str, ...]) -> Any:
        if id(layer) not in self._copies:
            name = ".".join((*path, self._plain_name(layer)))
            config = {**layer.get_config(), "name": name, **self._changed.get(id(layer), {})}
            if keras.config.dtype_policy().name != "float32":
                config = _without_float32(config)
            self._copies[id(layer)] = layer, layer.__class__.from_config(config)
        return self._copies[id(layer)][1]

    def _plain_name(self, layer: Any) -> str:
        """A layer's name, or, where Keras gave it, one that does not count what the process had built before.

        Weights are drawn by the names of their layers, so that one model saved twice is to have the same ones.
        """
        if not is_automatic(layer.name, type(layer).__name__):
            return str(layer.name)
        return self._plain.setdefault(id(layer), f"{type(layer).__name__.lower()}-{len(self._plain)}")

    def _check_reached(self) -> None:
        missed = [one.path for key, one in self._sites.items() if key not in self._reached]
        if missed:
            raise UserError(
                "architecture.path: expected normalization layers in models and not in other layers, as "
                f"TimeDistributed, which build their own. Received: {self.name}, with {missed[0]}"
            )
        frozen = [layer for layer, _ in self._copies.values() if layer._trainable_variables and not layer.trainable]
        if frozen:
            self._said.append(f"{len(frozen)} of its layers are frozen (trainable=False) and stay so")

    def _give_weights(self, rebuilt: keras.Model, *, keep: bool) -> None:
        for old, new in self._copies.values():
            if id(old) in self._changed and "units" in self._changed[id(old)]:
                continue
            if keep or not is_trained(old):
                give_weights(new, old)
                for weight in new.weights:
                    keep_value(weight)
        if not keep:
            return
        self._said.append("training begins from its weights")
        there = {layer.name: layer for layer in rebuilt.layers}
        resolved = {one.site.name: one for one in getattr(self.norm, "sites", ()) if isinstance(one, ResolvedSite)}
        for found in self._sites.values():
            name = found.path.replace("/", ".")
            if name in there and name in resolved:
                done = hand_over(found.path, resolved[name], found.layer, there[name])
                for weight in there[name].weights:
                    of_statistics = not any(weight is getattr(there[name], one, None) for one in ("gamma", "beta"))
                    if (done.statistics if of_statistics else done.parameters) == "kept":
                        keep_value(weight)


def is_automatic(name: str, kind: str) -> bool:
    """Whether Keras may have named a layer of this class itself, by counting what the process had built."""
    return re.fullmatch(rf"{re.escape(kind.lower())}[0-9]*", name.replace("_", "").lower()) is not None


def own_of(layer: Any, rank: int) -> Own:
    """What a batch normalization keeps on inputs of so many dimensions, the batch among them."""
    kinds = kind_of(layer)
    kind = "ghost" if hasattr(layer, "ghost") else "frozen" if "FrozenNormalization" in kinds else "batch"
    axis = _counted(layer.axis, rank)
    params = getattr(layer, "param_axis", None)
    return Own(
        axis,
        axis if params is None else _counted(params, rank),
        kind="renorm" if getattr(layer, "renorm", False) else kind,
        ghost=getattr(layer, "ghost", None),
        center=bool(layer.center),
        scale=bool(layer.scale),
        config=layer.get_config(),
    )


def _counted(axis: int | Sequence[int], rank: int) -> tuple[int, ...]:
    return tuple(sorted(k % rank for k in ((axis,) if isinstance(axis, int) else axis)))


def _names_at(found: Found, axes: Sequence[str] | None) -> tuple[str, ...]:
    """The names of a site's axes: those given for all, where they fit, else those that it was found by."""
    rank = len(found.named.axes)
    if axes is None or len(axes) == rank:
        return found.named.axes if axes is None else tuple(axes)
    if rank != 1:  # as there is after flattening, whatever the others are called
        raise UserError(f"architecture.axes: expected {rank} names at {found.path}. Received: {list(axes)}")
    return found.named.axes


def is_trained(layer: Any) -> bool:
    """Whether a layer has weights that training moves, or moved before it was frozen; dropout's state is none."""
    return bool(layer._trainable_variables) or any(is_trained(inner) for inner in layer._layers) or not layer.weights


def _without_float32(config: Any) -> Any:
    """A layer's config without the policy that every layer has that was built with no other in mind."""
    if isinstance(config, dict):
        plain = [key for key, value in config.items() if key == "dtype" and _is_float32(value)]
        return {key: _without_float32(value) for key, value in config.items() if key not in plain}
    return [_without_float32(one) for one in config] if isinstance(config, list) else config


def _is_float32(policy: Any) -> bool:
    name = policy.get("config", {}).get("name") if isinstance(policy, dict) else policy
    return bool(name == "float32")


def _shown(shape: Sequence[int | None]) -> str:
    return " × ".join("any" if size is None else str(size) for size in shape) or "none"
