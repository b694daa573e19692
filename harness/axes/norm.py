"""The factory that an architecture calls at each normalization site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from harness.axes.resolved import ResolvedSite, is_called_again, site_of, with_lengths
from harness.axes.strategy import AxisStrategy
from harness.layers.normalization import AxisNormalization
from harness.layers.variants import FrozenNormalization, GhostNormalization
from harness.types import Own

MOMENTUM, EPSILON = 0.99, 1e-3  # Keras's
# What no strategy decides, and every layer of Keras's that has a scale or shift takes.
_LIKE_THE_OWN = (
    "center",
    "scale",
    *(f"{one}_{what}" for one in ("beta", "gamma") for what in ("initializer", "regularizer", "constraint")),
)
# The limits that training of batch renormalization ends with in Ioffe (2017), section 4.
RENORM_CLIPPING = {"rmax": 3.0, "rmin": 1.0 / 3.0, "dmax": 5.0}


class NormFactory:
    """A `Norm` that puts one strategy at every site of one model.

    A `momentum` or `epsilon` of None is that of the layer that the site has in a model that was built before.

    Attributes:
        sites: what the strategy came to at each site, in the order in which the architecture called.
        layers: the layers that were built, in the same order; sites that are left as they are have none.
    """

    def __init__(
        self,
        strategy: AxisStrategy,
        *,
        batch_size: int,
        momentum: float | None = MOMENTUM,
        epsilon: float | None = EPSILON,
        present: Sequence[float] | None = None,
    ) -> None:
        self.strategy = strategy
        self.batch_size = batch_size
        self.momentum = momentum
        self.epsilon = epsilon
        self.present = present
        self.sites: list[ResolvedSite] = []
        self.layers: list[keras.layers.Layer] = []

    def __call__(self, x: Any, *, axes: tuple[str, ...], name: str, own: Own | None = None) -> Any:
        """Normalize `x`, `(batch, *axes)`, at the site called `name`, which names the layer too."""
        site = site_of(x, axes, name, own)
        if is_called_again(site, [one.site for one in self.sites]):
            same = next((one for one in self.layers if one.name == name), None)
            return x if same is None else same(x)
        resolved = with_lengths(self.strategy.resolve(site, batch_size=self.batch_size), self.present)
        self.sites.append(resolved)
        config = {} if own is None else own.config
        momentum = config.get("momentum", MOMENTUM) if self.momentum is None else self.momentum
        epsilon = config.get("epsilon", EPSILON) if self.epsilon is None else self.epsilon
        layer = layer_of(resolved, name, momentum=momentum, epsilon=epsilon, compiled=True, like=config)
        if layer is None:
            return x
        self.layers.append(layer)
        return layer(x)


def layer_of(
    resolved: ResolvedSite,
    name: str,
    *,
    momentum: float,
    epsilon: float,
    compiled: bool = False,
    like: Mapping[str, Any] | None = None,
) -> keras.layers.Layer | None:
    """The layer called `name` that does what a strategy came to at a site; None where the site stays as it is.

    Args:
        resolved: the strategy at the site.
        name: of the layer.
        momentum, epsilon: as in Keras.
        compiled: for cells, which train long and with one batch size.
        like: the config of a batch normalization, whose initializers and what else no strategy decides it takes.
    """
    like = like or {}
    common: dict[str, Any] = {"epsilon": epsilon, "name": name}
    common |= {key: like[key] for key in _LIKE_THE_OWN if key in like and resolved.kind != "rms"}
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
        if like.get("renorm"):
            options |= {key: like[key] for key in ("renorm_clipping", "renorm_momentum") if key in like}
        if len(resolved.axis) != 1 or resolved.axis != resolved.param_axis:
            return AxisNormalization(**axes, **options, **common)
        return keras.layers.BatchNormalization(axis=resolved.axis[0], momentum=momentum, **options, **common)
    return None
