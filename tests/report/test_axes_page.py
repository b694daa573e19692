"""The page of `explain`: what it says without a browser, and in Chromium what clicking and pointing does."""

from __future__ import annotations

import json
import re

import pytest

from harness.axes.explained import explain, explain_axes
from harness.axes.strategy import AxisStrategy
from harness.report.axes_page import render_axes_page
from harness.types import Site
from tests.report.browsing import browse, browser

SITE = Site("the tensor", ("height", "width", "channel"), (28, 28, 8))


@pytest.fixture(scope="module")
def page():
    chosen = {"spatial": AxisStrategy(("height", "width")), "layer": AxisStrategy(kind="layer")}
    return render_axes_page([(name, explain(strategy, SITE, 32)) for name, strategy in chosen.items()])


def test_the_page_is_self_contained_and_the_same_twice(page):
    assert not re.findall(r'(?:src|href)="', page)
    assert "@import" not in page
    assert page == render_axes_page(
        [("spatial", explain_axes((1, 2), SITE, 32)), ("layer", explain(AxisStrategy(kind="layer"), SITE, 32))]
    )


def test_every_set_of_axes_is_there_with_its_words(page):
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])
    [tensor] = data["tensors"]

    assert len(tensor["choices"]) == 16
    assert tensor["choices"]["1,2"]["sentence"] == explain_axes((1, 2), SITE, 32).sentence
    assert tensor["choices"]["0"]["findings"][0]["level"] == "error"
    assert all(len(choice["numbers"]) == len(tensor["cells"]) for choice in tensor["choices"].values())


def test_names_are_no_markup():
    site = Site("</script><b>", ("height", "width", "channel"), (2, 2, 2))
    page = render_axes_page([("</script><b>", explain_axes((3,), site, 4))])

    assert page.count("</script>") == 2
    assert "<b>" not in page


def test_an_axis_without_a_fixed_size_cannot_be_pressed_in_vain():
    page = render_axes_page([("feature", explain_axes((2,), Site("s", ("time", "feature"), (None, 5)), 4))])
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])

    assert "needs a known size" in data["tensors"][0]["choices"]["1"]["findings"][0]["reason"]


@browser
def test_clicking_axes_and_pointing_at_values(page, tmp_path):
    script = """(() => {
      const all = (selector) => Array.from(document.querySelectorAll(selector));
      const press = (text) => all("button").find((b) => b.textContent.startsWith(text)).click();
      const rects = () => all(".map rect");
      const kept = () => all('.axes [aria-pressed="true"]').map((b) => b.firstChild.textContent);
      const colours = () => new Set(rects().map((r) => r.getAttribute("fill") + r.nextSibling.textContent)).size;
      const said = () => document.querySelector(".said p").textContent;
      const result = { first: [kept(), colours(), said()] };
      rects()[0].dispatchEvent(new PointerEvent("pointerenter"));
      result.shared = document.querySelectorAll(".shared").length;
      result.who = document.querySelector(".who").textContent;
      document.querySelector(".map svg").dispatchEvent(new PointerEvent("pointerleave"));
      result.left = document.querySelectorAll(".shared").length;
      press("1: height"); press("2: width"); press("3: channel");
      result.channel = [kept(), colours(), said()];
      rects()[0].focus();
      rects()[0].dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
      result.moved = document.activeElement.getAttribute("aria-label");
      press("0: batch");
      result.batch = document.querySelector(".findings b").textContent;
      press("layer");
      result.layer = [kept(), said()];
      press("3: channel");
      result.after = kept();
      return result;
    })()"""
    outcome, console = browse(page, tmp_path, script)
    got = outcome["value"]

    assert (outcome["failed"], outcome["requests"], console) == (None, [], [])
    assert got["first"] == [["1: height (28)", "2: width (28)"], 16, explain_axes((1, 2), SITE, 32).sentence]
    assert got["shared"] == 4  # 2 examples x 2 channels of those drawn
    assert got["who"].startswith(
        "example 1, height 1, width 1, channel 1: shares its mean and variance with 3 of the 63"
    )
    assert "256 values" in got["who"]
    assert got["left"] == 0
    assert got["channel"] == [["3: channel (8)"], 2, explain_axes((3,), SITE, 32).sentence]
    assert got["moved"] == "example 1, height 1, width 2, channel 1"
    assert got["batch"] == "error"
    assert got["layer"] == [[], explain(AxisStrategy(kind="layer"), SITE, 32).sentence]
    assert got["after"] == ["3: channel (8)"]


@browser
@pytest.mark.parametrize("width", [400, 1400])
def test_nothing_sticks_out(page, tmp_path, width):
    script = """(() => {
      const root = document.documentElement;
      const all = Array.from(document.querySelectorAll("body *"));
      return {overflow: root.scrollWidth - root.clientWidth, out: all.filter(
        (one) => !one.closest("pre") && one.getBoundingClientRect().right > root.clientWidth + 0.5).length};
    })()"""
    outcome, console = browse(page, tmp_path, script, width=width)

    assert console == []
    assert outcome["value"] == {"overflow": 0, "out": 0}
