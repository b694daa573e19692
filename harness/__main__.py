"""`python -m harness`."""

import sys

# Worker processes import this module too, and must not become a second command.
if __name__ == "__main__":
    from harness.cli import main

    sys.exit(main(sys.argv[1:]))
