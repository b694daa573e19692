"""Records in other tools: read back by TensorBoard's own reader and server, and by MLflow's where there is one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pandas as pd
import pytest
from synthetic import make_record, write_study

from harness.commands.cli import main
from harness.records.trackers import tracker_of
from harness.records.trackers.mlflow import MLflow
from harness.records.trackers.told import curves_of, finals_of, settings_of
from harness.types import UserError

HISTORY = {"epoch": [1, 2], "train_loss": [0.5, 0.25], "validation_accuracy": [0.8, "NaN"]}


def made(axis="channel", seed=0, value=0.9, **more):
    record = make_record(axis, seed, value, history=HISTORY, **more)
    return {**record, "provenance": {**record["provenance"], "finished": "2026-01-02T03:04:05+00:00"}}


def test_names_say_the_part_first_and_nothing_that_is_not_finite_is_told():
    record = made()

    assert list(curves_of(record)) == [
        ("train/loss", 1, 0.5),
        ("train/loss", 2, 0.25),
        ("validation/accuracy", 1, 0.8),
    ]
    assert finals_of(record)["test/accuracy"] == 0.9
    assert settings_of(record)["axis"] == "channel"
    assert all(isinstance(value, bool | int | float | str) for value in settings_of(record).values())


def test_tensorboards_own_reader_finds_scalars_text_and_hyperparameters(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams import plugin_data_pb2

    tracker = tracker_of("tensorboard", tmp_path)
    record = made()
    tracker.add(record)
    tracker.add(record)  # again: replaced and not doubled
    folder = tmp_path / "tensorboard" / record["id"]
    assert len(list(folder.iterdir())) == 1
    read = EventAccumulator(str(folder))
    read.Reload()

    assert [(event.step, event.value) for event in read.Scalars("train/loss")] == [(1, 0.5), (2, 0.25)]
    assert read.Scalars("test/accuracy")[0].value == pytest.approx(0.9)
    assert read.Scalars("test/accuracy")[0].step == 2
    text = read.Tensors("config")[0].tensor_proto.string_val[0].decode()
    assert json.loads(text) == record["config"]
    content = read.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    start = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    assert start.hparams["axis"].string_value == "channel"
    assert start.hparams["seed"].number_value == 0


def test_tensorboard_is_not_what_imports_tensorflow(tmp_path):
    code = (
        "import sys; from pathlib import Path; from harness.records.trackers import tracker_of; "
        f"tracker_of('tensorboard', Path({str(tmp_path)!r})); "
        "from tensorboard.summary.writer.event_file_writer import EventFileWriter; "
        "print('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "False"


class Server(BaseHTTPRequestHandler):
    """As much of MLflow's interface as is asked for, kept in memory."""

    runs: ClassVar[dict] = {}
    experiments: ClassVar[dict] = {}
    refuse = ""

    def do_POST(self):
        what = self.path.removeprefix("/api/2.0/mlflow/")
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if what == self.refuse:
            self.send_response(400)
            self.end_headers()
            self.wfile.write(b'{"message": "no\\nroom"}')
            return
        answer = json.dumps(getattr(self, what.replace("/", "_").replace("-", "_"))(asked)).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(answer)

    def experiments_search(self, asked):
        name = asked.get("filter", "").removeprefix("name = '").removesuffix("'")
        return {"experiments": [self.experiments[name]]} if name in self.experiments else {}

    def experiments_create(self, asked):
        return self.experiments.setdefault(asked["name"], {"experiment_id": str(len(self.experiments) + 1)})

    def runs_search(self, asked):
        tag = asked["filter"].split("= ")[1].strip("'")
        return {"runs": [run for run in self.runs.values() if tag in {t["value"] for t in run["tags"]}]}

    def runs_create(self, asked):
        run = str(len(self.runs))
        self.runs[run] = {**asked, "params": [], "metrics": []}
        return {"run": {"info": {"run_id": run}}}

    def runs_log_batch(self, asked):
        for key in ("params", "metrics"):
            self.runs[asked["run_id"]][key] += asked.get(key, [])
        return {}

    def runs_update(self, asked):
        self.runs[asked["run_id"]] |= asked
        return {}

    def log_message(self, *words):
        pass


