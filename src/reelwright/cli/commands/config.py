"""`reel config`: what is set, and where each value comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from reelwright.app.settings import without_password
from reelwright.cli import terminal
from reelwright.cli.options import AsJson

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Show the configuration.")


@app.command()
def show(as_json: AsJson = False) -> None:
    """Show every setting with its value and where that comes from.

    Defaults give way to the file, the file to the environment, that to flags.

    Example: `REEL_CACHE__LIMIT_BYTES=20GiB reel config show`
    """
    import os

    from reelwright.app.settings import config_file, load, names, value_of, variable

    loaded = load()
    path, _ = config_file(os.environ)
    rows = [
        {
            "name": name,
            "value": _plain(value_of(loaded.settings, name), entry.metadata.get("kind")),
            "source": loaded.source(name),
            "variable": variable(name),
            "about": entry.metadata["about"],
        }
        for name, entry in names()
    ]
    if as_json:
        terminal.emit({"file": str(path), "exists": path.is_file(), "settings": rows})
        return
    terminal.table(
        ["setting", "value", "from", "what it is"],
        [(r["name"], _shown(r["value"]), r["source"], r["about"]) for r in rows],
    )
    terminal.note(f"file: {path}{'' if path.is_file() else ' (not there)'}")


@app.command()
def path() -> None:
    """Print where the configuration file is, or would be."""
    import os

    from reelwright.app.settings import config_file

    terminal.out(str(config_file(os.environ)[0]))


def _plain(value: Any, kind: str | None) -> Any:
    """JSON-ready, a secret and a password in a URL blotted out."""
    if kind == "secret":
        return value and "***"
    if isinstance(value, Path):
        return str(value)
    return without_password(value) if isinstance(value, str) else value


def _shown(value: Any) -> str:
    return "-" if value is None else str(value)
