"""Every call of a hosted model: what it was asked, what it said, took and cost; and the budgets.

What counts as spent is the cost where it is known, else what the call reserved: a call of which
nothing was heard because its connection broke off may be on the bill. A call whose process is gone
gives back what it reserved when the attempt that made it is over; what it may have cost is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from reelwright.store.database import Tx
from reelwright.store.ids import new_id
from reelwright.store.states import StepState
from reelwright.store.tables import steps
from reelwright.store.tables_understand import model_calls as calls
from reelwright.store.tables_understand import model_totals

_DAY_S = 86400.0


class CallState(StrEnum):
    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"
    UNSURE = "unsure"  # nobody knows whether the provider counts it
    LOST = "lost"  # its process ended, and its attempt is over


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCall:
    """`reserved_usd`: the most that it may cost. `attempt`: of the step that makes it."""

    owner: str | None
    job_id: str | None
    step_id: str | None
    asset_id: str | None
    key: str
    kind: str
    provider: str
    model: str
    prompt: str | None
    request: str
    is_local: bool
    inputs: Mapping[str, Any] | None
    reserved_usd: float = 0.0
    attempt: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """US dollars; None: no limit. `day`: from midnight UTC. A call that was begun less than
    `pending_s` ago may still end."""

    job: float | None = None
    day: float | None = None
    library: float | None = None
    pending_s: float = 0.0

    def any(self) -> bool:
        return not (self.job is None and self.day is None and self.library is None)


@dataclass(frozen=True, slots=True)
class Refused:
    """The budget (``job``, ``day``, ``library``) that a call would exceed, and what is left of it,
    in US dollars. `is_pending`: only what calls that are on their way reserved stands in its way,
    and they may cost less."""

    budget: str
    limit_usd: float
    spent_usd: float
    wanted_usd: float
    is_pending: bool = False

    @property
    def left_usd(self) -> float:
        return max(self.limit_usd - self.spent_usd, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRow:
    """As the table has it. `cost_usd` None: no price is known, or it is not settled."""

    id: str
    owner: str | None
    job_id: str | None
    step_id: str | None
    asset_id: str | None
    key: str
    kind: str
    provider: str
    model: str
    prompt: str | None
    request: str
    state: str
    is_cached: bool
    is_local: bool
    input_tokens: int | None
    output_tokens: int | None
    usage: Mapping[str, Any] | None
    inputs: Mapping[str, Any] | None
    response: Any
    error: Mapping[str, Any] | None
    reserved_usd: float
    cost_usd: float | None
    latency_s: float | None
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a call ended. `served`: the model that answered, in the provider's words."""

    state: CallState
    input_tokens: int | None = None
    output_tokens: int | None = None
    usage: Mapping[str, Any] | None = None
    response: Any = None
    error: Mapping[str, Any] | None = None
    cost_usd: float | None = None
    latency_s: float | None = None
    served: str | None = None


_COLUMNS = [calls.c[f.name] for f in fields(CallRow)]
_SPENT = sa.func.coalesce(
    calls.c.cost_usd, sa.case((calls.c.state == CallState.LOST, 0.0), else_=calls.c.reserved_usd)
)


def begin(tx: Tx, call: NewCall, limits: Limits) -> str | Refused:
    """Reserves and records it, or says which budget it would exceed. Whoever asks at the same
    moment waits: two calls never take the same rest."""
    if call.job_id is not None:
        _give_up(tx, call)
    if limits.any() and call.reserved_usd > 0:
        tx.dialect.serialise(tx.connection, "model-budget")
        release(tx, limits.pending_s)
        refused = _refused(tx, call, limits)
        if refused is not None:
            return refused
    call_id = new_id()
    values = {f.name: getattr(call, f.name) for f in fields(NewCall)}
    tx.run(
        sa.insert(calls).values(
            id=call_id, state=CallState.BEGUN, is_cached=False, at=tx.now(), **values
        )
    )
    return call_id


def release(tx: Tx, pending_s: float) -> int:
    """Calls that were begun by an attempt that is over give back what they reserved; how many. It
    is over when its step does not run, or runs as another attempt: what it still makes is refused
    by the same number. Without a step a call is over `pending_s` after it was begun."""
    step = sa.select(sa.literal(1)).where(steps.c.id == calls.c.step_id)
    runs = sa.and_(
        steps.c.state == StepState.RUNNING,
        sa.or_(calls.c.attempt.is_(None), steps.c.attempt == calls.c.attempt),
    )
    is_old = calls.c.at < tx.now() - pending_s
    is_over = sa.or_(step.where(~runs).exists(), sa.and_(~step.exists(), is_old))
    where = (calls.c.state == CallState.BEGUN, is_over)
    return tx.run(sa.update(calls).where(*where).values(state=CallState.LOST)).rowcount


def drop(tx: Tx, call_id: str) -> None:
    tx.run(sa.delete(calls).where(calls.c.id == call_id))


