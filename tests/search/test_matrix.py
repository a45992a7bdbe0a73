"""The nearest vectors by a scan: exact enough, kept on disk, and never older than the database."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from reelwright.search import matrix as matrices
from reelwright.search.matrix import Matrix, Only
from reelwright.store import documents, spaces, vectors
from reelwright.store.database import Tx
from reelwright.store.documents import NewDocument
from reelwright.store.passages import NewPassage
from reelwright.store.spaces import Identity, Purpose, Space
from reelwright.store.store import Store, open_store
from reelwright.store.vectors import Added

_IDENTITY = Identity(model="test/many", dimension=64)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "reel.db")
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of a few vectors, so that a test has many."""
    monkeypatch.setattr(matrices, "_READ", 40)
    monkeypatch.setattr(matrices, "_KEPT", 30)
    monkeypatch.setattr(matrices, "_PIECES", 4)


def _rows(count: int, seed: int = 1) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).normal(size=(count, 64)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def _put(store: Store, subject: str, rows: NDArray[np.float32], kind: str = "speech") -> Space:
    def change(tx):  # type: ignore[no-untyped-def]
        space = spaces.ensure(tx, Purpose.TEXT, _IDENTITY)
        document = NewDocument(owner="ana", subject=subject, kind="file", title="")
        new = [NewPassage(kind=kind, text="x", start_s=n, end_s=n + 1) for n in range(len(rows))]
        documents.put(tx, document, new, {space.id: dict(enumerate(rows))})
        return space

    found: Space = store.transact(change)
    return found


def _nearest(
    store: Store, matrix: Matrix, row: NDArray[np.float32], only: Only | None = None
) -> list[tuple[int, float]]:
    with store.read() as tx:
        return matrix.nearest(tx, row, 10, only or Only())


def _exact(store: Store, space: Space, row: NDArray[np.float32]) -> list[int]:
    with store.read() as tx:
        added = vectors.added(tx, space, 0, 100_000)
    order = np.argsort(-(added.rows @ row))[:10]
    return [added.passage_ids[n] for n in order]


def test_it_finds_what_comparing_all_finds(store: Store, tmp_path: Path) -> None:
    space = _put(store, "a", _rows(300))
    matrix = Matrix(space, tmp_path / "search")
    for row in _rows(5, seed=2):
        found = _nearest(store, matrix, row)
        assert [number for number, _ in found] == _exact(store, space, row)
        assert [cosine for _, cosine in found] == sorted((c for _, c in found), reverse=True)


def test_another_process_goes_on_with_the_pieces_on_disk(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "search"
    space = _put(store, "a", _rows(300))
    _nearest(store, Matrix(space, folder), _rows(1)[0])
    kept = list(folder.rglob("levels.npy"))
    assert 1 <= len(kept) <= 8
    _put(store, "b", _rows(20, seed=3))
    row = _rows(1, seed=4)[0]
    exact = _exact(store, space, row)
    read: list[int] = []
    added = vectors.added

    def noted(tx: Tx, space: Space, after: int, limit: int) -> Added:
        read.append(after)
        return added(tx, space, after, limit)

    monkeypatch.setattr(vectors, "added", noted)
    again = Matrix(space, folder)
    assert [n for n, _ in _nearest(store, again, row)] == exact
    assert read
    assert min(read) >= 240  # only what no piece has


def test_what_a_killed_process_left_is_not_read(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "search"
    space = _put(store, "a", _rows(100))
    _nearest(store, Matrix(space, folder), _rows(1)[0])
    piece = min(path.parent for path in folder.rglob("levels.npy"))
    (piece / "levels.npy").write_bytes((piece / "levels.npy").read_bytes()[:50])
    shutil.copytree(piece, piece.parent / ".unfinished")
    row = _rows(1, seed=5)[0]
    assert [n for n, _ in _nearest(store, Matrix(space, folder), row)] == _exact(store, space, row)


def test_killed_while_it_writes_it_leaves_a_whole_copy(store: Store, tmp_path: Path) -> None:
    space = _put(store, "a", _rows(2000))
    folder = tmp_path / "search"
    script = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from reelwright.search import matrix; from reelwright.store.store import open_store\n"
        "from reelwright.store import spaces\n"
        "matrix._READ, matrix._KEPT = 20, 10\n"
        "store = open_store(Path(sys.argv[1])); print('here', flush=True)\n"
        "with store.read() as tx:\n"
        "    space = spaces.live(tx, spaces.Purpose.TEXT)\n"
        "    matrix.Matrix(space, Path(sys.argv[2])).nearest("
        "tx, np.ones(64, dtype='f4'), 5, matrix.Only())\n"
    )
    for _ in range(3):
        child = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "reel.db"), str(folder)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert child.stdout is not None
        child.stdout.readline()
        while child.poll() is None and not list(folder.rglob("*.npy")):
            pass
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    row = _rows(1, seed=6)[0]
    assert [n for n, _ in _nearest(store, Matrix(space, folder), row)] == _exact(store, space, row)


def test_a_database_that_was_put_back_is_noticed(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "search"
    space = _put(store, "a", _rows(100))
    matrix = Matrix(space, folder)
    _nearest(store, matrix, _rows(1)[0])
    with store.write() as tx:
        tx.connection.exec_driver_sql("DELETE FROM vectors WHERE id > 50")
        tx.connection.exec_driver_sql("DELETE FROM passages WHERE id > 50")
        tx.connection.exec_driver_sql("UPDATE sqlite_sequence SET seq = 50")
    _put(store, "b", _rows(50, seed=9))
    row = _rows(50, seed=9)[7]
    for one in (matrix, Matrix(space, folder)):
        assert _nearest(store, one, row)[0][1] == pytest.approx(1, abs=1e-5)


def test_only_what_counts_is_looked_at(store: Store, tmp_path: Path) -> None:
    rows = _rows(60)
    _put(store, "a", rows[:30], kind="speech")
    space = _put(store, "b", rows[30:], kind="text")
    matrix = Matrix(space, None)
    with store.read() as tx:
        document = documents.of_subject(tx, "ana", "b")
    assert document is not None
    row = rows[3]
    assert _nearest(store, matrix, row)[0][0] == 4
    texts = [number for number, _ in _nearest(store, matrix, row, Only(kinds=("text",)))]
    assert len(texts) == 10
    assert min(texts) > 30
    only = Only(documents=frozenset({document.id}), passages=frozenset({2, 31, 40}))
    assert {number for number, _ in _nearest(store, matrix, row, only)} == {31, 40}
    assert _nearest(store, matrix, row, Only(documents=frozenset())) == []


def test_no_vectors_find_nothing(store: Store) -> None:
    with store.write() as tx:
        space = spaces.ensure(tx, Purpose.TEXT, _IDENTITY)
    assert _nearest(store, Matrix(space, None), _rows(1)[0]) == []
