"""What a drawn mark stands for, carried into the SVG: whose it is, and words that are shown where it is pointed at."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from harness.words import broken

_PREFIX = "stands-for:"
_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"


@contextmanager
def drawn_for(ax: Axes, strategy: str) -> Iterator[None]:
    """Whatever is drawn on the axes inside is the strategy's."""
    before = {id(artist) for artist in ax.get_children()}
    yield
    for artist in ax.get_children():
        if id(artist) not in before:
            _note(artist, strategy=strategy)


def say_of_each(artist: Artist, words: Sequence[str], *places: ArrayLike) -> None:
    """Words for each of an artist's points, of which those that are not finite at `places` are not drawn."""
    seen = np.logical_and.reduce([np.isfinite(np.asarray(place, np.float64)) for place in places])
    _note(artist, words=[text for text, there in zip(words, np.atleast_1d(seen), strict=True) if there])


def note_names(figure: Figure) -> None:
    """Note of the names in legends and at rows which strategies they are."""
    for ax in figure.axes:
        names = {broken(name): name for artist in ax.get_children() if (name := _noted(artist).get("strategy"))}
        legend = ax.get_legend()
        for text in (*(legend.get_texts() if legend else ()), *ax.get_yticklabels()):
            if text.get_text() in names:
                _note(text, strategy=names[text.get_text()], names=True)


def carry_marks(svg: str) -> str:
    """An SVG file's text with what `drawn_for` and `say_of_each` noted as `data-strategy`, `data-names` and titles."""
    if _PREFIX not in svg:
        return svg
    for prefix, uri in {"": _SVG, "xlink": _XLINK}.items():
        ElementTree.register_namespace(prefix, uri)
    root = ElementTree.fromstring(svg)  # our own, of this moment
    for group in list(root.iter(f"{{{_SVG}}}g")):
        if not (noted := group.get("id", "")).startswith(_PREFIX):
            continue
        said = json.loads(noted.removeprefix(_PREFIX))
        del group.attrib["id"]
        if "strategy" in said:
            group.set("data-strategy", said["strategy"])
        if said.get("names"):
            group.set("data-names", "")
        drawn = _points_of(group, len(said.get("words", ())))
        for element, words in zip(drawn, said.get("words", ()), strict=False):
            ElementTree.SubElement(element, f"{{{_SVG}}}title").text = words
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _points_of(group: ElementTree.Element, count: int) -> list[ElementTree.Element]:
    """The elements of a group that are its points, in order; none where they are not as many as expected."""
    shapes = {id(shape) for defs in group.iter(f"{{{_SVG}}}defs") for shape in defs.iter()}
    for kind in ("use", "path"):
        found = [element for element in group.iter(f"{{{_SVG}}}{kind}") if id(element) not in shapes]
        if count and len(found) == count:
            return found
    return []


def _note(artist: Artist, **facts: Any) -> None:
    artist.set_gid(_PREFIX + json.dumps(_noted(artist) | facts, ensure_ascii=True, sort_keys=True))


def _noted(artist: Artist) -> dict[str, Any]:
    noted = artist.get_gid() or ""
    found: dict[str, Any] = json.loads(noted.removeprefix(_PREFIX)) if noted.startswith(_PREFIX) else {}
    return found
