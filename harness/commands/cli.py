"""The command line: verbs, Hydra's overrides and flags, and what a mistake looks like.

Exit status: 0 all well, 1 something is wrong (a cell failed or differs, an axis, a grid that cannot be run),
2 bad input, 130 interrupted.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Sequence

from harness.commands.arguments import parse
from harness.commands.help import VERBS, laid_out, overview, width
from harness.commands.terminal import console, prepare_streams
from harness.config.folders import import_from
from harness.types import UserError
from harness.words import choose_from, visible


def main(argv: Sequence[str]) -> int:
    """Do what one command line says and return the exit status."""
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(overview())
        return 0 if argv else 2
    try:
        if argv[0] in ("-sc", "--shell-completion"):
            return _complete(argv)
        command = _command(argv[0])
        if any(flag in ("-h", "--help") for flag in argv[1:]):
            print(laid_out(inspect.cleandoc(command.__doc__ or ""), width()))
            return 0
        return _do(command, argv)
    except UserError as error:
        return _complain(str(error))
    except OSError as error:
        # Where a verb says nothing better of a path that cannot be read or written.
        place = f"Received: {error.filename}" if error.filename else f"Received: {' '.join(argv)}"
        return _complain(f"{error.strerror or error}: results_dir=PATH and out=PATH say where results lie. {place}")
    except KeyboardInterrupt:
        print("harness: interrupted; what is done is kept, and the same command goes on from there", file=sys.stderr)
        return 130


def script() -> None:
    """The installed command `harness`: the same as `python -m harness`."""
    prepare_streams()
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.exit(status)


def _complain(problem: str) -> int:
    print(f"harness: error: {visible(' '.join(problem.split()))}", file=sys.stderr)
    return 2


def _do(command, argv: Sequence[str]) -> int:  # type: ignore[no-untyped-def]  # a module with `main`
    from harness.commands.shown import telling_of_no_records

    terminal, arguments = console(), parse(argv[1:])
    import_from(arguments.config_dirs)
    with telling_of_no_records(terminal):
        status: int = command.main(arguments, terminal)
    return status


def _command(name: str):  # type: ignore[no-untyped-def]  # a module with `main`
    if name not in VERBS:
        raise UserError(f"no such verb: {choose_from(name, list(VERBS))}")
    return importlib.import_module(f"harness.commands.{name}")


def _complete(argv: Sequence[str]) -> int:
    from harness.config.hydra_flags import complete

    action, _, shell = (argv[1] if len(argv) == 2 else "").partition("=")
    if action not in ("install", "uninstall", "query") or shell not in ("bash", "fish", "zsh"):
        raise UserError(
            f"{argv[0]}: expected install, uninstall or query of bash, fish or zsh, as in {argv[0]} install=bash. "
            f"Received: {' '.join(argv[1:]) or 'nothing'}"
        )
    return complete(argv, VERBS)
