"""What models cost: sums of calls, by job, asset, provider, model, day (UTC), prompt or kind."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from reelwright.store.database import Tx
from reelwright.store.model_calls import CallState
from reelwright.store.tables_understand import model_calls as calls
from reelwright.store.tables_understand import model_totals as totals

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


_IS_DONE = calls.c.state == CallState.DONE
_IS_OPEN = calls.c.state.in_((CallState.BEGUN, CallState.UNSURE, CallState.LOST))
_NAMES = ("owner", "job_id", "asset_id", "provider", "model", "prompt", "kind")


def _both() -> sa.Subquery:
    """Calls, and the sums of those whose records are gone."""

    def one(*where: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.case((sa.and_(*where), 1), else_=0)

    is_unknown, is_made = calls.c.cost_usd.is_(None), calls.c.is_cached.is_(False)
    there = sa.select(
        *(calls.c[name] for name in _NAMES),
        calls.c.at.label("at"),
        # PostgreSQL rounds to the second, SQLite cuts off: a day begins half a second apart.
        (sa.cast(calls.c.at, sa.BigInteger()) // int(_DAY_S)).label("day"),
        sa.literal(1).label("calls"),
        one(calls.c.is_cached.is_(True)).label("cached"),
        one(calls.c.state == CallState.FAILED).label("failed"),
        sa.case((is_made, calls.c.input_tokens), else_=0).label("input_tokens"),
        sa.case((is_made, calls.c.output_tokens), else_=0).label("output_tokens"),
        calls.c.cost_usd,
        one(_IS_DONE, is_unknown).label("unknown"),
        sa.case((sa.and_(_IS_OPEN, is_unknown), calls.c.reserved_usd), else_=0.0).label(
            "unsettled_usd"
        ),
    )
    gone = sa.select(
        *(sa.func.nullif(totals.c[name], "").label(name) for name in _NAMES),
        (totals.c.day * _DAY_S).label("at"),
        totals.c.day,
        *(totals.c[name] for name in ("calls", "cached", "failed")),
        *(totals.c[name] for name in ("input_tokens", "output_tokens")),
        *(totals.c[name] for name in ("cost_usd", "unknown", "unsettled_usd")),
    )
    return sa.union_all(there, gone).subquery("both")


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
    both = _both()
    group = sa.null() if by is None else _group(both, by)
    query = sa.select(group.label("group"), *_sums(both))
    for column, value in ((both.c.owner, owner), (both.c.job_id, job_id)):
        if value is not None:
            query = query.where(column == value)
    if since is not None:
        query = query.where(both.c.at >= since)
    if by is not None:
        query = query.group_by(group)
    found = [_cost(row._mapping, by) for row in tx.run(query)]
    if by is By.DAY:
        return sorted(found, key=lambda one: one.group or "")
    return sorted(found, key=lambda one: (-(one.cost_usd or 0.0), -one.calls, one.group or ""))


def _group(both: sa.Subquery, by: By) -> sa.ColumnElement[Any]:
    if by is By.MODEL:
        return both.c.provider + ":" + both.c.model
    column: sa.ColumnElement[Any] = both.c[_COLUMNS.get(by, by.value)]
    return column


_COLUMNS = {By.JOB: "job_id", By.ASSET: "asset_id"}


def _sums(both: sa.Subquery) -> list[sa.ColumnElement[Any]]:
    def total(name: str) -> sa.ColumnElement[Any]:
        return sa.func.coalesce(sa.func.sum(both.c[name]), 0).label(name)

    counted = ("calls", "cached", "failed", "input_tokens", "output_tokens", "unknown")
    return [
        *(total(name) for name in counted),
        sa.func.sum(both.c.cost_usd).label("cost_usd"),
        total("unsettled_usd"),
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
