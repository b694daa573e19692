"""`python -m harness`."""

# Worker processes import this module too, and must not become a second command.
if __name__ == "__main__":
    from harness.commands.cli import script

    script()
