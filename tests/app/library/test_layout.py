"""Folders by template, with names that every file system takes."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reelwright.app.library.layout import FIELDS, Layout, folder_key, safe_name
from reelwright.app.settings_sections import Archive
from reelwright.errors import Code, ReelError
from reelwright.tools.ytdlp.info import FormatFacts, PlaylistFacts, VideoInfo

_INFO = VideoInfo(
    extractor="youtube",
    native_id="dQw4w9WgXcQ",
    url="https://www.youtube.com/watch?v=dQw4w9WgXcQ",
    host="www.youtube.com",
    title="What? A/B: the test",
    channel="Ünter den Linden",
    published_at=1_609_459_200.0,
    playlist=PlaylistFacts(title="All", position=7),
    season_number=2,
    format=FormatFacts(height_px=1080),
)
_USUAL = str(Archive().template)


@pytest.mark.parametrize(
    ("template", "folder"),
    [
        (_USUAL, "Ünter den Linden/2021-01-01 - What？ A⧸B： the test [dQw4w9WgXcQ]"),
        ("{channel}/{upload_date:%Y/%m}/{id}", "Ünter den Linden/2021/01/dQw4w9WgXcQ"),
        ("{playlist}/{playlist_index:03} {title}", "All/007 What？ A⧸B： the test"),
        ("{series|playlist}/S{season:02}E{episode}", "All/S02Eunknown"),
        ('{series|"None, yet"}/{id}', "None, yet/dQw4w9WgXcQ"),
        ("{site}//{{{resolution}}}/", "youtube.com/{1080p}"),
        ("/{ extractor }/{title}...", "youtube/What？ A⧸B： the test"),
        (".{id}", "_dQw4w9WgXcQ"),
    ],
)
def test_templates(template: str, folder: str) -> None:
    assert Layout(template).folder(_INFO) == folder


def test_what_is_not_known_has_a_name_all_the_same() -> None:
    bare = VideoInfo(extractor="generic", native_id="a", url="https://e.org/a", host="e.org")
    assert Layout(_USUAL).folder(bare) == "e.org/undated - untitled [a]"
    every = "/".join(f"{{{name}}}" for name in FIELDS)
    assert len(Layout(every).folder(bare).split("/")) == len(FIELDS)
    strange = replace(bare, published_at=1e300)
    assert Layout("{upload_date}").folder(strange) == "undated"


@pytest.mark.parametrize(
    ("template", "position", "said"),
    [
        ("{channel}/{tilte}", 11, "title"),
        ("{channel", 0, "partner"),
        ("a}", 1, "partner"),
        ("{}", 1, "no field"),
        ("{title|}", 7, "no field"),
        ("{title:02}", 7, "no format"),
        ("{upload_date:x}", 13, "no format"),
        ("{playlist_index:abc}", 16, "no format"),
        ("", 0, "no folder"),
        ("../{id}", 0, "no folders"),
        ("///", 0, "no folder"),
    ],
)
def test_a_wrong_template_is_told_with_its_place(template: str, position: int, said: str) -> None:
    with pytest.raises(ReelError) as caught:
        Layout(template)
    assert caught.value.code is Code.TEMPLATE_INVALID
    assert caught.value.problem.evidence["position"] == position
    assert said in str(caught.value)
    assert "channel" in (caught.value.problem.hint or "")


_TEXT = st.one_of(
    st.text(max_size=300),
    st.text("aä中👩\u200d🏽é.\u0301 /", max_size=300),
    st.sampled_from(
        ["CON", "nul.txt", "..", ".", " ", "a.", "COM¹", "lpt9 .x", "\ud800", "..\x00"]
    ),
)
_TEMPLATES = st.sampled_from(
    [
        _USUAL,
        "{title}",
        "{channel}/{title}",
        "{title}/{title}/{title} {id}",
        "{id}{title}",
        "x.{title}",
    ]
)


def _is_safe(name: str) -> bool:
    base = name.split(".")[0].rstrip(" ").lower()
    devices = {"con", "prn", "aux", "nul", "conin$", "conout$"}
    return (
        0 < len(name.encode()) <= 180
        and not set(name) & set('<>:"/\\|?*')
        and all(unicodedata.category(c) not in {"Cc", "Cs", "Zl", "Zp"} for c in name)
        and name == name.strip(" ").rstrip(".")
        and not name.startswith(".")
        and base not in devices
        and not re.fullmatch("(com|lpt)[0-9¹²³]", base)
        and name == unicodedata.normalize("NFC", name)
    )


@given(_TEMPLATES, _TEXT, _TEXT, _TEXT)
@example(_USUAL, "x" * 400, "y" * 400, "i")
def test_every_name_is_one_on_every_file_system(
    template: str, title: str, channel: str, native_id: str
) -> None:
    info = replace(_INFO, title=title, channel=channel, native_id=native_id)
    folder = Layout(template).folder(info)
    assert all(_is_safe(name) for name in folder.split("/")), folder
    assert len(folder.split("/")) == template.count("/") + 1
    assert len(folder.encode()) + 255 < 1024


@given(_TEMPLATES, _TEXT)
def test_numbers_always_make_another_folder(template: str, title: str) -> None:
    info = replace(_INFO, title=title)
    found = {folder_key(Layout(template).folder(info, number)) for number in range(1, 12)}
    assert len(found) == 11


@given(_TEXT)
def test_the_id_is_never_cut_off(title: str) -> None:
    folder = Layout(_USUAL).folder(replace(_INFO, title=title, channel=title))
    assert folder.endswith(" [dQw4w9WgXcQ]")


@given(_TEXT, st.integers(1, 255))
def test_a_letter_keeps_its_marks(text: str, most: int) -> None:
    name = safe_name(text, max(most, 8))
    assert _is_safe(name)
    assert len(name.encode()) <= max(most, 8)
    assert unicodedata.category(name[0])[0] != "M" or unicodedata.category(text.lstrip()[0]) != "L"


@pytest.mark.parametrize(
    ("one", "other"), [("Straße", "STRASSE"), ("é", "e\u0301"), ("A/b", "a/B")]
)
def test_folders_that_some_file_system_takes_for_one(one: str, other: str) -> None:
    assert folder_key(one) == folder_key(other)


def test_a_value_of_many_kinds() -> None:
    values: dict[str, Any] = {"title": "a\u202eb\nc", "channel": "x  y "}
    folder = Layout("{channel}/{title}").folder(replace(_INFO, **values))
    assert folder == "x y/ab c"
