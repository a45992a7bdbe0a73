"""What models cost: sums of calls, by job, asset, provider, model, day (UTC), prompt or kind."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from reelwright.store.database import Tx
from reelwright.store.model_calls import CallState
from reelwright.store.tables_understand import model_calls as calls

_DAY_S = 86400.0


class By(StrEnum):
    JOB = "job"
    ASSET = "asset"
    PROVIDER = "provider"
    MODEL = "model"
    DAY = "day"
    PROMPT = "prompt"
    KIND = "kind"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """`group` None: those that belong to none (no job, no prompt). `cost_usd` is the sum of what is
    known, None where no price is; `unknown`: calls that were paid and whose price is not known;
    `unsettled_usd`: what calls reserved of which nothing was heard."""

    group: str | None
    calls: int
    cached: int
    failed: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    unknown: int
    unsettled_usd: float


_GROUPS: dict[By, sa.ColumnElement[Any]] = {
    By.JOB: calls.c.job_id,
    By.ASSET: calls.c.asset_id,
    By.PROVIDER: calls.c.provider,
    By.MODEL: calls.c.provider + ":" + calls.c.model,
    By.PROMPT: calls.c.prompt,
    By.KIND: calls.c.kind,
    # PostgreSQL rounds to the second, SQLite cuts off: a day begins half a second apart.
    By.DAY: sa.cast(calls.c.at, sa.BigInteger()) // int(_DAY_S),
}
_IS_DONE = calls.c.state == CallState.DONE
_IS_OPEN = calls.c.state.in_((CallState.BEGUN, CallState.UNSURE, CallState.LOST))


def costs(
    tx: Tx,
    by: By | None = None,
    *,
    owner: str | None = None,
    job_id: str | None = None,
    since: float | None = None,
) -> list[Cost]:
    """The dearest first, days in their order; without `by` one for all. `owner` None: everybody's;
    `since` in seconds since 1970. A day is its date."""
    group = sa.null() if by is None else _GROUPS[by]
    query = sa.select(group.label("group"), *_sums())
    for column, value in ((calls.c.owner, owner), (calls.c.job_id, job_id)):
        if value is not None:
            query = query.where(column == value)
    if since is not None:
        query = query.where(calls.c.at >= since)
    if by is not None:
        query = query.group_by(group)
    found = [_cost(row._mapping, by) for row in tx.run(query)]
    if by is By.DAY:
        return sorted(found, key=lambda one: one.group or "")
    return sorted(found, key=lambda one: (-(one.cost_usd or 0.0), -one.calls, one.group or ""))


def _sums() -> list[sa.ColumnElement[Any]]:
    def count(*where: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.coalesce(sa.func.sum(sa.case((sa.and_(*where), 1), else_=0)), 0)

    def total(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        is_made = calls.c.is_cached.is_(False)
        return sa.func.coalesce(sa.func.sum(sa.case((is_made, column), else_=0)), 0)

    is_unknown = calls.c.cost_usd.is_(None)
    return [
        sa.func.count().label("calls"),
        count(calls.c.is_cached.is_(True)).label("cached"),
        count(calls.c.state == CallState.FAILED).label("failed"),
        total(calls.c.input_tokens).label("input_tokens"),
        total(calls.c.output_tokens).label("output_tokens"),
        sa.func.sum(calls.c.cost_usd).label("cost_usd"),
        count(_IS_DONE, is_unknown).label("unknown"),
        sa.func.coalesce(
            sa.func.sum(sa.case((sa.and_(_IS_OPEN, is_unknown), calls.c.reserved_usd), else_=0.0)),
            0.0,
        ).label("unsettled_usd"),
    ]


def _cost(row: sa.RowMapping, by: By | None) -> Cost:
    group = row["group"]
    if by is By.DAY and group is not None:
        from datetime import UTC, datetime

        group = datetime.fromtimestamp(int(group) * _DAY_S, UTC).date().isoformat()
    known = row["cost_usd"]
    return Cost(
        group=group,
        calls=int(row["calls"]),
        cached=int(row["cached"]),
        failed=int(row["failed"]),
        input_tokens=int(row["input_tokens"]),
        output_tokens=int(row["output_tokens"]),
        cost_usd=None if known is None and row["unknown"] else float(known or 0.0),
        unknown=int(row["unknown"]),
        unsettled_usd=float(row["unsettled_usd"]),
    )
