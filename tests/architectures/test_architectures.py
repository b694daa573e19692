"""Each architecture against counts worked out by hand, and its sites against what its docstring says."""

from __future__ import annotations

import keras
import pytest

from harness.architectures import deep_cnn, gru, hyper_cnn, lenet, mlp, res_cnn, seed_cnn, seed_lstm
from harness.types import Site, TaskSpec, UserError

IMAGES = TaskSpec("images", ("height", "width", "channel"), (28, 28, 1), 10)
SERIES = TaskSpec("series", ("time", "feature"), (100, 5), 1)
PATCHES = TaskSpec("patches", ("height", "width", "band"), (5, 5, 32), 4)
SCENE = TaskSpec("scene", ("height", "width", "band"), (7, 7, 198), 4)


class Recorder:
    """Normalizes nothing and remembers its sites."""

    def __init__(self):
        self.sites = []

    def __call__(self, x, *, axes, name):
        self.sites.append(Site(name, axes, tuple(x.shape[1:])))
        return x


def lstm(inputs, units):
    return 4 * (inputs * units + units * units + units)  # four gates: kernel, recurrent kernel, bias


def reset_after_gru(inputs, units):
    return 3 * (inputs * units + units * units + 2 * units)  # three gates, and a bias for either product


def conv(kernel, inputs, filters):
    return kernel * inputs * filters + filters


def dense(inputs, outputs):
    return inputs * outputs + outputs


@pytest.mark.parametrize(
    ("build", "task", "by_layer", "total"),
    [
        (seed_cnn.build, IMAGES, [conv(9, 1, 32), dense(13 * 13 * 32, 10)], 54_410),
        (seed_lstm.build, SERIES, [lstm(5, 64), lstm(64, 32), dense(32, 1)], 17_920 + 12_416 + 33),
        (gru.build, SERIES, [reset_after_gru(5, 64), reset_after_gru(64, 32), dense(32, 1)], 13_632 + 9_408 + 33),
        (
            res_cnn.build,
            SERIES,
            [
                *(conv(8, 5, 16), conv(5, 16, 16), conv(3, 16, 16), conv(1, 5, 16)),
                *(conv(8, 16, 32), conv(5, 32, 32), conv(3, 32, 32), conv(1, 16, 32)),
                *(conv(8, 32, 32), conv(5, 32, 32), conv(3, 32, 32), dense(32, 1)),
            ],
            2_832 + 12_928 + 16_480 + 33,
        ),
        (
            lenet.build,
            IMAGES,
            [conv(25, 1, 6), conv(25, 6, 16), dense(5 * 5 * 16, 120), dense(120, 84), dense(84, 10)],
            156 + 2_416 + 48_120 + 10_164 + 850,
        ),
        (
            deep_cnn.build,
            IMAGES,
            [
                *(conv(9, 1, 16), conv(9, 16, 16), conv(9, 16, 32), conv(9, 32, 32), conv(9, 32, 64), conv(9, 64, 64)),
                dense(64, 10),
            ],
            160 + 2_320 + 4_640 + 9_248 + 18_496 + 36_928 + 650,
        ),
        (mlp.build, IMAGES, [dense(784, 100), dense(100, 100), dense(100, 100), dense(100, 10)], 99_710),
        # 32 bands: kernel ceil(32/9) = 4 leaves 29, pool ceil(4/5) = 1 leaves 29.
        (hyper_cnn.build_1d, PATCHES, [conv(4, 1, 20), dense(29 * 20, 100), dense(100, 4)], 100 + 58_100 + 404),
        # 198 bands: kernel 22 leaves 177, pool 5 leaves 35.
        (hyper_cnn.build_1d, SCENE, [conv(22, 1, 20), dense(35 * 20, 100), dense(100, 4)], 460 + 70_100 + 404),
        (
            hyper_cnn.build_2d,
            SCENE,
            [conv(9, 198, 32), conv(9, 32, 64), dense(7 * 7 * 64, 4)],
            57_056 + 18_496 + 12_548,
        ),
        # 5 x 5 x 32: 3 x 3 x 30 -> 15 -> 1 x 1 x 15 -> 8 -> 8 -> 5 bands.
        (
            hyper_cnn.build_3d,
            PATCHES,
            [
                *(conv(27, 1, 20), conv(3, 20, 20), conv(27, 20, 35)),
                *(conv(3, 35, 35), conv(3, 35, 35), conv(2, 35, 35), dense(5 * 35, 4)),
            ],
            560 + 1_220 + 18_935 + 3_710 + 3_710 + 2_485 + 704,
        ),
    ],
)
def test_parameters_layer_by_layer(build, task, by_layer, total):
    model = build(task, Recorder())

    assert [layer.count_params() for layer in model.layers if layer.weights] == by_layer
    assert model.count_params() == sum(by_layer) == total
    assert model.output_shape == (None, task.outputs)


