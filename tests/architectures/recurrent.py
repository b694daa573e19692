"""Layers that walk through time, run beside Keras's own with the same weights."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

FEATURES, UNITS = 5, 4


def normal(*shape, seed=0):
    """Normal numbers of a seed, float32."""
    return tf.constant(np.random.default_rng(seed).normal(size=shape), tf.float32)


def pair_of(makes, batch=3, time=7, **options):
    """Two layers with the same weights, all of them random (Keras starts biases at 0 and 1), and an input."""
    x = normal(batch, time, FEATURES)
    layers = [make(UNITS, **options) for make in makes]
    for layer in layers:
        layer.build(x.shape)
        layer.set_weights([normal(*w.shape, seed=i).numpy() * 0.5 for i, w in enumerate(layer.trainable_variables)])
    return *layers, x


def run(layer, x, **call):
    """Outputs (flat), and the gradients of an uneven function of them for the inputs, initial states and weights."""
    sources = [x, *tf.nest.flatten(call.get("initial_state", [])), *layer.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch(sources[: -len(layer.trainable_variables)])
        outputs = tf.nest.flatten(layer(x, **call))
        loss = tf.add_n([tf.reduce_sum(tf.sin(y * normal(*y.shape, seed=i))) for i, y in enumerate(outputs)])
    return outputs, tape.gradient(loss, [getattr(source, "value", source) for source in sources])


def assert_same(one, other, rtol=2e-5, atol=4e-6):
    """Equal but for float32 sums in another order."""
    for a, b in zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)
