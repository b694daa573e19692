"""Seeds for weights, order, split and probes, derived by name from a cell's one seed."""

from __future__ import annotations

import hashlib

import numpy as np


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
