"""Downloads that break off, answers that lie, servers that fail: a whole file, or none."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.faults.archive.runs import Archive, sha256, until
from tests.features.media import facts
from tests.site import Site
from tests.site_resources import (
    Changed,
    Fault,
    Huge,
    Other,
    Plain,
    Redirect,
    Refuse,
    Reset,
    Slow,
    Together,
    Truncated,
    changed,
)

pytestmark = pytest.mark.faults
TALK = "/talk.mp4"
Large = Callable[[str], str]


def whole(archive: Archive, site: Site, path: str = TALK) -> None:
    """One video is there, it is the site's, and nothing else is left."""
    assert archive.digests() == [site.sha256(path)]
    assert archive.leftovers() == []
    archive.expect_no_process()


def ranges(site: Site, path: str = TALK) -> list[str | None]:
    return [a.headers.get("range") for a in site.asked(path) if a.method == "GET"]


def resumed(site: Site, path: str = TALK) -> bool:
    """Whether a part of it was asked for, on the condition that it is the same file."""
    return any(
        a.headers.get("range", "bytes=0-") != "bytes=0-" and a.headers.get("if-range")
        for a in site.asked(path)
    )


def test_a_kill_while_downloading(archive: Archive, site: Site, large: Large) -> None:
    url = large(TALK)
    site.fail(TALK, Slow(1_000_000))
    with archive.archiving(url) as running:
        until(partial(_has_more_than, archive, 500_000))
        running.kill()
    assert archive.videos() == []
    assert archive.part_bytes() > 500_000
    site.heal(TALK)
    site.forget()

    done = archive.run(url)

    assert (done.code, done.entry["state"]) == (0, "kept"), done
    assert sha256(archive.path(done.entry)) == site.sha256(TALK)
    assert resumed(site)
    whole(archive, site)


def _has_more_than(archive: Archive, least_bytes: int) -> bool:
    return archive.part_bytes() > least_bytes


def test_kills_again_and_again(archive: Archive, site: Site, large: Large) -> None:
    """Each run gets further than the one before."""
    url = large(TALK)
    site.fail(TALK, Slow(1_500_000))
    for bound in (400_000, 1_200_000, 2_000_000):
        with archive.archiving(url) as running:
            until(partial(_has_more_than, archive, bound))
            running.kill()
    site.heal(TALK)
    assert archive.run(url).entry["state"] == "kept"
    whole(archive, site)


@pytest.mark.parametrize("path", ["/hls/master.m3u8", "/dash/manifest.mpd"])
def test_a_kill_in_the_middle_of_segments(
    archive: Archive, site: Site, ffprobe: Path, path: str
) -> None:
    """What comes of it in the end is as long as if nothing had happened."""
    folder = path.rpartition("/")[0]
    parts = [p for p in site.paths(f"{folder}/") if p.endswith((".ts", ".m4s"))]
    for part in parts:
        site.fail(part, Slow(20_000))
    with archive.archiving(site.url(path)) as running:
        until(lambda: sum(site.count(part) for part in parts) >= 2)
        running.kill()
    assert archive.videos() == []
    for part in parts:
        site.heal(part)

    done = archive.run(site.url(path))

    assert done.entry["state"] == "kept", done
    (video,) = archive.videos()
    assert int(facts(ffprobe, video)["video"]["nb_read_frames"]) == 50
    assert archive.leftovers() == []


def test_another_video_after_a_kill(archive: Archive, site: Site, large: Large) -> None:
    """The half that is there belongs to a video that the origin no longer has."""
    url = large(TALK)
    site.fail(TALK, Slow(1_000_000))
    with archive.archiving(url) as running:
        until(partial(_has_more_than, archive, 500_000))
        running.kill()
    site.fail(TALK, Changed())
    assert archive.run(url).entry["state"] == "kept"
    assert archive.digests() == [changed(site.resource(TALK)).sha256]
    assert archive.leftovers() == []


