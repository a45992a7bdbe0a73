"""`reel library check`, `gone` and `history`: what the origins say of what is held."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reelwright.cli import terminal
from reelwright.cli.options import AsJson

if TYPE_CHECKING:
    from reelwright.app.library.availability import Checked, Totals

_Place = Annotated[
    Path | None, typer.Option("--library", metavar="FOLDER", help="Which one. [REEL_LIBRARY]")
]
_WORDS = {
    "there": "it is there",
    "gone": "it is gone",
    "not_found": "not found; it counts as gone when the same is said an hour later or more",
    "restricted": "not for everybody",
    "unknown": "nobody knows: the question failed",
}


def register(app: typer.Typer) -> None:
    app.command()(check)
    app.command()(gone)
    app.command()(history)


def check(
    chosen: Annotated[
        list[str] | None,
        typer.Argument(metavar="ASSET", help="Ids or their first characters, URLs; default: all."),
    ] = None,
    older_than: Annotated[
        str, typer.Option(metavar="SPAN", help="What was not asked for so long.")
    ] = "7d",
    patience: Annotated[
        str | None,
        typer.Option(metavar="SPAN", help="Wait so long for a site's budget; default: for ever."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask the origins whether they still have it, within the sites' budgets.

    Every answer is kept. A question that fails changes nothing; what answers 404 once counts as
    gone when it does so again an hour later or more. A run that was stopped is gone on with by the
    same command.

    Examples: `reel library check`, `reel library check last`, `reel library check --older-than 1d`
    """
    from reelwright.app.library.availability import Asked, check
    from reelwright.app.library.looking import identify
    from reelwright.cli.spans import seconds
    from reelwright.cli.use import opened, run

    asked_s = seconds(older_than, "--older-than")
    patience_s = None if patience is None else seconds(patience, "--patience")
    with opened() as used:
        ids = [identify(used, one).id for one in chosen or []]
        asked = Asked(ids=ids or None, older_than_s=asked_s, patience_s=patience_s)
        shown = _Shown(as_json=as_json)
        totals = run(lambda: check(used, asked, shown.one))
    shown.end(totals)
    if totals.left:
        from reelwright.cli.exits import exit_code
        from reelwright.errors import Code

        raise typer.Exit(exit_code(Code.BUDGET_SPENT))


def gone(place: _Place = None, as_json: AsJson = False) -> None:
    """List what is gone at its origin: what we hold, and what nobody has.

    Example: `reel library gone --json`
    """
    from reelwright.app.library import availability_gone as reports
    from reelwright.cli.use import opened

    with opened(library=None if place is None else place.expanduser().absolute()) as used:
        held = list(reports.held(used))
        lost = list(reports.lost(used))
    if as_json:
        body = {"held": [one.to_json() for one in held], "lost": [one.to_json() for one in lost]}
        terminal.emit(body)
        return
    if held:
        terminal.out(terminal.bold("Gone at the origin, and we hold it"))
        rows = [(h.asset.id, _day(h.since), h.asset.title[:60], h.path or "-") for h in held]
        terminal.table(["asset", "asked", "title", "file"], rows)
    if lost:
        terminal.out(terminal.bold("Gone, and we have nothing"))
        rows = [
            (_day(one.lost.at), one.lost.code or "-", one.lost.title or "-", one.lost.url)
            for one in lost
        ]
        terminal.table(["seen", "code", "title", "url"], rows)
    unsure = sum(not one.is_certain for one in lost)
    more = f" ({unsure} by one 404 alone)" if unsure else ""
    terminal.note(f"{len(held)} held, {len(lost)} lost{more}")


def history(
    asset: Annotated[
        str, typer.Argument(metavar="ASSET", help="Its id or the first of it, its URL, or `last`.")
    ] = "last",
    as_json: AsJson = False,
) -> None:
    """Show what the origin of an asset has said so far, the newest first.

    Example: `reel library history last`
    """
    from reelwright.app.library import availability
    from reelwright.app.library.looking import identify
    from reelwright.cli.spans import shown
    from reelwright.cli.use import opened

    with opened() as used:
        row = identify(used, asset)
        checks = availability.history(used, row.id)
    if as_json:
        told = [availability.check_json(one) for one in checks]
        terminal.emit({"asset": row.id, "origin": row.origin_state, "checks": told})
        return
    rows = [
        (shown(one.at), one.outcome, one.code or "", str((one.evidence or {}).get("said", "")))
        for one in checks
    ]
    terminal.table(["at", "origin", "code", "said"], rows)


class _Shown:
    """News, and what could not be asked; as JSON a line for each."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def one(self, one: Checked) -> None:
        if self._as_json:
            terminal.emit({"event": "check", **one.to_json()})
            return
        title = terminal.printable(one.asset.title)
        why = f": {terminal.printable(one.problem.message)}" if one.problem is not None else ""
        if not one.was_asked:
            terminal.note(f"{one.asset.id} {title} was not asked{why}")
        elif one.is_news:
            terminal.out(f"{one.asset.id} {title}: {_WORDS[one.outcome.value]}{why}")

    def end(self, totals: Totals) -> None:
        if self._as_json:
            terminal.emit({"event": "done", **totals.by_outcome, "left": totals.left})
            return
        parts = [f"{number} {name}" for name, number in sorted(totals.by_outcome.items())]
        if totals.left:
            parts.append(f"{totals.left} not asked now")
        terminal.note(", ".join(parts) or "Nothing is to be asked now.")


def _day(at: float | None) -> str:
    from datetime import UTC, datetime

    return "-" if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
