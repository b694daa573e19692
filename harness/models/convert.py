"""A Keras model with its batch normalizations replaced by a strategy, its weights kept where they can be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from harness.axes.norm import layer_of
from harness.axes.resolved import ResolvedSite
from harness.axes.strategy import OVER_BATCH, AxisStrategy, check_takes
from harness.models.copying import Replace, as_it_is, check_has_graph, copy_with, give_weights
from harness.models.graph import Found, axes_of, find_normalizations, kind_of
from harness.types import Site, UserError
from harness.words import choose_from

# What a layer has of each: (its variable, what says by which axes it goes).
_STATISTICS = ("moving_mean", "moving_variance", "moving_stddev", "renorm_mean", "renorm_stddev")
_PARAMETERS = ("gamma", "beta")


@dataclass(frozen=True)
class Replaced:
    """What became of one layer.

    Attributes:
        path: where it is.
        resolved: the strategy there.
        statistics, parameters: `kept` (the same, or one for several that now are apart, so that inference gives what it
            gave), `fresh`, or `none` where the new layer has none.
    """

    path: str
    resolved: ResolvedSite
    statistics: str
    parameters: str

    @property
    def same(self) -> bool:
        """Whether the layer gives in inference what the old one gave."""
        return self.resolved.kind in OVER_BATCH and self.statistics == self.parameters == "kept"


@dataclass(frozen=True)
class Conversion:
    """A model that was made of another, and what became of its layers."""

    model: Any
    layers: tuple[Replaced, ...]


def convert(
    model: Any,
    strategy: AxisStrategy,
    *,
    axes: Sequence[str] | None = None,
    only: Sequence[str] | None = None,
    batch_size: int = 32,
) -> Conversion:
    """Replace batch normalizations by a strategy, in a copy.

    A statistic, scale or shift of the old layer goes to all of the new one's that it covers, so that a strategy whose
    axes include the old ones gives the same outputs in inference; where the axes do not include them, it starts anew.

    Args:
        model: sequential or functional, nested and with shared layers too.
        strategy: `AxisStrategy(stat_axes=["height", "width"])`, say; names are those that `audit` tells.
        axes: names for the axes of all sites, in place of those by the layers before; the batch is not among them.
        only: paths of the layers that are replaced, as `audit` tells them; all of them unless said.
        batch_size: of training, for m'.

    Raises:
        UserError: the model is subclassed or holds its normalization in a wrapper, it has none, a path is not there, or
            no site can take the strategy.
    """
    check_has_graph(model)
    found = [
        one for one in find_normalizations(model) if kind_of(one.layer) & {"BatchNormalization", "AxisNormalization"}
    ]
    if not found:
        raise UserError(f"expected a model with batch normalization. Received: {model.name}, which has none")
    for path in only or ():
        if path not in (paths := [one.path for one in found]):
            raise UserError(f"layers: {choose_from(path, paths)}")
    chosen = [one for one in found if only is None or one.path in only]
    resolved = _resolve(chosen, strategy, axes, batch_size)
    reached: set[int] = set()
    copy, pairs = copy_with(model, _replacer(chosen, resolved, reached))
    if unreached := [one.path for one in chosen if id(one.layer) not in reached]:
        raise UserError(
            "expected normalization layers in models and not in other layers, as TimeDistributed, which build their "
            f"own; `only` names those that are replaced. Received: {unreached[0]}"
        )
    return Conversion(copy, tuple(_hand_over(pairs, chosen, resolved)))


def _resolve(
    found: Sequence[Found], strategy: AxisStrategy, axes: Sequence[str] | None, batch_size: int
) -> list[ResolvedSite]:
    sites = []
    for one in found:
        if one.shape is None:
            raise UserError(f"expected a built model: call it once. Received: {one.path}, whose shape is not known")
        names = one.named.axes if axes is None else tuple(axes)
        if len(names) != len(one.shape) - 1:
            if axes is None or only_last(one):
                names = one.named.axes
            else:
                raise UserError(f"axes: expected {len(one.shape) - 1} names at {one.path}. Received: {list(axes)}")
        sites.append(Site(one.path, names, one.shape[1:]))
    check_takes(strategy, sites)
    return [strategy.resolve(site, batch_size=batch_size) for site in sites]


def only_last(found: Found) -> bool:
    """Whether a layer's input has one axis besides the batch, as after flattening."""
    return found.shape is not None and len(found.shape) == 2


