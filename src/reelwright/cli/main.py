"""The command `reel`. What costs time to import is imported below the questions that need none."""

import sys


def main(args: list[str] | None = None) -> int:
    """Runs one command and gives its exit code (the table is in `exits.py`)."""
    words = sys.argv[1:] if args is None else args
    if words == ["--version"]:
        from reelwright import __version__

        sys.stdout.write(f"reel {__version__}\n")
        return 0
    from reelwright.cli.guarded import guarded

    return guarded(words)
