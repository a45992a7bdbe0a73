"""Meanings of passages: vectors for what has none yet, batch by batch.

A passage is found by its words as soon as it is in; its meaning follows. What was embedded is kept
batch by batch, so whoever stops this loses one batch, and goes on where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reelwright.errors import Code, ReelError
from reelwright.store import spaces, vectors
from reelwright.store.spaces import Identity, Purpose, Space
from reelwright.tools.models.kinds import ModelIdentity, ModelKind, TextsAsk

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx
    from reelwright.store.vectors import Missing
    from reelwright.tools.models.kinds import Models, Served
    from reelwright.tools.models.kinds import Vectors as Rows

_BATCH = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """How far it is: `done` of `whole` passages, by the model `model`."""

    done: int
    whole: int
    model: str


def identity_of(model: ModelIdentity, dimension: int) -> Identity:
    """As spaces have it."""
    return Identity(
        model=f"{model.provider}/{model.model}",
        dimension=model.dimension or dimension,
        revision=model.revision,
        dtype=model.dtype,
        preprocessing=model.preprocessing,
    )


async def embed_missing(
    app: App, models: Models, *, below: Sequence[str] = ()
) -> AsyncIterator[Embedded]:
    """All passages with a text that have no vector of the model that is configured; `below`: those
    of documents of these files and folders. Where another model made those that are searched, its
    successor's are built beside them and take their place when all are there.

    Raises MODEL_UNAVAILABLE where no model of meaning is there, and what asking one raises.
    """
    if not models.has(ModelKind.TEXT_EMBEDDING):
        raise ReelError(
            Code.MODEL_UNAVAILABLE,
            "no model of meaning is configured",
            where="models.text_embedding",
        )
    space = await _space(app, models)
    whole = await asyncio.to_thread(_count, app, space, below)
    done = 0
    after = 0
    while missing := await asyncio.to_thread(_missing, app, space, after, below):
        texts = tuple(one.text for one in missing)
        served = await models.embed_texts(
            TextsAsk(texts=texts), key=f"index/{missing[0].passage_id}"
        )
        _check(space, served)
        await asyncio.to_thread(_keep, app, space, missing, served)
        after = missing[-1].passage_id
        done += len(missing)
        yield Embedded(done=done, whole=max(whole, done), model=space.identity.model)
    if space.state is spaces.SpaceState.BUILDING and not await asyncio.to_thread(
        _count, app, space, ()
    ):
        await asyncio.to_thread(app.store.transact, lambda tx: spaces.swap(tx, space))
    # Also what an earlier run had no time for.
    while await asyncio.to_thread(app.store.transact, vectors.clear_old):
        pass


async def _space(app: App, models: Models) -> Space:
    """That of the model which answers now: only an answer says which one of a chain it is."""
    served = await models.embed_texts(TextsAsk(texts=("a moment",)))
    identity = identity_of(served.identity, int(served.value.rows.shape[1]))
    return await asyncio.to_thread(
        app.store.transact, lambda tx: spaces.ensure(tx, Purpose.TEXT, identity)
    )


def _check(space: Space, served: Served[Rows]) -> None:
    found = identity_of(served.identity, int(served.value.rows.shape[1]))
    if found != space.identity:
        raise ReelError(
            Code.MODEL_UNAVAILABLE,
            f"{space.identity.model} does not answer any more, and what {found.model} makes cannot"
            " be compared with what it made",
            where="models.text_embedding",
            hint="run the command again, when it answers; what was made is kept",
        )


def _missing(app: App, space: Space, after: int, below: Sequence[str]) -> list[Missing]:
    with app.store.read() as tx:
        return vectors.missing(tx, space, _BATCH, after=after, below=below)


def _keep(app: App, space: Space, missing: list[Missing], served: Served[Rows]) -> None:
    def change(tx: Tx) -> None:
        ids = [one.passage_id for one in missing]
        vectors.put(tx, space.id, ids, list(served.value.rows))

    app.store.transact(change)


def _count(app: App, space: Space, below: Sequence[str]) -> int:
    with app.store.read() as tx:
        return vectors.missing_count(tx, space, below=below)
