"""Seeds for weights, order, split and probes, derived by name from a cell's seed, which can be taken apart."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

# Parts of what a seed decides that can have a seed of their own; all else (where probes look) follows `seed`.
SOURCES = ("split", "init", "order")


def derive_seed(seed: int, *names: str | int) -> int:
    """A 31-bit seed that depends on `seed` and `names` alone: other names give unrelated streams.

    >>> derive_seed(0, "split") == derive_seed(0, "split"), derive_seed(0, "split") == derive_seed(0, "order")
    (True, False)
    """
    text = "/".join([str(int(seed)), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") & 0x7FFFFFFF


def derive_rng(seed: int, *names: str | int) -> np.random.Generator:
    """A NumPy generator seeded by `derive_seed(seed, *names)`."""
    return np.random.default_rng(derive_seed(seed, *names))


def source_seed(config: Mapping[str, Any], source: str) -> int:
    """The seed of one of `SOURCES` in a cell's config: its own under `seeds`, else `seed`; records may lack `seeds`.

    >>> source_seed({"seed": 1, "seeds": {"split": 3, "init": None}}, "split"), source_seed({"seed": 1}, "init")
    (3, 1)
    """
    own = (config.get("seeds") or {}).get(source)
    return int(config["seed"] if own is None else own)
