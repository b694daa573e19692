"""Real data files, where they are at hand: the project never ships them."""

from pathlib import Path

import pytest

REAL_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def real(*parts):
    path = REAL_DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"the real data are not at {path}")
    return path


@pytest.fixture(scope="session")
def real_cmapss():
    return real("cmapss")


@pytest.fixture(scope="session")
def real_scene():
    return real("jasper_ridge", "jasperRidge2_R198.mat")


@pytest.fixture(scope="session")
def real_mnist():
    return real("mnist")


@pytest.fixture(scope="session")
def real_landsat():
    return real("landsat", "landsat.npz")


@pytest.fixture(scope="session")
def real_samson():
    return real("samson", "samson_dataset.mat")


@pytest.fixture(scope="session")
def real_japanese_vowels():
    return real("japanese_vowels")


@pytest.fixture(scope="session")
def real_basic_motions():
    return real("basic_motions")
