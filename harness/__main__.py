"""`python -m harness`."""

import os
import sys

# Worker processes import this module too, and must not become a second command.
if __name__ == "__main__":
    from harness.commands.cli import main

    try:
        status = main(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # `python -m harness plan | head`: who read it has seen enough. Python would fail once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    sys.exit(status)
