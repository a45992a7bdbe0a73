"""The network goes away in the middle of a download, for a moment or for long."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.archive.runs import Archive, until
from tests.site import Site
from tests.site_resources import Slow

pytestmark = pytest.mark.faults
TALK = "/talk.mp4"


def test_a_short_cut(archive: Archive, site: Site, large: Callable[[str], str]) -> None:
    """The same run goes on where it was."""
    url = large(TALK)
    site.fail(TALK, Slow(1_000_000))
    with archive.archiving(url) as running:
        until(lambda: archive.part_bytes() > 500_000)
        with site.away():
            site.heal(TALK)
        done = running.end()
    assert (done.code, done.entry["state"]) == (0, "kept"), done
    assert archive.digests() == [site.sha256(TALK)]
    last = [a for a in site.asked(TALK) if a.method == "GET"][-1]
    assert last.headers["range"] != "bytes=0-"
    assert last.headers["if-range"] == site.resource(TALK).etag


def test_a_long_cut(archive: Archive, site: Site, large: Callable[[str], str]) -> None:
    """The run ends, says why, and the next one goes on where it was."""
    url = large(TALK)
    site.fail(TALK, Slow(1_000_000))
    with archive.archiving(url) as running:
        until(lambda: archive.part_bytes() > 500_000)
        with site.away():
            done = running.end()
    assert done.code != 0
    assert done.entry["state"] == "failed"
    assert done.entry["code"].startswith("network_"), done
    assert archive.videos() == []
    held = archive.part_bytes()
    assert held > 500_000
    site.heal(TALK)
    site.forget()

    again = archive.run(url)

    assert again.entry["state"] == "kept", again
    assert archive.digests() == [site.sha256(TALK)]
    assert f"bytes={held}-" in [a.headers.get("range") for a in site.asked(TALK)]
    assert archive.leftovers() == []


def test_a_site_that_is_not_there(archive: Archive, site: Site) -> None:
    url = site.url("/files/clip.mp4")
    with site.away():
        done = archive.run(url)
    assert done.code != 0
    assert done.job["state"] == "failed"
    assert "network_unreachable" in str(done.events) + done.said
    assert archive.run(url).entry["state"] == "kept"
