"""What every `conf/architecture/*.yaml` has to keep to; a new file is tested by being there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import hydra.utils
import keras
import numpy as np
import pytest
import tensorflow as tf
from omegaconf import OmegaConf

from harness.types import TaskSpec, UserError

# from_file is nothing without a file (tests/models/test_from_file.py).
CONFIGS = sorted(
    path for path in (Path(__file__).parents[2] / "conf" / "architecture").glob("*.yaml") if path.stem != "from_file"
)
TASKS = (
    TaskSpec("images", ("height", "width", "channel"), (12, 14, 2), 3),
    TaskSpec("series", ("time", "feature"), (6, 4), 1),
    TaskSpec("patches", ("height", "width", "band"), (5, 5, 18), 3),
)

every_architecture = pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)


def identity(x, *, axes, name):
    return x


def batch_norm(x, *, axes, name):
    assert len(axes) == len(x.shape) - 1
    return keras.layers.BatchNormalization(name=name)(x)


def builder(path):
    # Called after Hydra is done: a UserError then comes as it is, not wrapped into one of Hydra's.
    return hydra.utils.instantiate(OmegaConf.load(path), _partial_=True)


def fitting(path):
    for task in TASKS:
        try:
            builder(path)(task, identity)
        except UserError:
            continue
        return task
    raise AssertionError(f"no task for {path.stem}: add one to TASKS")


def shared(model):
    return [
        (layer.name, [(w.path, tuple(w.shape)) for w in layer.weights])
        for layer in model.layers
        if not layer.name.startswith("norm_")
    ]


@every_architecture
def test_names_and_shapes_are_the_same_every_time_and_for_every_strategy(path):
    task = fitting(path)
    model = builder(path)(task, batch_norm)
    keras.layers.Dense(1)  # Keras numbers the layers that nobody named: this one must make no difference.
    again = builder(path)(task, batch_norm)

    assert shared(model) == shared(again) == shared(builder(path)(task, identity))
    assert model.name == path.stem
    assert model.layers[-1].name == "output"
    assert getattr(model.layers[-1], "activation", None) is keras.activations.linear


@every_architecture
def test_called_by_hydra_with_the_task_as_an_argument(path):
    task = fitting(path)
    model = hydra.utils.instantiate(OmegaConf.load(path), task=task, norm=identity)

    assert shared(model) == shared(builder(path)(task, identity))


@every_architecture
def test_one_step_is_finite_and_reaches_every_weight(path):
    task = fitting(path)
    model = builder(path)(task, batch_norm)
    x = tf.random.stateless_normal((8, *task.shape), seed=(0, 0))
    target = tf.random.stateless_normal((8, task.outputs), seed=(0, 1))

    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(x, training=True) - target) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)

    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert np.isfinite(gradient).all(), variable.path
        # A kernel that gets no gradient is not connected; a bias before a normalization rightly gets none.
        if "kernel" in variable.path:
            assert np.abs(gradient).max() > 0, variable.path


def takes(path, axes):
    task = next(task for task in TASKS if task.axes == axes)
    try:
        builder(path)(task, identity)
    except UserError:
        return False
    return True


@every_architecture
def test_the_hint_for_a_wrong_task_names_the_right_architectures(path):
    refused, accepted = [], []
    for task in TASKS:
        try:
            builder(path)(task, identity)
            accepted.append(task)
        except UserError as error:
            refused.append(str(error))

    assert accepted
    assert all("Received: axes=" in message and "\n" not in message for message in refused)
    # Whoever is refused is told of every architecture that would take the task, and of no other.
    for message in refused:
        _, _, choice = message.partition(" choose ")
        named = set(re.split(r", | or ", choice.partition(".")[0]))
        axes = ast.literal_eval(message.rpartition("axes=")[2])
        assert named == {other.stem for other in CONFIGS if takes(other, axes)}
