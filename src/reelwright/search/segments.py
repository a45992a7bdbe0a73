"""Pieces of a matrix of coarse vectors, on disk: written once, read by any process, never changed.

A piece is a folder named by the numbers of the vectors that it holds (``first-last``, both
included). It is made under another name and renamed when it is whole, so a process that was killed
leaves nothing that another one would read.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reelwright.analysis.sign_bits import coarse
from reelwright.search.query import KINDS
from reelwright.store.ids import new_id

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reelwright.store.vectors import Added

# Raise it where the arrays change: pieces of others are not read.
FORM = "v1"
_NAME = re.compile(r"(\d+)-(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Vectors whose numbers lie in [`first`, `last`]; arrays have a row each but for `bits`
    (``(words, count)``, see `sign_bits`) and `names` (ids of documents, into which `documents`
    points). `kinds` points into `query.KINDS`."""

    first: int
    last: int
    bits: NDArray[np.uint64]
    levels: NDArray[np.int8]
    passages: NDArray[np.int64]
    documents: NDArray[np.int32]
    kinds: NDArray[np.uint8]
    names: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.passages)


_ARRAYS = tuple(f.name for f in fields(Piece) if f.name not in ("first", "last"))


def made_of(added: Added, first: int) -> Piece:
    """From vectors of the database; `first` is the number after the last one before."""
    form = coarse(added.rows)
    names, documents = np.unique(np.array(added.document_ids, dtype=np.str_), return_inverse=True)
    return Piece(
        first=first,
        last=added.ids[-1],
        bits=form.bits,
        levels=form.levels,
        passages=np.array(added.passage_ids, dtype=np.int64),
        documents=documents.astype(np.int32),
        kinds=np.array([KINDS.index(kind) for kind in added.kinds], dtype=np.uint8),
        names=names,
    )


def joined(pieces: Sequence[Piece]) -> Piece:
    """One of several that follow each other."""
    names, places = np.unique(np.concatenate([p.names for p in pieces]), return_inverse=True)
    offsets = np.cumsum([0, *(len(p.names) for p in pieces)])
    turned = [places[o + p.documents] for o, p in zip(offsets, pieces, strict=False)]
    return Piece(
        first=pieces[0].first,
        last=pieces[-1].last,
        bits=np.concatenate([p.bits for p in pieces], axis=1),
        levels=np.concatenate([p.levels for p in pieces]),
        passages=np.concatenate([p.passages for p in pieces]),
        documents=np.concatenate(turned).astype(np.int32),
        kinds=np.concatenate([p.kinds for p in pieces]),
        names=names,
    )


def write(folder: Path, piece: Piece) -> None:
    """Where there is no room for it, there is none: it is a copy."""
    target = folder / f"{piece.first}-{piece.last}"
    making = folder / f".{new_id()}"
    try:
        making.mkdir(parents=True, mode=0o700)
        for name in _ARRAYS:
            with (making / f"{name}.npy").open("wb") as file:
                np.save(file, getattr(piece, name))
                file.flush()
                os.fsync(file.fileno())
        making.rename(target)
    except OSError:  # another process was faster, or the disk is full
        shutil.rmtree(making, ignore_errors=True)


def read(folder: Path) -> list[Piece]:
    """Pieces that follow each other from the first vector on, the widest of those that there are.
    The arrays are mapped: what is not looked at is not read."""
    found: list[Piece] = []
    by_first: dict[int, list[tuple[int, Path]]] = {}
    with suppress(OSError):
        for path in folder.iterdir():
            if name := _NAME.fullmatch(path.name):
                by_first.setdefault(int(name[1]), []).append((int(name[2]), path))
    at = 1
    while choices := by_first.get(at):
        for last, path in sorted(choices, reverse=True):
            piece = _open(path, at, last)
            if piece is not None:
                found.append(piece)
                at = last + 1
                break
        else:
            break
    return found


def drop(folder: Path, kept: Sequence[Piece]) -> None:
    """All but those, and what killed processes left unfinished. Who has them open keeps them."""
    names = {f"{piece.first}-{piece.last}" for piece in kept}
    with suppress(OSError):
        for path in folder.iterdir():
            if path.name not in names:
                shutil.rmtree(path, ignore_errors=True)


def _open(path: Path, first: int, last: int) -> Piece | None:
    try:
        arrays: dict[str, Any] = {
            name: np.load(path / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in _ARRAYS
        }
    except (OSError, ValueError):
        return None  # it was dropped just now, or is damaged: it is made again
    count = len(arrays["passages"])
    is_whole = arrays["bits"].shape[1] == count == len(arrays["levels"]) == len(arrays["kinds"])
    return Piece(first=first, last=last, **arrays) if is_whole else None
