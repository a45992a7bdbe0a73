"""What steps really cost on this machine: mean and spread by name, updated one value at a time."""

from __future__ import annotations

import math

import sqlalchemy as sa

from reelwright.store.database import Tx
from reelwright.store.tables import rates

# Old values fade: the mean follows a machine that became faster or slower.
MEMORY = 50


def learn(tx: Tx, name: str, value: float) -> None:
    """Welford's update (Knuth, TAOCP 2, 4.2.2), with the count held at `MEMORY`."""
    tx.dialect.serialise(tx.connection, "rates")
    row = tx.run(sa.select(rates.c.n, rates.c.mean, rates.c.m2).where(rates.c.name == name)).first()
    n, mean, m2 = (0, 0.0, 0.0) if row is None else row
    if n >= MEMORY:
        m2 *= (MEMORY - 1) / n
        n = MEMORY - 1
    n += 1
    delta = value - mean
    mean += delta / n
    m2 += delta * (value - mean)
    values = {"n": n, "mean": mean, "m2": m2, "updated_at": tx.now()}
    statement = tx.dialect.insert(rates).values(name=name, **values)
    tx.run(statement.on_conflict_do_update(index_elements=["name"], set_=values))


def learned(tx: Tx) -> dict[str, tuple[float, float]]:
    """Name -> (mean, standard deviation); the deviation of a single value is 0."""
    rows = tx.run(sa.select(rates.c.name, rates.c.n, rates.c.mean, rates.c.m2))
    return {
        name: (mean, math.sqrt(max(m2, 0.0) / (n - 1)) if n > 1 else 0.0)
        for name, n, mean, m2 in rows
    }
