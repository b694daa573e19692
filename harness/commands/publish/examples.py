"""The article's three code examples, reconstructed from its claims, run with Keras's layer and with ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

_IMAGES = """\
model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        keras.layers.Conv2D(32, (3, 3), activation="relu"),
        BatchNormalization(axis={axis}),
        keras.layers.Flatten(),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(x, y, batch_size=32, epochs=1)
"""
_SEQUENCES = """\
model = keras.Sequential(
    [
        keras.Input((20, 8)),
        keras.layers.LSTM(64, return_sequences=True),
        BatchNormalization(axis=-1),
        keras.layers.LSTM(32),
        keras.layers.Dense(1),
    ]
)
model.compile("adam", "mse")
model.fit(x, y, batch_size=32, epochs=1)
"""
# Title -> code and the shape of an example; x is random, y whole numbers.
EXAMPLES: Mapping[str, tuple[str, tuple[int, ...]]] = {
    "After a convolution, on images: `axis=-1`": (_IMAGES.format(axis=-1), (28, 28, 1)),
    "After a convolution, on images: `axis=[1, 2]`": (_IMAGES.format(axis="[1, 2]"), (28, 28, 1)),
    "Between two LSTMs, on sequences: `axis=-1`": (_SEQUENCES, (20, 8)),
}


def what_happens(code: str, shape: tuple[int, ...], layer: Any) -> str:
    """What an example does with `layer` as its BatchNormalization: its error, or that it trains and what it keeps."""
    import keras

    rng = np.random.default_rng(0)
    keras.utils.set_random_seed(0)
    names: dict[str, Any] = {
        "keras": keras,
        "BatchNormalization": layer,
        "x": rng.normal(size=(32, *shape)).astype(np.float32),
        "y": rng.integers(0, 10, 32),
    }
    try:
        exec(code.replace("epochs=1)", "epochs=1, verbose=0)"), names)
    except (TypeError, ValueError, IndexError) as error:
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
    model = names["model"]
    [loss] = model.history.history["loss"]
    [normalization] = [one for one in model.layers if isinstance(one, layer)]
    [kept] = [tuple(w.shape) for w in normalization.non_trainable_variables if w.path.endswith("moving_mean")]
    finite = "a finite loss" if np.isfinite(loss) else "a loss that is not finite"
    return f"trains, with {finite}; means kept: {' × '.join(map(str, kept))}"
