"""Device, threads, precision and determinism: set once a process, before TensorFlow computes anything."""

from __future__ import annotations

import gc
import importlib
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from harness.config.provenance import PRESET
from harness.types import UserError

# Set by an engine that lets several workers share a GPU: the part of its memory that is this process's.
GPU_SHARE = "HARNESS_GPU_SHARE"

# For plots, data frames and scikit-learn's interface, which Keras offers where it finds them.
UNUSED_BY_CELLS = ("matplotlib", "pandas", "sklearn")

_configured: dict[str, Any] = {}


def import_tensorflow(*, lean: bool = False) -> None:
    """Import TensorFlow without its start-up remarks, which no log level keeps off the terminal.

    They are written by C++ straight to file descriptor 2, so that is what is turned aside; if the import fails,
    what was held back is shown. Garbage is not collected meanwhile: a million objects come to stay, and looking
    through them again and again takes a third of the time.

    Args:
        lean: do not let Keras import what cells have no use for, which takes another third and 150 MiB.
    """
    if "tensorflow" in sys.modules:
        return
    # Where no variable says it, Keras asks ~/.keras/keras.json, which is about other programs.
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    for name, value in PRESET.items():
        os.environ.setdefault(name, value)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # what comes later: warnings and errors, no "Compiled cluster"
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as aside, _no_collection(), _hidden(UNUSED_BY_CELLS if lean else ()):
        os.dup2(aside.fileno(), 2)
        try:
            # Looking for GPUs is what complains on machines that have none.
            importlib.import_module("tensorflow").config.list_physical_devices()
        except BaseException:
            aside.seek(0)
            os.write(terminal, aside.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


@contextmanager
def _no_collection() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def _hidden(modules: Iterable[str]) -> Iterator[None]:
    """While something is imported inside, these are not found unless they are imported already; later they are."""
    absent = [name for name in modules if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None is how Python notes what is not there
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


def configure(train: Mapping[str, Any]) -> str:
    """Set up TensorFlow for a cell's `train` settings and return the name of the device that computes.

    Raises:
        UserError: a GPU was asked for and there is none of that number, or this process was set up otherwise before.
    """
    import_tensorflow()
    import keras
    import tensorflow as tf

    wanted = {key: train[key] for key in ("device", "threads", "deterministic")}
    if _configured and _configured["wanted"] != wanted:
        raise UserError(
            f"device, threads and determinism are set once a process, which began with {_configured['wanted']}. "
            f"Received: {wanted}"
        )
    _pin(keras.config)
    keras.config.set_dtype_policy(train["precision"])
    if not _configured:
        _settle()
        tf.config.threading.set_intra_op_parallelism_threads(train["threads"])
        tf.config.threading.set_inter_op_parallelism_threads(1)
        # TF32 rounds products to ten bits of mantissa, which changes results between GPUs.
        tf.config.experimental.enable_tensor_float_32_execution(False)
        if train["deterministic"]:
            tf.config.experimental.enable_op_determinism()
        _configured.update(wanted=wanted, device=_choose_device(str(train["device"])))
    return str(_configured["device"])


def _pin(config: Any) -> None:
    """Set what ~/.keras/keras.json may say otherwise: it belongs to the machine and is in no record."""
    config.set_floatx("float32")
    config.set_epsilon(1e-7)
    config.set_image_data_format("channels_last")


def _settle() -> None:
    """Leave what was imported out of garbage collection, and TensorFlow's logger without one remark."""
    # A million objects that last as long as the process: going through them cost a third of building a cell's graphs.
    gc.collect()
    gc.freeze()
    # A cell with another structure has graphs of its own; TensorFlow takes them for one function traced too often.
    logging.getLogger("tensorflow").addFilter(
        lambda record: "triggered tf.function retracing" not in record.getMessage()
    )


def _choose_device(wanted: str) -> str:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if wanted == "cpu" or (wanted == "auto" and not gpus):
        tf.config.set_visible_devices([], "GPU")
        return "CPU:0"
    index = int(wanted.partition(":")[2] or 0)
    if index >= len(gpus):
        raise UserError(f"train.device: expected one of the {len(gpus)} GPUs found here, or cpu. Received: {wanted}")
    tf.config.set_visible_devices([gpus[index]], "GPU")
    share = float(os.environ.get(GPU_SHARE, 1))
    if share < 1:
        limit = tf.config.LogicalDeviceConfiguration(memory_limit=int(share * _gpu_memory_mib()))
        tf.config.set_logical_device_configuration(gpus[index], [limit])
    else:
        # Without this the first process takes all of the GPU's memory.
        tf.config.experimental.set_memory_growth(gpus[index], True)
    return "GPU:0"


def _gpu_memory_mib() -> int:
    """Memory of the GPU that this process sees, of which a little is left to the driver."""
    asked = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    asked += ["-i", os.environ.get("CUDA_VISIBLE_DEVICES", "0")]
    answer = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=True)
    return int(0.95 * int(answer.stdout.split()[0]))
