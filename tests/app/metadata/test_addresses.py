"""Ids and addresses of YouTube's, in the forms that people paste, and those of other sites."""

from __future__ import annotations

import pytest

from reelwright.app.metadata.addresses import Named, playlist_target, video_target
from reelwright.errors import Code, ReelError

VIDEO, LIST, CHANNEL = "aqz-KE-bpKQ", "PL6B3937A5D230E335", "UC" + "x" * 22


@pytest.mark.parametrize(
    "given",
    [
        VIDEO,
        f"  {VIDEO}\n",
        f"https://www.youtube.com/watch?v={VIDEO}&list={LIST}",
        f"https://youtu.be/{VIDEO}?t=1",
        f"youtube.com/shorts/{VIDEO}",
        f"https://m.youtube.com/watch?v={VIDEO}",
        f"https://www.youtube-nocookie.com/embed/{VIDEO}",
    ],
)
def test_videos(given: str) -> None:
    found = video_target(given)
    assert (found.kind, found.id) == (Named.VIDEO, VIDEO)
    assert found.url == f"https://www.youtube.com/watch?v={VIDEO}"


def test_videos_of_other_sites() -> None:
    found = video_target("vimeo.com/76979871")
    assert (found.kind, found.id, found.url) == (Named.OTHER, "", "https://vimeo.com/76979871")


@pytest.mark.parametrize("given", ["", "short", "has space", "ftp://example.org/a", VIDEO + "!"])
def test_what_is_neither(given: str) -> None:
    with pytest.raises(ReelError) as caught:
        video_target(given)
    assert caught.value.code is Code.FIELD_INVALID


@pytest.mark.parametrize(
    ("given", "kind", "name"),
    [
        (LIST, Named.PLAYLIST, LIST),
        (f"https://www.youtube.com/playlist?list={LIST}", Named.PLAYLIST, LIST),
        (f"https://www.youtube.com/watch?v={VIDEO}&list={LIST}", Named.PLAYLIST, LIST),
        (CHANNEL, Named.CHANNEL, CHANNEL),
        (f"https://www.youtube.com/channel/{CHANNEL}/videos", Named.CHANNEL, CHANNEL),
        ("@Blender", Named.HANDLE, "@Blender"),
        ("https://www.youtube.com/@Blender/streams", Named.HANDLE, "@Blender"),
        ("https://www.youtube.com/%40Blender", Named.HANDLE, "@Blender"),
        ("https://www.youtube.com/user/blender", Named.USER, "blender"),
        ("https://www.youtube.com/c/blender", Named.OTHER, ""),
        ("https://example.org/feed.xml", Named.OTHER, ""),
    ],
)
def test_lists(given: str, kind: Named, name: str) -> None:
    found = playlist_target(given)
    assert (found.kind, found.id) == (kind, name)
    assert found.url.startswith("https://")
