"""What people thought of a model's answers: 1 (useless) to 5 (as it should be), with a note."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from reelwright.store.database import Tx
from reelwright.store.tables_understand import model_calls, prompt_ratings


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    call_id: str
    rated_by: str
    rating: int
    note: str | None
    at: float


@dataclass(frozen=True, slots=True)
class Mean:
    """Of the ratings of one version's answers."""

    count: int
    rating: float


def rate(tx: Tx, call_id: str, *, rated_by: str, rating: int, note: str | None) -> None:
    """In place of what the same person said before."""
    values = {"rating": rating, "note": note, "at": tx.now()}
    statement = tx.dialect.insert(prompt_ratings).values(
        call_id=call_id, rated_by=rated_by, **values
    )
    tx.run(statement.on_conflict_do_update(index_elements=["call_id", "rated_by"], set_=values))


def of_calls(tx: Tx, call_ids: list[str]) -> dict[str, list[Rating]]:
    """By call; those without are left out."""
    found: dict[str, list[Rating]] = {}
    query = sa.select(prompt_ratings).where(prompt_ratings.c.call_id.in_(call_ids))
    for row in tx.run(query.order_by(prompt_ratings.c.at)):
        rating = Rating(**row._asdict())
        found.setdefault(rating.call_id, []).append(rating)
    return found


def means(tx: Tx) -> Mapping[str, Mean]:
    """By prompt and version (``describe@2``)."""
    query = (
        sa.select(
            model_calls.c.prompt,
            sa.func.count().label("number"),
            sa.func.avg(sa.cast(prompt_ratings.c.rating, sa.Float)).label("rating"),
        )
        .join(model_calls, model_calls.c.id == prompt_ratings.c.call_id)
        .where(model_calls.c.prompt.is_not(None))
        .group_by(model_calls.c.prompt)
    )
    return {row.prompt: Mean(int(row.number), float(row.rating)) for row in tx.run(query)}
