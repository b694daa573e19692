"""usage: python -m harness convert model=IN.keras out=OUT.keras [axis=AXES] [param_axis=AXES] [axes=[NAMES]]
       [layers=[PATHS]] [batch_size=32] [recalibrate=FILE.npz] [fold=true]

Writes a copy of a saved Keras model, and says of each normalization layer what became of it. In this order, as far as
asked for: every BatchNormalization is replaced by a strategy, statistics are estimated anew, what is left is folded.

  axis=[1,2]          the axes that are kept, or a strategy's name (axis=spatial, axis.ghost=4), as in explain. Weights
                      go along where the new axes include the old ones, and outputs in inference are then the same;
                      elsewhere they start anew
  param_axis=[3]      the axes that keep a scale and shift of their own; the same as axis unless said
  axes=[time,sensor]  what the axes of all sites are called, in place of the names that audit tells
  layers=[enc/bn_1]   the layers that are replaced, by the paths that audit tells; all unless said
  batch_size=32       of its training, and of the estimation anew
  recalibrate=FILE    an .npz file with training examples as x_train, or x: statistics are estimated anew on them
  fold=true           for inference alone, with equal outputs: a normalization goes into the convolution or dense layer
                      before it where it can, and else becomes one multiplication and one addition

Models that are sequential or functional, nested and with shared layers; what cannot be converted is said with the
reason. A program that opens the result needs `import harness` first, unless all of it is Keras's own. Exit status:
0 done, 2 bad input.
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
from harness.words import choose_from, examples_of, first_line, in_one_line

if TYPE_CHECKING:
    from harness.models.convert import Conversion, Replaced
    from harness.models.fold import Folding

OPTIONS = ("model", "axis", "param_axis", "out", "axes", "layers", "batch_size", "recalibrate", "fold")
_OF_A_STRATEGY = ("param_axis", "axes", "layers")
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
    if out.exists() and path.exists() and out.samefile(path):
        raise UserError(f"out: expected another file than the model, which stays as it is. Received: {short(out)}")
    folded = _yes("fold", given.get("fold", "false"))
    if "axis" not in given:
        _check_without_axis(given, folded)
    batch_size = whole_number("batch_size", given.get("batch_size", "32"))
    options: dict[str, Any] = {"batch_size": batch_size}
    options |= {name: _words(key, given[key]) for key, name in (("axes", "axes"), ("layers", "only")) if key in given}
    strategy = strategy_of(given, arguments.config_dirs, names=options.get("axes", ())) if "axis" in given else None
    if isinstance(strategy, tuple):
        strategy = AxisStrategy(stat_axes=strategy)  # which refuses the batch
    data = _training_examples(given["recalibrate"]) if "recalibrate" in given else None
    model, told = _made(path, strategy, options, data, folded)
    _save(model, out)
    for line in told:
        console.print(line, soft_wrap=True)
    console.print(f"{out}: written{_opens_with(model)}", soft_wrap=True)
    return 0


def _opens_with(model: Any) -> str:
    """What a program that opens the model imports first, if it takes this project's layer."""
    from harness.axes import AxisNormalization

    layers = model._flatten_layers(include_self=False, recursive=True)
    return "; opened after `import harness`" if any(isinstance(one, AxisNormalization) for one in layers) else ""


def _check_without_axis(given: Mapping[str, str], folded: bool) -> None:
    if key := next((key for key in given if key in _OF_A_STRATEGY or key.startswith("axis.")), None):
        raise UserError(f"{key}: expected axis= with it, as in axis=[1,2]. Received: {key}={short(given[key])}")
    if not folded and "recalibrate" not in given:
        raise UserError(
            "expected what is to be done: axis=[1,2] or axis=spatial, recalibrate=FILE.npz, fold=true, or several. "
            "Received: none of them"
        )


def _made(
    path: Path, strategy: AxisStrategy | None, options: dict[str, Any], data: Any, folded: bool
) -> tuple[Any, list[str]]:
    """The copy, and the lines that tell what became of each layer."""
    from harness.cell.device import import_tensorflow

    check_backend()
    import_tensorflow()
    from harness.models.convert import convert
    from harness.models.fold import fold
    from harness.models.reading import read_model

    model, told = read_model(path), []
    if strategy is not None:
        converted = convert(model, strategy, **options)
        model, told = converted.model, _of_conversion(converted, anew=data is not None)
    if data is not None:
        told += _recalibrated(model, data, options["batch_size"])
    if folded:
        folding = fold(model)
        model, told = folding.model, [*told, *_of_folding(folding)]
    return model, told


def _recalibrated(model: Any, data: Any, batch_size: int) -> list[str]:
    from harness.commands.audit import MOST_EXAMPLES
    from harness.models.precise import recalibrate

    first = data[:MOST_EXAMPLES]
    try:
        names = recalibrate(model, first, batch_size=batch_size)
    except MemoryError:
        raise
    except Exception as error:  # of the model, whatever it is
        said = in_one_line(first_line(error) or type(error).__name__, 200)
        raise UserError(
            f"recalibrate: the model cannot be run on these examples ({said}). Received: {data.shape}"
        ) from error
    if not names:
        raise UserError("recalibrate: expected a model with moving averages that training moves. Received: none in it")
    return [f"{_counted(len(names), 'layer')} with statistics estimated anew on {examples_of(len(first), len(data))}"]


def _save(model: Any, out: Path) -> None:
    """Write the model, whole or not at all."""
    try:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".convert-") as folder:
            scratch = Path(folder) / "model.keras"
            model.save(scratch)
            os.replace(scratch, out)  # noqa: PTH105  # a link there is replaced
    except OSError as error:
        raise UserError(f"out: expected a file that can be written ({error.strerror}). Received: {out}") from error


def _of_conversion(made: Conversion, *, anew: bool) -> list[str]:
    """A line a layer; `anew`: their statistics are estimated anew after that, so that none gives what it gave."""
    same = sum(one.same for one in made.layers)
    alike = "" if anew else f"; {same} of them {'gives' if same == 1 else 'give'} in inference what they gave"
    return [
        *(
            f"{one.path}: keeps {_kept(one)}; statistics {_SAID[one.statistics]}, {_parameters(one)}"
            for one in made.layers
        ),
        f"{_counted(len(made.layers), 'layer')} replaced{alike}",
    ]


def _of_folding(made: Folding) -> list[str]:
    said = {"kernel": "goes into {}", "multiply-add": "becomes a multiply-add, as {}", "left": "is left, as {}"}
    of_each = [f"{one.path}: {said[one.into].format(one.by)}" for one in made.layers]
    into = [one.into for one in made.layers]
    total = f"{into.count('kernel')} folded into kernels, {into.count('multiply-add')} became a multiply-add"
    if "left" in into:
        total += f", {into.count('left')} left"
    if made.operations is not None:
        before, after = made.operations
        total += f"; {before:,} operations for an example before, {after:,} after"
    return [*of_each, total]


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


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


def _yes(key: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise UserError(f"{key}: expected true or false. Received: {short(text)}")
    return text == "true"


def _training_examples(text: str) -> Any:
    from harness.commands.audit import read_arrays

    arrays = read_arrays("recalibrate", Path(at_home(text)))
    if not {"x", "x_train"} & {*arrays}:
        raise UserError(f"recalibrate: expected an array called x_train, or x. Received: {', '.join(arrays) or 'none'}")
    return arrays.get("x_train", arrays.get("x"))
