"""Records of calls go after a while; what they came to stays, summed up."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from reelwright.store.database import Tx
from reelwright.store.model_calls import CallState
from reelwright.store.tables_understand import model_calls as calls
from reelwright.store.tables_understand import model_totals as totals
from reelwright.store.tables_understand import prompt_ratings

_DAY_S = 86400.0
_NONE = ("owner", "job_id", "asset_id", "prompt")
_KEY = ("day", "owner", "job_id", "asset_id", "provider", "model", "prompt", "kind")
_ADDED = (
    *("calls", "cached", "failed", "unknown", "input_tokens", "output_tokens"),
    *("unsettled_usd", "spent_usd"),
)
_READ = [
    calls.c[name]
    for name in (
        *("id", "owner", "job_id", "asset_id", "provider", "model", "prompt", "kind", "state"),
        *("is_cached", "is_local", "input_tokens", "output_tokens", "cost_usd", "reserved_usd"),
        "at",
    )
]
_OPEN = frozenset({CallState.BEGUN, CallState.UNSURE, CallState.LOST})
# What is over gives back what it reserved.
_FREE = frozenset({CallState.BEGUN, CallState.LOST})


def prune(tx: Tx, keep_s: float, most: int = 1000) -> int:
    """Sums up the oldest records of calls that are older than `keep_s` seconds, and removes them;
    gives how many, at most `most`. Those that somebody has rated stay: they are what versions of a
    prompt are compared by."""
    is_rated = sa.exists().where(prompt_ratings.c.call_id == calls.c.id)
    query = sa.select(*_READ).where(calls.c.at < tx.now() - keep_s, ~is_rated)
    rows = list(tx.run(query.order_by(calls.c.at).limit(most)).mappings())
    sums: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        key = _key(row)
        known = sums.setdefault(tuple(key.values()), {**key, **dict.fromkeys(_ADDED, 0)})
        for name, value in _amounts(row).items():
            known[name] += value
        known["cost_usd"] = _plus(known.get("cost_usd"), row["cost_usd"])
    for one in sums.values():
        _add(tx, one)
    ids = [row["id"] for row in rows]
    if ids:
        tx.run(sa.delete(calls).where(calls.c.id.in_(ids)))
    return len(ids)


def _add(tx: Tx, one: dict[str, Any]) -> None:
    statement = tx.dialect.insert(totals).values(**one)
    new = statement.excluded
    changed: dict[str, Any] = {name: totals.c[name] + new[name] for name in _ADDED}
    # Of two that are unknown the sum is, too.
    changed["cost_usd"] = sa.func.coalesce(
        totals.c.cost_usd + new.cost_usd, totals.c.cost_usd, new.cost_usd
    )
    tx.run(statement.on_conflict_do_update(index_elements=list(_KEY), set_=changed))


def _key(row: sa.RowMapping) -> dict[str, Any]:
    found = {name: row[name] for name in _KEY if name != "day"}
    found |= {name: found[name] or "" for name in _NONE}
    return {"day": int(row["at"] // _DAY_S), **found}


def _amounts(row: sa.RowMapping) -> dict[str, float]:
    state, cost = row["state"], row["cost_usd"]
    is_known = cost is not None
    is_made = not row["is_cached"]
    reserved = 0.0 if state in _FREE else row["reserved_usd"]
    return {
        "calls": 1,
        "cached": int(row["is_cached"]),
        "failed": int(state == CallState.FAILED),
        "unknown": int(state == CallState.DONE and not is_known),
        "input_tokens": (row["input_tokens"] or 0) if is_made else 0,
        "output_tokens": (row["output_tokens"] or 0) if is_made else 0,
        "unsettled_usd": row["reserved_usd"] if state in _OPEN and not is_known else 0.0,
        "spent_usd": 0.0 if row["is_local"] else cost if is_known else reserved,
    }


def _plus(one: float | None, other: float | None) -> float | None:
    return one if other is None else other + (one or 0.0)