def end(tx: Tx, call_id: str, outcome: Outcome, *, is_paid: bool = True) -> None:
    """`is_paid` False: if it failed, it surely cost nothing, and gives back what it reserved."""
    values: dict[str, Any] = {
        f.name: getattr(outcome, f.name) for f in fields(Outcome) if f.name != "served"
    }
    if outcome.served:
        values["model"] = outcome.served
    if outcome.state is CallState.FAILED and not is_paid:
        values["reserved_usd"] = 0.0
        values["cost_usd"] = 0.0
    tx.run(sa.update(calls).where(calls.c.id == call_id).values(**values))


def cached(tx: Tx, call: NewCall, outcome: Outcome) -> str:
    """An answer that was remembered: it cost nothing."""
    call_id = new_id()
    values = {f.name: getattr(call, f.name) for f in fields(NewCall)}
    tx.run(
        sa.insert(calls).values(
            id=call_id,
            state=CallState.DONE,
            is_cached=True,
            at=tx.now(),
            cost_usd=0.0,
            latency_s=0.0,
            usage=outcome.usage,
            response=outcome.response,
            **{**values, "reserved_usd": 0.0, "model": outcome.served or call.model},
        )
    )
    return call_id


def get(tx: Tx, call_id: str) -> CallRow | None:
    row = tx.run(sa.select(*_COLUMNS).where(calls.c.id == call_id)).one_or_none()
    return None if row is None else CallRow(**row._asdict())


def find(tx: Tx, beginning: str) -> list[CallRow]:
    """Those whose id begins so, two at the most."""
    where = calls.c.id.startswith(beginning, autoescape=True)
    return [CallRow(**row._asdict()) for row in tx.run(sa.select(*_COLUMNS).where(where).limit(2))]


def of_prompt(
    tx: Tx, prompt: str, *, owner: str | None = None, before: float | None = None, limit: int = 50
) -> list[CallRow]:
    """The newest first. `prompt` is ``describe`` or ``describe@2``; `owner` None: everybody's."""
    is_version = "@" in prompt
    named = (
        calls.c.prompt == prompt
        if is_version
        else calls.c.prompt.startswith(f"{prompt}@", autoescape=True)
    )
    query = sa.select(*_COLUMNS).where(named).order_by(calls.c.at.desc(), calls.c.id.desc())
    if owner is not None:
        query = query.where(calls.c.owner == owner)
    if before is not None:
        query = query.where(calls.c.at < before)
    return [CallRow(**row._asdict()) for row in tx.run(query.limit(limit))]


def spent(tx: Tx, *, job_id: str | None = None) -> Mapping[str, float]:
    """US dollars that count as spent: ``day`` (UTC), ``library``, and of the job."""
    today = _sum(tx, calls.c.at >= _midnight(tx.now()))
    found = {"day": today, "library": _sum(tx) + _gone(tx)}
    if job_id is not None:
        found["job"] = _sum(tx, calls.c.job_id == job_id) + _gone(tx, job_id)
    return found


def _give_up(tx: Tx, call: NewCall) -> None:
    """A try of the same that was begun and never ended: its process is gone."""
    same = ("job_id", "step_id", "key", "kind", "request")
    tx.run(
        sa.update(calls)
        .where(
            calls.c.state == CallState.BEGUN,
            *(calls.c[name] == getattr(call, name) for name in same),
        )
        .values(state=CallState.LOST)
    )


def _refused(tx: Tx, call: NewCall, limits: Limits) -> Refused | None:
    checks: Sequence[tuple[str, float | None, sa.ColumnElement[bool] | None]] = (
        ("job", limits.job if call.job_id else None, calls.c.job_id == call.job_id),
        ("day", limits.day, calls.c.at >= _midnight(tx.now())),
        ("library", limits.library, None),
    )
    for name, limit, where in checks:
        if limit is None:
            continue
        wheres = [] if where is None else [where]
        used = _sum(tx, *wheres)
        if name != "day":
            used += _gone(tx, call.job_id if name == "job" else None)
        # A sum of floats is off by a few billionths of a dollar.
        if used + call.reserved_usd > limit + 1e-9:
            pending = _sum(
                tx,
                *wheres,
                calls.c.state == CallState.BEGUN,
                calls.c.at > tx.now() - limits.pending_s,
            )
            is_pending = used - pending + call.reserved_usd <= limit + 1e-9
            return Refused(name, limit, used, call.reserved_usd, is_pending)
    return None


def _gone(tx: Tx, job_id: str | None = None) -> float:
    """What calls cost whose records are gone."""
    query = sa.select(sa.func.sum(model_totals.c.spent_usd))
    if job_id is not None:
        query = query.where(model_totals.c.job_id == job_id)
    return float(tx.run(query).scalar_one() or 0.0)


def _sum(tx: Tx, *where: sa.ColumnElement[bool]) -> float:
    query = sa.select(sa.func.sum(_SPENT)).where(calls.c.is_local.is_(False), *where)
    return float(tx.run(query).scalar_one() or 0.0)


def _midnight(now: float) -> float:
    return now // _DAY_S * _DAY_S
