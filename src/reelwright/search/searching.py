"""One search: legs over words, meanings and pictures, fused into moments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.search.moments import Page
from reelwright.search.query import Query
from reelwright.store.spaces import Identity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from reelwright.store.store import Store


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


class Searcher:
    """Searches one store. Keep one a process: it holds in memory what makes searches quick.

    `folder` is where it keeps a copy of that between processes (``$REEL_HOME/search``); None: none.
    Its methods block; they may be called from several threads.
    """

    def __init__(self, store: Store, folder: Path | None = None) -> None:
        self._store, self._folder = store, folder

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
        raise NotImplementedError
