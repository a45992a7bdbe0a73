"""What can be said of keeping, and the job that comes of it."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest

from reelwright.app.archive.options import ArchiveOptions, Filter
from reelwright.app.archive.order import spec_of
from reelwright.app.settings_sections import Archive
from reelwright.errors import Code, ReelError
from reelwright.spec.parse import parse_text
from reelwright.store.entries import Entry

_ALL: dict[str, Any] = {
    "profile": "720p",
    "codec": "av1",
    "container": "mkv",
    "languages": ("en.*", "de"),
    "auto_captions": True,
    "caption_formats": ("srt",),
    "thumbnail": False,
    "comments": 100,
    "live_chat": True,
    "sponsorblock": ("sponsor", "intro"),
    "template": "{title} ${id}",
    "nfo": False,
    "cookies": "/etc/cookies.txt",
    "proxy": "http://127.0.0.1:3128",
    "user_agent": "Archive/1",
    "country": "DE",
    "sleep_s": 1.5,
    "max_rate_bytes": 1_000_000,
    "max_bytes": 5_000_000,
    "limit": 7,
    "after": "2026-01-01",
    "before": "2026-12-31",
    "match": "talk",
    "reject": "short",
    "order": "oldest",
    "refresh": True,
    "understand": True,
}


def entry(url: str = "https://example.org/watch?v=${x}&ä=1", key: str = "url:e") -> Entry:
    values: dict[str, Any] = {f.name: None for f in fields(Entry)}
    values |= {"id": "entry1", "source_id": "s", "url": url, "key": key, "state": "pending"}
    return Entry(**values)


def test_options_go_through_json() -> None:
    every = ArchiveOptions(**_ALL)
    assert ArchiveOptions.from_json(json.loads(json.dumps(every.to_json()))) == every
    assert ArchiveOptions().to_json() == {}
    said = set(every.to_json())
    assert said | {"format"} == {f.name for f in fields(ArchiveOptions)}, "each has a value above"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("profile", "huge"),
        ("codec", "mpeg2"),
        ("container", "avi"),
        ("order", "random"),
        ("limit", 0),
        ("after", "yesterday"),
        ("match", "("),
        ("caption_formats", ("ass",)),
        ("sponsorblock", ("advert",)),
        ("sleep_s", -1.0),
    ],
)
def test_what_cannot_be_meant_is_refused(name: str, value: object) -> None:
    body = {name: list(value) if isinstance(value, tuple) else value}
    with pytest.raises(ReelError) as caught:
        ArchiveOptions.from_json(body)
    assert caught.value.code is Code.FIELD_INVALID


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(ReelError) as caught:
        ArchiveOptions.from_json({"qualty": "best"})
    assert (caught.value.code, caught.value.problem.where) == (
        Code.FIELD_UNKNOWN,
        "options.qualty",
    )


def test_a_range_of_days_is_in_order() -> None:
    with pytest.raises(ReelError):
        ArchiveOptions(after="2026-02-01", before="2026-01-01").checked()


def test_filters() -> None:
    wanted = Filter(
        ArchiveOptions(match="talk|speech", reject="short", after="2026-01-02", before="2026-01-03")
    )
    day = 86_400.0
    second = 1_767_312_000.0  # 2026-01-02, 0:00 UTC
    assert wanted.wants("A Talk", second)
    assert wanted.wants("a speech", second + 2 * day - 1)
    assert wanted.wants("Talk", None), "its list says no day"
    assert not wanted.wants("Talk", second - 1)
    assert not wanted.wants("Talk", second + 2 * day)
    assert not wanted.wants("A short talk", second)
    assert not wanted.wants("Music", second)
    assert not wanted.wants(None, second)


def operations(options: ArchiveOptions, settings: Archive | None = None) -> dict[str, Any]:
    spec = spec_of(entry(), options, settings or Archive())
    return {operation["op"]: operation for operation in spec["operations"]}


def test_a_spec_can_be_read(tmp_path: Any) -> None:
    """The address comes out as it went in, with what looks like a variable in it."""
    text = json.dumps(spec_of(entry(), ArchiveOptions(**_ALL), Archive()))
    spec = parse_text(text, base=tmp_path, variables={})
    by_name = {operation.op: operation for operation in spec.operations}
    assert set(by_name) == {"fetch", "metadata", "captions", "keep"}
    fetch, keep = (by_name[name].params.model_dump() for name in ("fetch", "keep"))
    assert fetch["url"] == "https://example.org/watch?v=${x}&%C3%A4=1"
    assert (keep["template"], keep["entry"]) == ("{title} ${id}", "entry1")


def test_parts_of_one_video_are_asked_for_alike() -> None:
    """Else they would not be one extraction."""
    made = operations(replace(ArchiveOptions(**_ALL), thumbnail=True))
    shared = ("url", "cookies", "proxy", "user_agent", "country", "sleep")
    asked = [{name: made[op].get(name) for name in shared} for op in made if op != "keep"]
    assert len(asked) == 4
    assert all(one == asked[0] for one in asked)


def test_settings_fill_in_what_was_not_said() -> None:
    settings = Archive(profile="480p", languages="en, de", auto_captions=True, user_agent="A")
    made = operations(ArchiveOptions(), settings)
    assert made["fetch"]["profile"] == "480p"
    assert made["captions"]["languages"] == ["en", "de"]
    assert made["captions"]["auto"] is True
    assert {made[op]["user_agent"] for op in made if op != "keep"} == {"A"}
    said = operations(ArchiveOptions(format="bv*+ba", languages=("none",)), settings)
    assert said["fetch"]["format"] == "bv*+ba"
    assert "profile" not in said["fetch"]
    assert "captions" not in said


def test_the_second_video_of_a_page_is_asked_for() -> None:
    spec = spec_of(entry(key="url:example.org/page 2"), ArchiveOptions(), Archive())
    assert spec["operations"][0]["item"] == 2
    named = spec_of(entry(key="site:example.org:site:a 2"), ArchiveOptions(), Archive())
    assert "item" not in named["operations"][0]
