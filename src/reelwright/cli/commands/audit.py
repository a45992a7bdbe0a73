"""`reel audit`: who changed what."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from reelwright.cli import terminal
from reelwright.cli.options import AsJson

if TYPE_CHECKING:
    from reelwright.store.audit import Entry

app = typer.Typer(add_completion=False)


@app.command()
def audit(
    since: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="From then on: 2d (so long ago), 2026-11-01."),
    ] = None,
    actor: Annotated[
        str | None, typer.Option(help="Only theirs: local, key:ID, user:NAME.")
    ] = None,
    action: Annotated[
        str | None, typer.Option(help="Only these: job.submit; job. for all of jobs.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=100_000, help="So many of the newest, without --json.")
    ] = 50,
    as_json: AsJson = False,
) -> None:
    """Print the audit log: the newest first, or with `--json` all of it in its order.

    Examples: `reel audit --since 7d`, `reel audit --json > audit.jsonl`
    """
    from reelwright.app.audit import Wanted, export, page, to_json
    from reelwright.app.principal import LOCAL
    from reelwright.cli.spans import moment
    from reelwright.cli.use import opened

    begin = None if since is None else moment(since, "--since", time.time())
    wanted = Wanted(since=begin, actor=actor, action=action)
    with opened() as used:
        if as_json:
            for part in export(used, LOCAL, wanted):
                for entry in part:
                    terminal.emit(to_json(entry))
            return
        found = page(used, LOCAL, wanted, limit=limit)
    terminal.table(["when", "who", "action", "what", "from", "detail"], map(_row, found))


def _row(entry: Entry) -> tuple[object, ...]:
    from reelwright.cli.spans import shown

    return (
        shown(entry.at),
        entry.actor,
        entry.action,
        entry.target or "",
        entry.address or "",
        " ".join(_detail(name, value) for name, value in entry.detail.items()),
    )


def _detail(name: str, value: object) -> str:
    """``scopes=read,jobs``, ``folders=read:/srv/in``, ``expires=2026-11-21 15:00``."""
    from reelwright.cli.spans import shown

    if name.endswith("_at"):
        return f"{name.removesuffix('_at')}={shown(value) if isinstance(value, float) else 'never'}"
    if isinstance(value, dict):
        pairs = [f"{kind}:{place}" for kind, places in value.items() for place in places]
        return f"{name}={','.join(pairs) or 'none'}"
    if isinstance(value, list):
        return f"{name}={','.join(map(str, value)) or 'all'}"
    return f"{name}={value}"
