"""Queries over embedding spaces: which there are, which of them is searched."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from reelwright.store.database import Tx
from reelwright.store.ids import new_id
from reelwright.store.tables_understand import spaces


class Purpose(StrEnum):
    TEXT = "text"
    FRAMES = "frames"


class SpaceState(StrEnum):
    """`LIVE` is searched; `BUILDING` takes its place when it is whole; `OLD` is to be removed."""

    BUILDING = "building"
    LIVE = "live"
    OLD = "old"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What was made by one of these is comparable with itself alone. `model` is
    ``provider/model``."""

    model: str
    dimension: int
    revision: str = ""
    dtype: str = ""
    preprocessing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    id: str
    purpose: Purpose
    identity: Identity
    state: SpaceState


_IDENTITY = ("model", "revision", "dtype", "preprocessing", "dimension")


def live(tx: Tx, purpose: Purpose) -> Space | None:
    """The one that is searched."""
    where = (spaces.c.purpose == purpose, spaces.c.state == SpaceState.LIVE)
    row = tx.run(sa.select(spaces).where(*where)).one_or_none()
    return None if row is None else _space(row)


def every(tx: Tx) -> list[Space]:
    """The oldest first."""
    return [_space(row) for row in tx.run(sa.select(spaces).order_by(spaces.c.id))]


def ensure(tx: Tx, purpose: Purpose, identity: Identity) -> Space:
    """The space of this identity, made where there is none. The first of its purpose is live at
    once; another one is built beside it, until `swap`. One that was put out of use is built again.
    """
    tx.dialect.serialise(tx.connection, "spaces")
    known = {name: getattr(identity, name) for name in _IDENTITY}
    where = [spaces.c.purpose == purpose, *(spaces.c[n] == value for n, value in known.items())]
    row = tx.run(sa.select(spaces).where(*where)).one_or_none()
    if row is not None and row.state != SpaceState.OLD:
        return _space(row)
    is_first = live(tx, purpose) is None
    state = SpaceState.LIVE if is_first else SpaceState.BUILDING
    values = {"state": state, "live_at": tx.now() if is_first else None}
    if row is not None:
        tx.run(sa.update(spaces).where(spaces.c.id == row.id).values(**values))
        return Space(id=row.id, purpose=purpose, identity=identity, state=state)
    made = new_id()
    fixed = {"id": made, "purpose": purpose, "created_at": tx.now(), **known}
    tx.run(sa.insert(spaces).values(**fixed, **values))
    return Space(id=made, purpose=purpose, identity=identity, state=state)


def swap(tx: Tx, space: Space) -> None:
    """It is searched from this commit on; the one before it is put out of use (`OLD`)."""
    tx.dialect.serialise(tx.connection, "spaces")
    before = (spaces.c.purpose == space.purpose, spaces.c.state == SpaceState.LIVE)
    tx.run(sa.update(spaces).where(*before, spaces.c.id != space.id).values(state=SpaceState.OLD))
    values = {"state": SpaceState.LIVE, "live_at": tx.now()}
    tx.run(sa.update(spaces).where(spaces.c.id == space.id).values(**values))


def _space(row: sa.Row[*tuple[object, ...]]) -> Space:
    known = row._mapping
    return Space(
        id=known["id"],
        purpose=Purpose(known["purpose"]),
        identity=Identity(**{name: known[name] for name in _IDENTITY}),
        state=SpaceState(known["state"]),
    )
