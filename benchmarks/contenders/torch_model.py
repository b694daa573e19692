"""PyTorch modules of what `bench` describes of a Keras model (harness/commands/bench/description.py).

They are what a user of PyTorch writes: the channel before the places, padding by the convolution itself where that is
possible, features flattened in the order in which they lie. `load` therefore puts Keras's weights into another order.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import nn
from torch.nn import functional

CONVOLUTIONS = {"Conv1D": nn.Conv1d, "Conv2D": nn.Conv2d, "Conv3D": nn.Conv3d}
POOLINGS = {"MaxPooling1D": nn.MaxPool1d, "MaxPooling2D": nn.MaxPool2d, "MaxPooling3D": nn.MaxPool3d}
AVERAGES = ("GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D")
CROPPINGS = ("Cropping1D", "Cropping2D", "Cropping3D")
PADDINGS = ("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D")
NORMS = {1: nn.BatchNorm1d, 2: nn.BatchNorm1d, 3: nn.BatchNorm2d, 4: nn.BatchNorm3d}  # by the axes of an example
ACTIVATIONS = {
    "linear": nn.Identity,
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "softplus": nn.Softplus,
}
# What passes features on in the order in which they come, one by one.
ELEMENTWISE = ("Activation", "ReLU", "Dropout")
FIRST, LAST = "channel first", "channel last"
# Settings of Keras's layers that have no equal here, and the values that mean nothing.
PLAIN = {
    "data_format": "channels_last",
    "groups": 1,
    "go_backwards": False,
    "stateful": False,
    "return_state": False,
    "dropout": 0.0,
    "recurrent_dropout": 0.0,
    "recurrent_activation": "sigmoid",
    "reset_after": True,
    "renorm": False,
    "synchronized": False,
    "keepdims": False,
    "max_value": None,
    "negative_slope": 0.0,
    "threshold": 0.0,
    "noise_shape": None,
    "kernel_regularizer": None,
    "bias_regularizer": None,
    "recurrent_regularizer": None,
    "activity_regularizer": None,
    "gamma_regularizer": None,
    "beta_regularizer": None,
    "kernel_constraint": None,
    "bias_constraint": None,
    "recurrent_constraint": None,
    "gamma_constraint": None,
    "beta_constraint": None,
    "quantization_config": None,
    "lora_rank": None,
}


class Peer(nn.Module):
    """The module of a description; takes what `examples` makes of Keras's `(batch, *axes)`."""

    def __init__(self, description):
        super().__init__()
        self.calls = description["layers"]
        self.steps = nn.ModuleDict()
        self.layouts = [LAST] * len(self.calls)
        self.orders = [None] * len(self.calls)  # where a vector's features come from in Keras's order
        self.sources = [list(call["inputs"]) for call in self.calls]
        self.layouts[0] = self.wanted_of(0)
        for number, call in enumerate(self.calls):
            refuse(call)
            self.add(number, call)

    def add(self, number, call):
        """Make a call's module, and note the layout and the order of what it gives."""
        kind, name, inputs = call["kind"], key_of(call), call["inputs"]
        if kind == "InputLayer":
            return
        shape = self.calls[inputs[0]]["shape"]
        order = self.orders[inputs[0]]
        pads = None
        if kind in CONVOLUTIONS and self.calls[inputs[0]]["kind"] in PADDINGS and self.uses(inputs[0]) == 1:
            # PyTorch's convolutions pad by themselves.
            padding = self.calls[inputs[0]]
            pads, self.sources[number] = padding["config"]["padding"], self.sources[inputs[0]]
            shape = self.calls[padding["inputs"][0]]["shape"]
        if name not in self.steps:
            self.steps[name] = module_of(call, shape, pads)
        if kind in (*CONVOLUTIONS, *POOLINGS, *CROPPINGS, *PADDINGS):
            self.layouts[number] = FIRST
        elif kind == "Reshape":
            self.layouts[number] = FIRST if len(call["shape"]) > 1 else LAST
        elif kind in (*ELEMENTWISE, "Add", "BatchNormalization"):
            self.layouts[number], self.orders[number] = self.layouts[inputs[0]], order
        if kind == "Flatten":
            self.orders[number] = flat_order(shape, self.layouts[inputs[0]])
        elif order is not None and kind not in (*ELEMENTWISE, "BatchNormalization", "Dense"):
            raise SystemExit(f"layer {call['name']} ({kind}) after a Flatten has no peer in PyTorch yet")

    def uses(self, number):
        """How many calls take what this one gives."""
        return sum(number in call["inputs"] for call in self.calls)

    def wanted_of(self, number):
        """The layout that those want who take what a call gives, which for the input is how its data are stored."""
        for taker, call in enumerate(self.calls):
            if number in call["inputs"]:
                if call["kind"] in (*CONVOLUTIONS, *POOLINGS, *CROPPINGS, *PADDINGS):
                    return FIRST
                if call["kind"] in (*ELEMENTWISE, "BatchNormalization"):
                    return self.wanted_of(taker)
        return LAST

    def examples(self, x):
        """Examples `(batch, *axes)` of Keras as this module takes them."""
        return moved(x, LAST, self.layouts[0]).contiguous()

    def forward(self, x):
        """The outputs `(batch, output)`."""
        values = [x]
        for number, call in enumerate(self.calls[1:], start=1):
            if call["kind"] in PADDINGS and not any(number in sources for sources in self.sources):
                values.append(None)  # the convolution after it pads
                continue
            inputs = [(values[source], self.layouts[source]) for source in self.sources[number]]
            values.append(self.steps[key_of(call)](*inputs))
        return values[-1]

    def load(self, weights):
        """Take over Keras's weights: name of a layer -> its arrays in Keras's order."""
        for call in self.calls:
            if call["weights"]:
                order = self.orders[call["inputs"][0]]
                arrays = [np.asarray(array, np.float32) for array in weights[call["name"]]]
                self.steps[key_of(call)].load(arrays, order)


