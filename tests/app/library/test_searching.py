"""What captions say, found by words, the best first."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reelwright.app.library import looking, searching
from reelwright.app.library.keep import keep_video
from reelwright.app.wiring import App
from reelwright.errors import Code, ReelError
from reelwright.store.assets import Sort, Wanted
from reelwright.store.captions import Term
from tests.app.library.orders import INFO, app_at, file, order


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with app_at(tmp_path / "home") as made:
        yield made


def _keep(app: App, name: str, *cues: str, owner: str | None = None) -> str:
    lines = "".join(f"{n:02}:00.000 --> {n:02}:05.000\n{cue}\n\n" for n, cue in enumerate(cues))
    said = file(app, "captions", f"WEBVTT\n\n{lines}".encode(), "vtt", language="en")
    info = replace(INFO, url=f"https://example.org/{name}.mp4", native_id=name, title=name)
    wanted = order(app, name.encode(), info, owner=owner)
    kept = asyncio.run(
        keep_video(app, replace(wanted, files=(*wanted.of("video"), said), owner=owner))
    )
    app.store.transact(kept.commit)
    return str(kept.result["asset"])


def test_the_best_passage_comes_first(app: App) -> None:
    _keep(app, "a", "the cat sat on the mat and a dog came by", "cat dog cat dog")
    _keep(app, "b", "a dog, a very long dog of a story, and at its end there is a cat somewhere")
    hits = searching.search(app, "cat dog")
    assert [(hit.asset.title, hit.start_s) for hit in hits] == [("a", 60.0), ("a", 0.0), ("b", 0.0)]
    assert searching.search(app, '"dog came"')[0].snippet.endswith("[dog came] by")
    assert [hit.asset.title for hit in searching.search(app, "stor*")] == ["b"]
    assert len(searching.search(app, "cat", limit=1)) == 1
    assert searching.search(app, "elephant") == []


def test_an_owner_finds_what_is_theirs(app: App) -> None:
    _keep(app, "a", "hello world", owner="ana")
    _keep(app, "b", "hello there", owner="bo")
    assert [h.asset.title for h in searching.search(app, "hello", owner="bo")] == ["b"]
    assert {h.asset.title for h in searching.search(app, "hello")} == {"a", "b"}


@pytest.mark.parametrize("words", ["", "   ", "***", '""', "—", " ".join(["x"] * 33)])
def test_no_words_and_too_many(app: App, words: str) -> None:
    with pytest.raises(ReelError) as caught:
        searching.search(app, words)
    assert caught.value.code is Code.USAGE


@pytest.mark.parametrize(
    ("text", "terms", "snippet"),
    [
        ("Die Straße nach Süden", [Term("strasse")], "Die [Straße] nach Süden"),
        ("ﬁne Über-Wasser", [Term("uber wasser")], "ﬁne [Über-Wasser]"),
        ("translation of it", [Term("trans", True)], "[translation] of it"),
        ("nothing here", [Term("x")], "nothing here"),
        ("", [Term("x")], ""),
    ],
)
def test_snippets_show_what_was_found(text: str, terms: list[Term], snippet: str) -> None:
    assert searching.snippet(text, terms) == snippet


def test_a_long_passage_is_cut_around_what_was_found() -> None:
    text = " ".join(f"w{n}" for n in range(100))
    shown = searching.snippet(text, [Term("w50")])
    assert shown.startswith("… w42 ")
    assert "[w50]" in shown
    assert shown.endswith("w65 …")


def test_lists_and_details(app: App) -> None:
    ids = [_keep(app, name, "hello") for name in "abc"]
    found = looking.listing(app, Wanted(), sort=Sort.TITLE, limit=2)
    assert [listed.asset.title for listed in found] == ["a", "b"]
    rest = looking.listing(app, Wanted(), sort=Sort.TITLE, limit=2, after=found[-1].asset.id)
    assert [listed.asset.title for listed in rest] == ["c"]
    assert [one.asset.title for one in looking.everything(app, Wanted(), sort=Sort.TITLE)] == [
        *"abc"
    ]
    path = found[0].to_json()["path"]
    assert Path(path).read_bytes() == b"a"
    assert found[0].captions == ("en",)
    details = looking.details(app, ids[0]).to_json()
    assert details["info"]["title"] == "a"
    assert details["chapters"][0]["title"] == "a=b"
    assert {entry["role"] for entry in details["files"]} == {
        *("video", "captions", "info", "nfo", "chapters")
    }
    with pytest.raises(ReelError):
        looking.details(app, ids[0], owner="bo")


def test_an_asset_by_what_people_know(app: App) -> None:
    ids = [_keep(app, name, "hello") for name in "ab"]
    assert looking.identify(app, "last").id == ids[1]
    assert looking.identify(app, ids[0]).id == ids[0]
    assert looking.identify(app, "https://example.org/a.mp4").id == ids[0]
    for wrong in ("nothing", ""):
        with pytest.raises(ReelError) as caught:
            looking.identify(app, wrong)
        assert caught.value.code is Code.ASSET_UNKNOWN
    with pytest.raises(ReelError, match="may be"):
        looking.identify(app, ids[0][:4])
