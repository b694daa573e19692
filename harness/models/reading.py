"""Read a saved Keras model without running anything that its file holds."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras

from harness.layers.multiply_add import MultiplyAdd
from harness.layers.normalization import AxisNormalization
from harness.layers.variants import FrozenNormalization, GhostNormalization
from harness.types import UserError
from harness.words import first_line, in_one_line

# Ours, which importing makes known to Keras.
OURS = (AxisNormalization, FrozenNormalization, GhostNormalization, MultiplyAdd)
_MOST_CONFIG = 64 * 2**20
_MOST_DEEP = 200
# Of Keras's own, these hold code or load it from elsewhere.
_OF_CODE = ("Lambda", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer")
# Where Keras keeps what a model's config may name; its other modules have functions that fetch and write files.
_PARTS = (
    *("activations", "constraints", "dtype_policies", "initializers", "layers", "models", "ops", "quantizers"),
    *("random", "regularizers", "applications"),
)
SUFFIXES = (".keras", ".h5", ".hdf5")


def read_model(path: Path | str) -> Any:
    """The model in a file, its optimizer and loss left aside; `safe_mode` is on, and custom code is refused.

    An .h5 file of tf.keras whose BatchNormalization keeps several axes gets `AxisNormalization` in its place, which
    computes the same.

    Raises:
        UserError: there is no such file, it is no model or damaged, or it asks for code that is not Keras's or ours.
    """
    path = Path(path)
    try:
        there = path.is_file()
    except OSError:  # a name that no file could have
        there = False
    if not there:
        raise UserError(f"expected a file that holds a Keras model. Received: {in_one_line(str(path), 200)}")
    if path.suffix not in SUFFIXES:
        raise UserError(f"expected a model saved as .keras, or as .h5. Received: {path}")
    try:
        config = _config_of(path)
        _check(config, path)
        if path.suffix != ".keras" and _several_axes(config):
            return _load_several_axes(path, config)
        return _load(path)
    except UserError:
        raise
    except MemoryError:
        raise
    except Exception as error:
        said = in_one_line(first_line(error) or type(error).__name__, 200)
        raise UserError(f"the file cannot be read as a Keras model ({said}). Received: {path}") from error


def saved_steps(path: Path | str) -> int | None:
    """The training steps that the optimizer in the file has counted; None where it holds none."""
    try:
        if Path(path).suffix == ".keras":
            with zipfile.ZipFile(path) as archive, archive.open("model.weights.h5") as file, h5py.File(file) as weights:
                found = weights["optimizer/vars/0"]
                return int(found[()]) if found.shape == () and found.dtype.kind in "iu" else None
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        pass
    return None


def _load(path: Path, **objects: Any) -> Any:
    model = keras.saving.load_model(path, compile=False, safe_mode=True, custom_objects=objects or None)
    if not isinstance(model, keras.Model):
        raise UserError(f"expected a model. Received: {path}, which holds a {type(model).__name__}")
    return model


def _config_of(path: Path) -> Any:
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("config.json").file_size > _MOST_CONFIG:
                raise UserError(f"expected a config of at most {_MOST_CONFIG:,} bytes. Received: {path}")
            text = archive.read("config.json")
    else:
        with h5py.File(path) as file:
            if "model_config" not in file.attrs:
                raise UserError(f"expected a whole model, and not its weights alone. Received: {path}")
            text = file.attrs["model_config"]
    try:
        return json.loads(text)
    except RecursionError as error:
        raise UserError(f"expected a config that is less deep. Received: {path}") from error


def _check(config: Any, path: Path) -> None:
    """Refuse what would need code of somebody's: it must be Keras's own, or be registered by now."""
    registered = keras.saving.get_custom_objects()
    for node in _objects(config, 0):
        name, module = str(node["class_name"]), node.get("module")
        if name in _OF_CODE or name == "__lambda__":
            raise UserError(
                f"the model holds code of its own (a {name}), which is not run: build it in Python and call "
                f"harness.models.audit(model). Received: {path}"
            )
        called = node.get("registered_name")
        if called in registered or name in registered or module == "builtins":
            continue
        if module in (None, "") and called is None:  # as .h5 files name Keras's own
            continue
        parts = str(module).split(".")
        if module != "keras" and (parts[0] != "keras" or not {*parts[1:3]} & {*_PARTS}):
            asked = in_one_line(f"{module}.{name}" if module else name, 100)
            raise UserError(
                f"the model asks for {asked}, which is neither Keras's nor this project's: import what registers it "
                f"and call harness.models.audit(model) from Python. Received: {path}"
            )


def _objects(node: Any, depth: int) -> Iterator[dict[str, Any]]:
    """Everything in a config that stands for an object, but what is only for further training."""
    if depth > _MOST_DEEP:
        raise UserError(f"expected a config that is nested at most {_MOST_DEEP} deep. Received: more")
    if isinstance(node, dict):
        if isinstance(node.get("class_name"), str):
            yield node
        for key, value in node.items():
            if key != "compile_config":
                yield from _objects(value, depth + 1)
    elif isinstance(node, list):
        for value in node:
            yield from _objects(value, depth + 1)


def _several_axes(config: Any) -> list[dict[str, Any]]:
    """The normalization layers of a tf.keras config that keep more axes than one."""
    return [
        node
        for node in _objects(config, 0)
        if node["class_name"] == "BatchNormalization"
        and isinstance(node.get("config"), dict)
        and isinstance(node["config"].get("axis"), list)
        and len(node["config"]["axis"]) > 1
    ]


def _load_several_axes(path: Path, config: Any) -> Any:
    """Keras's reader drops an `axis` that is a list of several: ours goes by another name, in a copy of the file."""
    axes = {}
    for node in _several_axes(config):
        axes[str(node["config"].get("name"))] = node["config"]["axis"]
        node["class_name"] = "AxisNormalization"
        node["config"]["axes"] = node["config"].pop("axis")
        for key in ("fused", "virtual_batch_size", "adjustment"):
            node["config"].pop(key, None)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "model.h5"
        shutil.copyfile(path, copy)
        with h5py.File(copy, "r+") as file:
            file.attrs["model_config"] = json.dumps(config)
            _leave_out_ones(file["model_weights"], axes)
        return _load(copy, AxisNormalization=AxisNormalization)


def _leave_out_ones(weights: h5py.Group, axes: dict[str, list[int]]) -> None:
    """Give the weights of these layers, which tf.keras keeps as they broadcast, the sizes of the kept axes alone."""
    found: list[tuple[h5py.Dataset, list[int]]] = []

    def note(path: str, node: Any) -> None:
        kept = next((axes[part] for part in path.split("/") if part in axes), None)
        if kept is not None and isinstance(node, h5py.Dataset) and node.ndim > len(kept):
            found.append((node, kept))

    weights.visititems(note)
    for dataset, kept in found:
        place, parent, values = dataset.name, dataset.parent, dataset[()]
        del parent[place]
        parent[place] = values.reshape([values.shape[k] for k in sorted(k % values.ndim for k in kept)])
