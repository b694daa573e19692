"""Records as TensorBoard's event files, a folder a cell: scalars by epoch, the config as text, hyperparameters."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from harness.files import own_folder
from harness.records.trackers.told import curves_of, finals_of, settings_of, times_of
from harness.types import UserError

# By its end a file of ours is known, and replaced when its cell is handed on again.
_SUFFIX = ".of-a-record"


class TensorBoard:
    """Writes below `results_dir/tensorboard`."""

    def __init__(self, results_dir: Path) -> None:
        # By this its package does without TensorFlow, which takes seconds to import.
        sys.modules.setdefault("tensorboard.compat.notf", ModuleType("tensorboard.compat.notf"))
        try:
            import tensorboard  # noqa: F401
        except ImportError as error:
            raise UserError(
                "TensorBoard's files take its package: pip install 'bn-axis-harness[tensorboard]'. "
                f"Received: {type(error).__name__}: {error}"
            ) from error
        self._root = own_folder(results_dir, "tensorboard")
        self.place = f"{self._root} (tensorboard --logdir {self._root})"

    def add(self, record: Mapping[str, Any]) -> None:
        """Write a cell's file; an earlier one of the cell goes."""
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        folder = own_folder(self._root, str(record["id"]))
        for old in folder.glob(f"events.out.tfevents.*{_SUFFIX}"):
            old.unlink()
        writer = EventFileWriter(str(folder), filename_suffix=_SUFFIX)
        for event in _events(record):
            writer.add_event(event)
        writer.close()


def _events(record: Mapping[str, Any]) -> Iterator[Any]:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata
    from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb

    began, ended = times_of(record)
    settings = settings_of(record)
    yield Event(wall_time=began, step=0, summary=hparams_pb(settings, str(record["id"]), began))
    yield Event(wall_time=began, step=0, summary=Summary(value=[_text("config", record.get("config") or {})]))
    last = 0
    for name, epoch, value in curves_of(record):
        last = max(last, epoch)
        yield Event(wall_time=began, step=epoch, summary=Summary(value=[Summary.Value(tag=name, simple_value=value)]))
    finals = [Summary.Value(tag=name, simple_value=value) for name, value in finals_of(record).items()]
    yield Event(wall_time=ended, step=last, summary=Summary(value=finals))
    status = STATUS_SUCCESS if record["status"] == "ok" else STATUS_FAILURE
    end = HParamsPluginData(session_end_info=SessionEndInfo(status=status, end_time_secs=ended))
    named = {"tag": metadata.SESSION_END_INFO_TAG, "metadata": metadata.create_summary_metadata(end)}
    last_word = Summary.Value(tensor=metadata.NULL_TENSOR, **named)
    yield Event(wall_time=ended, step=last, summary=Summary(value=[last_word]))


def _text(tag: str, content: Mapping[str, Any]) -> Any:
    """A mapping as Markdown's code, which TensorBoard shows under Text."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.text.metadata import create_summary_metadata
    from tensorboard.util.tensor_util import make_tensor_proto

    lines = json.dumps(content, indent=2, ensure_ascii=False).splitlines()
    shown = "\n".join(f"    {line}" for line in lines)
    metadata = create_summary_metadata(display_name=tag, description="")
    return Summary.Value(tag=tag, metadata=metadata, tensor=make_tensor_proto(np.array([shown.encode()], object)))
