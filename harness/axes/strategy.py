"""Axis strategies: which named axes keep statistics and parameters of their own. Pure Python, no TensorFlow."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Literal, get_args

from harness.axes.resolved import ResolvedSite
from harness.types import Site, UserError

Kind = Literal["batch", "none", "layer", "instance", "group", "rms", "renorm", "ghost", "frozen", "as_built"]
Axes = str | int | Iterable[str | int]

# Kinds whose statistics come from all of the batch, or a part of it, for the axes that a strategy names.
OVER_BATCH = ("batch", "renorm", "ghost", "frozen")
# Whatever a site calls its last axis, these words mean it: feature maps have channels where a dense layer has features.
LAST_AXIS_WORDS = ("channel", "feature")
# The first Keras with batch renormalization.
RENORM_SINCE = (3, 14)


@dataclass(frozen=True)
class AxisStrategy:
    """Which axes of a normalization site keep statistics, and which keep a scale and shift.

    Attributes:
        stat_axes: axes that keep statistics of their own; all others, the batch among them, are averaged over.
            Each is a name (`height`), an integer as Keras counts (the batch is 0), `channel` or `feature` (the last
            axis, whatever the site calls it), or the word `all`.
        param_axes: axes that keep a scale and shift of their own; `None`: the same as `stat_axes`.
        kind: `batch` averages over the batch, as `stat_axes` says; `none` leaves the site as it is; `renorm` is batch
            renormalization; `ghost` averages over `ghost` examples of the batch at a time; `frozen` takes the first
            training batch's statistics for good; `layer`, `instance`, `group` and `rms` do not average
            over the batch and name no axes; `as_built` is what a model that was built before has there.
        fallback: what happens at a site that lacks a named axis or leaves `instance` or `layer` nothing to average
            over: `channel` keeps the last axis, `none` leaves the site as it is.
        groups: at most so many groups of channels, for `group`.
        ghost: examples of a batch that share statistics, for `ghost`.
        name: the strategy's yaml file name; the grid fills it in.
    """

    stat_axes: Axes = ()
    param_axes: Axes | None = None
    kind: Kind = "batch"
    fallback: Literal["channel", "none"] = "channel"
    groups: int = 8
    ghost: int = 8
    name: str = ""

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise UserError(f"kind must be one of {', '.join(get_args(Kind))}. Received: kind={self.kind!r}")
        if self.fallback not in ("channel", "none"):
            raise UserError(f"fallback must be channel or none. Received: fallback={self.fallback!r}")
        if isinstance(self.groups, bool) or not isinstance(self.groups, int) or self.groups < 1:
            raise UserError(f"groups must be a positive integer. Received: groups={self.groups!r}")
        if isinstance(self.ghost, bool) or not isinstance(self.ghost, int) or self.ghost < 1:
            raise UserError(f"ghost must be a positive integer. Received: ghost={self.ghost!r}")
        # Hydra hands over lists of its own type; tuples hash and compare.
        object.__setattr__(self, "stat_axes", _as_tuple(self.stat_axes, "stat_axes"))
        if self.param_axes is not None:
            object.__setattr__(self, "param_axes", _as_tuple(self.param_axes, "param_axes"))

    @property
    def derived_name(self) -> str:
        """A name made from the axes, fit for file names: `keep_1_2`, `keep_height_width_params_3`, `keep_nothing`."""
        words = ["keep", *_words(self._stat_axes)]
        if self.param_axes is not None:
            words += ["params", *_words(self._param_axes)]
        return "_".join(words)

    def resolve(self, site: Site, *, batch_size: int) -> ResolvedSite:
        """The strategy at one site, for training batches of `batch_size` examples.

        Raises:
            UserError: an integer means the batch axis here, an axis is kept twice, a kept axis has no known size,
                `ghost` does not divide the batch, or there is nothing for `as_built`.
        """
        if self.kind == "none":
            return ResolvedSite(site, "none")
        if self.kind == "as_built":
            return _as_built(site, batch_size)
        if self.kind in OVER_BATCH:
            axis, param_axis = _locate(self._stat_axes, site), _locate(self._param_axes, site)
            if axis is None or param_axis is None:
                return self._fall_back(site, batch_size)
            return self._average_over_batch(site, axis, param_axis, batch_size)
        resolved = _average_within_example(site, self.kind, self.groups)
        # One value is its own mean: the site would put out its shift and nothing else.
        return self._fall_back(site, batch_size) if resolved.samples_per_statistic == 1 else resolved

    @property
    def _stat_axes(self) -> tuple[str | int, ...]:
        assert isinstance(self.stat_axes, tuple)
        return self.stat_axes

    @property
    def _param_axes(self) -> tuple[str | int, ...]:
        assert self.param_axes is None or isinstance(self.param_axes, tuple)
        return self._stat_axes if self.param_axes is None else self.param_axes

    def _fall_back(self, site: Site, batch_size: int) -> ResolvedSite:
        if self.fallback == "none":
            return ResolvedSite(site, "none", fell_back=True)
        last = (len(site.axes),)
        return replace(self._average_over_batch(site, last, last, batch_size), fell_back=True)

    def _average_over_batch(
        self, site: Site, axis: tuple[int, ...], param_axis: tuple[int, ...], batch_size: int
    ) -> ResolvedSite:
        kind = self.kind if self.kind in OVER_BATCH else "batch"
        if kind != "ghost":
            return _average_over_batch(site, kind, axis, param_axis, batch_size)
        return _average_over_ghosts(site, axis, param_axis, batch_size, self.ghost)


def keep_axes(keep: Axes, keep_params: Axes | None = None, name: str = "") -> AxisStrategy:
    """The strategy that keeps the axes in `keep`: integers as Keras counts them, names, or both.

    Args:
        keep: axes that keep statistics of their own; empty: one mean and variance for everything.
        keep_params: axes that keep a scale and shift of their own; `None`: the same as `keep`.
        name: `""` or `keep` (the yaml's own name) give the name that the axes spell: `keep_1_2`.
    """
    stat_axes = _as_tuple(keep, "keep")
    param_axes = None if keep_params is None else _as_tuple(keep_params, "keep_params")
    strategy = AxisStrategy(stat_axes, param_axes)
    return replace(strategy, name=strategy.derived_name if name in ("", "keep") else name)


def check_takes(strategy: AxisStrategy, sites: Sequence[Site]) -> None:
    """Check that at least one site of an architecture can take the strategy, rather than its fallback.

    Raises:
        UserError: every site falls back (names the axes there are, and the nearest to a mistyped one), or the Keras
            that is installed lacks the layer.
    """
    keras = version("keras")
    if strategy.kind == "renorm" and tuple(map(int, keras.split(".")[:2])) < RENORM_SINCE:
        raise UserError(
            "batch renormalization came with Keras {}.{}, which needs Python 3.11. ".format(*RENORM_SINCE)
            + f"Received: keras {keras}"
        )
    resolved = [strategy.resolve(site, batch_size=1) for site in sites]
    if not resolved or not all(r.fell_back for r in resolved):
        return
    there_are = "; ".join(f"({', '.join(axes)})" for axes in dict.fromkeys(site.axes for site in sites))
    received = f"Received: stat_axes={list(strategy._stat_axes)}"
    if strategy.param_axes is not None:
        received += f", param_axes={list(strategy._param_axes)}"
    if strategy.kind not in OVER_BATCH:
        raise UserError(
            f"no site of this architecture gives {strategy.kind} normalization anything to average over: "
            f"the sites' axes are {there_are}. Received: kind={strategy.kind!r}"
        )
    raise UserError(
        f"no site of this architecture has the axes that the strategy keeps: the sites' axes are {there_are}, "
        f"counted from 1{_nearest(strategy, sites)}. {received}"
    )


def _nearest(strategy: AxisStrategy, sites: Sequence[Site]) -> str:
    known = sorted({axis for site in sites for axis in site.axes} | {*LAST_AXIS_WORDS, "all"})
    for word in (*strategy._stat_axes, *strategy._param_axes):
        close = difflib.get_close_matches(str(word), known, n=1)
        if isinstance(word, str) and word not in known and close:
            return f" (did you mean {close[0]!r}?)"
    return ""


def _as_tuple(axes: Axes, argument: str) -> tuple[str | int, ...]:
    items = (axes,) if isinstance(axes, (str, int)) else tuple(axes)
    for item in items:
        if isinstance(item, bool) or not isinstance(item, (str, int)):
            raise UserError(f"{argument} must hold axis names and integers. Received: {argument}={list(items)}")
        if item in (0, "batch"):
            raise UserError(
                "the batch axis cannot be kept: every example would be its own statistic and the weights "
                f"tied to the batch size. Received: {argument}={list(items)}"
            )
    return items


def _words(axes: tuple[str | int, ...]) -> list[str]:
    return [f"minus{-axis}" if isinstance(axis, int) and axis < 0 else str(axis) for axis in axes] or ["nothing"]


def _locate(axes: tuple[str | int, ...], site: Site) -> tuple[int, ...] | None:
    """The axes as Keras counts them at this site, ascending; `None` when the site lacks one of them."""
    rank = len(site.axes) + 1
    found: list[int] = []
    for axis in axes:
        if axis == "all":
            found += range(1, rank)
        elif isinstance(axis, int):
            if axis == -rank:
                raise UserError(
                    f"axis {axis} is the batch axis at site {site.name!r} (batch, {', '.join(site.axes)}) and cannot "
                    f"be kept; count from 1 or use names. Received: axes={list(axes)}"
                )
            if not -rank < axis < rank:
                return None
            found.append(axis % rank)
        elif axis in site.axes:
            found.append(site.axes.index(axis) + 1)
        elif axis in LAST_AXIS_WORDS:
            found.append(rank - 1)
        else:
            return None
    if len(set(found)) < len(found):
        raise UserError(
            f"an axis is kept twice at site {site.name!r} (batch, {', '.join(site.axes)}). Received: axes={list(axes)}"
        )
    return tuple(sorted(found))


def _size(site: Site, axis: Iterable[int]) -> int:
    """How many elements the kept axes span."""
    for k in axis:
        if site.shape[k - 1] is None:
            raise UserError(
                f"a kept axis needs a known size, and {site.axes[k - 1]!r} of site {site.name!r} has none. "
                f"Received: shape={list(site.shape)}"
            )
    return math.prod(site.shape[k - 1] or 0 for k in axis)


def _average_over_batch(
    site: Site,
    kind: str,
    axis: tuple[int, ...],
    param_axis: tuple[int, ...],
    batch_size: int,
) -> ResolvedSite:
    averaged = [size for k, size in enumerate(site.shape, start=1) if k not in axis]
    return ResolvedSite(
        site,
        kind,
        stat_axes=tuple(site.axes[k - 1] for k in axis),
        param_axes=tuple(site.axes[k - 1] for k in param_axis),
        axis=axis,
        param_axis=param_axis,
        statistics=_size(site, axis),
        parameters=_each(site) * _size(site, param_axis),
        samples_per_statistic=None if None in averaged else batch_size * math.prod(s or 0 for s in averaged),
    )


def _average_over_ghosts(
    site: Site, axis: tuple[int, ...], param_axis: tuple[int, ...], batch_size: int, ghost: int
) -> ResolvedSite:
    if batch_size > ghost and batch_size % ghost:
        raise UserError(
            "axis.ghost must divide the batch size, so that every statistic has as many examples. "
            f"Received: axis.ghost={ghost}, batch size {batch_size}"
        )
    return replace(_average_over_batch(site, "ghost", axis, param_axis, min(ghost, batch_size)), ghost=ghost)


def _as_built(site: Site, batch_size: int) -> ResolvedSite:
    """What the model that a site is in was built with."""
    own = site.own
    if own is None:
        raise UserError(
            "as_built is what a model that was built before has at its sites, and needs architecture=from_file. "
            f"Received: the site {site.name!r} of another architecture"
        )
    if 0 in (*own.axis, *own.param_axis):
        raise UserError(
            f"the model as built keeps the batch axis at {site.name!r}, which ties its weights to the batch size: "
            f"leave as_built out. Received: axis={list(own.axis)}"
        )
    if own.kind == "ghost" and own.ghost is not None:
        return _average_over_ghosts(site, own.axis, own.param_axis, batch_size, own.ghost)
    return _average_over_batch(site, own.kind, own.axis, own.param_axis, batch_size)


def _each(site: Site) -> int:
    """Parameters for each element that keeps any: a scale and a shift, where the model's own layer has both."""
    return 2 if site.own is None else site.own.scale + site.own.center


def _average_within_example(site: Site, kind: str, groups: int) -> ResolvedSite:
    """Layer, instance, group and RMS normalization: Keras's own layers, with one scale and shift a channel."""
    rank, positions, last = len(site.axes) + 1, site.shape[:-1], (len(site.axes),)
    channels = _size(site, last)
    if kind in ("layer", "rms"):
        axis = tuple(range(rank - 1))
        names: tuple[str, ...] = ("batch", *site.axes[:-1])
        used: int | None = None
        samples: int | None = channels
    else:
        axis = (0, rank - 1)
        # Keras wants a divisor of the channels; the largest that is allowed keeps groups as near as can be.
        divisor = channels if kind == "instance" else max(g for g in range(1, groups + 1) if channels % g == 0)
        used = divisor
        names = ("batch", site.axes[-1] if kind == "instance" else "group")
        samples = None if None in positions else channels // divisor * math.prod(size or 0 for size in positions)
    return ResolvedSite(
        site,
        "group" if kind == "instance" else kind,
        stat_axes=names,
        param_axes=(site.axes[-1],),
        axis=axis,
        param_axis=last,
        parameters=channels if kind == "rms" else _each(site) * channels,
        samples_per_statistic=samples,
        groups=used,
    )
