"""The Ray engine: what it asks of a cluster, and that it does as other engines, with Ray started on this machine."""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.engines.environment import module_folders, worker_environment
from harness.engines.ray_cluster import fitting_workers, import_ray
from harness.engines.ray_engine import RayEngine
from harness.records.locks import read_locks
from harness.records.store import read_records
from harness.types import UserError
from tests.engines.processes import alive, descendants, parent_of, wait_until
from tests.faults.grid import ROOT, environment, outcome, run, start

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
FOUR = ("axis=none,channel", "seed=0,1")


def test_workers_fit_node_by_node() -> None:
    nodes = [{"CPU": 3.0}, {"CPU": 3.0}, {"CPU": 1.0}]
    assert fitting_workers(nodes, threads=1, devices={"auto"}, workers_per_gpu=1) == (7, 0.0)
    # Two of three CPUs a node: what is left over on two nodes does not make a third worker.
    assert fitting_workers(nodes, threads=2, devices={"auto"}, workers_per_gpu=1) == (2, 0.0)


def test_workers_share_gpus_and_leave_other_nodes_alone() -> None:
    nodes = [{"CPU": 8.0, "GPU": 2.0}, {"CPU": 64.0}, {"CPU": 3.0, "GPU": 1.0}]
    assert fitting_workers(nodes, threads=1, devices={"auto"}, workers_per_gpu=1) == (3, 1.0)
    assert fitting_workers(nodes, threads=1, devices={"auto", "cpu"}, workers_per_gpu=4) == (8 + 3, 0.25)
    assert fitting_workers(nodes, threads=1, devices={"cpu"}, workers_per_gpu=4) == (75, 0.0)


@pytest.mark.parametrize(
    ("threads", "device", "message"),
    [
        (1, "gpu:1", "as Ray picks the GPU. Received: gpu:1"),
        (1, "gpu", "no node of Ray has a GPU. Received: gpu"),
        (5, "auto", "at most the 4 CPUs of the largest node of Ray. Received: 5"),
    ],
)
def test_what_no_node_can_give_is_refused(threads: int, device: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        fitting_workers([{"CPU": 4.0}, {"CPU": 2.0}], threads=threads, devices={device}, workers_per_gpu=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"address": "ray://head"}, "engine.address: expected local, auto or host:port. Received: ray://head"),
        ({"workers": 0}, "engine.workers: expected auto or a whole number of at least 1. Received: 0"),
        ({"retries": -1}, "engine.retries: expected a whole number of at least 0. Received: -1"),
        ({"timeout": 0}, "engine.timeout: expected a number above 0, or null for no limit. Received: 0"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        RayEngine(**options)


def test_a_missing_ray_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_USAGE_STATS_ENABLED", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "RAY_DEDUP_LOGS_SKIP_REGEX"):
        monkeypatch.setenv(name, "0")  # so that they are as before after this test
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"bn-axis-harness\[ray\]"):
        import_ray(loopback=False)


def test_workers_find_the_modules_of_the_command_and_hear_what_tensorflow_was_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    for name in ("TF_XLA_FLAGS", "TF_CPP_MIN_LOG_LEVEL", "ONEDNN_MAX_CPU_ISA"):
        monkeypatch.setenv(name, "theirs")
    # Terraform's begin as TensorFlow's do.
    secret = (
        "SECRET",
        "TF_VAR_password",
        "TF_TOKEN_app_example",
        "TF_LOG",
        "TF_WORKSPACE",
        "TF_CLI_ARGS",
        "TF_DATA_DIR",
    )
    for name in secret:
        monkeypatch.setenv(name, "not theirs")
    folders = module_folders()
    assert str(tmp_path.resolve()) in folders
    assert str(ROOT) in folders
    # A node may have another Python: its own packages must come first.
    assert str(Path(pytest.__file__).resolve().parent.parent) not in folders
    told = worker_environment()
    assert told["TF_ENABLE_ONEDNN_OPTS"] == "0"
    assert told["PYTHONPATH"].split(os.pathsep) == folders
    assert [told[name] for name in ("TF_XLA_FLAGS", "TF_CPP_MIN_LOG_LEVEL", "ONEDNN_MAX_CPU_ISA")] == ["theirs"] * 3
    assert not told.keys() & set(secret)


@pytest.mark.ray
@pytest.mark.slow
@needs_ray
def test_ray_the_local_pool_and_this_process_leave_the_same_bits(tmp_path: Path) -> None:
    markers = tmp_path / "markers"
    found = {}
    for engine in ("serial", "local", "ray"):
        finished = run(tmp_path / engine, markers, *FOUR, f"engine={engine}")
        assert finished.returncode == 0, finished.stdout + finished.stderr
        assert not finished.stderr, "only what the command itself says belongs on the terminal"
        found[engine] = outcome(tmp_path / engine)
    assert len(found["serial"]) == 4
    assert found["ray"] == found["local"] == found["serial"]
    # All is done, so that Ray is not even started.
    again = run(tmp_path / "ray", markers, *FOUR, "engine=ray")
    assert "4 done, 0 to run" in again.stdout
    assert outcome(tmp_path / "ray") == found["serial"]


