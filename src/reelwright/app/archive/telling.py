"""What the archive does, as lines of its log (`app.log_lines`). Blocking; nothing here raises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reelwright.app.log_lines import note, notes
from reelwright.store.log_lines import NewLine

if TYPE_CHECKING:
    from reelwright.app.archive.taking import Taken
    from reelwright.app.wiring import App
    from reelwright.errors import Problem
    from reelwright.store.entries import Ended
    from reelwright.store.sources import Source

INTAKE, ENTRIES, LIBRARY = "archive.intake", "archive.entries", "archive.library"


def listed(app: App, source: Source, taken: Taken) -> None:
    """Of a list that is as it was nothing is said but to whoever looks closely."""
    listing = taken.listing
    if listing.is_unchanged:
        note(app, "debug", INTAKE, f"unchanged: {source.url}", owner=source.owner, source=source.id)
        return
    name = listing.title or source.title or source.url
    note(
        app,
        "info",
        INTAKE,
        f"{name}: {listing.count} entries, {taken.new} of them new",
        owner=source.owner,
        source=source.id,
        url=source.url,
        entries=listing.count,
        new=taken.new,
    )


def not_listed(app: App, source: Source, problem: Problem) -> None:
    note(
        app,
        "warning" if problem.code.retryable else "error",
        INTAKE,
        f"{source.url} could not be listed: {problem.message}",
        owner=source.owner,
        source=source.id,
        code=problem.code.text,
    )


def ended(app: App, found: Sequence[Ended]) -> None:
    """Entries whose job kept nothing; what is kept says so itself."""
    lines = []
    for one in found:
        if one.job_state != "failed":
            continue
        error = one.job_error or {}
        entry = one.entry
        about = {"url": entry.url, "title": entry.title, "code": error.get("code")}
        lines.append(
            NewLine(
                level="warning",
                component=ENTRIES,
                message=f"{entry.title or entry.url} failed: {error.get('message') or 'no cause'}",
                job_id=entry.job_id,
                fields={name: value for name, value in about.items() if value is not None},
            )
        )
    if lines:
        notes(app, lines)


def kept(app: App, asset_id: str, title: str, path: str, *, owner: str, job_id: str) -> None:
    """Its files stand where they belong; its rows are written in a moment."""
    note(
        app,
        "info",
        LIBRARY,
        f"{title} stands in the library",
        job_id=job_id,
        owner=owner,
        asset=asset_id,
        path=path,
    )