@pytest.mark.parametrize(
    ("build", "task", "axes", "shapes"),
    [
        (seed_cnn.build, IMAGES, ("height", "width", "channel"), [(26, 26, 32)]),
        (seed_lstm.build, SERIES, ("time", "feature"), [(100, 64)]),
        (gru.build, SERIES, ("time", "feature"), [(100, 64)]),
        (res_cnn.build, SERIES, ("time", "feature"), [*[(100, 16)] * 3, *[(100, 32)] * 6]),
        (
            deep_cnn.build,
            IMAGES,
            ("height", "width", "channel"),
            [(28, 28, 16), (28, 28, 16), (14, 14, 32), (14, 14, 32), (7, 7, 64), (7, 7, 64)],
        ),
        (mlp.build, IMAGES, ("feature",), [(100,), (100,), (100,)]),
        (hyper_cnn.build_1d, SCENE, ("band", "channel"), [(177, 20)]),
        (hyper_cnn.build_2d, SCENE, ("height", "width", "channel"), [(7, 7, 32), (7, 7, 64)]),
        (
            hyper_cnn.build_3d,
            SCENE,
            ("height", "width", "band", "channel"),
            [(5, 5, 196, 20), (3, 3, 98, 35), (3, 3, 49, 35), (3, 3, 25, 35)],
        ),
    ],
)
def test_sites(build, task, axes, shapes):
    norm = Recorder()
    build(task, norm)

    assert norm.sites == [Site(f"norm_{i}", axes, shape) for i, shape in enumerate(shapes, start=1)]


def test_lenet_has_image_sites_and_vector_sites():
    norm = Recorder()
    lenet.build(IMAGES, norm)

    image = ("height", "width", "channel")
    assert norm.sites == [
        Site("norm_1", image, (28, 28, 6)),
        Site("norm_2", image, (10, 10, 16)),
        Site("norm_3", ("feature",), (120,)),
        Site("norm_4", ("feature",), (84,)),
    ]


@pytest.mark.parametrize("side", [5, 6])
def test_hyper_cnn1d_sees_the_centre_pixel_alone(side):
    task = TaskSpec("patches", ("height", "width", "band"), (side, side, 12), 2)
    model = hyper_cnn.build_1d(task, Recorder())
    patch = keras.random.normal((1, side, side, 12), seed=0)
    only_centre = keras.ops.zeros_like(patch)
    middle = side // 2
    only_centre = keras.ops.slice_update(
        only_centre, (0, middle, middle, 0), patch[:, middle : middle + 1, middle : middle + 1, :]
    )

    whole = keras.ops.convert_to_numpy(model(patch))
    assert whole == pytest.approx(keras.ops.convert_to_numpy(model(only_centre)), abs=0)
    assert abs(whole - keras.ops.convert_to_numpy(model(keras.ops.zeros_like(patch)))).max() > 1e-4


