"""What sites may still be asked: a token bucket and a circuit breaker each, for all processes.

Each function is one short transaction on the database's clock, so that two processes which ask at
the same moment share one budget.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from enum import StrEnum

import sqlalchemy as sa

from reelwright.errors import Code
from reelwright.store.database import Tx
from reelwright.store.tables_library import hosts


class Breaker(StrEnum):
    CLOSED = "closed"  # all is well
    OPEN = "open"  # it rests
    HALF_OPEN = "half-open"  # one is trying


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """`burst` tokens at the most, one more every `every_s`."""

    every_s: float
    burst: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuse:
    """After `failures` in a row a host rests for `rest_s`, twice as long after each probe that
    fails, `most_s` at the most. A probe that is not heard of for `probe_s` counts as none."""

    failures: int = 5
    rest_s: float = 60.0
    most_s: float = 3600.0
    probe_s: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A row; `until` is when an open breaker lets one through, or a probe is given up."""

    host: str
    tokens: float
    filled_at: float
    state: str
    failures: int
    code: str | None
    until: float | None


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now, but in `seconds`. `code`: why the breaker is open; None: the budget is spent."""

    seconds: float
    code: str | None = None


_COLUMNS = [hosts.c[f.name] for f in fields(Host)]


def get(tx: Tx, host: str, budget: Budget | None = None) -> Host:
    """A new one has a full bucket and a closed breaker; it is not written."""
    row = tx.run(sa.select(*_COLUMNS).where(hosts.c.host == host)).one_or_none()
    if row is not None:
        return Host(**row._asdict())
    return Host(
        host=host,
        tokens=budget.burst if budget else 0.0,
        filled_at=tx.now(),
        state=Breaker.CLOSED,
        failures=0,
        code=None,
        until=None,
    )


def listing(tx: Tx) -> list[Host]:
    return [Host(**row._asdict()) for row in tx.run(sa.select(*_COLUMNS).order_by(hosts.c.host))]


def look(tx: Tx, host: str, budget: Budget | None) -> Wait | None:
    """What `take` would say, without taking."""
    return _wait(tx, get(tx, host, budget), budget)


def take(tx: Tx, host: str, budget: Budget | None, fuse: Fuse) -> Wait | None:
    """One request: None where it may be made, and then it is counted. After a rest the first that
    asks is the probe. `budget` None: only the breaker counts."""
    tx.dialect.serialise(tx.connection, f"host:{host}")
    row = get(tx, host, budget)
    wait = _wait(tx, row, budget)
    if wait is not None:
        return wait
    is_probe = row.state != Breaker.CLOSED
    _write(
        tx,
        host,
        tokens=_tokens(tx, row, budget) - 1 if budget else row.tokens,
        filled_at=tx.now(),
        state=Breaker.HALF_OPEN if is_probe else Breaker.CLOSED,
        failures=row.failures,
        code=row.code,
        until=tx.now() + fuse.probe_s if is_probe else None,
    )
    return None


def well(tx: Tx, host: str) -> None:
    """It answered: the breaker closes."""
    where = (hosts.c.host == host, hosts.c.failures > 0)
    values = {"state": Breaker.CLOSED, "failures": 0, "code": None, "until": None}
    tx.run(sa.update(hosts).where(*where).values(**values))


def unwell(tx: Tx, host: str, code: Code, fuse: Fuse, budget: Budget | None = None) -> Host:
    """It failed in a way that says something of the site: the breaker opens after enough of them.

    What began before it opened and fails after says nothing new.
    """
    tx.dialect.serialise(tx.connection, f"host:{host}")
    row = get(tx, host, budget)
    if row.state == Breaker.OPEN and (row.until or 0.0) > tx.now():
        return row
    failures = row.failures + 1
    opens = failures >= fuse.failures
    rest_s = min(fuse.rest_s * 2 ** min(failures - fuse.failures, 30), fuse.most_s) if opens else 0
    _write(
        tx,
        host,
        tokens=row.tokens,
        filled_at=row.filled_at,
        state=Breaker.OPEN if opens else Breaker.CLOSED,
        failures=failures,
        code=code.text,
        until=tx.now() + rest_s if opens else None,
    )
    return get(tx, host)


def forget(tx: Tx, names: Collection[str]) -> None:
    """Full buckets and closed breakers again."""
    tx.run(sa.delete(hosts).where(hosts.c.host.in_(names)))


def _wait(tx: Tx, row: Host, budget: Budget | None) -> Wait | None:
    if row.state != Breaker.CLOSED and (row.until or 0.0) > tx.now():
        return Wait((row.until or 0.0) - tx.now(), row.code)
    if budget is None:
        return None
    missing = 1.0 - _tokens(tx, row, budget)
    # The clock of two transactions may stand still for a moment; a token is there all the same.
    return Wait(missing * budget.every_s) if missing > 1e-9 else None


def _tokens(tx: Tx, row: Host, budget: Budget) -> float:
    """Those of now: what was left, and what came since. A clock that was set back adds none."""
    came = max(tx.now() - row.filled_at, 0.0) / budget.every_s
    return min(row.tokens + came, budget.burst)


def _write(tx: Tx, host: str, **values: object) -> None:
    statement = tx.dialect.insert(hosts).values(host=host, **values)
    tx.run(statement.on_conflict_do_update(index_elements=["host"], set_=values))
