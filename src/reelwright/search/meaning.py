"""The legs that go by vectors: texts by their meaning, frames by what they show."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from reelwright.search.lexical import DEPTH
from reelwright.store import pgvector
from reelwright.store.full_text import Chosen
from reelwright.store.tables_understand import documents, passages

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from reelwright.search.matrix import Matrix, Only
    from reelwright.store.database import Tx
    from reelwright.store.spaces import Space


Begun = Callable[[], list[tuple[int, float]]]


class Matrices:
    """The matrix of each space that was asked, where the database cannot look by itself."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._known: dict[str, Matrix] = {}

    def of(self, space: Space) -> Matrix:
        from reelwright.search.matrix import Matrix

        with self._lock:
            if space.id not in self._known:
                self._known[space.id] = Matrix(space, self._folder)
            return self._known[space.id]


def begin(
    tx: Tx,
    space: Space,
    row: NDArray[np.float32],
    chosen: Chosen,
    matrices: Matrices,
    *,
    least: float,
) -> Begun:
    """Gives passages with their cosines, at least `least`, the nearest first, at most `DEPTH`: when
    it is called, in the thread of `tx`. Where the database cannot look by itself, it is looked for
    meanwhile."""
    if pgvector.has(tx, space):
        found: Begun = partial(pgvector.nearest, tx, space, row, chosen, DEPTH)
    else:
        found = matrices.of(space).begin(tx, row, DEPTH, _only(tx, chosen))
    return lambda: [(number, cosine) for number, cosine in found() if cosine >= least]


def _only(tx: Tx, chosen: Chosen) -> Only:
    from reelwright.search.matrix import Only

    allowed = numbers = None
    if chosen.on_documents:
        query = sa.select(documents.c.id).where(*chosen.on_documents)
        allowed = frozenset(tx.run(query).scalars())
    if chosen.where:
        numbers = frozenset(tx.run(sa.select(passages.c.id).where(*chosen.where)).scalars())
    return Only(documents=allowed, kinds=chosen.kinds, passages=numbers)