def key_of(call):
    """A layer's name as a module's, which may hold no dot."""
    return call["name"].replace(".", "_")


def refuse(call):
    """End where a layer has a setting that PyTorch's does not."""
    for setting, value in call["config"].items():
        if setting in PLAIN and value != PLAIN[setting]:
            raise SystemExit(f"layer {call['name']} ({call['kind']}) has {setting}={value}: no peer in PyTorch yet")


def module_of(call, shape, pads):
    """The module of a call whose input has this `shape` in Keras, without the batch."""
    kind, config = call["kind"], call["config"]
    if kind in CONVOLUTIONS:
        return Convolution(call, shape, pads)
    if kind in POOLINGS:
        return Pooling(call, shape)
    if kind in AVERAGES:
        return Step(lambda x: x.flatten(2).mean(2), FIRST)
    if kind in CROPPINGS:
        cuts = [slice(low, size - high) for (low, high), size in zip(pairs(config["cropping"]), shape, strict=False)]
        return Step(lambda x: x[(slice(None), slice(None), *cuts)], FIRST)
    if kind in PADDINGS:
        ends = functional_pads(pairs(config["padding"]))
        return Step(lambda x: functional.pad(x, ends), FIRST)
    if kind == "Reshape":
        last = FIRST if len(call["shape"]) > 1 else LAST
        return Step(lambda x: moved(x.reshape(len(x), *call["shape"]), LAST, last), LAST)
    if kind == "Flatten":
        return Step(lambda x: x.flatten(1))
    if kind == "Dense":
        return Dense(call, shape)
    if kind in ("LSTM", "GRU"):
        return Recurrent(call, shape)
    if kind == "BatchNormalization":
        return Normalization(call, shape)
    if kind in ("Activation", "ReLU"):
        return Step(activation(call, config.get("activation", "relu")))
    if kind == "Dropout":
        return Step(nn.Dropout(config["rate"]))
    if kind == "Add":
        return Addition()
    raise SystemExit(f"layer {call['name']} ({kind}) has no peer in PyTorch yet")


class Step(nn.Module):
    """A function or a module of one tensor, in the layout that it wants; None: in any."""

    def __init__(self, does, layout=None):
        super().__init__()
        self.does, self.layout = does, layout

    def forward(self, value):
        """Do it."""
        x, layout = value
        return self.does(x if self.layout is None else moved(x, layout, self.layout))


