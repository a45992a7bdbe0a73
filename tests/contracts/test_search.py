"""What a search finds is the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from reelwright.errors import Code, ReelError
from reelwright.search import lexical
from reelwright.search.moments import Page
from reelwright.search.query import Filters, parse
from reelwright.search.searching import Options, Probe, Searcher
from reelwright.store import documents, pgvector, schema, spaces, vectors
from reelwright.store.documents import NewDocument
from reelwright.store.passages import NewPassage
from reelwright.store.spaces import Identity, Purpose
from reelwright.store.store import Store, open_store

_TINY = Identity(model="test/tiny", dimension=8, revision="1", dtype="float32")


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = open_store(database_url)
    yield opened
    opened.close()


def _row(*values: float) -> NDArray[np.float32]:
    row = np.zeros(8, dtype=np.float32)
    row[: len(values)] = values
    return row / np.linalg.norm(row)


def _text(
    store: Store,
    subject: str,
    text: str,
    *,
    title: str = "",
    owner: str = "ana",
    language: str | None = None,
) -> str:
    document = NewDocument(
        owner=owner, subject=subject, kind="document", title=title, language=language
    )
    return store.transact(
        lambda tx: documents.put(tx, document, [NewPassage(kind="body", text=text)])[0]
    )


def _video(
    store: Store,
    subject: str,
    passages: list[NewPassage],
    rows: Mapping[int, NDArray[np.float32]] | None = None,
    **more: object,
) -> str:
    document = NewDocument(
        **{"owner": "ana", "subject": subject, "kind": "file", "title": subject, **more}  # type: ignore[arg-type]
    )

    def put(tx):  # type: ignore[no-untyped-def]
        space = spaces.ensure(tx, Purpose.TEXT, _TINY)
        return documents.put(tx, document, passages, {space.id: rows or {}})[0]

    return str(store.transact(put))


def _said(text: str, start_s: float, end_s: float, kind: str = "speech") -> NewPassage:
    return NewPassage(kind=kind, text=text, start_s=start_s, end_s=end_s, language="en")


def _find(store: Store, asked: str, /, filters: Filters | None = None, **more: object) -> Page:
    return Searcher(store).search(parse(asked, filters), **more)  # type: ignore[arg-type]


def _subjects(page: Page) -> list[str]:
    return [moment.subject for moment in page.moments]


def test_words_are_found_in_their_forms_and_marked(store: Store) -> None:
    _text(store, "a.md", "The runners were running through cities.")
    _text(store, "b.md", "Nothing of the kind is in here, nobody walks.")
    (moment,) = _find(store, "city run").moments
    assert moment.subject == "a.md"
    assert [moment.snippet[a:b] for a, b in moment.marks] == ["running", "cities"]
    assert moment.why[0].leg == "body words"
    assert moment.why[0].rank == 1


@pytest.mark.parametrize(
    ("language", "text", "query"),
    [
        ("de", "Die Häuser der Städte waren schöner", "haus schön"),
        ("fr", "Les écoles nationales de l'eau", "école nationale eau"),
        ("ru", "Он читает интересные книги", "интересная книга"),
        ("ja", "東京タワーは高いです", "東京タワー"),
        (None, "Über den Wolken muss die Freiheit wohl grenzenlos sein und nicht da", "wolke"),
        ("xx", "qwertz Zuiop", "ZUIOP"),
    ],
)
def test_languages_have_their_own_forms(
    store: Store, language: str | None, text: str, query: str
) -> None:
    _text(store, "other", "something else entirely", language="en")
    document = NewDocument(owner="ana", subject="x", kind="document", title="", language=language)
    store.transact(lambda tx: documents.put(tx, document, [NewPassage(kind="body", text=text)]))
    assert _subjects(_find(store, query)) == ["x"]


def test_rare_words_and_titles_decide(store: Store) -> None:
    for number in range(12):
        _text(store, f"common{number}", "the valve of the engine is open")
    _text(store, "rare", "the gasket of the engine is open")
    _text(store, "titled", "is open", title="gasket engine")
    found = _subjects(_find(store, "engine gasket", k=20))
    assert set(found[:2]) == {"rare", "titled"}


def test_common_words_alone_are_ranked_among_some(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lexical, "RANKED_OF_FEW", 5)
    for number in range(12):
        _text(store, f"engine{number}", f"the engine {number} runs")
        _text(store, f"valve{number}", f"the valve {number} opens")
    _text(store, "both", "the valve of the engine")
    _text(store, "rare", "the gasket of the engine")
    assert _subjects(_find(store, "engine valve", k=50))[0] == "both"
    assert _subjects(_find(store, "engine gasket", k=50))[0] == "rare"
    assert len(_find(store, "engine", k=50).moments) == 14


def test_phrases_must_be_there_as_they_are(store: Store) -> None:
    _text(store, "a", "a free kick from the left")
    _text(store, "b", "free from the kick, he left; kicks are freely given")
    _text(store, "c", "the frees kicked")
    assert _subjects(_find(store, '"free kick"')) == ["a"]
    assert _subjects(_find(store, "free kick"))[0] == "a"
    assert _find(store, "free kick").moments[0].is_exact
    assert set(_subjects(_find(store, "free kick"))) == {"a", "b", "c"}
    assert _subjects(_find(store, '"kick free"')) == []


def test_beginnings_of_words(store: Store) -> None:
    _text(store, "a", "he was running late")
    _text(store, "b", "a rune on the stone")
    assert _subjects(_find(store, "runn*")) == ["a"]
    assert set(_subjects(_find(store, "run*"))) == {"a", "b"}


def test_what_must_not_be_there(store: Store) -> None:
    _text(store, "a", "python is a snake")
    _text(store, "b", "python is a language")
    assert _subjects(_find(store, "python -snakes")) == ["b"]
    assert _subjects(_find(store, 'python -"a snake"')) == ["b"]
    long = NewDocument(owner="ana", subject="long", kind="document", title="")
    parts = [NewPassage(kind="body", text=text) for text in ("python here", "snakes there")]
    store.transact(lambda tx: documents.put(tx, long, parts))
    assert _subjects(_find(store, "python -snakes")) == ["b"]
    _video(store, "file:1", [_said("python", 0.0, 1.0), _said("python snake", 100.0, 101.0)])
    assert set(_subjects(_find(store, "python -snakes"))) == {"b", "file:1"}


def test_signs_of_a_query_language_are_text(store: Store) -> None:
    _text(store, "a", "std::vector in C++ (a container) isn't a b & c")
    for query in (
        "std::vector",
        "C++ container",
        "a:b & c | !d",
        "isn't",
        "NEAR(a b)",
        "x' OR 1=1",
    ):
        _find(store, query)
    assert _subjects(_find(store, "std::vector")) == ["a"]
    assert _subjects(_find(store, "isn't container")) == ["a"]


def test_passages_of_a_video_that_lie_together_are_one_moment(store: Store) -> None:
    passages = [
        _said("the otter swims", 10.0, 14.0),
        _said("an otter eats a fish", 14.5, 20.0),
        _said("OTTER", 12.0, 13.0, "text"),
        _said("much later: an otter again", 500.0, 505.0),
    ]
    _video(store, "file:1", passages)
    page = _find(store, "otter")
    first, second = page.moments
    assert (first.start_s, first.end_s) == (10.0, 20.0)
    assert {one.leg for one in first.why} == {"speech words", "text words"}
    assert len(first.evidence) == 3
    assert (second.start_s, second.end_s) == (500.0, 505.0)
    assert first.score > second.score
    assert first.score == pytest.approx(sum(one.share for one in first.why))


def test_meaning_finds_what_no_word_does(store: Store) -> None:
    passages = [_said("felines sleep a lot", 0.0, 5.0), _said("engines are loud", 100.0, 105.0)]
    _video(store, "file:1", passages, {0: _row(1, 0.1), 1: _row(0, 0, 1)})
    probe = Probe(identity=_TINY, row=_row(1))
    page = _find(store, "cat", text=probe)
    assert [m.start_s for m in page.moments] == [0.0]
    assert page.moments[0].why[0].leg == "speech meaning"
    assert page.moments[0].why[0].value == pytest.approx(0.995, abs=2e-3)
    both = _find(store, "felines", text=probe).moments[0]
    assert {one.leg for one in both.why} == {"speech words", "speech meaning"}


def test_weights_decide_between_legs(store: Store) -> None:
    _video(store, "file:1", [_said("otter", 0.0, 1.0, "text")])
    _video(store, "file:2", [_said("otter", 0.0, 1.0, "speech")])
    assert _subjects(_find(store, "otter"))[0] == "file:2"
    options = Options(weights={"text": 5.0})
    assert _subjects(_find(store, "otter", options=options))[0] == "file:1"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("otter channel:wild", ["file:1"]),
        ("otter after:2024-01-01", ["file:2"]),
        ("otter before:2024-01-01", ["file:1"]),
        ("otter duration:>5m", ["file:2"]),
        ("otter duration:<5m", ["file:1"]),
        ("otter kind:text", ["file:2"]),
        ("otter speaker:Ada", ["file:1"]),
        ("otter language:en", ["file:1"]),
        ("otter in:document", ["notes/otter.md"]),
        ("otter document:notes", ["notes/otter.md"]),
        ("otter in:video channel:tame", ["file:2"]),
        ("otter channel:nobody", []),
    ],
)
@pytest.mark.parametrize("by_meaning", [False, True])
def test_filters(store: Store, query: str, expected: list[str], by_meaning: bool) -> None:
    one = NewPassage(
        kind="speech", text="otter", start_s=0, end_s=1, speaker="Ada", language="en-GB"
    )
    _video(
        store, "file:1", [one], {0: _row(1)}, channel="Wild", published_at=1.6e9, duration_s=60.0
    )
    two = NewPassage(kind="text", text="otter", start_s=0, end_s=1, language="de")
    _video(
        store, "file:2", [two], {0: _row(1)}, channel="Tame", published_at=1.72e9, duration_s=900.0
    )
    three = NewPassage(kind="body", text="otter", language="fr")
    _video(store, "notes/otter.md", [three], {0: _row(1)}, kind="document")
    probe = Probe(identity=_TINY, row=_row(1)) if by_meaning else None
    asked = query.replace("otter", "weasel") if by_meaning else query
    assert sorted(_subjects(_find(store, asked, text=probe))) == expected


def test_owners_see_their_own(store: Store) -> None:
    _text(store, "a", "otter", owner="ana")
    _text(store, "a", "otter", owner="ben")
    assert len(_find(store, "otter").moments) == 2
    (mine,) = _find(store, "otter", owner="ben").moments
    assert mine.document_id is not None
    with store.read() as tx:
        assert documents.get(tx, mine.document_id).owner == "ben"


def test_pages_go_on_where_the_last_one_ended(store: Store) -> None:
    for number in range(23):
        _text(store, f"d{number:02}", "otter " * (number % 5 + 1) + f"number {number}")
    whole = _subjects(_find(store, "otter", k=100))
    assert len(whole) == len(set(whole)) == 23
    paged: list[str] = []
    offset: int | None = 0
    while offset is not None:
        page = _find(store, "otter", k=5, offset=offset)
        assert page.total == 23
        paged += _subjects(page)
        offset = page.next_offset
    assert paged == whole


def test_a_document_that_is_put_again_is_replaced(store: Store) -> None:
    before = _text(store, "a", "otter")
    after = _text(store, "a", "weasel")
    assert after == before
    assert _subjects(_find(store, "otter")) == []
    assert _subjects(_find(store, "weasel")) == ["a"]
    with store.write() as tx:
        assert documents.remove(tx, [after]) == 1
    with pytest.raises(ReelError) as caught:
        _find(store, "weasel")
    assert caught.value.code is Code.INDEX_EMPTY


def test_an_empty_index_and_an_empty_query_are_told(store: Store) -> None:
    with pytest.raises(ReelError) as caught:
        _find(store, "otter")
    assert caught.value.code is Code.INDEX_EMPTY
    for text in ("", "  ", "!?", "-otter", "kind:speech"):
        with pytest.raises(ReelError) as caught:
            _find(store, text)
        assert caught.value.code is Code.QUERY_INVALID


def test_another_model_is_built_beside_and_takes_over_at_once(store: Store) -> None:
    _video(store, "file:1", [_said("felines", 0.0, 1.0)], {0: _row(1)})
    other = Identity(model="test/other", dimension=4)
    old, new = Probe(identity=_TINY, row=_row(1)), np.array([1, 0, 0, 0], dtype=np.float32)
    with store.write() as tx:
        space = spaces.ensure(tx, Purpose.TEXT, other)
        assert spaces.ensure(tx, Purpose.TEXT, other) == space
        assert space.state is spaces.SpaceState.BUILDING
        (wanting,) = vectors.missing(tx, space, 10)
        vectors.put(tx, space.id, [wanting.passage_id], [new])
        assert vectors.missing(tx, space, 10) == []
    assert len(_find(store, "cat", text=old).moments) == 1
    page = _find(store, "cat", text=Probe(identity=other, row=new))
    assert page.moments == ()
    assert "test/tiny" in page.notes[0]
    with store.write() as tx:
        spaces.swap(tx, space)
    assert len(_find(store, "cat", text=Probe(identity=other, row=new)).moments) == 1
    assert _find(store, "cat", text=old).moments == ()
    with store.write() as tx:
        assert vectors.clear_old(tx, 1) == 1
        assert vectors.clear_old(tx, 1) == 0
        assert [one.id for one in spaces.every(tx)] == [space.id]


@pytest.mark.postgres
def test_postgres_searches_vectors_by_itself(postgres_url: str) -> None:
    store = open_store(postgres_url)
    try:
        _video(store, "file:1", [_said("felines", 0.0, 1.0)], {0: _row(1)})
        with store.read() as tx:
            space = spaces.live(tx, Purpose.TEXT)
            assert space is not None
            assert pgvector.has(tx, space)
            (plan,) = tx.connection.exec_driver_sql(
                f"SELECT indexdef FROM pg_indexes WHERE tablename = 'vectors_{space.id}' "
                "AND indexdef LIKE '%%hnsw%%'"
            ).scalars()
        assert "halfvec_ip_ops" in plan
        with store.write() as tx:
            schema.drop(tx)
            left = tx.connection.exec_driver_sql(
                "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'vectors%%'"
            )
            assert left.scalar_one() == 0
    finally:
        store.close()


@pytest.mark.postgres
def test_without_the_extension_postgres_is_searched_all_the_same(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pgvector, "_extend", lambda _tx: False)
    store = open_store(postgres_url)
    try:
        _video(store, "file:1", [_said("felines", 0.0, 1.0)], {0: _row(1)})
        probe = Probe(identity=_TINY, row=_row(1))
        assert _subjects(_find(store, "cat", text=probe)) == ["file:1"]
    finally:
        store.close()


def test_what_is_known_on_disk_is_what_the_database_has(store: Store, tmp_path: Path) -> None:
    searcher = Searcher(store, tmp_path)
    probe = Probe(identity=_TINY, row=_row(1))

    def found() -> list[str]:
        page = searcher.search(parse("cat"), text=probe, k=50)
        return sorted(_subjects(page))

    _video(store, "file:1", [_said("felines", 0.0, 1.0)], {0: _row(1)})
    assert found() == ["file:1"]
    _video(store, "file:2", [_said("tigers", 0.0, 1.0)], {0: _row(1, 0.2)})
    assert found() == ["file:1", "file:2"]
    gone = _video(store, "file:1", [_said("felines", 0.0, 1.0)], {0: _row(0, 1)})
    assert found() == ["file:2"]
    with store.write() as tx:
        documents.remove(tx, [gone])
    assert found() == ["file:2"]


def test_moments_say_where_they_are_from(store: Store) -> None:
    passage = NewPassage(
        kind="body", text="otter " * 3 + "x " * 400 + "weasel", evidence={"lines": [3, 9]}
    )
    document = NewDocument(owner="ana", subject="n.md", kind="document", title="N", path="/n.md")
    store.transact(lambda tx: documents.put(tx, document, [passage]))
    moment = _find(store, "weasel").moments[0]
    assert (moment.path, moment.title, moment.source) == ("/n.md", "N", "document")
    assert (moment.start_s, moment.end_s) == (None, None)
    assert moment.evidence[0].source == {"lines": [3, 9]}
    assert moment.snippet.endswith("weasel")
    assert [moment.snippet[a:b] for a, b in moment.marks] == ["weasel"]
