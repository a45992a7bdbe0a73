"""Attempts that came to a good end: several at a time, in as few statements as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from reelwright.store.attempts import free, lost
from reelwright.store.database import Tx
from reelwright.store.states import AttemptState, StepState
from reelwright.store.tables import attempts, steps


@dataclass(frozen=True, slots=True)
class Success:
    """An attempt that gave what it was to give; `result` and `report` are JSON-ready. None: it is
    not known, or there was nothing to give."""

    step_id: str
    number: int
    result: Mapping[str, Any] | None = None
    report: Mapping[str, Any] | None = None
    cpu_seconds: float | None = None
    max_rss_bytes: int | None = None


def succeed_all(tx: Tx, ended: Sequence[Success]) -> None:
    """Ends attempts as `settle` does, each fenced by its number, in as many statements as for one.
    Raises LEASE_LOST where it is true of any of them."""
    now = tx.now()
    rows = [
        {
            "step": one.step_id,
            "n": one.number,
            "now": now,
            "made": None if one.result is None else dict(one.result),
            "said": None if one.report is None else dict(one.report),
            "cpu_s": one.cpu_seconds,
            "rss_bytes": one.max_rss_bytes,
        }
        for one in ended
    ]
    if tx.run(_SUCCEED_STEP, rows).rowcount != len(rows):
        one = ended[0]
        raise lost(one.step_id, one.number)
    free(tx, [one.step_id for one in ended])
    names = ("step", "n", "now", "cpu_s", "rss_bytes")
    tx.run(_SUCCEED_ATTEMPT, [{name: row[name] for name in names} for row in rows])


_HELD = (
    steps.c.id == sa.bindparam("step"),
    steps.c.attempt == sa.bindparam("n"),
    steps.c.state == StepState.RUNNING,
)
_SUCCEED_STEP = (
    sa.update(steps)
    .where(*_HELD)
    .values(
        state=StepState.SUCCEEDED,
        lease_owner=None,
        lease_until=None,
        finished_at=sa.bindparam("now"),
        result=sa.bindparam("made"),
        report=sa.bindparam("said"),
        cpu_seconds=sa.bindparam("cpu_s"),
        max_rss_bytes=sa.bindparam("rss_bytes"),
        fraction=1.0,
    )
)
_SUCCEED_ATTEMPT = (
    sa.update(attempts)
    .where(attempts.c.step_id == sa.bindparam("step"), attempts.c.number == sa.bindparam("n"))
    .values(
        state=AttemptState.SUCCEEDED,
        finished_at=sa.bindparam("now"),
        cpu_seconds=sa.bindparam("cpu_s"),
        max_rss_bytes=sa.bindparam("rss_bytes"),
    )
)
