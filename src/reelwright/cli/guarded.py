"""Runs a command; whatever goes wrong ends in a message and an exit code, never in a bare trace."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from reelwright.cli import choice, quick, terminal
from reelwright.cli.exits import exit_code
from reelwright.errors import Code, ReelError


def guarded(words: Sequence[str]) -> int:
    as_json = "--json" in words
    try:
        choice.choose(None, None)
        options = quick.read(words)
        if options is not None:
            from reelwright.cli.running import run_spec

            return run_spec(options)
        from reelwright.cli.root import run

        return run(words)
    except ReelError as error:
        return terminal.report(error, as_json=as_json)
    except KeyboardInterrupt:
        terminal.note("Stopped.")
        return exit_code(Code.CANCELLED)
    except BrokenPipeError:
        # Whoever read our output has what they wanted (`reel jobs | head`).
        sys.stderr.close()
        return 0
    except Exception as error:  # noqa: BLE001 - the last place where a fault of ours can be told
        return _fault(error, as_json=as_json)


def _fault(error: Exception, *, as_json: bool) -> int:
    """Keeps the trace in a file beside the logs: a screen is no place for it."""
    import traceback

    from reelwright.tools.home import home_folder

    text = "".join(traceback.format_exception(error))
    place = home_folder() / "logs" / "last-fault.txt"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        hint = f"this is our fault: please report it with {place}"
    except OSError as refused:
        hint = (
            f"this is our fault: please report it ({place} cannot be written: {refused.strerror})"
        )
    told = ReelError(
        Code.INTERNAL,
        f"{type(error).__name__}: {error}",
        hint=hint,
    )
    return terminal.report(told, as_json=as_json)
