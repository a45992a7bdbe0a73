"""One search: legs over words, meanings and pictures, fused into moments."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from reelwright.analysis.fusion import Leg
from reelwright.analysis.ranking import idf
from reelwright.errors import Code, ReelError
from reelwright.search import archived, lexical, meaning, showing
from reelwright.search.asked import Asked, asked, marks, says
from reelwright.search.filtering import chosen
from reelwright.search.gathering import Item, Key, gather
from reelwright.search.lexical import Found, Memory
from reelwright.search.meaning import Begun, Matrices
from reelwright.search.moments import Page
from reelwright.search.narrowing import By
from reelwright.search.query import KINDS, Query
from reelwright.search.unit import Unit
from reelwright.store import documents, passages, spaces
from reelwright.store import full_text as words
from reelwright.store.documents import DocumentRow
from reelwright.store.full_text import Chosen
from reelwright.store.passages import Place
from reelwright.store.spaces import Identity, Purpose
from reelwright.store.tables_understand import documents as documents_table
from reelwright.store.tables_understand import passages as passages_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from reelwright.store.database import Tx
    from reelwright.store.full_text import Statistics
    from reelwright.store.store import Store

# What a leg's rank counts for, by the kind of its passages: what is said, written by hand or a
# title tells more than what a recogniser read in a picture.
WEIGHTS: Mapping[str, float] = {
    "speech": 1.0,
    "captions": 1.0,
    "body": 1.0,
    "title": 1.0,
    "chapter": 0.9,
    "description": 0.8,
    "text": 0.7,
    "frame": 0.6,
}
# Below these a vector's neighbours have nothing to do with it: MiniLM's unrelated texts lie around
# 0.05, and few above 0.2. Pictures and texts are never near in any model, so they have no floor.
_LEAST_TEXT, _LEAST_FRAME = 0.2, -1.0
_OF_TEXTS, _MOST_LEFT_OUT = "body", 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A vector to search by (float32, ``(dimension,)``, of length 1), and whose it is: only a space
    of the same identity is searched with it."""

    identity: Identity
    row: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`weights` by leg's name (``speech words``) or by kind (``speech``), over the defaults."""

    weights: Mapping[str, float] = field(default_factory=dict)

    def weight(self, leg: str) -> float:
        kind = leg.partition(" ")[0]
        return self.weights.get(leg, self.weights.get(kind, WEIGHTS.get(kind, 1.0)))


class Searcher:
    """Searches one store. Keep one a process: it holds in memory what makes searches quick.

    `folder` is where it keeps a copy of that between processes (``$REEL_HOME/search``); None: none.
    Its methods block; they may be called from several threads.
    """

    def __init__(self, store: Store, folder: Path | None = None) -> None:
        self._store = store
        self._memory = Memory()
        self._matrices = Matrices(folder)

    def search(
        self,
        query: Query,
        *,
        k: int = 10,
        offset: int = 0,
        owner: str | None = None,
        text: Probe | None = None,
        frames: Probe | None = None,
        options: Options | None = None,
    ) -> Page:
        """Moments number `offset` to ``offset + k``, the best first; the order is the same on every
        page as long as the index is. `owner` None: everybody's.

        `text`: the query's meaning, `frames`: a picture or the query in the space of pictures; None
        leaves these legs out. Raises QUERY_INVALID where there is nothing to look for, INDEX_EMPTY
        where nothing is indexed, STORE_*.
        """
        begun = time.monotonic()
        if query.is_blank and frames is None:
            raise ReelError(Code.QUERY_INVALID, "there is nothing to look for", where="query")
        with self._store.read() as tx:
            tx.dialect.steady(tx.connection)
            made = _Search(tx, query, owner, options or Options(), self._memory, self._matrices)
            legs = made.run(text, frames)
            ranked = gather(made.items, legs)
            page = ranked[offset : offset + k]
            units = made.units_of({one.gathered.unit for one in page})
            shown = showing.moments(tx, page, units, made.shown_by())
        return Page(
            moments=tuple(shown),
            offset=offset,
            total=len(ranked),
            notes=tuple(made.notes),
            took_s=time.monotonic() - begun,
        )


