"""What a choice of axes means for one tensor, in words and numbers. Pure Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.axes.findings import Finding, findings_of
from harness.axes.resolved import ResolvedSite
from harness.axes.strategy import OVER_BATCH, AxisStrategy
from harness.types import Site, UserError

# What one index of an axis is called, and several.
_NOUNS = {
    "batch": ("example", "examples"),
    "height": ("row", "rows"),
    "width": ("column", "columns"),
    "depth": ("slice", "slices"),
    "channel": ("channel", "channels"),
    "feature": ("feature", "features"),
    "band": ("band", "bands"),
    "time": ("time step", "time steps"),
}
# Names of the axes but the batch where nobody gives any, by how many there are: as Keras's layers lay them out.
USUAL_AXES = {
    1: ("feature",),
    2: ("time", "feature"),
    3: ("height", "width", "channel"),
    4: ("depth", "height", "width", "channel"),
}


@dataclass(frozen=True)
class Explanation:
    """A strategy at one site, for training batches of `batch_size` examples."""

    resolved: ResolvedSite
    batch_size: int

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Of a training batch."""
        return (self.batch_size, *self.resolved.site.shape)

    @property
    def names(self) -> tuple[str, ...]:
        """Of its axes, the batch among them."""
        return ("batch", *self.resolved.site.axes)

    @property
    def averaged(self) -> tuple[int, ...]:
        """The axes that are averaged over, as Keras counts."""
        return tuple(k for k in range(len(self.shape)) if k not in self.resolved.axis)

    @property
    def statistics_shape(self) -> tuple[int | None, ...]:
        """Of the means (and of the variances)."""
        return tuple(self.shape[k] for k in self.resolved.axis)

    @property
    def parameters_shape(self) -> tuple[int | None, ...]:
        """Of the scales (and of the shifts)."""
        return tuple(self.shape[k] for k in self.resolved.param_axis)

    @property
    def over_batch(self) -> bool:
        """Whether statistics come from the batch and are kept for inference."""
        return self.resolved.kind in OVER_BATCH

    @property
    def keeps(self) -> str:
        """`height × width (1, 2)`."""
        return self._listed(self.resolved.axis) or "nothing"

    @property
    def averages(self) -> str:
        """`batch × channel (0, 3)`."""
        return self._listed(self.averaged) or "nothing"

    @property
    def sentence(self) -> str:
        """What it means, in a sentence or two."""
        r = self.resolved
        if r.kind == "none":
            why = (
                "there is nothing here that the strategy could average over"
                if r.fell_back
                else "the tensor passes as it is"
            )
            return f"Nothing is normalized: {why}."
        what = "root mean square" if r.kind == "rms" else "mean and variance"
        text = f"One {what} for {self._every(r.axis)}, pooled over {self._pooled()}."
        if r.kind == "frozen":
            text += " They are those of the first training batch, for good."
        if r.kind == "renorm":
            text += " In training they are corrected towards the moving averages."
        if r.param_axis == r.axis:
            return text
        given = "One scale" if r.kind == "rms" else "One scale and shift"
        return f"{text} {given} for {self._every(r.param_axis)}."

    @property
    def findings(self) -> list[Finding]:
        """What is worth knowing before it is used, the worst first."""
        return findings_of(self.resolved, self.batch_size)

    def _listed(self, axis: Sequence[int]) -> str:
        if not axis:
            return ""
        return f"{' × '.join(self.names[k] for k in axis)} ({', '.join(map(str, axis))})"

    def _every(self, axis: Sequence[int]) -> str:
        r = self.resolved
        if r.kind == "group" and 0 in axis:
            channels = (self.shape[-1] or 0) // (r.groups or 1)
            group = nouns(self.names[-1:], 1)[0] if channels == 1 else f"group of {channels} {_noun(self.names[-1], 2)}"
            return f"every {group} of every example"
        if not axis:
            return "everything"
        kept = [self.names[k] for k in axis if k]
        words = _and(nouns(kept, 1))
        if 0 in axis:
            return f"every {words} of every example" if kept else "every example"
        return (
            f"every single element ({words})"
            if len(kept) > 1 and len(kept) == len(self.names) - 1
            else f"every {words}"
        )

    def _pooled(self) -> str:
        r = self.resolved
        parts = []
        if 0 in self.averaged:
            whole = r.kind != "ghost" or not r.ghost or r.ghost >= self.batch_size
            parts.append("the batch" if whole else f"every {r.ghost} examples of the batch")
        single = [self.names[k] for k in self.averaged if k and self.shape[k] == 1]
        several = [self.names[k] for k in self.averaged if k and self.shape[k] != 1]
        parts += [f"all {word}" for word in nouns(several, 2)] + [f"the one {word}" for word in nouns(single, 1)]
        if r.kind == "group" and r.groups and r.groups != self.shape[-1]:
            parts.append(f"the {_noun(self.names[-1], 2)} of the group")
        return _and(parts) or "nothing: it is the value itself"


def explain(strategy: AxisStrategy, site: Site, batch_size: int) -> Explanation:
    """What a strategy comes to at a site.

    Raises:
        UserError: as `AxisStrategy.resolve`, or the site lacks an axis that the strategy names.
    """
    resolved = strategy.resolve(site, batch_size=batch_size)
    if resolved.fell_back and strategy.kind in OVER_BATCH:
        raise UserError(
            f"expected axes of ({', '.join(site.axes)}), counted from 1, or numbers from {-len(site.axes)} to -1. "
            f"Received: {strategy.stat_axes}{'' if strategy.param_axes is None else f' and {strategy.param_axes}'}"
        )
    return Explanation(resolved, batch_size)


def explain_axes(axis: Sequence[int], site: Site, batch_size: int) -> Explanation:
    """What it means to keep these axes, counted from 0 upwards, the batch's among them where somebody keeps it.

    Raises:
        UserError: a kept axis has no known size.
    """
    if 0 not in axis:
        return explain(AxisStrategy(stat_axes=tuple(axis)), site, batch_size)
    rest = AxisStrategy(stat_axes=tuple(k for k in axis if k)).resolve(site, batch_size=batch_size)
    kept = tuple(sorted(axis))
    names = ("batch", *rest.stat_axes)
    samples = None if rest.samples_per_statistic is None else rest.samples_per_statistic // batch_size
    size = batch_size * rest.statistics
    resolved = ResolvedSite(
        site, "batch", names, names, kept, kept, statistics=size, parameters=2 * size, samples_per_statistic=samples
    )
    return Explanation(resolved, batch_size)


def nouns(axes: Sequence[str], number: int) -> list[str]:
    """What is counted along these axes: `row`, or `rows` for a `number` above 1; height and width are pixels."""
    words, left = [], list(axes)
    for together, name in ((("depth", "height", "width"), "voxel position"), (("height", "width"), "pixel position")):
        if set(together) <= set(left):
            words.append(name + ("s" if number > 1 else ""))
            left = [axis for axis in left if axis not in together]
    return words + [_noun(axis, number) for axis in left]


def describe_shape(shape: Sequence[int | None]) -> str:
    """`28 × 28`, `one` for nothing kept."""
    return " × ".join("any" if size is None else f"{size:,}" for size in shape) or "one"


def count_of(shape: Sequence[int | None]) -> int:
    """How many values a tensor of this shape has, an unknown size counted as 1."""
    return math.prod(1 if size is None else size for size in shape)


def _noun(axis: str, number: int) -> str:
    one, several = _NOUNS.get(axis, (f"position along {axis}", f"positions along {axis}"))
    return one if number == 1 else several


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else list(words))
