"""Many documents at once are what they would be one by one, on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from reelwright.store import documents, passages, spaces, vectors
from reelwright.store.documents import NewDocument
from reelwright.store.passages import NewPassage
from reelwright.store.spaces import Identity, Purpose
from reelwright.store.store import Store, open_store

_TINY = Identity(model="test/tiny", dimension=8)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = open_store(database_url)
    yield opened
    opened.close()


def _new(name: str, *texts: str, folder: str = "/a") -> tuple[NewDocument, list[NewPassage]]:
    path = f"{folder}/{name}"
    document = NewDocument(owner="ana", subject=path, kind="document", title=name, path=path)
    return document, [NewPassage(kind="body", text=text) for text in texts]


def test_they_replace_what_was_there_and_keep_their_ids(store: Store) -> None:
    first = [_new(f"n{n}", f"text {n}", f"more {n}") for n in range(3)]
    store.transact(lambda tx: documents.put_many(tx, first))
    with store.read() as tx:
        before = {row.subject: row for row in documents.every(tx)}
    alone = store.transact(lambda tx: documents.put(tx, *_new("n9", "text 1", "more 1")))[0]
    changed = [_new("n1", "other words"), _new("n7", "text 7")]
    store.transact(lambda tx: documents.put_many(tx, changed))
    with store.read() as tx:
        after = {row.subject: row for row in documents.every(tx)}
        found = {
            name: [one.text for one in passages.of_document(tx, row.id)]
            for name, row in after.items()
        }
        bulk = passages.of_document(tx, before["/a/n2"].id)[0]
        single = passages.of_document(tx, alone)[0]
    assert after["/a/n1"].id == before["/a/n1"].id
    assert found["/a/n1"] == ["other words"]
    assert found["/a/n0"] == ["text 0", "more 0"]
    assert found["/a/n7"] == ["text 7"]
    assert bulk.words.split()[0] == single.words.split()[0]
    store.transact(lambda tx: documents.put_many(tx, []))


def test_vectors_are_wanted_below_a_folder(store: Store) -> None:
    new = [_new("x", "one"), _new("y", "two", folder="/a/b"), _new("z", "three", folder="/ab")]
    store.transact(lambda tx: documents.put_many(tx, new))
    space = store.transact(lambda tx: spaces.ensure(tx, Purpose.TEXT, _TINY))
    with store.read() as tx:
        wanting = vectors.missing(tx, space, 10, below=["/a"])
        assert [one.text for one in wanting] == ["one", "two"]
        assert vectors.missing_count(tx, space, below=["/a/b/y"]) == 1
        assert vectors.missing_count(tx, space) == 3
    row = np.full(8, 8**-0.5, dtype=np.float32)
    store.transact(lambda tx: vectors.put(tx, space.id, [wanting[0].passage_id], [row]))
    with store.read() as tx:
        assert [one.text for one in vectors.missing(tx, space, 10, below=["/a"])] == ["two"]