class Addition(nn.Module):
    """The sum of several tensors, in the layout of the first."""

    def forward(self, first, *others):
        """Add."""
        total, layout = first
        for x, its in others:
            total = total + moved(x, its, layout)
        return total


class Convolution(nn.Module):
    """A convolution, padded as Keras pads, and its activation."""

    def __init__(self, call, shape, pads):
        super().__init__()
        config = call["config"]
        *places, channels = shape
        kernel, strides, steps = (config[key] for key in ("kernel_size", "strides", "dilation_rate"))
        if config["padding"] not in ("valid", "same"):
            raise SystemExit(f"layer {call['name']} has padding={config['padding']}: no peer in PyTorch yet")
        ends = pairs(pads or [0] * len(places))
        if config["padding"] == "same":
            inside = [size + sum(end) for size, end in zip(places, ends, strict=True)]
            widths = [(size - 1) * step + 1 for size, step in zip(kernel, steps, strict=True)]
            same = map(same_ends, inside, widths, strides)
            ends = [(a + c, b + d) for (a, b), (c, d) in zip(ends, same, strict=True)]
        even = all(low == high for low, high in ends)
        self.ends = None if even else functional_pads(ends)
        self.convolution = CONVOLUTIONS[call["kind"]](
            channels,
            config["filters"],
            tuple(kernel),
            stride=tuple(strides),
            padding=tuple(low for low, _ in ends) if even else 0,
            dilation=tuple(steps),
            bias=config["use_bias"],
        )
        self.activation = activation(call, config["activation"])

    def forward(self, value):
        """Convolve."""
        x = moved(*value, FIRST)
        return self.activation(self.convolution(x if self.ends is None else functional.pad(x, self.ends)))

    def load(self, weights, order):
        """Take Keras's `(*places, input, output)` and bias."""
        put(self.convolution.weight, np.moveaxis(weights[0], (-1, -2), (0, 1)))
        if len(weights) > 1:
            put(self.convolution.bias, weights[1])


class Pooling(nn.Module):
    """Max pooling, padded as Keras pads."""

    def __init__(self, call, shape):
        super().__init__()
        config = call["config"]
        window, strides = config["pool_size"], config["strides"]
        ends = [(0, 0)] * len(window)
        if config["padding"] == "same":
            ends = list(map(same_ends, shape[:-1], window, strides))
        self.ends = functional_pads(ends) if any(map(any, ends)) else None
        self.pooling = POOLINGS[call["kind"]](tuple(window), tuple(strides))

    def forward(self, value):
        """Pool."""
        x = moved(*value, FIRST)
        return self.pooling(x if self.ends is None else functional.pad(x, self.ends, value=float("-inf")))


class Dense(nn.Module):
    """A full connection of the last axis, and its activation."""

    def __init__(self, call, shape):
        super().__init__()
        self.linear = nn.Linear(shape[-1], call["config"]["units"], bias=call["config"]["use_bias"])
        self.activation = activation(call, call["config"]["activation"])

    def forward(self, value):
        """Multiply."""
        return self.activation(self.linear(moved(*value, LAST)))

    def load(self, weights, order):
        """Take Keras's `(input, output)` and bias."""
        put(self.linear.weight, (weights[0] if order is None else weights[0][order]).T)
        if len(weights) > 1:
            put(self.linear.bias, weights[1])


