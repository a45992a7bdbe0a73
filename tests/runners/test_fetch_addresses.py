"""Where a download may connect to, and who gets to see its secrets."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reelwright.errors import Code, ReelError
from reelwright.tools.download.addresses import check
from tests.runners.fetch_attempts import Attempts, failing, result_of, small_clip
from tests.runners.origin import Origin, Served, refusal, serving

pytestmark = pytest.mark.attack


@pytest.fixture
def origin() -> Iterator[Origin]:
    with serving() as server:
        yield server


@pytest.fixture
def attempts(tmp_path: Path) -> Attempts:
    return Attempts(tmp_path)


@pytest.mark.parametrize("how", ["file", "page"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "2130706433"])
def test_private_addresses_where_they_are_not_allowed(
    origin: Origin, attempts: Attempts, how: str, host: str
) -> None:
    """Also by name, and by the other ways to write 127.0.0.1."""
    attempts.allow_private = False

    error = failing(attempts, origin.url("/a.mp4").replace("127.0.0.1", host), how=how)

    assert error.code is Code.ADDRESS_REFUSED
    assert not origin.requests


def test_a_proxy_does_not_reach_there_for_us(
    origin: Origin, attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", origin.url(""))
    attempts.allow_private = False

    assert failing(attempts, "http://127.0.0.2:9/a.mp4").code is Code.ADDRESS_REFUSED
    attempts.allow_private = True
    assert failing(attempts, "http://169.254.169.254/a.mp4").code is Code.ADDRESS_REFUSED
    assert not origin.requests


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::169.254.169.254]/",
        "http://[fe80::1]/",
        "http://[fd00:ec2::254]/",
        "http://100.100.100.200/",
    ],
)
def test_a_redirect_to_where_clouds_keep_credentials(
    origin: Origin, attempts: Attempts, target: str
) -> None:
    origin.answers["/a.mp4"] = refusal(302, Location=target)

    assert failing(attempts, origin.url("/a.mp4")).code is Code.ADDRESS_REFUSED


@pytest.mark.parametrize("form", ["page", "playlist"])
def test_a_page_that_leads_there(origin: Origin, attempts: Attempts, form: str) -> None:
    target = "http://169.254.169.254/latest/meta-data.mp4"
    if form == "page":
        body, kind = f"<html><video src='{target}'></video></html>", "text/html"
    else:
        body = f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{target}\n#EXT-X-ENDLIST\n"
        kind = "application/vnd.apple.mpegurl"
    origin.answers["/a.m3u8"] = Served(body.encode(), content_type=kind, etag=None)

    assert failing(attempts, origin.url("/a.m3u8")).code is Code.ADDRESS_REFUSED


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_public_addresses_are_for_everybody(address: str) -> None:
    check("example.org", address, allow_private=False)


@pytest.mark.parametrize("address", ["10.0.0.1", "192.168.1.1", "fd00::1", "::1", "239.1.1.1"])
def test_private_addresses_are_for_whom_they_are_allowed(address: str) -> None:
    check("nas", address, allow_private=True)
    with pytest.raises(ReelError) as caught:
        check("nas", address, allow_private=False)
    assert caught.value.code is Code.ADDRESS_REFUSED


def test_name_and_password_go_to_their_host_and_into_no_error(
    origin: Origin, attempts: Attempts, tmp_path: Path, ffmpeg: Path
) -> None:
    secret = "http://me:pass%20word@"  # secret-ok: made up
    clip = small_clip(ffmpeg, tmp_path / "clip.mp4")
    with serving() as elsewhere:
        elsewhere.answers["/clip.mp4"] = Served(clip.read_bytes())
        origin.answers["/away"] = refusal(302, Location=elsewhere.url("/clip.mp4"))
        origin.answers["/no"] = refusal(403)

        done = attempts.run(origin.url("/away").replace("http://", secret))
        error = failing(attempts, origin.url("/no?token=abc").replace("http://", secret))

        assert result_of(done)["final_url"] == elsewhere.url("/clip.mp4")
        given = [headers.get("Authorization") for _, headers in origin.requests]
        assert given == ["Basic bWU6cGFzcyB3b3Jk"] * 2  # secret-ok: the same, as RFC 7617 says
        assert "Authorization" not in elsewhere.requests[0][1]
    said = str(error.problem.to_json())
    assert error.code is Code.HTTP_FORBIDDEN
    assert "word" not in said
    assert "abc" not in said
