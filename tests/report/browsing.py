"""Chromium without a window, where there is one: what a page does when it is used."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess

import pytest

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
    "--allow-file-access-from-files",
    "--enable-logging=stderr",
    "--virtual-time-budget=8000",
]


def browse(page, folder, script, *, width=1400, height=1000):
    """Run `script` (an expression) in the page, in a frame of `width`, and return what it gives and the console."""
    probe = """<script>addEventListener("error", (e) => window.failed = String(e.message));
addEventListener("load", () => setTimeout(() => {
  let value; try { value = (SCRIPT); } catch (error) { value = "threw " + error; }
  parent.document.title = JSON.stringify({value, failed: window.failed ?? null,
    requests: performance.getEntriesByType("resource").map((one) => one.name)});
}, 50));</script>""".replace("SCRIPT", script)
    (folder / "probe.html").write_text(page.replace("<head>", f"<head>{probe}"), encoding="utf-8")
    frame = f'<body style="margin:0"><iframe src="probe.html" style="border:0;width:{width}px;height:{height}px">'
    (folder / "outer.html").write_text(frame, encoding="utf-8")
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'profile'}", f"--window-size={width + 100},{height}"]
    done = subprocess.run(
        [*command, "--dump-dom", (folder / "outer.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    title = re.search(r"<title>(.*?)</title>", done.stdout, flags=re.DOTALL)
    assert title, done.stderr
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return json.loads(html.unescape(title[1])), console