@pytest.mark.ray
@pytest.mark.slow
@needs_ray
def test_on_ray_too_a_fault_costs_its_own_cell_and_no_other(undisturbed: dict[str, Any], tmp_path: Path) -> None:
    markers = tmp_path / "markers"
    markers.mkdir()
    (markers / "sigkill-1").touch()
    faults = "architecture.fault=none,hang,sigkill"
    finished = run(tmp_path / "results", markers, faults, "axis=channel", "seed=0", "engine=ray", "engine.timeout=30")
    assert finished.returncode == 1
    assert not list(markers.iterdir())
    assert "tried again" in finished.stdout
    statuses = {key: value[0] for key, value in outcome(tmp_path / "results").items()}
    names = {fault: str(("channel", 0, fault)) for fault in ("none", "hang", "sigkill")}
    assert statuses == {names["none"]: "ok", names["hang"]: "timeout", names["sigkill"]: "error"}
    assert outcome(tmp_path / "results")[names["none"]] == undisturbed[names["none"]]
    reasons = {
        record["config"]["architecture"]["fault"]: record["reason"] for record in read_records(tmp_path / "results")
    }
    assert reasons["hang"] == "took longer than engine.timeout=30 seconds"
    assert reasons["sigkill"] == "the worker died, 2 times"


@pytest.mark.ray
@pytest.mark.slow
@needs_ray
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_nothing_runs_on_when_the_command_ends(how: signal.Signals, tmp_path: Path) -> None:
    markers = tmp_path / "markers"
    process = start(tmp_path / "results", markers, *FOUR, "architecture.fault=hang", "engine=ray", "engine.workers=2")
    wait_until(lambda: len(read_locks(tmp_path / "results")) == 2 or process.poll() is not None)
    started = descendants(process.pid)
    workers = {lock["pid"] for lock in read_locks(tmp_path / "results")}
    assert workers <= started
    if how == signal.SIGINT:
        os.killpg(process.pid, how)  # as a terminal does
    else:
        process.kill()
    printed, _ = process.communicate(timeout=60)
    # Killed without a chance to clean up, Ray's agents end by themselves, but only after a minute.
    wait_until(lambda: not alive(started if how == signal.SIGINT else workers), seconds=30)
    wait_until(lambda: not read_locks(tmp_path / "results"), seconds=30)
    assert read_records(tmp_path / "results") == []
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert "the same command goes on from there" in printed


@pytest.fixture
def three_nodes() -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    told = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # stay on the loopback interface
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
    }
    script = [sys.executable, str(Path(__file__).with_name("raylets.py"))]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(script, env={**environment(), **told}, text=True, start_new_session=True, **pipes) as process:
        assert process.stdout is not None
        try:
            lines = iter(process.stdout.readline, "")
            yield json.loads(next(line for line in lines if line.startswith("{"))), told
        finally:
            process.communicate(timeout=60)


@pytest.mark.ray
@pytest.mark.slow
@needs_ray
def test_a_lost_node_costs_nothing_but_time(
    undisturbed: dict[str, Any],
    three_nodes: tuple[dict[str, Any], dict[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster, told = three_nodes
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    markers, results = tmp_path / "markers", tmp_path / "results"
    markers.mkdir()
    (markers / "hang-1").touch()
    process = start(results, markers, "engine=ray", f"engine.address={cluster['address']}")
    # One cell hangs, and the other worker goes through the rest.
    wait_until(lambda: len(list((results / "records").glob("*.json"))) == 7 or process.poll() is not None)
    [stuck] = read_locks(results)
    raylet = parent_of(stuck["pid"])
    assert raylet in cluster["raylets"]
    os.kill(raylet, signal.SIGKILL)
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0, printed
    assert "tried again" in printed
    assert outcome(results) == undisturbed
    assert [path.name for path in (results / "records").iterdir() if path.is_dir()] == []


@pytest.mark.ray
@pytest.mark.slow
@needs_ray
def test_on_a_cluster_too_nothing_runs_on_when_the_command_is_killed(
    three_nodes: tuple[dict[str, Any], dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, told = three_nodes
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    overrides = ("architecture.fault=hang", "engine=ray", f"engine.address={cluster['address']}")
    process = start(tmp_path / "results", tmp_path / "markers", *FOUR, *overrides)
    wait_until(lambda: len(read_locks(tmp_path / "results")) == 2 or process.poll() is not None)
    workers = {lock["pid"] for lock in read_locks(tmp_path / "results")}
    process.kill()
    process.communicate(timeout=60)
    wait_until(lambda: not alive(workers) and not read_locks(tmp_path / "results"), seconds=60)
    assert alive(set(cluster["raylets"])) == set(cluster["raylets"]), "the cluster is not ours to stop"
