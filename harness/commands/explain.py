"""usage: python -m harness explain shape=[...] [axis=AXES] [axes=[NAMES]] [batch_size=32] [out=FILE.png|svg|html]
       python -m harness explain task=NAME [architecture=NAME] [axis=NAME] [key=value ...] [out=FILE]

Says in words, numbers and a picture what a choice of axes does to a tensor: which axes keep statistics of their own and
which are averaged over, how many statistics, scales and shifts there are, how many samples are behind one (m′), what is
to be heeded, and the lines of code for Keras 3, for this project's layer and for PyTorch.

  shape=[32,28,28,1]   the tensor, its batch first; null for a size that is not fixed. Ranks 2 to 5.
  axis=[1,2]           the axes that are kept: numbers as Keras counts them, names, or a strategy's name (axis=spatial);
                       without it, all strategies side by side
  param_axis=[3]       the axes that keep a scale and shift of their own; the same as axis unless said
  axis.ghost=4 ...     settings of a named strategy, as in a grid
  axes=[time,feature]  what the axes but the batch are called; else by rank: feature; time, feature; height, width,
                       channel; depth, height, width, channel
  batch_size=32        where shape has null for the batch
  out=FILE             the picture as .png or .svg, or .html: one page in which axes are clicked and values pointed at

With task= it takes the overrides of a grid instead, and explains every normalization site of the architecture.

Exit status: 0, 1 if a finding is an error (a choice that does not do what it is for), 2 for bad input.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from harness.axes.explained import USUAL_AXES, Explanation, describe_shape, explain, explain_axes
from harness.axes.strategy import AxisStrategy
from harness.commands.arguments import Arguments, configs_of, refuse_flags, whole_number
from harness.commands.axis_options import short, strategy_of, value_of
from harness.config.paths import at_home
from harness.files import replacing
from harness.types import Site, UserError
from harness.words import choose_from, visible

if TYPE_CHECKING:
    from harness.engines.plan import PlannedCell

FORMATS = (".png", ".svg", ".html")
OPTIONS = ("shape", "axis", "param_axis", "axes", "batch_size", "out")
_MOST = 2**40
WIDE = 110  # columns from which a sentence has room beside the numbers


@dataclass(frozen=True)
class Explained:
    """What is shown under one heading."""

    title: str
    explanation: Explanation


def main(arguments: Arguments, console: Console) -> int:
    """Print the explanation, and draw it where that is asked for."""
    refuse_flags(arguments)
    if arguments.words:
        raise UserError(f"explain takes options such as shape=[32,28,28,1]. Received: {' '.join(arguments.words)}")
    given = dict(text.partition("=")[::2] for text in arguments.overrides)
    out = _out(given.get("out"))
    if "shape" in given:
        return _explain_tensor(arguments, given, out, console)
    if "task" not in given and "study" not in given:
        raise UserError(
            "explain expects a tensor, as in shape=[32,28,28,1], or a grid, as in task=mnist. "
            f"Received: {' '.join(arguments.overrides) or 'neither'}"
        )
    return _explain_sites(arguments, out, console)


def _explain_tensor(arguments: Arguments, given: dict[str, str], out: Path | None, console: Console) -> int:
    from harness.report.explained import side_by_side, to_text
    from harness.report.sheet import to_terminal

    if unknown := [key for key in given if key not in OPTIONS and not key.startswith("axis.")]:
        raise UserError(f"no such option beside shape=: {choose_from(unknown[0].lstrip('+~'), OPTIONS)}")
    site, batch_size = _tensor(given)
    asked = any(key in ("axis", "param_axis") or key.startswith("axis.") for key in given)
    if asked:
        one = _asked(given, site, batch_size, arguments.config_dirs)
        console.print(to_text(one, title=f"{_title(given)} on {_tensor_of(one)}"))
        pictured = [Explained(_title(given), one)]
    else:
        rows = _all_strategies(site, batch_size, arguments.config_dirs)
        title = f"All strategies on ({', '.join(('batch', *site.axes))}) = {describe_shape((batch_size, *site.shape))}"
        sheet = side_by_side(rows, title, in_words=console.width >= WIDE)
        console.print(to_terminal(sheet, width=console.width))
        pictured = [Explained(name, one) for name, one in rows if isinstance(one, Explanation)]
    _draw(pictured, out, console)
    return _status(pictured) if asked else 0


def _explain_sites(arguments: Arguments, out: Path | None, console: Console) -> int:
    from harness.engines import build_engine
    from harness.engines.plan import build_plan
    from harness.report.explained import to_text

    overrides = tuple(text for text in arguments.overrides if not text.startswith("out="))
    configs = configs_of(Arguments((), overrides, arguments.config_dirs), console)
    with build_engine(configs[0]["engine"]) as engine:
        plan = build_plan(configs, Path(configs[0]["results_dir"]), engine.find_sites)
    shown: dict[str, Explained] = {}  # the seeds of a strategy come to the same
    for planned in plan.cells:
        for one in _sites_of(planned):
            shown.setdefault(one.title, one)
    reasons = list(dict.fromkeys(planned.invalid for planned in plan.invalid))
    if not shown:
        raise UserError(reasons[0])
    for one in shown.values():
        console.print(to_text(one.explanation, title=one.title))
        console.print()
    for reason in reasons:
        console.print(Text.assemble(("invalid", "red"), f" {visible(reason)}"), soft_wrap=True)
    _draw(list(shown.values()), out, console)
    return _status(shown.values())


def _status(shown: Iterable[Explained]) -> int:
    """As of an audit: 1 where a finding is an error."""
    return int(any(finding.level == "error" for one in shown for finding in one.explanation.findings))


def _sites_of(planned: PlannedCell) -> Iterator[Explained]:
    config = planned.cell.config
    batch_size = config["train"]["batch_size"]
    for resolved in planned.sites:
        one = Explanation(resolved, batch_size)
        where = f"{config['task']['name']}, {config['architecture']['name']}, site {resolved.site.name}"
        fell_back = " by its fallback, as the site lacks an axis that it names," if resolved.fell_back else ""
        yield Explained(f"{config['axis']['name']}{fell_back} on {where}: {_tensor_of(one)}", one)


def _draw(shown: Sequence[Explained], out: Path | None, console: Console) -> None:
    if out is None:
        return
    if out.suffix == ".html":
        from harness.report.axes_page import render_axes_page

        content = render_axes_page([(one.title, one.explanation) for one in shown]).encode()
    else:
        from harness.report.tensor_figure import draw_tensors

        content = draw_tensors([(one.title, one.explanation) for one in shown], out.suffix)
    try:
        with replacing(out) as file:
            file.write(content)
    except OSError as error:
        raise UserError(f"out: expected a file that can be written ({error.strerror}). Received: {out}") from error
    console.print(str(out), soft_wrap=True)


def _tensor(given: Mapping[str, str]) -> tuple[Site, int]:
    """The site that `shape` and `axes` describe, and the batch size."""
    shape = _sizes(given["shape"])
    batch_size = whole_number("batch_size", given["batch_size"]) if "batch_size" in given else None
    if shape[0] is not None and batch_size not in (None, shape[0]):
        raise UserError(f"batch_size: expected {shape[0]}, as in shape, or null there. Received: {batch_size}")
    names = USUAL_AXES[len(shape) - 1]
    if "axes" in given:
        names = _names(given["axes"], len(shape) - 1)
    return Site("the tensor", names, shape[1:]), shape[0] or batch_size or 32


def _sizes(text: str) -> tuple[int | None, ...]:
    value = value_of("shape", text)
    if not isinstance(value, list) or not 2 <= len(value) <= 5:
        raise UserError(f"shape: expected 2 to 5 sizes, the batch's first, as in [32,28,28,1]. Received: {short(text)}")
    for size in value:
        known = isinstance(size, int) and not isinstance(size, bool)
        if not (size in (None, "None") or (known and 1 <= size <= _MOST)):
            raise UserError(f"shape: expected sizes of at least 1, or null. Received: {short(size)} in {short(text)}")
    return tuple(size if isinstance(size, int) else None for size in value)


def _names(text: str, number: int) -> tuple[str, ...]:
    value = value_of("axes", text)
    if isinstance(value, list) and len(value) == number + 1 and value[0] == "batch":
        value = value[1:]
    words = isinstance(value, list) and all(
        isinstance(name, str) and re.fullmatch(r"[A-Za-z_]\w{0,30}", name) for name in value
    )
    if not words or len(value) != number or len(set(value)) < number or {"batch", "all"} & set(value):
        usual = ",".join(USUAL_AXES[number])
        raise UserError(f"axes: expected {number} different names, as in [{usual}]. Received: {short(text)}")
    return tuple(value)


def _asked(given: Mapping[str, str], site: Site, batch_size: int, config_dirs: Sequence[Path]) -> Explanation:
    """What `axis` and the options beside it say, at this tensor."""
    first = -len(site.axes) - 1  # the batch's axis, counted from the end
    if "param_axis" not in given and isinstance(value := value_of("axis", given.get("axis", "")), (int, list)):
        items = value if isinstance(value, list) else [value]
        given = {**given, "axis": str([0 if item == first else item for item in items])}
    asked = strategy_of(given, config_dirs, names=site.axes)
    if isinstance(asked, AxisStrategy):
        return explain(asked, site, batch_size)
    others = [axis for axis in asked if axis not in (0, "batch")]
    if len(others) < len(asked) - 1:
        raise UserError(f"axis: expected the batch axis at most once. Received: {short(given['axis'])}")
    rest = explain(AxisStrategy(stat_axes=others), site, batch_size)
    return explain_axes((0, *rest.resolved.axis), site, batch_size)


def _all_strategies(site: Site, batch_size: int, config_dirs: Sequence[Path]) -> list[tuple[str, Explanation | str]]:
    """Each strategy with its explanation; with the reason where it is none here."""
    from harness.config.strategies import load_strategy, strategy_files

    rows: list[tuple[str, Explanation | str]] = []
    for name in strategy_files(config_dirs):
        if name in ("keep", "as_built"):  # stand for axes that somebody gives, or a model has
            continue
        try:
            strategy = load_strategy(name, {}, config_dirs)
            rows.append((name, explain(strategy, site, batch_size)))
        except UserError as error:
            rows.append((name, str(error)))
    return rows


def _out(text: str | None) -> Path | None:
    if text is None:
        return None
    path = Path(at_home(text))
    if path.suffix not in FORMATS:
        raise UserError(f"out: expected a file that ends in {', '.join(FORMATS)}. Received: {short(text) or 'nothing'}")
    try:
        usable = path.parent.is_dir() and not path.is_dir()
    except OSError:  # a name that no file could have
        usable = False
    if not usable:
        raise UserError(f"out: expected a file in a folder that is there. Received: {short(text)}")
    return path


def _title(given: Mapping[str, str]) -> str:
    said = [key for key in given if key in ("axis", "param_axis") or key.startswith("axis.")]
    return " ".join(f"{key}={given[key]}" for key in said)


def _tensor_of(one: Explanation) -> str:
    return f"({', '.join(one.names)}) = {describe_shape(one.shape)}"
