"""A model of the harness in PyTorch, trained on data that lies in memory as one tensor: no DataLoader, fused optimizer.

    python benchmarks/contenders/pytorch.py --model seed_cnn.json --data mnist.npz [--compile]

Of the two layouts that a convolution can have, and of one thread or all, the fastest on this machine are used.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import sys
import time
from pathlib import Path

STARTED = time.perf_counter()

import numpy as np  # noqa: E402  # the clock runs while these are imported
import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch_model import FIRST, Peer  # noqa: E402
from turns import serve, timed  # noqa: E402

# Steps by which ways are compared, and those after which one that is far slower is given up: where other programs
# compute, two threads of a recurrence wait for one another ten times as long as one thread takes.
TRIED, FEW = 60, 5
LAYOUTS = {4: torch.channels_last, 5: torch.channels_last_3d}  # by a batch's axes


def keep_memory():
    """Have glibc keep what is freed.

    PyTorch allocates activations anew at each step. Whether the C library gives that memory back in between, and
    fetches it again page by page, is a matter of luck from process to process, and of a factor of three.
    """
    trim_threshold, mmap_threshold = -1, -3
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.mallopt(trim_threshold, 2**31 - 1)
        libc.mallopt(mmap_threshold, 32 * 2**20)  # the most it takes


def criterion_of(loss):
    """PyTorch's loss of one of Keras's."""
    if loss["class_name"] == "MeanSquaredError":
        return nn.MSELoss()
    if loss["class_name"] == "SparseCategoricalCrossentropy" and loss["config"]["from_logits"]:
        return nn.CrossEntropyLoss()
    raise SystemExit(f"the loss {loss['class_name']} has no peer in PyTorch yet")


def optimizer_of(optimizer, parameters):
    """PyTorch's optimizer of one of Keras's."""
    name, config = optimizer["class_name"], optimizer["config"]
    rate = config["learning_rate"]
    if name == "Adam" and not config["amsgrad"] and config["weight_decay"] is None:
        betas = config["beta_1"], config["beta_2"]
        return torch.optim.Adam(parameters, lr=rate, betas=betas, eps=config["epsilon"], fused=True)
    if name == "SGD" and config["weight_decay"] is None:
        settings = {"momentum": config["momentum"], "nesterov": config["nesterov"]}
        return torch.optim.SGD(parameters, lr=rate, fused=True, **settings)
    raise SystemExit(f"the optimizer {name} has no peer in PyTorch yet")


def layouts_of(model):
    """Name -> memory format of what is worth trying: one, or two where there are channels before places."""
    shape = [call["shape"] for call in model.calls if "Conv" in call["kind"]]
    other = LAYOUTS.get(len(shape[0]) + 1) if shape else None
    return {"contiguous": None} | ({} if other is None else {"channels_last": other})


class Training:
    """A model, its optimizer and its data."""

    def __init__(self, arguments, description, layout):
        torch.manual_seed(arguments.seed)
        self.batch_size = arguments.batch_size
        self.model = Peer(description)
        data = np.load(arguments.data)
        self.parts = {
            part: (self.examples(data[f"x_{part}"], layout), self.targets(data[f"y_{part}"]))
            for part in ("train", "validation")
        }
        if layout is not None:
            self.model = self.model.to(memory_format=layout)
        self.criterion = criterion_of(description["loss"])
        self.optimizer = optimizer_of(description["optimizer"], self.model.parameters())
        self.loss = torch.compile(self.loss_of) if arguments.compile else self.loss_of

    def examples(self, x, layout):
        """Examples as the model takes them, in a layout of memory where that is one for as many axes."""
        x = self.model.examples(torch.from_numpy(x))
        fits = layout is not None and LAYOUTS.get(x.ndim) is layout and self.model.layouts[0] == FIRST
        return x.contiguous(memory_format=layout) if fits else x

    @staticmethod
    def targets(y):
        """Classes as int64."""
        y = torch.from_numpy(y)
        return y if y.is_floating_point() else y.long()

    def loss_of(self, x, y):
        """The loss of one batch."""
        return self.criterion(self.model(x), y)

    def steps(self, most=sys.maxsize):
        """Train on every example once, the last incomplete batch left out, or take so many steps; how many it took."""
        x, y = self.parts["train"]
        self.model.train()
        steps = min(len(x) // self.batch_size, most)
        for batch in torch.randperm(len(x))[: steps * self.batch_size].split(self.batch_size):
            self.optimizer.zero_grad()
            self.loss(x[batch], y[batch]).backward()
            self.optimizer.step()
        return steps

    def epoch(self):
        """Train on every example once, and validate; on how many it trained."""
        steps = self.steps()
        self.model.eval()
        x, y = self.parts["validation"]
        with torch.no_grad():
            for start in range(0, len(x), 256):
                self.loss_of(x[start : start + 256], y[start : start + 256])
        return steps * self.batch_size


def fastest(arguments, description):
    """The layout and threads with which some steps take the least, and the seconds that they take by way."""
    # What is compiled is compiled for a number of threads.
    threads = [torch.get_num_threads()] if arguments.compile else sorted({1, torch.get_num_threads()})
    ways, seconds = {}, {}
    for layout, kind in layouts_of(Peer(description)).items():
        training = Training(arguments, description, kind)
        for number in threads:
            name = f"{layout}, {number} thread{'s' if number > 1 else ''}"
            torch.set_num_threads(number)
            training.steps(FEW)
            ways[name] = training, number
            seconds[name] = timed(lambda: training.steps(FEW)) * TRIED / FEW  # noqa: B023  # called at once
            if seconds[name] < 3 * min(seconds.values()):
                seconds[name] = min(timed(lambda: training.steps(TRIED)) for _ in range(2))  # noqa: B023
    name = min(seconds, key=seconds.__getitem__)
    training, number = ways[name]
    torch.set_num_threads(number)
    return name, training, seconds


def main():
    """Train in turns with others."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True, help="a description, as JSON")
    parser.add_argument("--data", required=True, help="an .npz file with x_train, y_train, x_validation, ...")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compile", action="store_true", help="torch.compile the loss")
    arguments = parser.parse_args()
    keep_memory()

    description = json.loads(Path(arguments.model).read_text(encoding="utf-8"))
    name, training, seconds = fastest(arguments, description)
    training.epoch()

    def turn():
        started = time.perf_counter()
        examples = sum(training.epoch() for _ in range(arguments.epochs))
        return {"examples": examples, "seconds": time.perf_counter() - started}

    serve(
        turn,
        contender=f"{torch.__version__.partition('+')[0]} {name}",
        seconds_by_way=seconds,
        setup_seconds=time.perf_counter() - STARTED,
    )


if __name__ == "__main__":
    main()
