"""A stand-in for the normalization that only notes where an architecture wants it."""

from __future__ import annotations

from typing import Any

from harness.types import Site


def site_of(x: Any, axes: tuple[str, ...], name: str) -> Site:
    """The site that an architecture announces by calling its norm on `x`, `(batch, *axes)`."""
    if len(axes) != len(x.shape) - 1:
        raise ValueError(
            f"site {name!r} must name every axis of its input but the batch. "
            f"Received: axes={tuple(axes)}, x.shape={tuple(x.shape)}"
        )
    return Site(name, tuple(axes), tuple(x.shape[1:]))


class SiteRecorder:
    """A `Norm` that records sites and returns its input: one build tells the sites for every strategy."""

    def __init__(self) -> None:
        self.sites: list[Site] = []

    def __call__(self, x: Any, *, axes: tuple[str, ...], name: str) -> Any:
        """Note the site called `name`; `x` comes back as it is."""
        self.sites.append(site_of(x, axes, name))
        return x