def _replacer(found: Sequence[Found], resolved: Sequence[ResolvedSite], reached: set[int]) -> Replace:
    places = {id(one.layer): place for place, one in enumerate(found)}

    def replace(layer: Any) -> Any:
        place = places.get(id(layer))
        if place is None:
            return as_it_is(layer)
        reached.add(id(layer))
        momentum, epsilon = float(layer.momentum), float(layer.epsilon)
        new = layer_of(resolved[place], layer.name, momentum=momentum, epsilon=epsilon)
        if new is None:
            return keras.layers.Identity(name=layer.name)
        new.trainable = layer.trainable
        for name in ("center", "scale"):
            if hasattr(new, name) and resolved[place].kind != "rms":
                setattr(new, name, getattr(layer, name))
        return new

    return replace


def _hand_over(
    pairs: Sequence[tuple[Any, Any]], found: Sequence[Found], resolved: Sequence[ResolvedSite]
) -> list[Replaced]:
    """Give the copy the model's weights."""
    places = {id(one.layer): place for place, one in enumerate(found)}
    done: dict[int, Replaced] = {}
    for old, new in pairs:
        place = places.get(id(old))
        if place is None:
            give_weights(new, old)
        else:
            done[place] = _replaced(found[place].path, resolved[place], old, new)
    return [done[place] for place in range(len(found))]


def _replaced(path: str, resolved: ResolvedSite, old: Any, new: Any) -> Replaced:
    old_axis, old_param = axes_of(old, len(resolved.site.shape) + 1)
    over_batch = resolved.kind in OVER_BATCH
    statistics = _copy(_STATISTICS, old, new, old_axis, resolved.axis, resolved) if over_batch else "none"
    if statistics == "kept" and getattr(new, "renorm", False) and getattr(old, "renorm_mean", None) is None:
        # Renormalization corrects towards statistics of its own, which begin where the old layer's ended.
        stddev = np.sqrt(keras.ops.convert_to_numpy(new.moving_variance) + new.epsilon)
        for name, values in (("renorm_mean", new.moving_mean), ("renorm_stddev", stddev), ("moving_stddev", stddev)):
            getattr(new, name).assign(values)
    parameters = _copy(_PARAMETERS, old, new, old_param, resolved.param_axis, resolved)
    return Replaced(path, resolved, statistics, parameters)


def _copy(
    names: Sequence[str], old: Any, new: Any, old_axis: Sequence[int], axis: Sequence[int], resolved: ResolvedSite
) -> str:
    """Copy the variables of these names where the new axes include the old ones."""
    variables = [(getattr(old, name, None), getattr(new, name, None)) for name in names]
    if all(to is None for _, to in variables):
        # A layer without a shift of its own gives what the old one gave, if that had none.
        return "none" if any(of is not None for of, _ in variables) else "kept"
    if not set(old_axis) <= set(axis):
        return "fresh"
    sizes = (1, *resolved.site.shape)
    for of, to in variables:
        if of is not None and to is not None:
            to.assign(_spread(np.asarray(keras.ops.convert_to_numpy(of)), old_axis, axis, sizes).reshape(to.shape))
    return "kept"


def _spread(
    values: NDArray[Any], old_axis: Sequence[int], axis: Sequence[int], sizes: Sequence[int | None]
) -> NDArray[Any]:
    """Values by `old_axis`, repeated along the axes that `axis` has besides."""
    shape = [sizes[k] or 1 for k in axis]
    return np.broadcast_to(values.reshape([sizes[k] or 1 if k in old_axis else 1 for k in axis]), shape)