@pytest.mark.parametrize("server", [Plain(), Plain(if_range=False)], ids=["good", "no-if-range"])
def test_another_video_during_a_resume(
    archive: Archive, site: Site, large: Large, server: Plain
) -> None:
    """Also where the server ignores If-Range and sends the rest of the other video."""
    url = large(TALK)
    broken = Together(faults=(server, Reset(1_000_000)), times=1)
    site.fail(TALK, broken, Together(faults=(Changed(), server)))
    assert archive.run(url).entry["state"] == "kept"
    assert archive.digests() == [changed(site.resource(TALK)).sha256]


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param([Reset(1_000_000, times=1)], id="reset"),
        pytest.param([Reset(1_000_000, times=1), Truncated(500_000, times=1)], id="twice"),
        pytest.param([Truncated(1_000_000, times=1)], id="truncated"),
        pytest.param([Refuse(503, times=2)], id="503"),
        pytest.param([Refuse(429, retry_after=1, times=1)], id="429"),
        pytest.param([Together(faults=(Plain(ranges=False), Reset(900_000)), times=1)], id="range"),
        pytest.param(
            [
                Together(faults=(Plain(validators=False), Reset(900_000)), times=1),
                Plain(validators=False),
            ],
            id="no-validators",
        ),
        pytest.param([Plain(length=False)], id="no-length"),
    ],
)
def test_what_passes_is_outlasted(
    archive: Archive, site: Site, large: Large, faults: list[Fault]
) -> None:
    """Within one run."""
    url = large(TALK)
    site.fail(TALK, *faults)
    done = archive.run(url)
    assert (done.code, done.entry["state"]) == (0, "kept"), done
    assert (done.job["state"], done.job["kept"], done.job["failed"]) == ("succeeded", 1, 0)
    whole(archive, site)


def test_retry_after_is_kept_to(archive: Archive, site: Site, large: Large) -> None:
    url = large(TALK)
    site.fail(TALK, Refuse(429, retry_after=3, times=1))
    assert archive.run(url).entry["state"] == "kept"
    first, second = site.asked(TALK)[:2]
    assert second.at_s - first.at_s >= 3


@pytest.mark.parametrize(
    ("fault", "state", "code"),
    [
        pytest.param(Refuse(404), "gone", "http_not_found", id="404"),
        pytest.param(Refuse(410), "gone", "http_not_found", id="410"),
        pytest.param(Refuse(403), "failed", "http_forbidden", id="403"),
        pytest.param(Refuse(401), "failed", "http_forbidden", id="401"),
        pytest.param(Refuse(451), "failed", "http_forbidden", id="451"),
        pytest.param(Refuse(503), "failed", "http_server_error", id="503"),
        pytest.param(Redirect(), "failed", "http_status", id="loop"),
        pytest.param(Truncated(100_000), "failed", "network_reset", id="truncated"),
        pytest.param(Other(), "failed", "media_unrecognised", id="page"),
        pytest.param(Other(b"\0\1\2\3" * 5000), "failed", "media_unrecognised", id="noise"),
    ],
)
def test_what_does_not_pass_is_said(
    archive: Archive, site: Site, large: Large, fault: Fault, state: str, code: str
) -> None:
    """Nothing of it stands in the library."""
    url = large(TALK)
    site.fail(TALK, fault)
    done = archive.run(url)
    assert done.code != 0
    assert done.entry["state"] == state, done
    assert done.entry["code"] == code
    assert done.entry["asset"] is None
    assert archive.videos() == []


def test_a_body_without_end_is_not_taken(archive: Archive, site: Site, large: Large) -> None:
    """One that says it is larger than any disk is refused at its head."""
    url = large(TALK)
    site.fail(TALK, Huge(1 << 60))
    done = archive.run(url)
    assert (done.entry["state"], done.entry["code"]) == ("failed", "media_too_large"), done
    assert archive.part_bytes() == 0
    assert archive.videos() == []


def test_a_body_that_is_larger_than_it_may_be(archive: Archive, site: Site, large: Large) -> None:
    """It does not say how large it is."""
    url = large(TALK)
    site.fail(TALK, Together(faults=(Huge(1 << 40), Plain(length=False))))
    done = archive.run(url, "--max-size", "5MB")
    assert (done.entry["state"], done.entry["code"]) == ("failed", "media_too_large"), done
    assert archive.part_bytes() == 0
