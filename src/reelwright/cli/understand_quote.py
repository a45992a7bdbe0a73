"""`reel understand --quote`: what the models would cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelwright.cli import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reelwright.app.models.quote import Line
    from reelwright.app.understand.order import Wish
    from reelwright.app.understand.targets import Target
    from reelwright.app.wiring import App

_HEAD = ("for", "model", "calls", "expected", "at most")


def quote(used: App, found: Sequence[Target], wish: Wish, *, as_json: bool) -> int:
    """Raises what `quoting.quote` raises."""
    from reelwright.app.understand.quoting import quote as quoted
    from reelwright.cli.use import run

    made = run(lambda: quoted(used, found, wish))
    if as_json:
        terminal.emit({"videos": len(found), **made.to_json()})
        return 0
    rows = [_row(line) for line in made.lines if line.provider]
    total = ("all", "", "", _dollars(made.expected_usd), _dollars(made.most_usd))
    terminal.table(_HEAD, [*rows, total], right="calls expected most")
    if made.expected_usd is None:
        terminal.note("unknown: no price of that model is known; it is not free")
    terminal.note("a guess of what is usual for videos of that length; --budget USD sets a limit")
    return 0


def _row(line: Line) -> tuple[str, ...]:
    model = f"{line.provider}:{line.model}" if line.model else line.provider
    name = f"{model} (here)" if line.is_local else model
    return (line.kind, name, str(line.calls), _dollars(line.expected_usd), _dollars(line.most_usd))


def _dollars(amount: float | None) -> str:
    from reelwright.app.models.ledger import dollars

    if amount is None:
        return "unknown"
    return "free" if amount == 0 else dollars(amount)
