"""Records as MLflow's runs, by its server's REST interface, which needs none of its packages here.

Source: https://mlflow.org/docs/latest/rest-api.html, version 2.0 of the interface.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from harness.records.trackers.told import curves_of, finals_of, settings_of, times_of
from harness.types import UserError

_TAG = "bn_axis_harness.identity"
_MOST_METRICS, _MOST_PARAMS = 1000, 100  # of one request
_SECONDS = 20.0
_STATUS = {"ok": "FINISHED"}


class MLflow:
    """Hands on to a server, in one experiment for each task and architecture."""

    def __init__(self, uri: str = "") -> None:
        self._uri = (uri or os.environ.get("MLFLOW_TRACKING_URI", "")).rstrip("/")
        if not self._uri.startswith(("http://", "https://")):
            raise UserError(
                "MLflow: expected the address of its server in MLFLOW_TRACKING_URI, such as http://localhost:5000 "
                f"(mlflow server --backend-store-uri sqlite:///mlflow.db). Received: {self._uri or 'nothing'}"
            )
        self._experiments: dict[str, str] = {}
        self.place = self._uri
        self._ask("experiments/search", {"max_results": 1})

    def add(self, record: Mapping[str, Any]) -> None:
        """Make a run of a cell, unless there is one of it already."""
        experiment = self._experiment(f"{record['task']} {record['architecture']}")
        identity = str(record.get("identity") or record["id"])
        asked = {"experiment_ids": [experiment], "filter": f"tags.`{_TAG}` = '{identity}'", "max_results": 1}
        if self._ask("runs/search", asked).get("runs"):
            return
        began, ended = (round(1000 * seconds) for seconds in times_of(record))
        tags = {_TAG: identity, "status": record["status"], "reason": str(record.get("reason") or "")[:400]}
        made = self._ask(
            "runs/create",
            {
                "experiment_id": experiment,
                "run_name": record["id"],
                "start_time": began,
                "tags": [{"key": key, "value": str(value)} for key, value in tags.items() if value],
            },
        )
        run = made["run"]["info"]["run_id"]
        params = [{"key": key, "value": str(value)[:6000]} for key, value in settings_of(record).items()]
        metrics = [_metric(name, value, epoch, began) for name, epoch, value in curves_of(record)]
        last = max((metric["step"] for metric in metrics), default=0)
        metrics += [_metric(name, value, last, ended) for name, value in finals_of(record).items()]
        for part in _parts(params, _MOST_PARAMS):
            self._ask("runs/log-batch", {"run_id": run, "params": part})
        for part in _parts(metrics, _MOST_METRICS):
            self._ask("runs/log-batch", {"run_id": run, "metrics": part})
        self._ask(
            "runs/update", {"run_id": run, "status": _STATUS.get(str(record["status"]), "FAILED"), "end_time": ended}
        )

    def _experiment(self, name: str) -> str:
        if name not in self._experiments:
            text = name.replace("'", " ")
            found = self._ask("experiments/search", {"max_results": 1, "filter": f"name = '{text}'"}).get("experiments")
            made = found[0] if found else self._ask("experiments/create", {"name": text})
            self._experiments[name] = str(made["experiment_id"])
        return self._experiments[name]

    def _ask(self, what: str, content: Mapping[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(  # http or https, as was checked
            f"{self._uri}/api/2.0/mlflow/{what}",
            json.dumps(content).encode(),
            {"Content-Type": "application/json", **_authorization()},
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
                found: dict[str, Any] = json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            said = " ".join(error.read(300).decode(errors="replace").split())
            raise UserError(f"MLflow at {self._uri} refused {what}: {said}. Received: {error.code}") from error
        except (OSError, ValueError) as error:
            raise UserError(
                f"expected MLflow's server at {self._uri}, which does not answer as it should ({error}). "
                f"Received: MLFLOW_TRACKING_URI={self._uri}"
            ) from error
        return found


def _authorization() -> dict[str, str]:
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _metric(name: str, value: float, step: int, at: int) -> dict[str, Any]:
    return {"key": name, "value": value, "step": step, "timestamp": at}


def _parts(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