@contextmanager
def serving():
    handler = type("Fresh", (Server,), {"runs": {}, "experiments": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", handler
    finally:
        server.shutdown()
        server.server_close()


def test_a_cell_becomes_one_run_of_mlflow_with_its_settings_and_metrics():
    with serving() as (uri, server):
        tracker = MLflow(uri + "/")
        for record in (made(), made("none", 1, None, status="diverged"), made()):
            tracker.add(record)

    assert set(server.experiments) == {"mnist lenet"}
    assert len(server.runs) == 2, "the first cell was there already"
    run = server.runs["0"]
    assert run["run_name"] == made()["id"]
    assert {"key": "axis", "value": "channel"} in run["params"]
    told = {(metric["key"], metric["step"]): metric["value"] for metric in run["metrics"]}
    assert told["train/loss", 2] == 0.25
    assert told["test/accuracy", 2] == 0.9
    assert ("validation/accuracy", 2) not in told, "NaN is no JSON"
    assert (run["status"], server.runs["1"]["status"]) == ("FINISHED", "FAILED")
    assert run["end_time"] == 1767323045000  # 2026-01-02 03:04:05 UTC


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("", "MLFLOW_TRACKING_URI, such as http://localhost:5000"),
        ("sqlite:///x.db", "Received: sqlite:///x.db"),
        ("http://127.0.0.1:9", "does not answer as it should"),
    ],
)
def test_a_server_that_is_none_is_told_of_before_anything_runs(uri, problem, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(UserError, match=problem):
        MLflow(uri)


def test_what_the_server_refuses_is_told_in_a_line():
    with serving() as (uri, server):
        tracker = MLflow(uri)
        server.refuse = "runs/create"
        with pytest.raises(UserError, match=r'refused runs/create: {"message": "no\\nroom"}. Received: 400'):
            tracker.add(made())


def test_export_writes_tables_and_says_where(tmp_path, capsys):
    write_study(tmp_path / "runs", [made(axis, seed) for axis in ("channel", "none") for seed in range(2)])

    assert main(["export", "to=csv", f"results_dir={tmp_path / 'runs'}", f"out={tmp_path / 'out'}"]) == 0
    assert "4 cells" in capsys.readouterr().out
    assert len(pd.read_csv(tmp_path / "out" / "cells.csv")) == 4
    history = pd.read_csv(tmp_path / "out" / "history.csv")
    assert (len(history), history["train_loss"].tolist()[:2]) == (8, [0.5, 0.25])


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["to=wandb"], "to: expected one of csv, tensorboard, mlflow"),
        ([], "to: expected one of csv, tensorboard, mlflow. Received: nothing"),
        (["to=csv", "uri=http://x"], "uri: has no effect with to=csv"),
        (["to=mlflow", "out=x"], "out: has no effect with to=mlflow"),
    ],
)
def test_what_export_does_not_take(tmp_path, capsys, options, problem):
    assert main(["export", *options, f"results_dir={tmp_path}"]) == 2
    assert problem in capsys.readouterr().err


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def running(command, uri, *, seconds=180):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        for _ in range(seconds):
            try:
                urllib.request.urlopen(uri, timeout=5).close()
                break
            except OSError:
                assert process.poll() is None
                time.sleep(1)
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # its workers too
        process.wait()


@pytest.mark.slow
def test_the_real_tensorboard_serves_them(tmp_path):
    tracker_of("tensorboard", tmp_path).add(made())
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(tmp_path / "tensorboard"), f"--port={port}"]
    with running(command, uri):
        tags = json.load(urllib.request.urlopen(f"{uri}/data/plugin/scalars/tags", timeout=30))
        texts = json.load(urllib.request.urlopen(f"{uri}/data/plugin/text/tags", timeout=30))
    assert {"train/loss", "test/accuracy"} <= tags[made()["id"]].keys()
    assert texts == {made()["id"]: ["config"]}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("mlflow") is None, reason="no mlflow on the path (it does not go with pandas 3)")
def test_the_real_mlflow_keeps_them(tmp_path):
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    with running(["mlflow", "server", "--backend-store-uri", store, "--port", str(port)], f"{uri}/health"):
        tracker = MLflow(uri)
        tracker.add(made())
        tracker.add(made())
        request = urllib.request.Request(
            f"{uri}/api/2.0/mlflow/runs/search",
            json.dumps({"experiment_ids": ["1"]}).encode(),
            {"Content-Type": "application/json"},
        )
        (run,) = json.load(urllib.request.urlopen(request, timeout=30))["runs"]
    metrics = {metric["key"]: metric["value"] for metric in run["data"]["metrics"]}
    assert metrics["test/accuracy"] == 0.9
    assert run["info"]["status"] == "FINISHED"
