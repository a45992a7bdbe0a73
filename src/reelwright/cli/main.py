"""The command `reel`. What costs time to import is imported below the questions that need none."""

import gc
import os
import sys

# Objects made between two looks for cycles. Python's own 700 spends a tenth of a command's start-up
# on modules, which are no garbage; as many small objects are two megabytes.
_BETWEEN_LOOKS = 20_000


def main(args: list[str] | None = None) -> int:
    """Runs one command and gives its exit code (the table is in `exits.py`)."""
    words = sys.argv[1:] if args is None else args
    if words == ["--version"]:
        from reelwright import __version__

        sys.stdout.write(f"reel {__version__}\n")
        return 0
    # Pydantic would look through all that is installed for plugins: a tenth of a small command.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.set_threshold(_BETWEEN_LOOKS, *gc.get_threshold()[1:])
    from reelwright.cli.guarded import guarded

    return guarded(words)