class _Search:
    """One search under way."""

    def __init__(
        self,
        tx: Tx,
        query: Query,
        owner: str | None,
        options: Options,
        memory: Memory,
        matrices: Matrices,
    ) -> None:
        self._tx, self._query, self._owner, self._options = tx, query, owner, options
        self._memory, self._matrices = memory, matrices
        self._statistics: Statistics = memory.statistics(tx)
        self._asked: Asked = asked(query, self._statistics.stemmers)
        self._chosen: Chosen = chosen(query.filters, _needed_owner(tx, owner))
        self.items: dict[Key, Item] = {}
        self.units: dict[str, Unit] = {}
        self.documents: dict[str, str] = {}
        self.notes: list[str] = []

    def shown_by(self) -> By:
        counts = [self._memory.frequency(self._tx, group) for group in self._asked.groups]
        weights = tuple(idf(count, self._statistics.passages) for count in counts)
        return By(self._asked, self._statistics.stemmers, weights)

    def units_of(self, names: Collection[str]) -> dict[str, Unit]:
        """With what is known of each."""
        ids = [self.documents[name] for name in names if name in self.documents]
        rows = documents.get_many(self._tx, ids)
        indexed = {
            name: _unit(name, rows[self.documents[name]])
            for name in names
            if self.documents.get(name) in rows
        }
        return {**self.units, **indexed}

    def run(self, text: Probe | None, frames: Probe | None) -> list[Leg[Key]]:
        """Raises INDEX_EMPTY."""
        by_text = self._begin(Purpose.TEXT, text, _LEAST_TEXT)
        by_frames = self._begin(Purpose.FRAMES, frames, _LEAST_FRAME)
        found = [] if self._query.is_blank else self._by_words()
        captions = archived.search(self._tx, self._query, self._asked, self._owner)
        if not found and not captions and self._is_empty():
            raise ReelError(Code.INDEX_EMPTY, "nothing is indexed", where="search")
        near, seen = by_text(), by_frames()
        if self._query.phrases:  # they must be there: words alone say where
            there = {one.place.id for one in found}
            near = [one for one in near if one[0] in there]
            seen = [one for one in seen if one[0] in there]
        elif self._asked.without:
            near, seen = self._without(near), self._without(seen)
        exact = self._exact(found)
        self._take([one.place for one in found], [n for n, _ in [*near, *seen]], exact)
        legs = self._legs("words", ((one.place.id, one.score) for one in found))
        legs += self._legs("meaning", near)
        legs += self._legs("picture", seen)
        return legs + self._of_captions(captions)

    def _by_words(self) -> list[Found]:
        found = lexical.search(self._tx, self._asked, self._chosen, self._memory, self._statistics)
        if not self._asked.phrases and not self._asked.prefixes:
            return found
        texts = passages.texts(self._tx, [one.place.id for one in found])
        return [one for one in found if self._holds(texts.get(one.place.id, ""))]

    def _holds(self, text: str) -> bool:
        """The forms of words were looked for; phrases and beginnings are to be there as they are.
        A text that has other words that were asked may do without the beginnings."""
        if not all(says(text, phrase) for phrase in self._asked.phrases):
            return False
        return bool(marks(text, self._asked, self._statistics.stemmers))

    def _begin(self, purpose: Purpose, probe: Probe | None, least: float) -> Begun:
        space = None if probe is None else spaces.live(self._tx, purpose)
        if probe is None or space is None:
            return list
        if space.identity != probe.identity:
            self.notes.append(
                f"the index holds {purpose} vectors of {space.identity.model}, not of "
                f"{probe.identity.model}: that leg is left out until it is built anew"
            )
            return list
        row = probe.row
        return meaning.begin(self._tx, space, row, self._chosen, self._matrices, least=least)

    def _without(self, found: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
        from reelwright.analysis.ranking import has

        there = words.candidates(self._tx, [number for number, _ in found])
        out = {
            one.place.id
            for one in there
            if any(has(one.words, group) for group in self._asked.without)
        }
        return [one for one in found if one[0] not in out]

    def _exact(self, found: Sequence[Found]) -> set[int]:
        """Passages that say what was asked as it was asked."""
        if self._query.phrases:
            return {one.place.id for one in found}
        whole = self._asked.whole
        if whole is None:
            return set()
        texts = passages.texts(self._tx, [one.place.id for one in found if one.is_near])
        return {number for number, said in texts.items() if says(said, whole)}

    def _take(self, known: Sequence[Place], others: Sequence[int], exact: set[int]) -> None:
        places = {place.id: place for place in known}
        places |= passages.places(self._tx, [n for n in others if n not in places])
        assets = documents.asset_ids(self._tx, {place.document_id for place in places.values()})
        for number, place in places.items():
            if place.document_id in assets:
                # A video of the library is one, whether captions or analyses speak of it.
                asset_id = assets[place.document_id]
                unit = place.document_id if asset_id is None else f"asset:{asset_id}"
                self.documents[unit] = place.document_id
                self.items[number] = Item(
                    key=number,
                    unit=unit,
                    kind=place.kind,
                    start_s=place.start_s,
                    end_s=place.end_s,
                    is_exact=number in exact,
                )
        self._leave_out()

    def _leave_out(self) -> None:
        """A text that has what must not be there is out as a whole; of a video, the passage is."""
        units = {item.unit for item in self.items.values() if item.kind == _OF_TEXTS}
        if not units or not self._asked.without:
            return
        of_these = (passages_table.c.document_id.in_(units),)
        only = Chosen(kinds=(_OF_TEXTS,), where=of_these)
        found: set[int] = set()
        for group in self._asked.without:
            found.update(words.with_all(self._tx, [group], only, _MOST_LEFT_OUT))
        out = {place.document_id for place in passages.places(self._tx, found).values()}
        self.items = {key: item for key, item in self.items.items() if item.unit not in out}

    def _legs(self, way: str, found: Iterable[tuple[int, float]]) -> list[Leg[Key]]:
        """One for each kind, in a fixed order."""
        by_kind: dict[str, list[tuple[Key, float]]] = {kind: [] for kind in KINDS}
        for number, value in found:
            item = self.items.get(number)
            if item is not None:
                by_kind[item.kind].append((number, value))
        named = ((f"{kind} {way}", ranked) for kind, ranked in by_kind.items() if ranked)
        return [Leg(name, self._options.weight(name), ranked) for name, ranked in named]

    def _of_captions(self, found: Sequence[archived.Caption]) -> list[Leg[Key]]:
        """What archived captions say, beside what is indexed of the same video."""
        ranked: list[tuple[Key, float]] = []
        for one in found:
            self.units.setdefault(one.unit.name, one.unit)
            self.items[one.item.key] = one.item
            ranked.append((one.item.key, one.score))
        name = "captions archived"
        return [Leg(name, self._options.weight(name), ranked)] if ranked else []

    def _is_empty(self) -> bool:
        has_documents = self._tx.run(sa.select(documents_table.c.id).limit(1)).first() is not None
        return not has_documents and not archived.any_there(self._tx)


def _needed_owner(tx: Tx, owner: str | None) -> str | None:
    """None where all documents are theirs: then each need not be asked about."""
    if owner is None:
        return None
    c = documents_table.c.owner
    ends = sa.select(
        sa.select(sa.func.min(c)).scalar_subquery(), sa.select(sa.func.max(c)).scalar_subquery()
    )
    return None if tuple(tx.run(ends).one()) == (owner, owner) else owner


def _unit(name: str, row: DocumentRow) -> Unit:
    return Unit(
        name=name,
        subject=row.subject,
        source=row.kind,
        title=row.title,
        document_id=row.id,
        asset_id=row.asset_id,
        path=row.path,
        channel=row.channel,
        duration_s=row.duration_s,
    )