class Recurrent(nn.Module):
    """An LSTM or a GRU, of which all outputs or the last are given."""

    # Where Keras's gates are among PyTorch's: i, f, g, o in both; z, r, h here are r, z, n there.
    GATES = {"LSTM": (0, 1, 2, 3), "GRU": (1, 0, 2)}  # noqa: RUF012  # never written to

    def __init__(self, call, shape):
        super().__init__()
        config = call["config"]
        if config["activation"] != "tanh":
            raise SystemExit(f"layer {call['name']} has activation={config['activation']}: no peer in PyTorch yet")
        kind = nn.LSTM if call["kind"] == "LSTM" else nn.GRU
        self.gates = self.GATES[call["kind"]]
        self.all = config["return_sequences"]
        self.recurrent = kind(shape[-1], config["units"], bias=config["use_bias"], batch_first=True)

    def forward(self, value):
        """Walk through `(batch, time, feature)`."""
        outputs, _ = self.recurrent(moved(*value, LAST))
        return outputs if self.all else outputs[:, -1]

    def load(self, weights, order):
        """Take Keras's kernel and recurrent kernel `(input, gate * unit)`, and one bias or both."""
        put(self.recurrent.weight_ih_l0, self.sorted(weights[0]).T)
        put(self.recurrent.weight_hh_l0, self.sorted(weights[1]).T)
        if len(weights) > 2:
            biases = np.atleast_2d(weights[2])
            put(self.recurrent.bias_ih_l0, self.sorted(biases[0]))
            put(self.recurrent.bias_hh_l0, self.sorted(biases[1]) if len(biases) > 1 else np.zeros_like(biases[0]))

    def sorted(self, array):
        """The gates of the last axis in PyTorch's order."""
        parts = np.split(array, len(self.gates), axis=-1)
        return np.concatenate([parts[gate] for gate in self.gates], axis=-1)


class Normalization(nn.Module):
    """Batch normalization that keeps the channels."""

    def __init__(self, call, shape):
        super().__init__()
        config = call["config"]
        axis = config["axis"] if isinstance(config["axis"], list) else [config["axis"]]
        if [k % (len(shape) + 1) for k in axis] != [len(shape)]:
            raise SystemExit(f"layer {call['name']} keeps the axes {axis}: no peer in PyTorch yet")
        if config["center"] != config["scale"]:
            raise SystemExit(f"layer {call['name']} has a scale or a shift alone: no peer in PyTorch yet")
        settings = {"eps": config["epsilon"], "momentum": 1 - config["momentum"], "affine": config["scale"]}
        self.norm = NORMS[len(shape)](shape[-1], **settings)

    def forward(self, value):
        """Normalize, and give it in the layout in which it came."""
        x, layout = value
        return moved(self.norm(moved(x, layout, FIRST)), FIRST, layout)

    def load(self, weights, order):
        """Take Keras's scale and shift, if there are any, moving mean and moving variance."""
        weights = [array.reshape(-1) for array in weights]
        weights = weights if order is None else [array[order] for array in weights]
        if len(weights) > 2:
            put(self.norm.weight, weights[0])
            put(self.norm.bias, weights[1])
        put(self.norm.running_mean, weights[-2])
        put(self.norm.running_var, weights[-1])


def activation(call, name):
    """The module of an activation."""
    if name not in ACTIVATIONS:
        raise SystemExit(f"layer {call['name']} has activation={name}: no peer in PyTorch yet")
    return ACTIVATIONS[name]()


def moved(x, layout, wanted):
    """A tensor in another layout, without a copy."""
    if x.ndim < 3 or layout == wanted:
        return x
    return x.movedim(-1, 1) if wanted == FIRST else x.movedim(1, -1)


def pairs(ends):
    """`[1, 2]` and `[[1, 1], [2, 2]]` alike as `[(1, 1), (2, 2)]`."""
    return [tuple(end) if isinstance(end, list | tuple) else (end, end) for end in ends]


def same_ends(size, window, stride):
    """What `padding="same"` puts before and after an axis: the odd one after."""
    total = max((-(-size // stride) - 1) * stride + window - size, 0)
    return total // 2, total - total // 2


def functional_pads(ends):
    """Ends axis by axis as PyTorch's `pad` takes them: the last axis first, one after another."""
    return list(itertools.chain.from_iterable(reversed(ends)))


def flat_order(shape, layout):
    """Of each feature of PyTorch's `flatten`, its place in Keras's; None where they are the same."""
    if layout == LAST or len(shape) == 1:
        return None
    places = np.arange(np.prod(shape)).reshape(shape)
    order = np.moveaxis(places, -1, 0).reshape(-1)
    return None if (order == np.arange(len(order))).all() else order


def put(parameter, array):
    """Write an array into a parameter."""
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(np.ascontiguousarray(array)))
