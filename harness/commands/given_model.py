"""A model that Python gives, built or as a function that builds one, put into a file that grids read."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.commands.arguments import parse
from harness.types import TaskSpec, UserError, digest_arrays


def saved_model(
    model: Any, folder: Path, shared: Sequence[str], weights: str, strategies: Any
) -> tuple[Path, dict[str, list[str]], Any]:
    """Where the model lies, the axes that its function named, by site, and the strategies to compare."""
    if isinstance(model, (str, Path)):
        return Path(model), {}, strategies
    sites: dict[str, list[str]] = {}
    built = model
    if not hasattr(model, "layers") and callable(model):
        config = _config_of(shared)
        built = _built_by(model, _spec_of(config), sites)
        if strategies is None and sites:  # built with `channel`, which the task has in its own comparison
            strategies = str(config["task"]["comparison"]["axis"]).split(",")
    import keras

    if not isinstance(built, keras.Model):
        raise UserError(
            "model: expected a built Keras model, the path of one, or a function that returns one. "
            f"Received: {type(built).__name__}"
        )
    if not built.built:
        raise UserError("model: expected a model that is built: give it an Input. Received: one without any weights")
    path = folder / "models" / f"{key_of(built, keep=weights == 'keep')}.keras"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{os.getpid()}.keras")
        try:
            built.save(aside)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
    return path, sites, strategies


def _config_of(overrides: Sequence[str]) -> dict[str, Any]:
    from harness.commands.arguments import configs_of

    # Any architecture and strategy will do: the task's part is read.
    return configs_of(parse([*overrides, "architecture=mlp", "axis=none", "seed=0"]))[0]


def _spec_of(config: Mapping[str, Any]) -> TaskSpec:
    from harness.cell.data import load_task

    return load_task(config["task"]["data"]).data.spec


def _built_by(function: Callable[..., Any], spec: TaskSpec, sites: dict[str, list[str]]) -> Any:
    """What a user's function builds, with batch normalization at the sites that it names; these are noted."""
    from harness.axes import AxisNormalization

    made: dict[str, Any] = {}

    def norm(x: Any, *, axes: Sequence[str], name: str, own: Any = None) -> Any:
        if len(axes) != len(x.shape) - 1:
            raise UserError(
                f"site {name!r}: expected a name for each axis of {tuple(x.shape)[1:]}. Received: axes={tuple(axes)}"
            )
        sites[name] = list(axes)
        made.setdefault(name, AxisNormalization(name=name))
        return made[name](x)

    offered = {"task": spec, "norm": norm}
    parameters = inspect.signature(function).parameters.values()
    needed = [one for one in parameters if one.default is one.empty and one.kind not in (one.VAR_KEYWORD,)]
    if all(one.name in offered for one in needed):
        return function(**{one.name: offered[one.name] for one in parameters if one.name in offered})
    if len(needed) > 2:
        raise UserError(
            "model: expected a function of task and norm, or of fewer. "
            f"Received: {function.__name__}({', '.join(one.name for one in needed)})"
        )
    return function(*list(offered.values())[: len(needed)])


def key_of(model: Any, *, keep: bool) -> str:
    """A name for a model by what a grid takes of it; names that Keras numbered by what it built before do not count."""
    import keras

    from harness.models.from_file import is_automatic, is_trained

    config = _plain(keras.saving.serialize_keras_object(model))
    names: dict[str, str] = {}
    for node in _nodes(config):
        own, kind = str(node["config"].get("name")), str(node["class_name"])
        if is_automatic(own, kind):
            names.setdefault(own, f"{kind} {len(names)}")
    kept = [layer for layer in model._flatten_layers() if keep or not is_trained(layer)]
    values = [keras.ops.convert_to_numpy(weight) for layer in kept for weight in layer._trainable_variables]
    values += [keras.ops.convert_to_numpy(weight) for layer in kept for weight in layer._non_trainable_variables]
    text = json.dumps(_renamed(config, names), sort_keys=True, default=str)
    return hashlib.sha256(f"{text}{digest_arrays(*values)}".encode()).hexdigest()[:16]


def _plain(node: Any) -> Any:
    """A config without what is of training, or of this process."""
    if isinstance(node, Mapping):
        left_out = ("compile_config", "shared_object_id", "build_config")
        return {key: _plain(value) for key, value in node.items() if key not in left_out}
    return [_plain(one) for one in node] if isinstance(node, (list, tuple)) else node


def _nodes(node: Any) -> Iterable[Mapping[str, Any]]:
    if isinstance(node, Mapping):
        if isinstance(node.get("class_name"), str) and isinstance(node.get("config"), Mapping):
            yield node
        for value in node.values():
            yield from _nodes(value)
    elif isinstance(node, list):
        for value in node:
            yield from _nodes(value)


def _renamed(node: Any, names: Mapping[str, str]) -> Any:
    if isinstance(node, Mapping):
        return {key: _renamed(value, names) for key, value in node.items()}
    if isinstance(node, list):
        return [_renamed(one, names) for one in node]
    return names.get(node, node) if isinstance(node, str) else node
