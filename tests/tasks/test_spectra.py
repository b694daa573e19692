"""Measured spectra in generated scenes: read off where the bands are, mixed as drawn ones, refused if they are none."""

from pathlib import Path

import numpy as np
import pytest

from harness.config.identity import identify
from harness.types import UserError
from tasks import hyperspectral
from tasks.spectra import read_measured, read_table

TABLE = """micrometres,quartz,clay,water
0.4,0.1,0.3,0.05
0.5,0.2,0.3,0.04
0.8,0.5,0.6,0.00
"""


@pytest.fixture
def table(tmp_path) -> Path:
    path = tmp_path / "spectra.csv"
    path.write_text(TABLE)
    return path


def test_bands_lie_between_the_readings(table):
    library = read_table(table)
    spectra, materials = library.draw(3, 5, np.random.default_rng(0))
    assert materials == ("clay", "quartz", "water")
    # At 0.4, 0.5, 0.6, 0.7 and 0.8, by hand.
    expected = [[0.3, 0.3, 0.4, 0.5, 0.6], [0.1, 0.2, 0.3, 0.4, 0.5], [0.05, 0.04, 0.08 / 3, 0.04 / 3, 0]]
    np.testing.assert_allclose(spectra, expected, atol=1e-12)
    drawn = [library.draw(2, 5, np.random.default_rng(seed))[1] for seed in range(20)]
    assert set(drawn) == {("clay", "quartz"), ("clay", "water"), ("quartz", "water")}
    with pytest.raises(UserError, match=r"at most 3, the materials in spectra.csv. Received: endmembers=5"):
        hyperspectral.load(spectra_path=str(table))


def test_a_scene_is_mixed_of_them(table):
    clean = {"gain": 0, "snr": 100, "striped_bands": 0, "dead_bands": 0, "patch": 1, "alpha": 0.05, "bands": 5}
    data = hyperspectral.load(endmembers=3, spectra_path=str(table), **clean)
    assert (data.source, data.outputs) == ("measured", 3)
    assert data.note == "measured spectra of clay, quartz, water (spectra.csv)"
    spectra, _ = read_table(table).draw(3, 5, np.random.default_rng(0))
    pixels = data.x.reshape(len(data.x), 5).astype(np.float64)
    mixtures, *_ = np.linalg.lstsq(spectra.T, pixels.T, rcond=None)
    np.testing.assert_allclose(mixtures.sum(axis=0), 1, atol=1e-3)
    assert (mixtures.argmax(axis=0) == data.y).mean() > 0.99
    assert data.digest() == hyperspectral.load(endmembers=3, spectra_path=str(table), **clean).digest()


def test_drawn_spectra_are_the_same_cell_as_before_there_was_a_choice():
    config = {"task": {"name": "hyperspectral", "data": {"seed": 0, "source": None}}, "seed": 0}
    data = {**config["task"]["data"], "spectra": None, "spectra_path": None}
    named = {**config, "task": {**config["task"], "data": data}}
    measured = {**config, "task": {**config["task"], "data": {**data, "spectra": "measured"}}}
    same, other, again = (identify(one, data_source="generated", data_digest="d") for one in (config, measured, named))
    assert same == again != other


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "expected a CSV file of spectra at .*Received: No columns"),
        ("a,b\n1,2\n2,3\n", "two materials or more in the columns of .*Received: 2 columns and 2 rows"),
        ("w,a,b\n1,0.2,0.3\n", "Received: 3 columns and 1 rows"),
        ("w,a,b\n1,0.2,0.3\n2,x,0.3\n", "expected numbers in .*Received: x in row 2 of a"),
        ("w,a,b\n1,0.2,0.3\n2,,0.3\n", "Received: nan in row 2 of a"),
        ("w,a,b\n2,0.2,0.3\n1,0.1,0.3\n", "rising wavelengths in the first column of .*Received: 2, then 1"),
        ("w,a,b\n1,20,30\n2,10,30\n", "in percent are divided by 100. Received: from 10 to 30"),
        ("w,a,b\n1,-1,0.3\n2,0.1,0.3\n", "Received: from -1 to 0.3"),
    ],
)
def test_a_table_of_something_else_is_one_line(tmp_path, content, said):
    path = tmp_path / "spectra.csv"
    path.write_text(content)
    with pytest.raises(UserError, match=said) as raised:
        hyperspectral.load(spectra_path=str(path))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"spectra": "measurd"}, r"did you mean measured\?"),
        ({"spectra_path": "nowhere.csv"}, "expected a CSV file of spectra at nowhere.csv, where there is no file"),
        ({"spectra": "measured", "path": "scene.mat"}, "task.data.spectra is about generated scenes"),
        ({"spectra_path": "a.csv", "path": "scene.mat"}, "task.data.spectra_path is about generated scenes"),
    ],
)
def test_what_cannot_be_is_one_line(options, said):
    with pytest.raises(UserError, match=said):
        hyperspectral.load(**options)


def test_earthlibs_spectra():
    pytest.importorskip("earthlib", reason="the extra spectra is not installed")
    library = read_measured()
    assert library.reflectances.shape == (5261, 180)
    np.testing.assert_allclose(library.wavelengths[[0, -1]], [0.4, 2.45], rtol=1e-6)
    assert {"soil", "road", "asphalt", "wood_shingle"} <= set(library.materials)
    assert 0 <= library.reflectances.min() < library.reflectances.max() < 1.5
    data = hyperspectral.load(spectra="measured", endmembers=4, seed=3)
    assert (data.source, data.outputs) == ("measured", 4)
    assert data.note.endswith("(earthlib)")


def test_without_earthlib_it_is_said_how_to_have_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "earthlib", None)
    with pytest.raises(UserError, match=r"pip install 'bn-axis-harness\[spectra\]'.*spectra_path=FILE.csv"):
        hyperspectral.load(spectra="measured")
