"""`reel doctor`: what was found and what is missing."""

from __future__ import annotations

import typer

from reelwright.cli import terminal
from reelwright.cli.exits import EXITS
from reelwright.cli.options import AsJson

app = typer.Typer(add_completion=False)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Check this machine: tools, encoders, filters, font, sandbox, disk, store.

    Ends with exit code 4 when something that is needed is missing.

    Example: `reel doctor --json | jq '.checks[] | select(.state != "ok")'`
    """
    from dataclasses import asdict

    from reelwright.app.doctor import MISSING, examine
    from reelwright.cli.use import opened
    from reelwright.errors import Kind

    with opened() as used:
        checks = examine(used)
    missing = [check.name for check in checks if check.state == MISSING]
    if as_json:
        terminal.emit({"ok": not missing, "checks": [asdict(check) for check in checks]})
    else:
        terminal.table(["", "what", "found"], [(c.state, c.name, c.found) for c in checks])
        for check in checks:
            if check.hint:
                terminal.note(f"{check.name}: {check.hint}")
    if missing:
        raise typer.Exit(EXITS[Kind.TOOL])
