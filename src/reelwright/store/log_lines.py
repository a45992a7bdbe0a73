"""Log lines in the database: what clients handed in, and what the archive did.

Lines are numbered in the order in which they are committed (`add` takes turns), so whoever follows
them by their number misses none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import sqlalchemy as sa

from reelwright.store.database import Tx
from reelwright.store.tables_library import log_lines

# The most that is removed by one statement: others want to write, too.
_BATCH = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLine:
    """`at` in seconds since 1970; None: now. `owner` None: the service's own line."""

    level: str
    component: str
    message: str
    at: float | None = None
    owner: str | None = None
    job_id: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    seq: int
    at: float
    owner: str | None
    level: str
    component: str
    job_id: str | None
    message: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which lines: all that is said must fit. `levels`: one of these. `component` that ends in a
    dot is a prefix. `since` and `until` bound `at`, half open. `text`: the message has it, in any
    case. `owner`: theirs alone; None: everybody's."""

    levels: Sequence[str] | None = None
    component: str | None = None
    job_id: str | None = None
    since: float | None = None
    until: float | None = None
    text: str | None = None
    owner: str | None = None


_COLUMNS = [log_lines.c[f.name] for f in fields(Line)]


def add(tx: Tx, lines: Sequence[NewLine]) -> list[int]:
    """Their numbers. In a transaction of its own: until its end nobody else adds lines."""
    if not lines:
        return []
    tx.dialect.serialise(tx.connection, "log_lines")
    now = tx.now()
    values = [
        {
            "at": now if line.at is None else line.at,
            "owner": line.owner,
            "level": line.level,
            "component": line.component,
            "job_id": line.job_id,
            "message": line.message,
            "fields": dict(line.fields),
        }
        for line in lines
    ]
    query = sa.insert(log_lines).returning(log_lines.c.seq, sort_by_parameter_order=True)
    return [int(seq) for seq in tx.connection.execute(query, values).scalars()]


def page(
    tx: Tx,
    chosen: Chosen,
    *,
    limit: int,
    after: int | None = None,
    before: int | None = None,
) -> list[Line]:
    """Those after the number `after`, the oldest first; else those before `before`, or of all, the
    newest first."""
    query = sa.select(*_COLUMNS).where(*_where(chosen))
    if after is not None:
        query = query.where(log_lines.c.seq > after).order_by(log_lines.c.seq)
    else:
        if before is not None:
            query = query.where(log_lines.c.seq < before)
        query = query.order_by(log_lines.c.seq.desc())
    return [Line(**row._asdict()) for row in tx.run(query.limit(limit))]


def last(tx: Tx) -> int:
    """The greatest number; 0: there is none."""
    return int(tx.run(sa.select(sa.func.max(log_lines.c.seq))).scalar_one() or 0)


def trim(tx: Tx, *, keep_s: float, keep_lines: int) -> int:
    """Removes lines that are older than `keep_s`, and all but the newest `keep_lines`, some
    thousands at the most; gives their number. Call it until it gives 0."""
    old = log_lines.c.at < tx.now() - keep_s
    beyond = log_lines.c.seq <= last(tx) - keep_lines
    going = sa.select(log_lines.c.seq).where(sa.or_(old, beyond)).limit(_BATCH)
    return int(tx.run(sa.delete(log_lines).where(log_lines.c.seq.in_(going))).rowcount)


def _where(chosen: Chosen) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if chosen.levels is not None:
        found.append(log_lines.c.level.in_(list(chosen.levels)))
    if chosen.component is not None and chosen.component.endswith("."):
        begins = log_lines.c.component.startswith(chosen.component, autoescape=True)
        found.append(sa.or_(begins, log_lines.c.component == chosen.component[:-1]))
    elif chosen.component is not None:
        found.append(log_lines.c.component == chosen.component)
    for name in ("job_id", "owner"):
        value = getattr(chosen, name)
        if value is not None:
            found.append(log_lines.c[name] == value)
    if chosen.since is not None:
        found.append(log_lines.c.at >= chosen.since)
    if chosen.until is not None:
        found.append(log_lines.c.at < chosen.until)
    if chosen.text is not None:
        found.append(log_lines.c.message.icontains(chosen.text, autoescape=True))
    return found
