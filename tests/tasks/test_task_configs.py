"""Every `conf/task/*.yaml`: its options are the loader's, its loss exists, and what needs no file loads and splits."""

import inspect
from pathlib import Path

import numpy as np
import pytest
from hydra.utils import get_method, instantiate
from omegaconf import OmegaConf

CONFIGS = sorted((Path(__file__).resolve().parents[2] / "conf" / "task").glob("*.yaml"))
SELF_SUFFICIENT = ["adding", "degradation", "hyperspectral", "mnist"]
NOT_OPTIONS = {"probe", "name"}


@pytest.fixture(params=CONFIGS, ids=lambda path: path.stem)
def config(request):
    return OmegaConf.load(request.param)


def by_name(name):
    return OmegaConf.load(next(path for path in CONFIGS if path.stem == name))


def test_the_options_are_the_loaders(config):
    parameters = inspect.signature(get_method(config.data._target_)).parameters
    assert set(config.data) - {"_target_"} == set(parameters) - NOT_OPTIONS


@pytest.mark.parametrize("name", ["adding", "degradation", "hyperspectral"])
def test_the_file_and_the_loader_have_the_same_defaults(name):
    data = by_name(name).data
    defaults = {
        key: parameter.default for key, parameter in inspect.signature(get_method(data._target_)).parameters.items()
    }
    assert {key: value for key, value in data.items() if key != "_target_"} == defaults


def test_the_form_that_others_rely_on(config):
    assert set(config) == {"data", "loss", "recipe", "comparison"}
    assert set(config.recipe) == {"epochs", "batch_size", "learning_rate", "optimizer"}
    assert set(config.comparison) == {"architecture", "axis", "seed"}


def test_the_loss_can_be_computed(config):
    loss = instantiate(config.loss)
    classes = "from_logits" in config.loss
    target, output = (np.array([1]), np.array([[0.0, 0.0]])) if classes else (np.array([[1.0]]), np.array([[3.0]]))
    assert float(loss(target, output)) == pytest.approx(np.log(2) if classes else 4.0)


@pytest.mark.parametrize("name", SELF_SUFFICIENT)
def test_tasks_that_need_no_file_load_and_split(name):
    config = by_name(name)
    options = {"source": "embedded"} if name == "mnist" else {}
    data = instantiate(config.data, **options)
    assert data.name == name
    assert data.x.shape[1:] == data.spec.shape
    assert len(data.axes) == data.x.ndim - 1
    assert len(data.x) == len(data.y)
    assert set(data.standardize_axes or ()) <= set(data.axes)
    split = data.splitter(np.random.default_rng(0))
    steps = config.recipe.epochs * (len(split.train) // config.recipe.batch_size)
    # So many steps bring moving averages with momentum 0.99 to within 3 % of where they go.
    assert 0.99**steps < 0.03


def test_lists_of_the_command_line_reach_the_loader(real_cmapss):
    options = OmegaConf.merge(by_name("cmapss").data, {"path": str(real_cmapss), "sensors": [2, 3, 4]})
    assert instantiate(options).x.shape[2] == 3
