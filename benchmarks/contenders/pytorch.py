"""The article's models in PyTorch, trained on data that lies in memory as one tensor: no DataLoader, fused Adam.

    python benchmarks/contenders/pytorch.py --data mnist.npz --model cnn [--compile]

Of the two layouts that a convolution can have, the faster one on this machine is used.
"""

from __future__ import annotations

import argparse
import ctypes
import sys
import time

STARTED = time.perf_counter()

import numpy as np  # noqa: E402  # the clock runs while these are imported
import torch  # noqa: E402
from torch import nn  # noqa: E402
from turns import serve, timed  # noqa: E402

# What Keras's layers have as defaults.
EPSILON, MOMENTUM, ADAM_EPSILON = 1e-3, 0.01, 1e-7


def build_cnn():
    """Logits for 28 x 28 images `(batch, 1, height, width)`."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.BatchNorm2d(32, eps=EPSILON, momentum=MOMENTUM),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(5408, 10),
    )


class SequenceModel(nn.Module):
    """One value for 100 steps of 5 readings `(batch, time, feature)`."""

    def __init__(self):
        super().__init__()
        self.lstm_1 = nn.LSTM(5, 64, batch_first=True)
        self.norm = nn.BatchNorm1d(64, eps=EPSILON, momentum=MOMENTUM)
        self.lstm_2 = nn.LSTM(64, 32, batch_first=True)
        self.output = nn.Linear(32, 1)

    def forward(self, x):
        """Predict."""
        x, _ = self.lstm_1(x)
        x = self.norm(x.transpose(1, 2)).transpose(1, 2)
        x, _ = self.lstm_2(x)
        return self.output(x[:, -1])


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


class Training:
    """A model, its optimizer and its data."""

    def __init__(self, arguments, layout):
        data = np.load(arguments.data)
        torch.manual_seed(arguments.seed)
        self.batch_size = arguments.batch_size
        self.parts = {
            part: (self.tensor(data[f"x_{part}"], layout), self.target(data[f"y_{part}"]))
            for part in ("train", "validation")
        }
        self.model = build_cnn() if arguments.model == "cnn" else SequenceModel()
        if arguments.model == "cnn":
            self.model = self.model.to(memory_format=layout)
        self.criterion = nn.CrossEntropyLoss() if arguments.model == "cnn" else nn.MSELoss()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3, eps=ADAM_EPSILON, fused=True)
        self.loss = torch.compile(self.loss_of) if arguments.compile else self.loss_of

    @staticmethod
    def tensor(x, layout):
        """Images as PyTorch wants them: the channel before height and width."""
        x = torch.from_numpy(x)
        return x.permute(0, 3, 1, 2).contiguous(memory_format=layout) if x.ndim == 4 else x

    @staticmethod
    def target(y):
        """Classes as int64."""
        y = torch.from_numpy(y)
        return y if y.is_floating_point() else y.long()

    def loss_of(self, x, y):
        """The loss of one batch."""
        return self.criterion(self.model(x), y)

    def epoch(self):
        """Train on every example once, the last incomplete batch left out, and validate."""
        x, y = self.parts["train"]
        self.model.train()
        steps = len(x) // self.batch_size
        for batch in torch.randperm(len(x))[: steps * self.batch_size].split(self.batch_size):
            self.optimizer.zero_grad()
            self.loss(x[batch], y[batch]).backward()
            self.optimizer.step()
        self.model.eval()
        x, y = self.parts["validation"]
        with torch.no_grad():
            for start in range(0, len(x), 256):
                self.loss_of(x[start : start + 256], y[start : start + 256])
        return steps * self.batch_size


def main():
    """Train in turns with others."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True, help="an .npz file with x_train, y_train, x_validation, ...")
    parser.add_argument("--model", choices=["cnn", "lstm"], required=True)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compile", action="store_true", help="torch.compile the loss")
    arguments = parser.parse_args()
    keep_memory()

    layouts = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
    if arguments.model == "lstm":
        del layouts["channels_last"]
    candidates = {name: Training(arguments, layout) for name, layout in layouts.items()}
    for training in candidates.values():
        training.epoch()
    fastest = min(candidates, key=lambda name: min(timed(candidates[name].epoch) for _ in range(3)))
    training = candidates[fastest]

    def turn():
        started = time.perf_counter()
        examples = sum(training.epoch() for _ in range(arguments.epochs))
        return {"examples": examples, "seconds": time.perf_counter() - started}

    how = ["torch.compile"] if arguments.compile else []
    how += [fastest] if len(layouts) > 1 else []
    serve(
        turn,
        contender=" ".join([f"PyTorch {torch.__version__.partition('+')[0]}", *how]),
        setup_seconds=time.perf_counter() - STARTED,
    )


if __name__ == "__main__":
    main()
