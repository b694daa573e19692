"""A user's own arrays, tables and image folders: what they are taken for, and what is amiss in one line."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.cell.promises import check_data
from harness.types import UserError
from tasks import arrays, image_folder, table
from tasks.given import sides_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4, 3))
Y = np.arange(60) % 3


def save(path, **members):
    np.savez(path / "own.npz", **{"x": X, "y": Y, **members})
    return str(path / "own.npz")


def parts(data, seed=0):
    split = data.splitter(np.random.default_rng(seed))
    return split.train, split.validation, split.test


def refuse(said, load, **options):
    with pytest.raises(UserError, match=said) as raised:
        load(**options)
    assert "\n" not in str(raised.value)
    assert "Received: " in str(raised.value)


def test_whole_numbers_are_classes_split_evenly(tmp_path):
    data = arrays.load(path=save(tmp_path))
    check_data(data)
    assert (data.axes, data.outputs, data.metrics[0].name) == (("time", "feature"), 3, "accuracy")
    assert data.standardize_axes == ("feature",)
    np.testing.assert_array_equal(data.x, X.astype(np.float32))
    train, validation, test = parts(data)
    assert [np.bincount(Y[side]).tolist() for side in (train, validation, test)] == [[12] * 3, [2] * 3, [6] * 3]
    assert data.note == (
        "own.npz: 60 examples of 4 × 3 (time, feature), float64, standardised by feature; "
        "3 classes (0, 1, 2) of 20 to 20 examples; split at random within each class"
    )


def test_values_keep_their_unit_in_the_metrics(tmp_path):
    y = 1000 + 5 * RNG.normal(size=60)
    data = arrays.load(path=save(tmp_path, y=y))
    check_data(data)
    assert (data.outputs, [metric.name for metric in data.metrics]) == (1, ["rmse", "mae", "r2"])
    assert data.y.mean() == pytest.approx(0, abs=1e-6)
    assert data.y.std() == pytest.approx(1, rel=1e-6)
    # Always answering the mean: the error is y's own deviation.
    output = np.zeros((60, 1))
    found = data.metrics[0].compute(data.y.astype(np.float64) * data.target_scale, output * data.target_scale)
    assert found == pytest.approx(y.std(), rel=1e-5)


@pytest.mark.parametrize("y", [np.array(["b", "a", "c"])[Y], Y.astype(np.uint8), Y + 5, (Y * 10)[:, None]])
def test_classes_of_any_kind_are_numbered_from_0(tmp_path, y):
    data = arrays.load(path=save(tmp_path, y=y))
    np.testing.assert_array_equal(data.y, np.unique(y, return_inverse=True)[1].ravel())


def test_kind_decides_where_the_type_would_not(tmp_path):
    assert arrays.load(path=save(tmp_path, y=Y.astype(float)), kind="classification").outputs == 3
    assert arrays.load(path=save(tmp_path), kind="regression").outputs == 1


def test_groups_stay_together(tmp_path):
    group = np.array([f"g{i:02}" for i in np.arange(60) // 4])
    data = arrays.load(path=save(tmp_path, group=group))
    for seed in range(5):
        sides = [set(group[side]) for side in parts(data, seed)]
        assert [len(side) for side in sides] == [15 - 2 - 4, 2, 4]
        assert len(set.union(*sides)) == 15
        assert all(len(np.unique(Y[side])) == 3 for side in parts(data, seed))
    assert data.note.endswith("split of 15 groups, each as a whole")


def test_a_fixed_test_set_by_two_more_arrays(tmp_path):
    data = arrays.load(path=save(tmp_path, x_test=X[:9] + 1, y_test=Y[:9]))
    for seed in range(3):
        _, validation, test = parts(data, seed)
        assert test.tolist() == list(range(60, 69))
        assert len(validation) == 6
    np.testing.assert_allclose(data.x[60:], X[:9] + 1, rtol=1e-6)


@pytest.mark.parametrize(
    "split",
    [
        np.repeat(["train", "validation", "TEST"], 20),
        np.repeat([0, 1, 2], 20),
        np.repeat([b"train", b"test"], 30) == b"test",
    ],
)
def test_a_fixed_split(tmp_path, split):
    data = arrays.load(path=save(tmp_path, split=split))
    three = split.dtype.kind != "b"
    for seed in range(2):
        train, validation, test = parts(data, seed)
        assert test.tolist() == list(range(40 if three else 30, 60))
        assert not three or validation.tolist() == list(range(20, 40))
        assert len(train) == (20 if three else 27)
    assert not np.array_equal(parts(data, 0)[0], parts(data, 1)[0])


def test_groups_on_both_sides_of_a_fixed_split_are_noted(tmp_path):
    group = np.r_[np.arange(40) // 4, np.arange(20) // 10]
    data = arrays.load(path=save(tmp_path, split=np.repeat([0, 2], [40, 20]), group=group))
    assert data.note.endswith("a fixed test set of 10 groups, 2 groups on both sides")


def test_axes_may_have_one_of_size_1_more(tmp_path):
    data = arrays.load(path=save(tmp_path), axes=["height", "width", "channel"], standardize_axes=None)
    assert (data.x.shape, data.standardize_axes) == ((60, 4, 3, 1), None)


def test_a_directory_of_npy_files(tmp_path):
    for name, array in (("x_train", X), ("y_train", Y), ("x_test", X[:6]), ("y_test", Y[:6])):
        np.save(tmp_path / f"{name}.npy", array)
    assert len(arrays.load(path=str(tmp_path)).x) == 66


OBJECTS = np.array([[1], [1, 2], "a"], dtype=object)


@pytest.mark.parametrize(
    ("members", "options", "said"),
    [
        ({"y": Y[:50]}, {}, r"expected y \(example,\) in own.npz, one for each of 60 examples.*shape \(50,\)"),
        ({"y": np.eye(3)[Y]}, {}, r"Received: y of shape \(60, 3\)"),
        ({"y": Y * 0}, {}, "Received: 60 of one class, 0"),
        ({"y": Y + 0.5}, {"kind": "classification"}, r"labels in whole numbers.*Received: y\[0\] is 0.5"),
        ({"y": np.where(Y == 2, np.nan, Y)}, {}, r"y without NaN in own.npz. Received: y\[2\] is nan"),
        ({"y": np.arange(60)}, {}, "kind=regression takes whole numbers as values. Received: 60 different y"),
        ({"y": np.full(60, 0.1)}, {}, "y that differ"),
        ({"y": np.array(["a", "b"])[Y % 2]}, {"kind": "regression"}, "Received: y of names"),
        ({"y": Y * 1j}, {}, "Received: y of type complex128"),
        ({"x": X * 1j}, {}, "Received: x of type complex128"),
        ({"x": X[:, 0, 0]}, {}, r"must name the 0 axes of an example of own.npz. Received: axes=None"),
        ({"x": X[:, :, :, None, None]}, {}, "must name the 4 axes"),
        ({"x": OBJECTS}, {}, "Received: x of type object"),
        ({"group": Y[:5]}, {}, r"Received: group of shape \(5,\)"),
        ({"group": Y * 0}, {}, "three groups or more.*Received: 1"),
        ({"split": Y[:5]}, {}, r"Received: split of shape \(5,\)|none is"),
        ({"split": Y + 1}, {}, "Received: 3 for example 2"),
        ({"split": np.array(["train", "tset"])[Y % 2]}, {}, "Received: tset for example 1"),
        ({"split": Y % 2}, {}, "Received: none is test"),
        ({"x_test": X}, {}, "expected both x_test and y_test"),
        ({"x_test": X[:, :2], "y_test": Y}, {}, "x and x_test of one shape"),
        ({"x_test": X, "y_test": Y[:3]}, {}, "a target for each example"),
        ({"x_test": X, "y_test": Y, "group": Y}, {}, "Received: both"),
        ({"x_train": X}, {}, "one of x and x_train"),
        ({}, {"axes": ["time"]}, r"must name the 2 axes of an example of own.npz, of shape \(4, 3\)"),
        ({}, {"axes": ["time", "time"]}, "different names"),
        ({}, {"axes": "time"}, "must name the 2 axes"),
        ({}, {"axes": [1, 2]}, "different names"),
        ({}, {"kind": "clasification"}, "did you mean classification"),
        ({}, {"standardize_axes": ["band"]}, "must list some of time, feature"),
        ({}, {"test": 0}, "shares above 0"),
        ({}, {"test": 0.9}, "shares above 0 .*Received: validation=0.1, test=0.9"),
        ({}, {"validation": "a"}, "task.data.validation must be a number"),
    ],
)
def test_arrays_that_do_not_fit_are_one_line(tmp_path, members, options, said):
    refuse(said, arrays.load, path=save(tmp_path, **members), **options)


def test_files_that_are_none_are_one_line(tmp_path):
    whole = save(tmp_path)
    content = Path(whole).read_bytes()
    (tmp_path / "cut.npz").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.npz").write_text("x,y")
    (tmp_path / "own.csv").write_text("x,y")
    (tmp_path / "empty").mkdir()
    for path, said in (
        (None, "task=arrays needs task.data.path"),
        (str(tmp_path / "cut.npz"), "expected complete NumPy arrays"),
        (str(tmp_path / "text.npz"), "expected complete NumPy arrays"),
        (str(tmp_path / "own.csv"), "expected an .npz file"),
        (str(tmp_path / "none.npz"), "where there is no file"),
        (str(tmp_path / "empty"), "expected an array x in .*Received: nothing"),
    ):
        refuse(said, arrays.load, path=path)


def test_more_than_memory_holds_is_refused_before_it_is_read(tmp_path):
    header = {"descr": "<f4", "fortran_order": False, "shape": (10**9, 10**4)}
    with (tmp_path / "x.npy").open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
    np.save(tmp_path / "y.npy", Y)
    with pytest.raises(MemoryError, match="fewer examples"):
        arrays.load(path=str(tmp_path))


def test_landsat(real_landsat):
    data = arrays.load(path=str(real_landsat), axes=["height", "width", "band"])
    check_data(data)
    assert (data.x.shape, data.outputs, data.standardize_axes) == ((6435, 3, 3, 4), 6, ())
    # The class sizes that the Statlog documentation gives: 1,533 red soil to 626 damp grey soil.
    assert np.bincount(data.y).tolist() == [1533, 703, 1358, 626, 707, 1508]
    assert "6 classes (red soil, cotton crop" in data.note


FRAME = pd.DataFrame(
    {
        "a": np.arange(60.0),
        "b": np.arange(60) % 7,
        "who": [f"p{i // 6}" for i in range(60)],
        "side": ["train"] * 40 + ["test"] * 20,
        "kind": np.array(["x", "y", "z"])[Y],
        "life": X[:, 0, 0],
    }
)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".tsv", ".parquet"])
def test_a_table(tmp_path, suffix):
    path = tmp_path / f"own{suffix}"
    if suffix == ".parquet":
        FRAME.to_parquet(path)
    else:
        FRAME.to_csv(path, index=False, sep="\t" if suffix == ".tsv" else ",")
    data = table.load(path=str(path), target="kind", group="who", drop=["life", "side"])
    check_data(data)
    assert (data.axes, data.outputs, data.standardize_axes) == (("feature",), 3, ("feature",))
    np.testing.assert_array_equal(data.x, FRAME[["a", "b"]].to_numpy(np.float32))
    assert not set(FRAME["who"][parts(data)[0]]) & set(FRAME["who"][parts(data)[2]])
    fixed = table.load(path=str(path), target="life", split="side", drop=["who", "kind"])
    assert (fixed.outputs, parts(fixed)[2].tolist()) == (1, list(range(40, 60)))


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        ({}, {"target": None}, "There are a, b, who, side, kind, life. Received: target=None"),
        ({}, {"target": "kin"}, r"did you mean kind\?"),
        ({}, {"target": "kind", "group": "whom"}, "task.data.group must be one of"),
        ({}, {"target": "kind", "drop": "sides"}, "task.data.drop must be one of"),
        ({}, {"target": "kind"}, "task.data.drop leaves columns out. Received: column who of type .*, and 1 more such"),
        (
            {"a": np.where(Y == 1, np.nan, 1)},
            {"target": "kind", "drop": ["who", "side"]},
            "column a in .*Received: 20 rows without one, the first row 2",
        ),
        ({"kind": np.where(Y == 1, None, "x")}, {"target": "kind", "drop": ["who", "side"]}, "column kind .*20 rows"),
        ({}, {"target": "kind", "drop": ["a", "b", "who", "side", "life"]}, "a column of features .*Received: none"),
        ({}, {"target": "kind", "split": "who", "drop": ["side"]}, "Received: p0 for example 0"),
    ],
)
def test_a_table_that_does_not_do_is_one_line(tmp_path, change, options, said):
    FRAME.assign(**change).to_csv(tmp_path / "own.csv", index=False)
    refuse(said, table.load, path=str(tmp_path / "own.csv"), **options)


def test_files_that_are_no_tables_are_one_line(tmp_path):
    files = {
        "a.csv": b"",
        "b.csv": b"a,b\n1,2\n1,2,3\n",
        "c.csv": b"\xff\xfe\x00\x81",
        "d.csv": b"a,b\n",
        "e.parquet": b"PAR1",
        "f.csv.gz": b"\x1f\x8b",
        "g.xlsx": b"PK",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        refuse("expected ", table.load, path=str(tmp_path / name), target="a")
    refuse("task=table needs task.data.path", table.load)


def draw(folder, colour, count=12, size=(6, 5)):
    import keras

    folder.mkdir(parents=True)
    for i in range(count):
        pixels = np.full((*size, 3), colour, np.uint8)
        pixels[0, 0] = i
        keras.utils.save_img(folder / f"{i:02}.png", pixels, scale=False)


def test_a_folder_of_images(tmp_path):
    draw(tmp_path / "cats", 200)
    draw(tmp_path / "dogs", 50)
    data = image_folder.load(path=str(tmp_path), size=[6, 5])
    check_data(data)
    assert (data.axes, data.x.shape) == (("height", "width", "channel"), (24, 6, 5, 3))
    assert data.y.tolist() == [0] * 12 + [1] * 12
    np.testing.assert_allclose(data.x[3, 0, 0], 3 / 255, rtol=1e-6)
    np.testing.assert_allclose(data.x[12:, 1:], 50 / 255, rtol=1e-6)
    assert "2 classes (cats, dogs) of 12 to 12 examples" in data.note
    assert image_folder.load(path=str(tmp_path), size=[3, 4], color="grayscale").x.shape == (24, 3, 4, 1)


def test_a_folder_of_images_with_a_test_set(tmp_path):
    for side, count in (("train", 20), ("val", 3), ("test", 5)):
        draw(tmp_path / side / "cats", 200, count)
        draw(tmp_path / side / "dogs", 50, count)
    data = image_folder.load(path=str(tmp_path))
    train, validation, test = parts(data)
    assert sorted(train) == list(range(40))
    assert validation.tolist() == list(range(40, 46))
    assert test.tolist() == list(range(46, 56))


def test_folders_that_do_not_do_are_one_line(tmp_path):
    load = image_folder.load
    refuse("task=image_folder needs task.data.path", load)
    refuse("No such file", load, path=str(tmp_path / "nowhere"))
    refuse("Received: no folder", load, path=str(tmp_path))
    draw(tmp_path / "cats", 200, 2)
    refuse("folders of two classes or more .*Received: cats", load, path=str(tmp_path))
    (tmp_path / "dogs").mkdir()
    refuse("expected images .* in .*dogs. Received: none", load, path=str(tmp_path))
    (tmp_path / "dogs" / "a.png").write_bytes(b"no image")
    refuse("Received: .*dogs/a.png, which is damaged", load, path=str(tmp_path))
    (tmp_path / "dogs" / "a.png").unlink()
    draw(tmp_path / "dogs" / "more", 50, 2)
    for size in ([0, 3], [3], 3, "3x3", [3, 5000], [2.5, 3]):
        refuse("task.data.size", load, path=str(tmp_path), size=size)
    refuse("did you mean grayscale", load, path=str(tmp_path), color="greyscale")
    two = tmp_path / "two"
    draw(two / "train" / "cats", 1, 2)
    draw(two / "train" / "dogs", 1, 2)
    draw(two / "test" / "cats", 1, 2)
    refuse("Received: dogs in one alone", load, path=str(two))
    (two / "other").mkdir()
    refuse("of which other is none beside train and test", load, path=str(two))


def test_the_loss_is_kerass_own_of_either_kind():
    import keras

    from harness.layers.losses import ByOutputs

    logits, values = RNG.normal(size=(7, 3)).astype(np.float32), RNG.normal(size=(7, 1)).astype(np.float32)
    y, t = np.arange(7) % 3, RNG.normal(size=(7, 1)).astype(np.float32)
    exact = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(7), y]
    assert float(ByOutputs()(y, logits)) == pytest.approx(exact.mean(), rel=1e-6)
    assert float(ByOutputs()(y, logits)) == float(
        keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y, logits)
    )
    assert float(ByOutputs()(t, values)) == float(keras.losses.MeanSquaredError()(t, values))
    assert float(ByOutputs()(t, values)) == pytest.approx(((t - values) ** 2).mean(), rel=1e-6)


def test_sides_are_told_in_three_ways():
    assert sides_of(np.array([True, False, True]), "here").tolist() == [2, 0, 2]
    assert sides_of(np.array([2, 1, 0]), "here").tolist() == [2, 1, 0]
    assert sides_of(np.array(["Test", "validation", "train"]), "here").tolist() == [2, 1, 0]
