"""The nearest vectors of a space, without an extension of the database: a scan in three steps.

The signs of all vectors, a bit a number, are compared with the query's; of the nearest some
hundredths eight bits a number are looked at, and of the best of those the vectors themselves, as
the database has them. What the database no longer has falls out there.

The coarse forms are a copy: in memory, and mapped from pieces in a folder where there is one. Only
what was added since is read from the database.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reelwright.analysis.sign_bits import distances, likeness, nearest, signs
from reelwright.search import segments
from reelwright.search.query import KINDS
from reelwright.search.segments import Piece
from reelwright.store import vectors

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from numpy.typing import NDArray

    from reelwright.store.database import Tx
    from reelwright.store.spaces import Space

# By their signs at least so many stay, or this part of all: measured on MiniLM's vectors of
# documentation, see docs/decisions/0086.
LEAST, PART = 4000, 0.02
# By eight bits a number stay so many times as many as are wanted.
_SPARE = 2
_READ = 20_000  # vectors read from the database at a time
_KEPT = 4096  # so many new ones are worth a piece of their own
_PIECES = 12  # more of them are joined
_FAR = np.uint16(0xFFFF)
# numpy lets other threads work meanwhile: a search by words has the other core.
_beside = ThreadPoolExecutor(4, thread_name_prefix="vectors")


@dataclass(frozen=True, slots=True, kw_only=True)
class Only:
    """Which vectors count: by document, kind and number of their passage. None: any."""

    documents: Collection[str] | None = None
    kinds: Collection[str] | None = None
    passages: Collection[int] | None = None

    @property
    def is_any(self) -> bool:
        return self.documents is None and self.kinds is None and self.passages is None


class Matrix:
    """Of one space. Safe for several threads."""

    def __init__(self, space: Space, folder: Path | None) -> None:
        self._space = space
        self._folder = None if folder is None else folder / segments.FORM / space.id
        self._lock = threading.Lock()
        self._pieces: tuple[Piece, ...] | None = None

    def nearest(
        self, tx: Tx, row: NDArray[np.float32], count: int, only: Only
    ) -> list[tuple[int, float]]:
        """At most `count` passages with their cosines, the nearest first."""
        return self.begin(tx, row, count, only)()

    def begin(
        self, tx: Tx, row: NDArray[np.float32], count: int, only: Only
    ) -> Callable[[], list[tuple[int, float]]]:
        """Gives what `nearest` would: when it is called. Until then a thread compares the coarse
        forms, beside whatever the database is asked for."""
        looking = _beside.submit(_coarse, self._current(tx), row, count, only)
        return lambda: self._exact(tx, looking.result(), row)[:count]

    def _exact(
        self, tx: Tx, passages: NDArray[np.int64], row: NDArray[np.float32]
    ) -> list[tuple[int, float]]:
        if not len(passages):
            return []
        ids, rows = vectors.get_many(tx, self._space, {int(n) for n in passages})
        cosines = (rows @ row).tolist()
        return sorted(zip(ids, cosines, strict=True), key=lambda one: (-one[1], one[0]))

    def _current(self, tx: Tx) -> tuple[Piece, ...]:
        """With what was added by whomever."""
        with self._lock:
            last = vectors.last(tx, self._space.id)
            if self._pieces is None:
                self._pieces = self._opened(tx)
            if self._pieces and not self._is_ours(tx, self._pieces[-1], last):
                self._pieces = self._begun_anew()
            while not self._pieces or self._pieces[-1].last < last:
                if not self._read(tx):
                    break
            return self._pieces

    def _opened(self, tx: Tx) -> tuple[Piece, ...]:
        found = () if self._folder is None else tuple(segments.read(self._folder))
        if not found:
            return ()
        held, there = sum(map(len, found)), vectors.count(tx, self._space.id)
        # Much of it is gone by now.
        return self._begun_anew() if held > 1.3 * there + 1000 else found

    def _is_ours(self, tx: Tx, piece: Piece, last: int) -> bool:
        """A database that was put back has other vectors under the same numbers."""
        body = vectors.at(tx, piece.last) if piece.last <= last else b""
        if body is None:
            return True  # it was removed
        row = np.frombuffer(body, dtype="<f4").astype(np.float32)
        return bool(body) and bool((signs(row[None, :])[:, 0] == piece.bits[:, -1]).all())

    def _begun_anew(self) -> tuple[Piece, ...]:
        if self._folder is not None:
            segments.drop(self._folder, ())
        return ()

    def _read(self, tx: Tx) -> bool:
        """The next vectors into the last piece, if that is small, or one of their own."""
        assert self._pieces is not None
        after = self._pieces[-1].last if self._pieces else 0
        added = vectors.added(tx, self._space, after, _READ)
        if not added.ids:
            return False
        pieces = list(self._pieces)
        new = segments.made_of(added, after + 1)
        if pieces and len(pieces[-1]) < _KEPT:
            new = segments.joined([pieces.pop(), new])
        pieces.append(new)
        if len(pieces) > _PIECES:
            pieces = [segments.joined(pieces)]
        self._keep(pieces, pieces[-1])
        self._pieces = tuple(pieces)
        return True

    def _keep(self, pieces: Sequence[Piece], new: Piece) -> None:
        if self._folder is None or len(new) < _KEPT:
            return
        segments.write(self._folder, new)
        if len(pieces) == 1:
            segments.drop(self._folder, pieces)


def _likeness(
    pieces: Sequence[Piece], places: NDArray[np.intp], row: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Numbers of the passages at those places of all pieces, and about their cosines."""
    passages, close, start = [], [], 0
    for piece in pieces:
        within = places[(places >= start) & (places < start + len(piece))] - start
        passages.append(np.asarray(piece.passages[within]))
        close.append(likeness(np.asarray(piece.levels[within]), row))
        start += len(piece)
    return np.concatenate(passages), np.concatenate(close)


def _coarse(
    pieces: Sequence[Piece], row: NDArray[np.float32], count: int, only: Only
) -> NDArray[np.int64]:
    """Numbers of the passages that are worth an exact look."""
    total = sum(map(len, pieces))
    if not total:
        return np.empty(0, dtype=np.int64)
    asked = signs(row[None, :])[:, 0]
    found = np.concatenate([_distances(piece, asked, only) for piece in pieces])
    places = nearest(found, max(LEAST, int(total * PART), count * _SPARE))
    places = places[found[places] != _FAR]
    passages, close = _likeness(pieces, places, row)
    wanted = min(len(close), count * _SPARE)
    best = np.argpartition(-close, wanted - 1)[:wanted] if wanted else np.arange(0)
    return passages[best]


def _distances(piece: Piece, asked: NDArray[np.uint64], only: Only) -> NDArray[np.uint16]:
    found = distances(piece.bits, asked)
    if only.is_any:
        return found
    stays = np.ones(len(piece), dtype=bool)
    if only.documents is not None:
        wanted = np.array(sorted(only.documents), dtype=np.str_)
        stays &= np.isin(piece.names, wanted)[piece.documents]
    if only.kinds is not None:
        stays &= np.isin(piece.kinds, [KINDS.index(kind) for kind in only.kinds])
    if only.passages is not None:
        stays &= np.isin(piece.passages, np.fromiter(only.passages, dtype=np.int64))
    found[~stays] = _FAR
    return found
