"""`reel archive --dry-run`: what would be fetched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from reelwright.cli import terminal
from reelwright.cli.exits import DONE, exit_code
from reelwright.cli.spans import shown
from reelwright.cli.use import run
from reelwright.errors import ReelError

if TYPE_CHECKING:
    from reelwright.app.archive.options import ArchiveOptions
    from reelwright.app.archive.preview import Planned
    from reelwright.app.wiring import App


def preview(used: App, urls: Sequence[str], options: ArchiveOptions, *, as_json: bool) -> int:
    """One line an entry, and how many of each; a list that cannot be read stops no other."""
    from reelwright.app.archive.asking import addresses

    counts: Counter[str] = Counter()
    code = DONE
    for url in addresses(urls):
        try:
            run(partial(_one, used, url, options, counts, as_json))
        except ReelError as error:
            counts["failed"] += 1
            code = code or exit_code(error.code)
            terminal.explain(error.problems)
    if as_json:
        names = ("fetched", "held", "skipped", "failed")
        terminal.emit({"event": "plan", **{name: counts[name] for name in names}})
    else:
        said = ", ".join(f"{n} {_WORDS[name]}" for name, n in counts.items())
        terminal.note(said or "there is nothing")
    return code


_WORDS = {
    "fetched": "would be fetched",
    "held": "held already",
    "skipped": "left out by the options",
    "failed": "could not be read",
}


async def _one(
    used: App, url: str, options: ArchiveOptions, counts: Counter[str], as_json: bool
) -> None:
    from reelwright.app.archive.preview import planned

    async for one in planned(used, url, options):
        counts[one.state] += 1
        if as_json:
            terminal.emit(one.to_json())
        elif one.state == "fetched":
            terminal.out(_line(one))


def _line(one: Planned) -> str:
    listed = one.listed
    day = "" if listed.published_at is None else shown(listed.published_at)[:10] + "  "
    length = "" if listed.duration_s is None else f"  ({terminal.span(listed.duration_s)})"
    return terminal.printable(f"{day}{listed.title or listed.url}{length}")
