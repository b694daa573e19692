"""What an axis strategy comes to at one normalization site."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.types import Own, Site, UserError


@dataclass(frozen=True)
class ResolvedSite:
    """A strategy at one site: which axes are kept there, and what that costs.

    Attributes:
        site: where.
        kind: how the site is normalized (`batch`, `renorm`, `ghost`, `frozen`, `layer`, `group`, `rms`), or `none`.
        stat_axes: names of the axes that keep statistics of their own; strategies that do not average over the
            batch have `batch` among them.
        param_axes: names of the axes that keep a scale and shift of their own.
        axis: `stat_axes` as Keras counts them, the batch being 0.
        param_axis: `param_axes` counted likewise.
        statistics: moving means that are kept for inference (and as many variances); 0 where none are.
        parameters: trainable scales and shifts together.
        samples_per_statistic: m', the values behind one statistic in a training batch; `None` where there is no
            statistic or a size is unknown.
        fell_back: whether the site lacks what the strategy names, so that its fallback applies.
        median_samples: where later steps are there in fewer examples, m' is that of the step with the fewest, and this
            is its median over steps; else `None`.
        groups: groups of channels, for `group`.
        ghost: examples that share statistics, for `ghost`.
    """

    site: Site
    kind: str
    stat_axes: tuple[str, ...] = ()
    param_axes: tuple[str, ...] = ()
    axis: tuple[int, ...] = ()
    param_axis: tuple[int, ...] = ()
    statistics: int = 0
    parameters: int = 0
    samples_per_statistic: int | None = None
    fell_back: bool = False
    median_samples: int | None = None
    groups: int | None = None
    ghost: int | None = None

    @property
    def kept(self) -> tuple[Any, ...]:
        """What decides the computation: two strategies with the same value here do the same thing at this site.

        Axes of size 1 are left out, because keeping them or averaging over them gives the same statistics.
        """
        sizes = (None, *self.site.shape)
        axis = tuple(k for k in self.axis if sizes[k] != 1)
        param_axis = tuple(k for k in self.param_axis if sizes[k] != 1)
        return (self.kind, self.groups, self.ghost, axis, param_axis)

    def to_dict(self) -> dict[str, Any]:
        """The site's entry in a record (`docs/records.md`); nothing but JSON types."""
        return {
            "name": self.site.name,
            "axes": list(self.site.axes),
            "shape": list(self.site.shape),
            "stat_axes": list(self.stat_axes),
            "param_axes": list(self.param_axes),
            "statistics": self.statistics,
            "parameters": self.parameters,
            "samples_per_statistic": self.samples_per_statistic,
            "fell_back": self.fell_back,
            **({} if self.median_samples is None else {"median_samples_per_statistic": self.median_samples}),
            **({} if self.site.own is None else {"own": _own_to_dict(self.site.own)}),
        }


def with_lengths(resolved: ResolvedSite, present: Sequence[float] | None) -> ResolvedSite:
    """The same site where not all examples have all steps: m' of the step with the fewest, and the median over steps.

    Args:
        resolved: with m' as it would be if all had.
        present: share of the examples that has each step `(time,)`, or None: all.

    Raises:
        UserError: a kind that averages over the steps of one example, which Keras's layers do with the padding.
    """
    site, samples = resolved.site, resolved.samples_per_statistic
    if present is None or "time" not in site.axes or site.shape[site.axes.index("time")] != len(present):
        return resolved
    if resolved.kind == "group":
        raise UserError(
            "group and instance normalization would average over the padding of shorter examples. "
            f"Received: examples of {sum(share == 1 for share in present)} to {len(present)} steps"
        )
    if samples is None or resolved.kind in ("layer", "rms"):
        return resolved
    shares = present if "time" in resolved.stat_axes else [sum(present) / len(present)]
    # A step that few examples have rests on some batches' single sample; one that none has, on nothing.
    least, median = (share and max(1, int(samples * share)) for share in (min(shares), statistics.median(shares)))
    return replace(resolved, samples_per_statistic=int(least), median_samples=int(median))


def equivalent(a: Sequence[ResolvedSite], b: Sequence[ResolvedSite]) -> bool:
    """Whether two strategies, resolved at the sites of one architecture in order, do the same thing at all of them."""
    return what_is_done(a) == what_is_done(b)


def what_is_done(sites: Sequence[ResolvedSite]) -> tuple[tuple[Site, tuple[Any, ...]], ...]:
    """What a strategy computes at the sites of an architecture: equal for two that do the same thing at all of them."""
    return tuple((resolved.site, resolved.kept) for resolved in sites)


_OF_OWN = ("kind", "ghost", "center", "scale")


def _own_to_dict(own: Own) -> dict[str, Any]:
    axes = {"axis": list(own.axis), "param_axis": list(own.param_axis)}
    return axes | {key: getattr(own, key) for key in _OF_OWN}


def site_from_dict(entry: Mapping[str, Any]) -> Site:
    """The site of an entry in a record, as `ResolvedSite.to_dict` wrote it."""
    said = entry.get("own")
    own = None
    if said is not None:
        own = Own(tuple(said["axis"]), tuple(said["param_axis"]), **{key: said[key] for key in _OF_OWN})
    return Site(entry["name"], tuple(entry["axes"]), tuple(entry["shape"]), own)


def site_of(x: Any, axes: tuple[str, ...], name: str, own: Own | None = None) -> Site:
    """The site that an architecture announces by calling its norm on `x`, `(batch, *axes)`."""
    if len(axes) != len(x.shape) - 1:
        raise ValueError(
            f"site {name!r} must name every axis of its input but the batch. "
            f"Received: axes={tuple(axes)}, x.shape={tuple(x.shape)}"
        )
    return Site(name, tuple(axes), tuple(x.shape[1:]), own)


class SiteRecorder:
    """A `Norm` that records sites and returns its input: one build tells the sites for every strategy."""

    def __init__(self) -> None:
        self.sites: list[Site] = []

    def __call__(self, x: Any, *, axes: tuple[str, ...], name: str, own: Own | None = None) -> Any:
        """Note the site called `name`; `x` comes back as it is."""
        site = site_of(x, axes, name, own)
        if not is_called_again(site, self.sites):
            self.sites.append(site)
        return x


def is_called_again(site: Site, known: Sequence[Site]) -> bool:
    """Whether a site is among those that are known: a layer that several inputs share.

    Raises:
        UserError: its input has another shape than the first one had.
    """
    first = next((one for one in known if one.name == site.name), None)
    if first is not None and first != site:
        raise UserError(
            f"expected inputs of one shape for the normalization {site.name}, which several share. "
            f"Received: {list(first.shape)} and {list(site.shape)}"
        )
    return first is not None
