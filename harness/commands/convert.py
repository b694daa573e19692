"""usage: python -m harness convert model=IN.keras axis=AXES out=OUT.keras [param_axis=AXES] [axes=[NAMES]]
       [layers=[PATHS]] [batch_size=32] [recalibrate=FILE.npz]

Writes a copy of a saved Keras model in which every BatchNormalization is replaced by a strategy, and says of each layer
what became of its weights. Statistics, scales and shifts go along where the new axes include the old ones, and then the
outputs in inference are the same; elsewhere they start anew.

  axis=[1,2]         the axes that are kept, or a strategy's name (axis=spatial, axis.ghost=4), as in explain
  axes=[time,sensor] what the axes of all sites are called, in place of the names that audit tells
  layers=[enc/bn_1]  the layers that are replaced, by the paths that audit tells; all unless said
  recalibrate=FILE   an .npz file with training examples as x_train, or x: statistics are estimated anew on them

Models that are sequential or functional, nested and with shared layers; what cannot be converted is said with the
reason. A program that opens the result needs `import harness` first. Exit status: 0 done, 2 bad input.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from harness.axes.strategy import AxisStrategy
from harness.commands.arguments import Arguments, refuse_flags, whole_number
from harness.commands.axis_options import short, strategy_of, value_of
from harness.config.backend import check_backend
from harness.config.paths import at_home
from harness.types import UserError
from harness.words import choose_from, first_line, in_one_line

if TYPE_CHECKING:
    from harness.models.convert import Conversion, Replaced

OPTIONS = ("model", "axis", "param_axis", "out", "axes", "layers", "batch_size", "recalibrate")
_SAID = {"kept": "kept", "fresh": "start anew", "none": "has none"}


def main(arguments: Arguments, console: Console) -> int:
    """Convert, write, and print what became of each layer."""
    refuse_flags(arguments)
    if arguments.words:
        raise UserError(f"convert takes options such as model=IN.keras. Received: {' '.join(arguments.words)}")
    given = dict(text.partition("=")[::2] for text in arguments.overrides)
    for key in given:
        if key not in OPTIONS and not key.startswith("axis."):
            raise UserError(f"no such option: {choose_from(key, OPTIONS)}")
    path, out = _path("model", given, "IN.keras"), _path("out", given, "OUT.keras")
    if out.suffix != ".keras" or out.is_dir() or not out.parent.is_dir():
        raise UserError(f"out: expected a file that ends in .keras, in a folder that is there. Received: {short(out)}")
    if "axis" not in given:
        raise UserError("axis: expected axes or a strategy, as in axis=[1,2] or axis=spatial. Received: nothing")
    batch_size = whole_number("batch_size", given.get("batch_size", "32"))
    axes = None if "axes" not in given else _words("axes", given["axes"])
    only = None if "layers" not in given else _words("layers", given["layers"])
    strategy = strategy_of(given, arguments.config_dirs, names=axes or ())
    if not isinstance(strategy, AxisStrategy):
        strategy = AxisStrategy(stat_axes=strategy)  # which refuses the batch
    data = _training_examples(given["recalibrate"]) if "recalibrate" in given else None
    made = _convert(path, strategy, {"axes": axes, "only": only, "batch_size": batch_size}, data)
    _save(made.model, out)
    _tell(made, out, console)
    return 0


def _convert(path: Path, strategy: AxisStrategy, options: Mapping[str, Any], data: Any) -> Conversion:
    from harness.cell.device import import_tensorflow

    check_backend()
    import_tensorflow()
    from harness.models.convert import convert
    from harness.models.precise import recalibrate
    from harness.models.reading import read_model

    made = convert(read_model(path), strategy, **options)
    if data is not None:
        try:
            recalibrate(made.model, data, batch_size=options["batch_size"])
        except MemoryError:
            raise
        except Exception as error:  # of the model, whatever it is
            said = in_one_line(first_line(error) or type(error).__name__, 200)
            raise UserError(
                f"recalibrate: the model cannot be run on these examples ({said}). Received: {data.shape}"
            ) from error
    return made


def _save(model: Any, out: Path) -> None:
    """Write the model, whole or not at all."""
    try:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".convert-") as folder:
            scratch = Path(folder) / "model.keras"
            model.save(scratch)
            os.replace(scratch, out)  # noqa: PTH105  # a link there is replaced
    except OSError as error:
        raise UserError(f"out: expected a file that can be written ({error.strerror}). Received: {out}") from error


def _tell(made: Conversion, out: Path, console: Console) -> None:
    for one in made.layers:
        console.print(f"{one.path}: keeps {_kept(one)}; statistics {_SAID[one.statistics]}, {_parameters(one)}")
    same = sum(one.same for one in made.layers)
    several = "layer" if len(made.layers) == 1 else "layers"
    console.print(f"{out}: {len(made.layers)} {several} replaced; {same} of them give in inference what they gave")


def _kept(one: Replaced) -> str:
    return " × ".join(one.resolved.stat_axes) or "nothing"


def _parameters(one: Replaced) -> str:
    return f"scale and shift {_SAID[one.parameters]}" + (" (the strategy's fallback)" if one.resolved.fell_back else "")


def _path(key: str, given: Mapping[str, str], example: str) -> Path:
    if not given.get(key, "").strip():
        raise UserError(f"{key}: expected a path, as in {key}={example}. Received: nothing")
    return Path(at_home(given[key]))


def _words(key: str, text: str) -> Sequence[str]:
    value = value_of(key, text)
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(item, str) and item for item in items):
        raise UserError(f"{key}: expected names, as in [time,sensor]. Received: {short(text)}")
    return items


def _training_examples(text: str) -> Any:
    from harness.commands.audit import read_arrays

    arrays = read_arrays("recalibrate", Path(at_home(text)))
    if not {"x", "x_train"} & {*arrays}:
        raise UserError(f"recalibrate: expected an array called x_train, or x. Received: {', '.join(arrays) or 'none'}")
    return arrays.get("x_train", arrays.get("x"))
