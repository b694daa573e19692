"""Saved models are read, and nothing that a file holds is run; whatever is wrong with one is told in a line."""

from __future__ import annotations

import json
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from harness.axes import AxisNormalization
from harness.models.reading import read_model, saved_steps
from harness.types import UserError
from tests.bad_input.refusing import complaint


def small(*parts):
    return keras.Sequential([keras.Input((4, 3)), *parts])


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "model.keras"
    small(layers.Dense(2), layers.BatchNormalization(), AxisNormalization(axis=[1, 2])).save(path)
    return path


def rewritten(path, target, change):
    """The same file with another config."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(content["config.json"])
    change(config)
    content["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return target


def test_a_model_with_our_layers_is_read(saved):
    model = read_model(saved)
    x = np.random.default_rng(0).normal(size=(5, 4, 3)).astype(np.float32)

    np.testing.assert_array_equal(model.predict(x, verbose=0), keras.saving.load_model(saved).predict(x, verbose=0))


def test_steps_are_those_of_the_optimizer(tmp_path, saved):
    model = small(layers.Flatten(), layers.Dense(1))
    model.compile("adam", "mse")
    model.fit(np.zeros((8, 4, 3)), np.zeros((8, 1)), batch_size=2, epochs=3, shuffle=False, verbose=0)
    model.save(tmp_path / "m.keras")

    assert saved_steps(tmp_path / "m.keras") == 12
    assert saved_steps(saved) is None
    assert saved_steps(tmp_path / "nothing.keras") is None


def as_layer(**node):
    return lambda config: config["config"]["layers"].append(node)


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ({"module": "os", "class_name": "system", "config": "touch hacked", "registered_name": "system"}, "os.system"),
        ({"module": "os", "class_name": "system", "config": {}, "registered_name": None}, "os.system"),
        ({"module": "subprocess", "class_name": "Popen", "config": {"args": ["touch", "hacked"]}}, "subprocess.Popen"),
        ({"module": "keras.utils", "class_name": "get_file", "config": {}}, "keras.utils.get_file"),
        ({"module": "keras.src.utils.file_utils", "class_name": "get_file", "config": {}}, "file_utils.get_file"),
        ({"module": "numpy", "class_name": "save", "config": {}}, "numpy.save"),
        ({"module": None, "class_name": "Mine", "config": {}, "registered_name": "pack>Mine"}, "asks for Mine"),
        ({"module": "keras.layers", "class_name": "Lambda", "config": {"function": "x"}}, "code of its own (a Lambda)"),
        ({"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "x"}}, "code of its own"),
        ({"class_name": "__lambda__", "config": {"value": "4wEA"}}, "code of its own"),
    ],
)
def test_code_in_a_file_is_refused(node, said, saved, tmp_path, capsys, monkeypatch):
    path = rewritten(saved, tmp_path / "bad.keras", as_layer(**node))

    monkeypatch.chdir(tmp_path)
    assert said in complaint(["audit", f"model={path}"], capsys, tmp_path, config_dir=None)
    assert not (tmp_path / "hacked").exists()


def test_deep_and_damaged_configs(saved, tmp_path, capsys):
    def deepen(config):
        for _ in range(300):
            config["config"] = {"config": config.pop("config")}

    for number, change in enumerate([deepen, lambda config: config.clear(), lambda config: config.pop("config")]):
        path = rewritten(saved, tmp_path / f"{number}.keras", change)
        assert (
            f"{number}.keras" in complaint(["audit", f"model={path}"], capsys, tmp_path, config_dir=None) or not number
        )


def test_files_that_are_no_model(saved, tmp_path, capsys):
    content = saved.read_bytes()
    (tmp_path / "half.keras").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.keras").write_text("a text")
    (tmp_path / "empty.keras").touch()
    (tmp_path / "text.h5").write_text("a text")
    (tmp_path / "folder.keras").mkdir()
    (tmp_path / "model.pb").write_bytes(content)
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file["x"] = 1
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("x", "y")
    small(layers.BatchNormalization()).save_weights(tmp_path / "only.weights.h5")
    small(layers.Dense(2)).save(tmp_path / "none.keras")

    for name, said in [
        ("half.keras", "cannot be read as a Keras model"),
        ("text.keras", "cannot be read as a Keras model"),
        ("empty.keras", "cannot be read as a Keras model"),
        ("other.keras", "cannot be read as a Keras model"),
        ("text.h5", "cannot be read as a Keras model"),
        ("folder.keras", "expected a file that holds a Keras model"),
        ("nothing.keras", "expected a file that holds a Keras model"),
        ("a" * 300 + ".keras", "expected a file that holds a Keras model"),
        ("model.pb", "expected a model saved as .keras, or as .h5"),
        ("weights.h5", "expected a whole model, and not its weights alone"),
        ("only.weights.h5", "expected a whole model, and not its weights alone"),
        ("none.keras", "expected a model with a normalization layer"),
    ]:
        assert said in complaint(["audit", f"model={tmp_path / name}"], capsys, tmp_path, config_dir=None), name


def test_data_that_do_not_fit(saved, tmp_path, capsys):
    x, y = np.zeros((6, 4, 3), np.float32), np.zeros((6, 8), np.float32)
    np.savez(tmp_path / "no_y.npz", x=x)
    np.savez(tmp_path / "shape.npz", x=x[..., :2], y=y)
    np.savez(tmp_path / "rank.npz", x=x[0], y=y)
    np.savez(tmp_path / "number.npz", x=x, y=y[:3])
    np.savez(tmp_path / "target.npz", x=x, y=y[:, :5])
    np.savez(tmp_path / "words.npz", x=x, y=np.array(["a"] * 6))
    np.savez(tmp_path / "objects.npz", x=x, y=np.array([{}] * 6, dtype=object))
    np.savez(tmp_path / "nothing.npz", x=x[:0], y=y[:0])
    np.save(tmp_path / "one.npy", x)
    (tmp_path / "text.npz").write_text("a text")

    for name, said in [
        ("no_y.npz", "data: expected arrays called x and y, and maybe x_train. Received: x"),
        ("shape.npz", "data: expected x of shape (example, 4, 3). Received: float32 (6, 4, 2)"),
        ("rank.npz", "data: expected x of shape (example, 4, 3)"),
        ("number.npz", "data: expected y with 6 numbers, one for each example"),
        ("target.npz", "data: expected y as classes from 0 to 7, or 8 numbers an example"),
        ("words.npz", "data: expected y with 6 numbers"),
        ("objects.npz", "data: the file cannot be read"),
        ("nothing.npz", "data: expected x of shape (example, 4, 3)"),
        ("one.npy", "data: "),
        ("text.npz", "data: the file cannot be read"),
        ("missing.npz", "data: expected an .npz file with arrays x and y"),
    ]:
        argv = ["audit", f"model={saved}", f"data={tmp_path / name}"]
        assert said in complaint(argv, capsys, tmp_path, config_dir=None), name


def test_an_h5_file_of_keras(tmp_path):
    model = small(layers.Dense(2), layers.BatchNormalization())
    model.save(tmp_path / "model.h5")
    x = np.random.default_rng(0).normal(size=(5, 4, 3)).astype(np.float32)

    np.testing.assert_array_equal(read_model(tmp_path / "model.h5").predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize("axis", [[1, 2], [2, 1], [-1, 1], [3]])
def test_an_h5_file_of_tf_keras_with_several_axes(axis, tmp_path):
    tf_keras = pytest.importorskip("tf_keras")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(8, 6, 5, 3)).astype(np.float32)
    norm = tf_keras.layers.BatchNormalization(axis=axis, name="norm")
    model = tf_keras.Sequential([tf_keras.layers.Input(x.shape[1:]), norm, tf_keras.layers.Flatten()])
    norm.set_weights([rng.uniform(0.5, 2, weight.shape) for weight in norm.get_weights()])
    model.save(tmp_path / "model.h5")
    read = read_model(tmp_path / "model.h5")

    np.testing.assert_allclose(read.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5, atol=1e-5)
    assert sorted(np.atleast_1d(read.layers[0].axis) % 4) == sorted(np.array(axis) % 4)


def test_a_model_of_tf_keras_with_code_is_refused(tmp_path):
    tf_keras = pytest.importorskip("tf_keras")
    parts = [tf_keras.layers.Input((3,)), tf_keras.layers.Lambda(lambda x: x), tf_keras.layers.BatchNormalization()]
    tf_keras.Sequential(parts).save(tmp_path / "model.h5")

    with pytest.raises(UserError, match="code of its own"):
        read_model(tmp_path / "model.h5")