@pytest.mark.parametrize(
    ("build", "task"),
    [
        (seed_cnn.build, IMAGES),
        (lenet.build, IMAGES),
        (deep_cnn.build, IMAGES),
        (mlp.build, IMAGES),
        (hyper_cnn.build_1d, PATCHES),
        (hyper_cnn.build_2d, PATCHES),
        (hyper_cnn.build_3d, PATCHES),
    ],
)
def test_norm_position_swaps_norm_and_activation(build, task):
    def neighbours(position):
        model = build(
            task, lambda x, *, axes, name: keras.layers.BatchNormalization(name=name)(x), norm_position=position
        )
        names = [layer.name for layer in model.layers]
        for norm, activation in zip(
            (model.get_layer(n) for n in names if n.startswith("norm_")),
            (model.get_layer(n) for n in names if n.startswith("activation_")),
            strict=True,
        ):
            yield norm.input is activation.output, activation.input is norm.output

    assert set(neighbours("after_activation")) == {(True, False)}
    assert set(neighbours("before_activation")) == {(False, True)}


@pytest.mark.parametrize(
    ("build", "task", "message"),
    [
        (
            seed_cnn.build,
            SERIES,
            r"seed_cnn takes .* \(height, width, channel\); for the task series choose gru, res_cnn, seed_lstm or mlp"
            r"\. Received: axes=\('time', 'feature'\)$",
        ),
        (seed_lstm.build, IMAGES, r"\(time, feature\); .* choose deep_cnn, lenet, seed_cnn or mlp\. Received: axes="),
        (gru.build, SCENE, r"choose hyper_cnn1d, hyper_cnn2d, hyper_cnn3d or mlp\. Received: axes="),
        (hyper_cnn.build_3d, IMAGES, r"takes .* \(height, width, band\); .* Received: axes="),
        (lenet.build, TaskSpec("odd", ("depth",), (3,), 1), r"the task odd choose mlp\. Received: axes=\('depth',\)$"),
        (seed_cnn.build, TaskSpec("tiny", ("height", "width", "channel"), (28, 3, 1), 2), r"width >= 4 .*width=3, "),
        (lenet.build, TaskSpec("tiny", ("height", "width", "channel"), (11, 28, 1), 2), r"height >= 12 .*height=11, "),
        (deep_cnn.build, TaskSpec("tiny", ("height", "width", "channel"), (3, 28, 1), 2), r"height >= 4 .*height=3, "),
        (hyper_cnn.build_3d, TaskSpec("tiny", ("height", "width", "band"), (3, 3, 32), 2), r"height >= 5 .*height=3, "),
    ],
)
def test_a_task_that_does_not_fit_is_refused(build, task, message):
    with pytest.raises(UserError, match=message):
        build(task, Recorder())


@pytest.mark.parametrize(
    ("build", "sizes"),
    [
        (seed_cnn.build, (4, 4, 1)),
        (lenet.build, (12, 12, 1)),
        (deep_cnn.build, (4, 4, 1)),
        (hyper_cnn.build_1d, (1, 1, 1)),
        (hyper_cnn.build_2d, (1, 1, 1)),
        (hyper_cnn.build_3d, (5, 5, 3)),
    ],
)
def test_the_smallest_input_that_is_let_in_works(build, sizes):
    last = "band" if build.__name__.startswith("build_") else "channel"
    model = build(TaskSpec("tiny", ("height", "width", last), sizes, 2), Recorder())

    assert model(keras.ops.ones((1, *sizes))).shape == (1, 2)


def test_unknown_norm_position_names_the_nearest():
    with pytest.raises(UserError, match=r"did you mean before_activation\? Received: norm_position='befor_activation'"):
        seed_cnn.build(IMAGES, Recorder(), norm_position="befor_activation")


def test_options_that_make_no_model_are_refused():
    with pytest.raises(UserError, match=r"sigmoid, tanh or relu\. Received: activation='sigmod'"):
        mlp.build(IMAGES, Recorder(), activation="sigmod")
    with pytest.raises(UserError, match=r"two numbers.*Received: filters=\[20\]"):
        hyper_cnn.build_3d(SCENE, Recorder(), filters=[20])
