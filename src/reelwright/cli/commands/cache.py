"""`reel cache`: what it holds, and making it smaller."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from reelwright.cli import terminal
from reelwright.cli.options import AsJson

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Show or prune the cache.")


@app.command()
def show(
    limit: Annotated[int, typer.Option(min=1, help="So many entries at the most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show what the cache holds, the latest used first.

    Example: `reel cache show`
    """
    from reelwright.app.cache import show as show_cache
    from reelwright.cli.use import opened

    with opened() as used:
        found = show_cache(used, limit)
    if as_json:
        terminal.emit(found.to_json())
        return
    bound = "no limit" if found.limit_bytes is None else f"limit {terminal.size(found.limit_bytes)}"
    terminal.out(f"{found.place}: {found.files} files, {terminal.size(found.size_bytes)}, {bound}")
    if found.inputs_bytes:
        terminal.out(f"inputs from afar: {terminal.size(found.inputs_bytes)}")
    if found.parts_bytes:
        terminal.out(f"downloads that broke off: {terminal.size(found.parts_bytes)}")
    now = time.time()
    rows = [
        (
            entry.identity[:12],
            terminal.size(entry.size_bytes),
            f"{entry.cpu_seconds:.2f} s",
            f"{terminal.span(now - entry.last_used_at)} ago",
            ", ".join(entry.outputs),
        )
        for entry in found.entries
    ]
    terminal.table(["identity", "size", "cpu", "used", "outputs"], rows, right="size cpu")


@app.command()
def prune(
    limit: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE", help="Keep so much, e.g. 5GB; default: the limit that is set."
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Keep nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Drop what was used least recently, until the rest fits.

    Examples: `reel cache prune --limit 5GB`, `reel cache prune --all`
    """
    from dataclasses import asdict

    from reelwright.app.cache import prune as prune_cache
    from reelwright.cli.use import opened

    with opened() as used:
        bound = 0 if everything else _bytes(limit, used.settings.cache.limit_bytes)
        freed = prune_cache(used, bound)
    if as_json:
        terminal.emit({"files": freed.files, "bytes": asdict(freed)["size_bytes"]})
    else:
        terminal.out(f"{freed.files} files, {terminal.size(freed.size_bytes)} freed")


def _bytes(text: str | None, default: int | None) -> int:
    from reelwright.errors import Code, ReelError
    from reelwright.graph.params.amounts import parse_byte_size

    if text is None:
        if default is None:
            raise ReelError(
                Code.USAGE,
                "there is no limit to prune to",
                hint="pass --limit 5GB or --all, or set cache.limit_bytes",
            )
        return default
    try:
        return parse_byte_size(text)
    except ValueError as error:
        why = f": {error}" if str(error) else ""
        message = f"'{text}' is no size{why}"
        raise ReelError(Code.USAGE, message, where="--limit", hint="write 500MB or 2GiB") from error
