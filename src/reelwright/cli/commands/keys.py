"""`reel keys`: who may use the API of this home."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from reelwright.cli import terminal
from reelwright.cli.options import AsJson

if TYPE_CHECKING:
    from reelwright.store.keys import KeyRow

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Make and revoke API keys.")


Scopes = Annotated[
    list[str] | None,
    typer.Option(
        "--scope",
        help="Narrow it to: read, jobs, uploads, webhooks, metrics, admin; repeatable.",
    ),
]
Expiry = Annotated[
    str | None, typer.Option(metavar="SPAN", help="It ends after: 12h, 30d, 2w; default: never")
]
Readable = Annotated[
    list[str] | None,
    typer.Option("--read", metavar="FOLDER", help="Specs may read what is below; repeatable."),
]
Writable = Annotated[
    list[str] | None,
    typer.Option("--write", metavar="FOLDER", help="Specs may write below; repeatable."),
]
Running = Annotated[
    int | None, typer.Option(min=1, help="Jobs that run at a time; default: the service's.")
]
Size = Annotated[
    str | None, typer.Option(metavar="SIZE", help="Uploads and results of its owner, e.g. 50GiB.")
]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What people know it by.")],
    role: Annotated[str, typer.Option(help="viewer, editor or admin.")] = "editor",
    owner: Annotated[str | None, typer.Option(help="Who has what it makes; default: you.")] = None,
    scopes: Scopes = None,
    expires: Expiry = None,
    readable: Readable = None,
    writable: Writable = None,
    rate: Annotated[str | None, typer.Option(help="Requests, e.g. 100/minute.")] = None,
    max_running: Running = None,
    max_bytes: Size = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, this once.

    Example: `reel keys create ci --role editor --expires 90d --read /srv/media`
    """
    from reelwright.app.auth.grants import NewKey
    from reelwright.app.auth.keys import create as create_key
    from reelwright.app.principal import LOCAL
    from reelwright.cli.use import opened

    new = NewKey(
        name=name,
        role=role,
        owner=owner,
        scopes=scopes or (),
        folders={k: _absolute(v) for k, v in (("read", readable), ("write", writable)) if v},
        expires_s=_span(expires),
        rate=rate,
        max_running=max_running,
        max_bytes=_size(max_bytes),
    )
    with opened() as used:
        made = create_key(used, LOCAL, new)
    if as_json:
        terminal.emit(made.to_json())
        return
    for kind, places in made.key.folders.items():
        for place in places:
            terminal.note(f"It may {kind} below {terminal.printable(place)}")
    terminal.note(f"Key {made.key.id} ({made.key.name}); it is shown this once:")
    terminal.out(made.token)


@app.command("list")
def list_keys(
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="So many at the most.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the keys, the newest first, with those that have ended.

    Example: `reel keys list`
    """
    from reelwright.app.auth.keys import key_json, listing
    from reelwright.app.principal import LOCAL
    from reelwright.cli.spans import shown
    from reelwright.cli.use import opened

    with opened() as used:
        found = listing(used, LOCAL, limit=limit)
    if as_json:
        terminal.emit({"keys": [key_json(row) for row in found]})
        return
    now = time.time()
    rows = [
        (
            row.id,
            row.name,
            row.owner,
            row.role,
            ",".join(row.scopes) or "all",
            _state(row, now),
            shown(row.expires_at),
            shown(row.last_used_at),
        )
        for row in found
    ]
    terminal.table(["key", "name", "owner", "role", "scopes", "state", "expires", "used"], rows)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its id, or the first of it.")],
    as_json: AsJson = False,
) -> None:
    """End a key and its sessions. Services that run take it for five seconds more.

    Example: `reel keys revoke 0k8v2b3c4d5e6f7g8`
    """
    from reelwright.app.auth.keys import identify, key_json
    from reelwright.app.auth.keys import revoke as revoke_key
    from reelwright.app.principal import LOCAL
    from reelwright.cli.use import opened

    with opened() as used:
        row = revoke_key(used, LOCAL, identify(used, key))
    if as_json:
        terminal.emit(key_json(row))
    else:
        terminal.out(f"key {row.id} ({row.name}): revoked")


def _state(row: KeyRow, now: float) -> str:
    if row.revoked_at is not None:
        return "revoked"
    return "expired" if row.expires_at is not None and row.expires_at <= now else "active"


def _absolute(places: list[str]) -> list[str]:
    """What is typed here is relative to the working folder; a URL stays what it is."""
    import os

    from reelwright.engine.folders import is_url

    return [place if is_url(place) else os.path.abspath(place) for place in places]  # noqa: PTH100


def _span(text: str | None) -> float | None:
    from reelwright.cli.spans import seconds

    return None if text is None else seconds(text, "--expires")


def _size(text: str | None) -> int | None:
    if text is None:
        return None
    from reelwright.errors import Code, ReelError
    from reelwright.graph.params.amounts import parse_byte_size

    try:
        return parse_byte_size(text)
    except ValueError as error:
        why = f": {error}" if str(error) else ""
        message = f"'{text}' is no size{why}"
        raise ReelError(Code.USAGE, message, where="--max-bytes", hint="write 50GiB") from error
