"""BM25 against bm25s, and what counts as having a word."""

from __future__ import annotations

import bm25s
import numpy as np
import pytest

from reelwright.analysis.ranking import Group, Ranker, has, idf

_TEXTS = [
    "otter swim river otter",
    "river bank money",
    "money money money bank loan",
    "otter",
    "the quick brown fox jump over the lazy dog river",
]


def _groups(query: str) -> list[Group]:
    return [Group((word,)) for word in query.split()]


@pytest.mark.parametrize("query", ["otter", "river bank", "money otter loan", "absent otter"])
def test_scores_are_those_of_bm25s(query: str) -> None:
    texts = [text.split() for text in _TEXTS]
    theirs = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    theirs.index(texts, show_progress=False)
    known = [word for word in query.split() if any(word in text for text in texts)]
    expected = theirs.get_scores(known)
    counts = [sum(word in text for text in texts) for word in query.split()]
    mean = sum(map(len, texts)) / len(texts)
    ranker = Ranker(_groups(query), counts, len(texts), mean)
    ours = [ranker.score(text).score for text in _TEXTS]
    # Lucene leaves out the factor (k1 + 1), which changes no order.
    np.testing.assert_allclose(np.array(ours) / 2.2, expected, rtol=1e-5)


def test_coverage_is_the_share_of_what_was_asked() -> None:
    ranker = Ranker(_groups("otter river"), [2, 3], 5, 4.0)
    assert ranker.score("otter river").coverage == 1
    only = ranker.score("river").coverage
    assert only == pytest.approx(idf(3, 5) / (idf(2, 5) + idf(3, 5)))
    assert ranker.score("nothing").score == 0


def test_rare_words_weigh_more_and_none_weighs_less_than_nothing() -> None:
    assert idf(1, 100) > idf(50, 100) > idf(100, 100) > 0
    assert idf(200, 100) == idf(100, 100)  # counts may be a minute old


def test_forms_phrases_and_beginnings() -> None:
    assert has("a free kick", Group(("free kick",)))
    assert not has("a freekick", Group(("free kick",)))
    assert not has("free\nkick", Group(("free kick",)))
    assert has("body\ntitle", Group(("title",)))
    assert has("haus", Group(("house", "haus")))
    assert has("running", Group(("runn",), is_prefix=True))
    assert not has("outrun", Group(("run",), is_prefix=True))


def test_a_title_counts_as_much_as_is_said() -> None:
    ranker = Ranker(_groups("otter"), [1], 10, 5.0)
    plain, titled = ranker.score("a b c"), ranker.score("a b c\notter")
    assert plain.score == 0
    assert 0 < titled.score < ranker.score("a b c\notter", title_weight=3.0).score
