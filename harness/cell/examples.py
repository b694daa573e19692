"""How a trained model did on each test example, small enough for a record: right or wrong in bits, or an error."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST = {"correct": 2**16, "absolute_error": 4096}


def pack_examples(y: NDArray[Any], output: NDArray[np.float64], *, target_scale: float) -> dict[str, Any]:
    """What a record keeps of outputs `(example, output)` for targets `y`; empty where they are many or not finite.

    Classes: whether each is right. One output: its absolute error in the task's own unit, as float16.
    """
    count = len(output)
    kind = "correct" if output.shape[1] > 1 else "absolute_error"
    if not 0 < count <= MOST[kind] or not np.isfinite(output).all() or np.size(y) != count:
        return {}
    if kind == "correct":
        content = np.packbits(output.argmax(axis=1) == np.ravel(y)).tobytes()
    else:
        with np.errstate(over="ignore"):
            errors = np.abs((output.ravel() - np.ravel(y)) * target_scale).astype("<f2")
        if not np.isfinite(errors).all():
            return {}
        content = errors.tobytes()
    return {"kind": kind, "count": count, "values": base64.b64encode(content).decode("ascii")}


def unpack_examples(packed: Mapping[str, Any]) -> NDArray[np.float64]:
    """The values `(example,)` that `pack_examples` packed: 1 and 0, or absolute errors.

    Raises:
        ValueError: it holds other than it says.
    """
    kind, count = packed.get("kind"), packed.get("count")
    if kind not in MOST or type(count) is not int or not 0 < count <= MOST[kind]:
        raise ValueError(f"expected a kind of {', '.join(MOST)} and a count. Received: {kind}, {count}")
    try:
        content = base64.b64decode(packed.get("values", ""), validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise ValueError(f"expected base64 ({error})") from error
    size = -(-count // 8) if kind == "correct" else 2 * count
    if len(content) != size:
        raise ValueError(f"expected {size} bytes for {count} examples. Received: {len(content)}")
    if kind == "correct":
        return np.unpackbits(np.frombuffer(content, np.uint8), count=count).astype(np.float64)
    values: NDArray[np.float64] = np.frombuffer(content, "<f2").astype(np.float64)
    if not (np.isfinite(values) & (values >= 0)).all():
        raise ValueError("expected finite absolute errors")
    return values
