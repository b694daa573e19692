"""Commands in processes of their own, forked from one that has imported libraries that they need and nothing of ours.

Importing TensorFlow takes a process longer than what most commands do with it. What the project itself imports and
sets up is still each command's own.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT = 500


class Python:
    """Python in the folder `cwd` with `libraries` imported, from which `run` forks. Used as a context."""

    def __init__(self, *libraries: str, cwd: Path = ROOT) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "MPLBACKEND": "agg"}
        self._process = subprocess.Popen(
            [sys.executable, __file__, *libraries],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=cwd,
            env=environment,
        )

    def __enter__(self) -> Python:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.communicate()

    def run(self, *arguments: str, **environment: str) -> str:
        """What `python ARGUMENTS` prints (`-m MODULE ...` or `-c CODE`), which has to succeed."""
        with tempfile.TemporaryDirectory() as folder:
            asked = {"arguments": arguments, "environment": environment, "printed": folder}
            print(json.dumps(asked), file=self._process.stdin, flush=True)
            status = json.loads(self._process.stdout.readline())
            out, error = ((Path(folder) / name).read_text(encoding="utf-8") for name in ("out", "error"))
        assert status == 0, f"exit status {status}\n{out}{error}"
        return out


def serve() -> None:
    """Fork for each line on standard input and answer with the exit status."""
    sys.path[0] = str(Path.cwd())
    for name in sys.argv[1:]:
        importlib.import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            return become(**json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    return None


def become(arguments: list[str], environment: dict[str, str], printed: str) -> None:
    """Do what a process that is started with these arguments would do."""
    signal.alarm(TIMEOUT)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in ((1, "out"), (2, "error")):
        os.dup2(os.open(Path(printed) / name, os.O_WRONLY | os.O_CREAT), number)
    os.environ.update(environment)
    flag, what, *rest = arguments
    sys.argv = [what if flag == "-m" else flag, *rest]
    if flag == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})


if __name__ == "__main__":
    serve()
