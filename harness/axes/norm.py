"""The factory that an architecture calls at each normalization site."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from harness.axes.resolved import ResolvedSite, site_of, with_lengths
from harness.axes.strategy import AxisStrategy
from harness.layers.normalization import AxisNormalization
from harness.layers.variants import FrozenNormalization, GhostNormalization

# The limits that training of batch renormalization ends with in Ioffe (2017), section 4.
RENORM_CLIPPING = {"rmax": 3.0, "rmin": 1.0 / 3.0, "dmax": 5.0}


class NormFactory:
    """A `Norm` that puts one strategy at every site of one model.

    Attributes:
        sites: what the strategy came to at each site, in the order in which the architecture called.
        layers: the layers that were built, in the same order; sites that are left as they are have none.
    """

    def __init__(
        self,
        strategy: AxisStrategy,
        *,
        batch_size: int,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        present: Sequence[float] | None = None,
    ) -> None:
        self.strategy = strategy
        self.batch_size = batch_size
        self.momentum = momentum
        self.epsilon = epsilon
        self.present = present
        self.sites: list[ResolvedSite] = []
        self.layers: list[keras.layers.Layer] = []

    def __call__(self, x: Any, *, axes: tuple[str, ...], name: str) -> Any:
        """Normalize `x`, `(batch, *axes)`, at the site called `name`, which names the layer too."""
        resolved = self.strategy.resolve(site_of(x, axes, name), batch_size=self.batch_size)
        resolved = with_lengths(resolved, self.present)
        self.sites.append(resolved)
        layer = layer_of(resolved, name, momentum=self.momentum, epsilon=self.epsilon, compiled=True)
        if layer is None:
            return x
        self.layers.append(layer)
        return layer(x)


def layer_of(
    resolved: ResolvedSite, name: str, *, momentum: float, epsilon: float, compiled: bool = False
) -> keras.layers.Layer | None:
    """The layer called `name` that does what a strategy came to at a site; None where the site stays as it is.

    Args:
        resolved: the strategy at the site.
        name: of the layer.
        momentum, epsilon: as in Keras.
        compiled: for cells, which train long and with one batch size.
    """
    common: dict[str, Any] = {"epsilon": epsilon, "name": name}
    axes: dict[str, Any] = {
        "axis": resolved.axis,
        "param_axis": resolved.param_axis,
        "momentum": momentum,
        "compiled": compiled,
    }
    if resolved.kind == "batch":
        return AxisNormalization(**axes, **common)
    if resolved.kind == "ghost":
        assert resolved.ghost is not None
        return GhostNormalization(**axes, ghost=resolved.ghost, **common)
    if resolved.kind == "frozen":
        return FrozenNormalization(**axes, **common)
    if resolved.kind == "layer":
        return keras.layers.LayerNormalization(axis=-1, **common)
    if resolved.kind == "rms":
        return keras.layers.RMSNormalization(axis=-1, **common)
    if resolved.kind == "group":
        return keras.layers.GroupNormalization(groups=resolved.groups, axis=-1, **common)
    if resolved.kind == "renorm":
        options: dict[str, Any] = {
            "renorm": True,
            "renorm_clipping": RENORM_CLIPPING,
            "renorm_momentum": momentum,
        }
        if len(resolved.axis) != 1 or resolved.axis != resolved.param_axis:
            return AxisNormalization(**axes, **options, **common)
        return keras.layers.BatchNormalization(axis=resolved.axis[0], momentum=momentum, **options, **common)
    return None
