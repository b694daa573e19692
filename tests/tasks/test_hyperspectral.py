"""Scenes and patches: the mixing model, the sensor's faults, the dials, and no pixel on two sides of a split."""

import numpy as np
import pytest

from harness.types import UserError
from tasks import hyperspectral
from tasks.hyperspectral import cut_patches, shading
from tasks.scenes import Scene, draw_spectra, generate_scene, smooth_abundances
from tasks.splits import GroupSplit


@pytest.fixture(scope="module")
def data():
    return hyperspectral.load()


def draw(seed=0, **options):
    sound = {"gain": 0.0, "snr": 100.0, "striped_bands": 0, "dead_bands": 0}
    options = {"size": 40, "bands": 16, "endmembers": 4, "smoothness": 3.0, "alpha": 0.5, **sound, **options}
    return generate_scene(**options, rng=np.random.default_rng(seed))


def numbered_scene(rows, columns, labels=None):
    """A scene whose one band numbers the pixels, so that a patch says which pixels it holds."""
    cube = np.arange(rows * columns, dtype=np.float32).reshape(rows, columns, 1)
    return Scene(cube, np.zeros((rows, columns), np.int64) if labels is None else labels, 1)


@pytest.mark.parametrize(("patch", "block"), [(1, 4), (3, 5), (5, 10), (7, 7)])
def test_no_pixel_of_a_training_patch_is_in_a_test_patch(patch, block):
    # 33 x 47 pixels: the last blocks of either side are cut short.
    x, _, blocks = cut_patches(numbered_scene(33, 47), patch=patch, block=block)
    for seed in range(5):
        split = GroupSplit(blocks, 0.2, 0.25)(np.random.default_rng(seed))
        train, validation, test = (set(x[side].ravel()) for side in (split.train, split.validation, split.test))
        assert train
        assert test
        assert train.isdisjoint(validation | test)
        assert validation.isdisjoint(test)


def test_a_split_by_patch_would_share_pixels():
    # The control of the test above: it can fail.
    x, _, blocks = cut_patches(numbered_scene(33, 47), patch=5, block=10)
    split = GroupSplit(np.arange(len(blocks)), 0.2, 0.25)(np.random.default_rng(0))
    assert set(x[split.train].ravel()) & set(x[split.test].ravel())


def test_patches_by_hand():
    # One block of 4 x 5 pixels holds 2 x 3 patches of 3 x 3.
    x, _, blocks = cut_patches(numbered_scene(4, 5), patch=3, block=5)
    assert x.shape == (6, 3, 3, 1)
    assert x[0, :, :, 0].tolist() == [[0, 1, 2], [5, 6, 7], [10, 11, 12]]
    assert x[5, 1, 1, 0] == 2 * 5 + 3
    assert blocks.tolist() == [0] * 6


def test_blocks_are_numbered_row_by_row():
    _, _, blocks = cut_patches(numbered_scene(4, 6), patch=1, block=3)
    assert blocks.reshape(4, 6)[:, ::3].tolist() == [[0, 1], [0, 1], [0, 1], [2, 3]]


def test_unlabelled_pixels_are_no_centres_but_may_be_neighbours():
    labels = np.full((3, 3), -1)
    labels[1, 1] = 0
    x, y, _ = cut_patches(numbered_scene(3, 3, labels), patch=3, block=3)
    assert x[:, :, :, 0].tolist() == [[[0, 1, 2], [3, 4, 5], [6, 7, 8]]]
    assert y.tolist() == [0]


def test_abundances_are_dirichlet_at_each_pixel():
    alpha, endmembers = 0.5, 4
    rng = np.random.default_rng(0)
    # Unsmoothed, so that the pixels are independent draws.
    abundances = smooth_abundances(size=150, endmembers=endmembers, smoothness=0.0, alpha=alpha, rng=rng)
    assert np.allclose(abundances.sum(axis=-1), 1.0)
    # Mean 1 / K and variance (1 / K) (1 - 1 / K) / (K alpha + 1) of a symmetric Dirichlet distribution.
    assert np.allclose(abundances.mean(axis=(0, 1)), 1 / endmembers, atol=0.01)
    assert np.allclose(abundances.var(axis=(0, 1)), 0.25 * 0.75 / (endmembers * alpha + 1), rtol=0.05)


def test_abundances_are_smooth_in_space():
    def correlation_of_neighbours(smoothness):
        abundances = smooth_abundances(
            size=60, endmembers=3, smoothness=smoothness, alpha=0.5, rng=np.random.default_rng(0)
        )[..., 0]
        return np.corrcoef(abundances[:, 1:].ravel(), abundances[:, :-1].ravel())[0, 1]

    assert abs(correlation_of_neighbours(0.0)) < 0.1
    assert correlation_of_neighbours(4.0) > 0.95


def test_a_sound_scene_is_a_mixture_of_as_many_spectra_as_endmembers():
    scene = draw(endmembers=3, snr=100.0)
    spectrum = np.linalg.svd(scene.cube.reshape(-1, 16), compute_uv=False)
    assert spectrum[3] < 1e-3 * spectrum[2]


