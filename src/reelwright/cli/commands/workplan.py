"""`reel workplan`: what the archive is missing, why, and what is done about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from reelwright.cli import choice, terminal
from reelwright.cli.options import AsJson
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.cli.workplan_here import Wanted

app = typer.Typer(add_completion=False)

_FORMATS = ("table", "json", "yaml")
_SHOWN = 10

Causes = Annotated[
    list[str] | None,
    typer.Option("--cause", metavar="CAUSE", help="Only this one; repeatable."),
]
OfSource = Annotated[
    str | None,
    typer.Option("--source", metavar="ID", help="Of this list: its id, or its address."),
]
AtHost = Annotated[
    str | None, typer.Option("--host", metavar="HOST", help="At this site: example.org.")
]
Ids = Annotated[
    list[str], typer.Argument(metavar="ID…", help="Of items: an id, or the first of it.")
]


@app.callback(invoke_without_command=True)
def workplan(  # size: one line an option
    context: typer.Context,
    cause: Causes = None,
    source: OfSource = None,
    host: AtHost = None,
    skipped: Annotated[
        bool, typer.Option("--skipped", help="What was taken off the plan.")
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="So many of each cause; default: 10, and all in a document."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    as_yaml: Annotated[bool, typer.Option("--yaml", help="Print YAML.")] = False,
    form: Annotated[
        str | None, typer.Option("--format", metavar="FORM", help="table, json or yaml.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there.")
    ] = None,
) -> None:
    """List what failed, is gone, waits or is damaged: by cause, with what can be done.

    `reel workplan run` carries it out; `skip` takes items off it, `unskip` puts them back.

    Examples: `reel workplan`, `reel workplan --cause login --json`, `reel workplan -o plan.yaml`
    """
    from reelwright.cli.workplan_here import Wanted

    if context.invoked_subcommand is not None:
        _refuse_options(context, context.invoked_subcommand)
        return
    wanted = Wanted(cause or [], source, host, skipped=skipped)
    _show(wanted, _form(as_json, as_yaml, form, output), limit, output)


@app.command()
def run(
    cause: Causes = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="ID", help="Only this item; repeatable."),
    ] = None,
    source: OfSource = None,
    host: AtHost = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
    as_json: AsJson = False,
) -> None:
    """Try again what can be tried, list again what could not be read, and say what is left to you.

    What needs a person, has its time or is gone is tried only where --cause or --only names it.
    A run that was stopped is gone on with by the same command.

    Examples: `reel workplan run --dry-run`, `reel workplan run --cause login`
    """
    from reelwright.cli.workplan_here import Wanted, carry_out

    wanted = Wanted(cause or [], source, host, only=only or [])
    raise typer.Exit(carry_out(wanted, dry_run=dry_run, as_json=as_json))


@app.command()
def skip(
    ids: Ids,
    because: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why, for whoever reads it later.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take items off the plan: they are not wanted any more. `unskip` undoes it.

    Example: `reel workplan skip 1m7z9 --because "a trailer, not the film"`
    """
    from reelwright.cli.workplan_here import skip as skip_items

    _tell(skip_items(ids, because), "skipped", as_json=as_json)


@app.command()
def unskip(ids: Ids, as_json: AsJson = False) -> None:
    """Put skipped items back on the plan, as they were.

    Example: `reel workplan unskip 1m7z9`
    """
    from reelwright.cli.workplan_here import unskip as unskip_items

    _tell(unskip_items(ids), "back on the plan", as_json=as_json)


def _tell(done: list[str], word: str, *, as_json: bool) -> None:
    if as_json:
        terminal.emit({"changed": done})
        return
    for one in done:
        terminal.out(f"{one}: {word}")
    if not done:
        terminal.note("nothing changed")


def _form(as_json: bool, as_yaml: bool, form: str | None, output: Path | None) -> str:
    """Raises USAGE."""
    given = [name for name, is_on in (("json", as_json), ("yaml", as_yaml)) if is_on]
    given += [form] if form is not None else []
    if len(set(given)) > 1:
        raise ReelError(Code.USAGE, f"{' and '.join(given)} do not go together", where="--format")
    if given and given[0] not in _FORMATS:
        hint = f"one of {', '.join(_FORMATS)}"
        raise ReelError(Code.USAGE, f"'{form}' is none", where="--format", hint=hint)
    endings = {".json": "json", ".yaml": "yaml", ".yml": "yaml"}
    return given[0] if given else endings.get(output.suffix.lower() if output else "", "table")


def _show(wanted: Wanted, form: str, limit: int | None, output: Path | None) -> None:
    from reelwright.cli import workplan_shown as shown
    from reelwright.cli.workplan_here import read

    with _opened(output) as out, read(wanted) as (head, groups):
        if form == "table":
            shown.write_table(out, groups, limit=limit or _SHOWN)
        else:
            write = shown.write_json if form == "json" else shown.write_yaml
            write(
                out,
                head,
                ((c, found if limit is None else _some(found, limit)) for c, found in groups),
            )
        out.flush()


def _some(found: Any, limit: int) -> Any:
    from itertools import islice

    return islice(found, limit)


@contextmanager
def _opened(output: Path | None) -> Iterator[TextIO]:
    """The file gets its name when it is whole. Raises DISK_FULL, PERMISSION_DENIED, OUTPUT_PATH."""
    import sys

    from reelwright.store.blobs import refused, unfinished

    if output is None:
        yield sys.stdout
        return
    path = output.expanduser().absolute()
    if not path.parent.is_dir():
        message = f"there is no folder {path.parent}"
        raise ReelError(Code.OUTPUT_PATH, message, where="--output", hint="make it first")
    part = unfinished(path, "workplan")
    try:
        with part.open("w", encoding="utf-8") as file:
            yield file
        part.replace(path)
    except OSError as error:
        raise refused(error, path) from error
    finally:
        part.unlink(missing_ok=True)


def _refuse_options(context: typer.Context, command: str) -> None:
    """Before a subcommand they would look as if they counted."""
    given = [name for name, value in context.params.items() if value]
    if given:
        option = f"--{given[0].replace('as_', '').replace('form', 'format')}"
        raise ReelError(
            Code.USAGE,
            f"{option} stands before '{command}'",
            where=option,
            hint=f"write `{choice.spelled()} workplan {command} …` with its own options",
        )
