"""Asks that are joined, and answers that are taken apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reelwright.tools.models.kinds import (
    PictureAsk,
    PicturesAsk,
    SpeechAsk,
    TextsAsk,
    Usage,
    Vectors,
)
from reelwright.tools.models.remote_batches import apart, joined, joins_by, size_of


def test_only_what_takes_several_is_joined() -> None:
    assert joins_by(PictureAsk(image=b"")) is None
    assert joins_by(SpeechAsk(audio=Path(), start_s=0, end_s=1)) is None
    assert joins_by(PicturesAsk(images=(b"a",), texts=("a",))) is None


def test_only_like_is_joined_with_like() -> None:
    passage, query = TextsAsk(texts=("a",)), TextsAsk(texts=("a",), purpose="query")
    pictures, words = PicturesAsk(images=(b"a",)), PicturesAsk(texts=("a",))
    kinds = [joins_by(ask) for ask in (passage, query, pictures, words)]
    assert len(set(kinds)) == 4
    assert joins_by(TextsAsk(texts=("b", "c"))) == joins_by(passage)


def test_each_gets_its_own_rows_and_its_own_usage() -> None:
    asks = [TextsAsk(texts=("one", "two")), TextsAsk(texts=()), TextsAsk(texts=("three",))]
    assert joined(asks).texts == ("one", "two", "three")
    rows = np.arange(6, dtype=np.float32).reshape(3, 2)
    parts = apart(asks, Vectors(rows=rows), Usage(characters=11, model="m"))
    assert [part.rows.tolist() for part, _ in parts] == [[[0, 1], [2, 3]], [], [[4, 5]]]
    assert [usage.characters for _, usage in parts] == [6, 0, 5]
    assert all(usage.model == "m" for _, usage in parts)


def test_pictures_are_joined_in_order() -> None:
    asks = [PicturesAsk(images=(b"a", b"b")), PicturesAsk(images=(b"c",))]
    assert joined(asks).images == (b"a", b"b", b"c")
    assert [size_of(ask) for ask in asks] == [2, 1]
    parts = apart(asks, Vectors(rows=np.zeros((3, 2), np.float32)), Usage(images=3))
    assert [usage.images for _, usage in parts] == [2, 1]


def test_one_alone_stays_what_it_is() -> None:
    ask, answer, usage = PictureAsk(image=b"a"), object(), Usage(images=1)
    assert joined([ask]) is ask
    assert apart([ask], answer, usage) == [(answer, usage)]


def test_an_answer_that_lacks_rows_is_no_answer() -> None:
    asks = [TextsAsk(texts=("a",)), TextsAsk(texts=("b",))]
    with pytest.raises(ValueError, match="1 rows came for 2"):
        apart(asks, Vectors(rows=np.zeros((1, 2), np.float32)), Usage())
