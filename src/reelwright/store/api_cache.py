"""Answers of an API, each for a time; after it their ETag still saves bytes.

Bounded: the answers that expired first go first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from reelwright.store.database import Tx
from reelwright.store.tables_library import api_cache

# Some 3 KB each: a video's description is the largest part.
MOST_ROWS = 50_000
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Cached:
    """`is_fresh`: it counts without being asked again."""

    body: Mapping[str, Any]
    etag: str | None
    fetched_at: float
    is_fresh: bool


@dataclass(frozen=True, slots=True)
class Fresh:
    """What is stored; `body` is JSON-ready."""

    body: Mapping[str, Any]
    etag: str | None = None


def key_of(name: str) -> str:
    """`name`: what was asked, without the API's key."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def get(tx: Tx, name: str) -> Cached | None:
    return get_many(tx, [name]).get(name)


def get_many(tx: Tx, names: Collection[str]) -> dict[str, Cached]:
    """Those that there are, fresh or not."""
    by_key = {key_of(name): name for name in names}
    keys, now = list(by_key), tx.now()
    columns = [api_cache.c[n] for n in ("key", "etag", "body", "fetched_at", "expires_at")]
    found: dict[str, Cached] = {}
    for start in range(0, len(keys), _BATCH):
        query = sa.select(*columns).where(api_cache.c.key.in_(keys[start : start + _BATCH]))
        for row in tx.run(query):
            is_fresh = row.fetched_at <= now < row.expires_at
            found[by_key[row.key]] = Cached(row.body, row.etag, row.fetched_at, is_fresh)
    return found


def put(tx: Tx, rows: Mapping[str, Fresh], lifetime_s: float) -> None:
    """By what was asked; replaces what there is."""
    now = tx.now()
    # In one order, so that two writers do not wait for each other.
    for name, row in sorted(rows.items(), key=lambda one: key_of(one[0])):
        values = {
            "etag": row.etag,
            "body": dict(row.body),
            "fetched_at": now,
            "expires_at": now + lifetime_s,
        }
        statement = tx.dialect.insert(api_cache).values(key=key_of(name), **values)
        tx.run(statement.on_conflict_do_update(index_elements=["key"], set_=values))


def renew(tx: Tx, names: Collection[str], lifetime_s: float) -> None:
    """The API said that they are as they were."""
    now = tx.now()
    keys = sorted(key_of(name) for name in names)
    for start in range(0, len(keys), _BATCH):
        where = api_cache.c.key.in_(keys[start : start + _BATCH])
        values = {"fetched_at": now, "expires_at": now + lifetime_s}
        tx.run(sa.update(api_cache).where(where).values(**values))


def drop(tx: Tx, names: Collection[str]) -> None:
    tx.run(sa.delete(api_cache).where(api_cache.c.key.in_([key_of(name) for name in names])))


def trim(tx: Tx, most: int = MOST_ROWS) -> int:
    """Down to `most` rows; how many went."""
    over = int(tx.run(sa.select(sa.func.count()).select_from(api_cache)).scalar_one()) - most
    if over <= 0:
        return 0
    oldest = sa.select(api_cache.c.key).order_by(api_cache.c.expires_at).limit(over)
    tx.run(sa.delete(api_cache).where(api_cache.c.key.in_(oldest)))
    return over
