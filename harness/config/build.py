"""Build what a config node's `_target_` names: the one place where Hydra's `instantiate` is called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate


def build_strategy(node: Mapping[str, Any]) -> Any:
    """The strategy of an `axis` node, which may also say how it is drawn (`look`): that is nothing to the strategy."""
    return build({key: value for key, value in node.items() if key != "look"})


def build(node: Mapping[str, Any], *, partial: bool = False) -> Any:
    """Call what the node's `_target_` names with the node's other entries, or with `partial` bind them only.

    Whatever the target raises comes out as it was raised: Hydra wraps it, and a user's own error, a `UserError` or want
    of memory would not be known again.
    """
    try:
        return instantiate(dict(node), _convert_="all", _partial_=partial)
    except InstantiationException as error:
        raise (error.__cause__ or error) from None
