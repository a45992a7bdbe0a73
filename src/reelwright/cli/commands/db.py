"""`reel db`: the database's version and health, backups of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from reelwright.cli import terminal
from reelwright.cli.options import AsJson

if TYPE_CHECKING:
    from reelwright.app.database import Health, Moved
    from reelwright.store.backup import Manifest

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Upgrade, check, back up the database."
)

Yes: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command()
def upgrade(as_json: AsJson = False) -> None:
    """Make the tables, or bring them up to date.

    Example: `reel db upgrade`
    """
    from reelwright.app.database import upgrade as upgrade_database
    from reelwright.cli.use import opened

    with opened() as used:
        _moved(upgrade_database(used), as_json=as_json)


@app.command()
def downgrade(
    revision: Annotated[str, typer.Argument(metavar="REVISION", help="As 0002; base: no tables.")],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Bring the tables back for an older release. What is newer in them is lost.

    Example: `reel db downgrade 0002`
    """
    from reelwright.app.database import downgrade as downgrade_database
    from reelwright.cli.use import opened

    _confirm(f"Lose all that schema {revision} has no place for?", yes)
    with opened() as used:
        _moved(downgrade_database(used, revision), as_json=as_json)


@app.command()
def check(
    files: Annotated[
        bool, typer.Option("--files", help="Look for the file of each result, too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say whether the database is whole, and what to do where it is not.

    Ends with code 6 where something was found. Example: `reel db check --files`
    """
    from reelwright.app.database import check as check_database
    from reelwright.cli.exits import exit_code
    from reelwright.cli.use import opened
    from reelwright.errors import Code

    with opened() as used:
        health = check_database(used, files=files)
    if as_json:
        terminal.emit(health.to_json())
    else:
        _show(health)
    if health.findings:
        raise typer.Exit(exit_code(Code.of(health.findings[0]["code"])))


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it, as jobs.zip.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write every row of one moment to a file, while the service runs.

    It holds secrets; cached files and logs are not in it. Example: `reel db backup jobs.zip`
    """
    from reelwright.app.database import backup as backup_database
    from reelwright.cli.use import opened

    with opened() as used:
        _told(backup_database(used, file, overwrite=overwrite), file, "written", as_json=as_json)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `reel db backup` wrote.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Remove all that the database holds first.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup into an empty database, SQLite or PostgreSQL, whichever it came from.

    Example: `reel db restore jobs.zip`
    """
    from reelwright.app.database import restore as restore_database
    from reelwright.cli.use import opened

    if replace:
        _confirm("Remove all that the database holds?", yes)
    with opened() as used:
        _told(restore_database(used, file, replace=replace), file, "restored", as_json=as_json)


def _confirm(question: str, yes: bool) -> None:
    from reelwright.errors import Code, ReelError

    if yes:
        return
    if not sys.stdin.isatty():
        message = "this removes data, and nobody is there to ask"
        raise ReelError(Code.USAGE, message, where="--yes", hint="pass --yes")
    typer.confirm(question, abort=True, err=True)


def _moved(moved: Moved, *, as_json: bool) -> None:
    if as_json:
        terminal.emit(moved.to_json())
        return
    before = moved.before or "no tables"
    if moved.before == moved.after:
        terminal.out(f"{moved.database}: {before}, nothing to do")
    else:
        terminal.out(f"{moved.database}: {before} -> {moved.after or 'no tables'}")
    if moved.workers:
        terminal.note(f"{moved.workers} workers use it: restart those of an older release")


def _told(manifest: Manifest, file: Path, verb: str, *, as_json: bool) -> None:
    if as_json:
        terminal.emit({"file": str(file), **manifest.to_json()})
        return
    terminal.out(
        f"{file}: {verb}, {manifest.rows} rows of {len(manifest.parts)} tables, "
        f"schema {manifest.schema} of {manifest.dialect}"
    )


def _show(health: Health) -> None:
    from reelwright.errors import Problem

    facts = dict(health.facts)
    rows = facts.pop("rows", {})
    terminal.out(f"{health.database}: {'all is well' if not health.findings else 'look at this'}")
    for name, value in facts.items():
        terminal.out(f"  {name.replace('_', ' ')}: {'none' if value is None else value}")
    held = ", ".join(f"{count} {name}" for name, count in rows.items() if count)
    if held:
        terminal.out(f"  rows: {held}")
    terminal.explain([Problem.from_json(body) for body in health.findings])
