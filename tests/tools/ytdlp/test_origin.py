"""Is it still there? One question, and nothing is downloaded."""

from __future__ import annotations

import pytest

from reelwright.errors import Code
from reelwright.tools.ytdlp.request import Outcome
from tests.site import Site
from tests.site_resources import Fault, Huge, Other, Plain, Refuse, Typed
from tests.tools.ytdlp.conftest import Children

FILE = "/files/clip.mp4"


def test_a_file(site: Site, children: Children) -> None:
    state = children.check(site.url(FILE))

    assert state.outcome is Outcome.THERE
    assert state.problem is None
    assert state.etag == site.resource(FILE).etag
    assert state.size_bytes == site.resource(FILE).size_bytes
    assert site.count(FILE) == 1


@pytest.mark.parametrize("fault", [Plain(ranges=False), Huge(), Typed("application/octet-stream")])
def test_a_file_of_any_size_and_any_server(site: Site, children: Children, fault: Fault) -> None:
    site.fail(FILE, fault)

    state = children.check(site.url(FILE))

    assert state.outcome is Outcome.THERE
    assert state.size_bytes


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/pages/json-ld", "A talk in JSON-LD"),
        ("/pages/video", "A talk with captions"),
        ("/hls/master.m3u8", "master"),
    ],
)
def test_a_page(site: Site, children: Children, path: str, title: str) -> None:
    state = children.check(site.url(path))

    assert (state.outcome, state.title) == (Outcome.THERE, title)
    assert not site.count("/hls/v00.ts")


@pytest.mark.parametrize("path", ["/pages/json-ld", "/pages/og"])
def test_a_page_may_outlive_its_file(site: Site, children: Children, path: str) -> None:
    site.fail(FILE, Refuse(status=404))

    state = children.check(site.url(path))

    assert state.outcome is Outcome.GONE
    assert state.problem is not None
    assert state.problem.code is Code.HTTP_NOT_FOUND


@pytest.mark.parametrize("path", [FILE, "/pages/og"])
@pytest.mark.parametrize(
    ("status", "outcome", "code"),
    [
        (404, Outcome.GONE, Code.HTTP_NOT_FOUND),
        (410, Outcome.GONE, Code.HTTP_NOT_FOUND),
        (403, Outcome.RESTRICTED, Code.HTTP_FORBIDDEN),
        (451, Outcome.RESTRICTED, Code.HTTP_FORBIDDEN),
        (429, Outcome.UNKNOWN, Code.HTTP_RATE_LIMITED),
        (503, Outcome.UNKNOWN, Code.HTTP_SERVER_ERROR),
    ],
)
def test_a_refusal(
    site: Site, children: Children, path: str, status: int, outcome: Outcome, code: Code
) -> None:
    site.fail(path, Refuse(status=status))

    state = children.check(site.url(path))

    assert state.outcome is outcome
    assert state.problem is not None
    assert state.problem.code is code
    assert state.problem.evidence["status"] == status


def test_a_site_that_is_away_says_nothing(site: Site, children: Children) -> None:
    with site.away():
        state = children.check(site.url(FILE))

    assert state.outcome is Outcome.UNKNOWN
    assert state.problem is not None
    assert state.problem.code is Code.NETWORK_UNREACHABLE


def test_a_page_that_calls_itself_a_video_is_none(site: Site, children: Children) -> None:
    site.fail(FILE, Other())

    state = children.check(site.url(FILE))

    assert state.outcome is Outcome.UNKNOWN
    assert state.problem is not None
    assert state.problem.code is Code.MEDIA_UNRECOGNISED


def test_a_page_without_its_video_proves_nothing(site: Site, children: Children) -> None:
    """It may be that the page changed, or that the extractor does not understand it any more."""
    state = children.check(site.url("/pages/none"))

    assert state.outcome is Outcome.UNKNOWN
    assert state.problem is not None
    assert state.problem.code is Code.EXTRACTOR_UNSUPPORTED


def test_no_private_address_in_a_service(site: Site, children: Children) -> None:
    state = children.check(site.url(FILE), allow_private=False)

    assert state.problem is not None
    assert state.problem.code is Code.ADDRESS_REFUSED
    assert not site.requests