@pytest.mark.parametrize("snr", [10.0, 30.0, 50.0])
def test_the_noise_has_the_power_that_was_asked_for(snr):
    clean, noisy = draw(), draw(snr=snr)
    noise = np.mean((noisy.cube - clean.cube) ** 2)
    assert 10 * np.log10(np.mean(clean.cube**2) / noise) == pytest.approx(snr, abs=0.2)


def test_gain_scales_whole_pixels():
    plain, bright = draw(), draw(gain=0.5)
    ratio = bright.cube / plain.cube
    assert np.allclose(ratio, ratio[..., :1], rtol=1e-3)
    assert np.log(ratio[..., 0]).std() == pytest.approx(0.5, rel=0.01)


def test_dead_bands_are_0_and_striped_ones_differ_by_column():
    sound, faulty = draw(snr=100.0), draw(snr=100.0, striped_bands=2, dead_bands=3)
    assert (faulty.cube == 0).all(axis=(0, 1)).sum() == 3
    changed = np.abs(faulty.cube - sound.cube).max(axis=(0, 1)) > 0.01
    assert changed.sum() == 5
    for band in np.flatnonzero(changed & (faulty.cube != 0).any(axis=(0, 1))):
        # A gain and an offset explain each column's readings.
        for column in range(5):
            before, after = sound.cube[:, column, band], faulty.cube[:, column, band]
            assert np.abs(np.polyval(np.polyfit(before, after, 1), before) - after).max() < 1e-3


def test_spectra_differ_and_stay_in_range():
    spectra = draw_spectra(6, 32, np.random.default_rng(0))
    assert spectra.shape == (6, 32)
    assert spectra.min() >= 0.02
    assert spectra.max() <= 1.0
    assert np.linalg.matrix_rank(spectra) == 6


def test_the_default_data(data):
    assert data.axes == ("height", "width", "band")
    assert data.x.shape == (6400, 5, 5, 32)
    assert data.x.dtype == np.float32
    assert data.standardize_axes == ()
    assert (np.bincount(data.y, minlength=data.outputs) > 300).all()
    assert [metric.name for metric in data.metrics] == ["overall_accuracy", "average_accuracy", "kappa"]


def test_every_class_is_on_every_side(data):
    for seed in range(10):
        split = data.splitter(np.random.default_rng(seed))
        for side in (split.train, split.validation, split.test):
            assert set(data.y[side]) == set(range(data.outputs))


def test_same_seed_same_data_and_another_seed_another(data):
    assert data.digest() == hyperspectral.load().digest() != hyperspectral.load(seed=1).digest()


def test_band_scale_multiplies_whole_bands(data):
    scaled = hyperspectral.load(band_scale=1.0)
    lit = (data.x != 0).all(axis=(0, 1, 2))
    ratio = scaled.x[..., lit] / data.x[..., lit]
    assert np.allclose(ratio, ratio[0, 0, 0], rtol=1e-4)
    assert 0.5 < np.log(ratio[0, 0, 0]).std() < 1.5
    assert np.array_equal(scaled.y, data.y)


def test_illumination_is_fixed_to_places_of_the_patch(data):
    shaded = hyperspectral.load(illumination=1.0)
    lit = (data.x != 0).all(axis=(0, 1, 2))
    ratio = (shaded.x[..., lit] / data.x[..., lit])[..., 0]
    assert np.allclose(ratio, shading(5, 1.0), rtol=1e-4)
    # e^-1 at the first corner, e at the last, nothing on the diagonal between them.
    assert np.allclose(ratio[0, [0, 2, 4], [0, 2, 4]], np.exp([-1, 0, 1]), rtol=1e-4)
    assert np.allclose(ratio[0, [0, 4], [4, 0]], 1.0, rtol=1e-4)


@pytest.mark.parametrize(
    "option",
    [
        {"patch": 4},
        {"patch": 0},
        {"block": 3},
        {"size": 2},
        {"bands": 1},
        {"bands": None},
        {"endmembers": 1},
        {"smoothness": -1.0},
        {"alpha": 0.0},
        {"gain": -0.1},
        {"snr": -5.0},
        {"snr": float("inf")},
        {"striped_bands": -1},
        {"dead_bands": 30},
        {"band_scale": -1.0},
        {"illumination": "dark"},
        {"seed": 0.5},
        {"labels_path": "labels.mat"},
    ],
    ids=str,
)
def test_an_option_that_makes_no_sense_is_one_line(option):
    (name,) = option
    with pytest.raises(UserError, match=f"task.data.{name} .*Received: .*{name}=") as raised:
        hyperspectral.load(**option)
    assert "\n" not in str(raised.value)


def test_a_scene_of_too_few_blocks_is_refused():
    with pytest.raises(UserError, match=r"make task.data.block smaller\. Received: block=60"):
        hyperspectral.load(block=60, size=60)
