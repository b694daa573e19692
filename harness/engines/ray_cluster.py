"""A Ray to compute on: started for this run, or a cluster that is there already; and how many workers fit into it."""

from __future__ import annotations

import importlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.engines.environment import worker_environment
from harness.types import UserError

# Cells and what comes back of them are small; the data are loaded by the workers themselves.
OBJECT_STORE_BYTES = 100 * 2**20
# Ray makes sockets under its folder, whose whole names may have 107 characters.
LONGEST_FOLDER = 40


class Cluster:
    """A connection to Ray, and what has to be undone when it is closed."""

    def __init__(self, address: str, *, least_cpus: int, local_cpus: int) -> None:
        """Connect to the cluster at `address`, or start a Ray here (`local`) with at least so many CPUs to give out.

        Raises:
            UserError: Ray is not installed, does not start or does not answer.
        """
        self.ray = import_ray(loopback=address == "local")
        self._folder: Path | None = None
        # In a notebook the user may have connected it; then it is theirs to close.
        self._ours = not self.ray.is_initialized()
        if not self._ours:
            return
        options: dict[str, Any] = {
            "log_to_driver": False,
            "logging_level": "ERROR",
            "runtime_env": {"env_vars": worker_environment()},
        }
        if address == "local":
            folder = Path(tempfile.mkdtemp(prefix="ray-"))
            if len(str(folder)) > LONGEST_FOLDER:
                folder.rmdir()
                folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
            self._folder = folder
            options |= {
                "_temp_dir": str(folder),
                "_node_ip_address": "127.0.0.1",
                "include_dashboard": False,
                "num_cpus": max(local_cpus, least_cpus),
                "object_store_memory": OBJECT_STORE_BYTES,
            }
        try:
            self.ray.init(address=address, **options)
        except (ConnectionError, OSError, RuntimeError, ValueError) as error:
            self.close()
            hint = "" if address == "local" else " (docs/engines.md says how to start one)"
            if "InvalidAuthToken" in str(error.__cause__):
                hint = " (this one wants its token: set RAY_AUTH_MODE=token, see docs/engines.md)"
            line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
            raise UserError(
                f"engine.address: expected a Ray that answers{hint}: {line}. Received: {address}"
            ) from error
        except BaseException:  # Ctrl-C, most likely
            self.close()
            raise

    def resources(self) -> list[Mapping[str, float]]:
        """What each node that is alive has in all: `CPU`, `GPU` and others."""
        return [node["Resources"] for node in self.ray.nodes() if node["Alive"]]

    def close(self) -> None:
        """Disconnect, and stop what was started for us."""
        if self._ours:
            self.ray.shutdown()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def import_ray(*, loopback: bool) -> Any:
    """The module `ray`, told to be quiet, and to keep off the network where it is for this machine alone.

    Raises:
        UserError: it is not installed.
    """
    told = {
        # It would report to its makers.
        "RAY_USAGE_STATS_ENABLED": "0",
        # The way of future versions, which otherwise is announced in a warning: leave a CPU worker's GPUs visible.
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        # Deaths of workers, which we tell of in a line, would be printed among what the command prints.
        "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
    }
    if loopback:
        # Else 127.0.0.1 is taken for the address by which other machines reach this one. Read when Ray is imported.
        told["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        # Nobody else on this machine may send us code. Left to itself Ray keeps a token in the user's home, which
        # then stands in the way of `ray start --address`.
        told |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    for name, value in told.items():
        os.environ.setdefault(name, value)
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise UserError("engine=ray: expected Ray to be installed (pip install 'bn-axis-harness[ray]')") from error


def fitting_workers(
    nodes: Iterable[Mapping[str, float]], *, threads: int, devices: Collection[str], workers_per_gpu: int
) -> tuple[int, float]:
    """How many workers fit into a cluster at a time, and the part of a GPU that each needs.

    Args:
        nodes: what each node has: `CPU`, `GPU`.
        threads: CPUs that a worker takes.
        devices: `train.device` of the cells. `auto` is GPUs if any node has one; nodes without are left out then.
        workers_per_gpu: how many share a GPU.

    Raises:
        UserError: none would fit, or a GPU is asked for in a way that Ray cannot answer.
    """
    nodes = list(nodes)
    by_cpus = [int(node.get("CPU", 0)) // threads for node in nodes]
    by_gpus = [int(node.get("GPU", 0)) * workers_per_gpu for node in nodes]
    for device in devices:
        if device.startswith("gpu:"):
            raise UserError(f"train.device: expected auto, cpu or gpu, as Ray picks the GPU. Received: {device}")
        if device == "gpu" and not any(by_gpus):
            raise UserError(f"train.device: expected auto or cpu, as no node of Ray has a GPU. Received: {device}")
    on_gpus = set(devices) != {"cpu"} and any(by_gpus)
    fitting = sum(map(min, by_cpus, by_gpus)) if on_gpus else sum(by_cpus)
    if not fitting:
        most = max((int(node.get("CPU", 0)) for node in nodes), default=0)
        raise UserError(
            f"train.threads: expected at most the {most} CPUs of the largest node of Ray. Received: {threads}"
        )
    return fitting, 1 / workers_per_gpu if on_gpus else 0.0
