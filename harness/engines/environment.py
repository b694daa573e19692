"""What workers on other machines must be told, so that they find the same modules and compute the same."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from pathlib import Path

import harness
from harness.config.provenance import CHANGING

# What these variables say can change results, what is printed, or where data are looked for. Not all of `TF_`, which is
# Terraform's prefix too, of passwords among others.
PASSED_ON = ("HARNESS_", "TFDS_", "TF_CPP_", "TF_DATA_EXPERIMENT_", "TF_FORCE_", *CHANGING)


def worker_environment() -> dict[str, str]:
    """Environment variables for workers: where this process finds its modules, and what TensorFlow was told."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
    return {**kept, "PYTHONPATH": os.pathsep.join(module_folders())}


def module_folders() -> list[str]:
    """The folders that this process imports from, apart from those of Python itself and of installed packages."""
    paths = sysconfig.get_paths()
    installed = {paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    installed |= {*site.getsitepackages(), site.getusersitepackages(), str(Path(paths["stdlib"], "lib-dynload"))}
    installed = {str(Path(folder).resolve()) for folder in installed}
    root = str(Path(harness.__file__).resolve().parent.parent)
    folders = [str(Path(entry).resolve()) for entry in [*sys.path, root] if not entry or Path(entry).is_dir()]
    return [folder for folder in dict.fromkeys(folders) if folder not in installed]
