"""Asking a node to finish what it runs and to take nothing new."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from reelwright.app.wiring import App
    from reelwright.store.database import Tx
    from reelwright.store.nodes import NodeRow

_LOOK_S = 1.0


def drain(app: App, given: str, *, undo: bool = False) -> dict[str, Any]:
    """`given`: the node's name, address or id, or the beginning of its id or name.

    Raises NODE_UNKNOWN; TRANSITION_REFUSED for one that is lost.
    """
    from reelwright.app.cluster.status import node_json
    from reelwright.store import nodes

    def change(tx: Tx) -> dict[str, Any]:
        row = nodes.ask_drain(tx, found(tx, given).host, drain=not undo)
        return node_json(row, _used(tx, row))

    return app.store.transact(change)


def found(tx: Tx, given: str) -> NodeRow:
    """The one node that is meant. Raises NODE_UNKNOWN."""
    from reelwright.store import nodes

    rows = nodes.listing(tx)
    meant = nodes.by_prefix(rows, given) if given else []
    if len(meant) == 1:
        return meant[0]
    if meant:
        names = ", ".join(f"{row.name or row.address} ({row.id[:12]})" for row in meant[:5])
        raise ReelError(
            Code.NODE_UNKNOWN, f"'{given}' may be {names}", where=given, hint="give more of the id"
        )
    known = ", ".join(sorted({row.name or row.id[:12] for row in rows if row.state != "lost"}))
    hint = f"there are: {known}" if known else "no node has joined; `reel cluster status`"
    raise ReelError(Code.NODE_UNKNOWN, f"there is no node '{given}'", where=given, hint=hint)


def wait(
    app: App, node_id: str, timeout_s: float | None, told: Callable[[int], None]
) -> dict[str, Any]:
    """Until nothing runs on a draining node any more, or it is gone (its state is ``lost`` then);
    `told` hears how many steps still run, when that changes. Raises TIMEOUT after `timeout_s`,
    NODE_UNKNOWN."""
    from reelwright.app.cluster.status import node_json
    from reelwright.store import nodes

    until = None if timeout_s is None else time.monotonic() + timeout_s
    last: int | None = None
    with app.store.read() as tx:
        row = found(tx, node_id)
    host = row.host
    while True:
        with app.store.read() as tx:
            there = [one for one in nodes.listing(tx) if one.host == host]
            used = _used(tx, row)
        row = there[0] if there else replace(row, state="lost")
        if used[0] == 0 or row.state == "lost" or not row.drain:
            return node_json(row, used)
        if used[0] != last:
            last = used[0]
            told(last)
        if until is not None and time.monotonic() > until:
            raise ReelError(
                Code.TIMEOUT,
                f"{row.name or row.id} has not finished: {used[0]} of its steps run",
                where=node_id,
                hint="it goes on draining; wait again, or take it back with `--undo`",
            )
        time.sleep(_LOOK_S)


def _used(tx: Tx, row: NodeRow) -> tuple[int, float, int]:
    from reelwright.store import nodes

    return nodes.steps_by_host(tx, {row.host}).get(row.host, (0, 0.0, 0))
