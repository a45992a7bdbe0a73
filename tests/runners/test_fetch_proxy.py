"""Downloads through a proxy that a spec names, and no faster than it says."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reelwright.errors import Code
from tests.runners.fetch_attempts import Attempts, failing, result_of
from tests.site import Site
from tests.site_proxy import Proxy, serving_proxy


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with serving_proxy() as server:
        yield server


@pytest.fixture
def attempts(tmp_path: Path) -> Attempts:
    return Attempts(tmp_path)


@pytest.mark.parametrize("path", ["/files/clip.mp4", "/pages/video"])
def test_everything_goes_through_it(
    site: Site, attempts: Attempts, proxy: Proxy, path: str
) -> None:
    done = attempts.run(site.url(path), proxy=proxy.url)
    assert result_of(done)["sha256"] == site.sha256("/files/clip.mp4")
    assert {site.url(path), site.url("/files/clip.mp4")} <= set(proxy.asked)
    assert len(proxy.asked) == len(site.requests)


@pytest.fixture
def service(attempts: Attempts) -> Attempts:
    """Whose steps may connect to the site, and to the proxy only where it is their
    administrator's."""
    attempts.allow_private = False
    attempts.net_allow = "127.0.0.1/32"
    return attempts


@pytest.mark.parametrize("path", ["/files/clip.mp4", "/pages/video"])
def test_a_service_goes_through_the_proxy_of_its_administrator(
    site: Site, service: Attempts, proxy: Proxy, path: str
) -> None:
    service.own_proxy = proxy.url_for("me", "secret")  # secret-ok: made up
    done = service.run(site.url(path), proxy=proxy.url)
    assert result_of(done)["sha256"] == site.sha256("/files/clip.mp4")
    assert {site.url(path), site.url("/files/clip.mp4")} <= set(proxy.asked)
    assert len(proxy.asked) == len(site.requests)
    assert set(proxy.passwords) == {"Basic " + base64.b64encode(b"me:secret").decode()}


@pytest.mark.parametrize("path", ["/files/clip.mp4", "/pages/video"])
def test_a_service_goes_through_no_other_proxy_and_not_past_one(
    site: Site, service: Attempts, proxy: Proxy, path: str
) -> None:
    url = proxy.url_for("me", "secret")  # secret-ok: made up
    error = failing(service, site.url(path), proxy=url)
    assert error.code is Code.ADDRESS_REFUSED
    assert "secret" not in str(error.problem.to_json())
    assert not proxy.asked
    assert not site.requests


@pytest.mark.parametrize("path", ["/files/clip.mp4", "/pages/video"])
def test_a_service_goes_through_a_proxy_in_an_allowed_network(
    site: Site, service: Attempts, proxy: Proxy, path: str
) -> None:
    service.net_allow = "127.0.0.0/8"
    service.run(site.url(path), proxy=proxy.url)
    assert len(proxy.asked) == len(site.requests) > 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1"])
@pytest.mark.parametrize("path", ["/files/clip.mp4", "/pages/video"])
def test_a_proxy_is_not_asked_for_what_a_service_may_not_reach(
    site: Site, service: Attempts, proxy: Proxy, path: str, host: str
) -> None:
    service.net_allow, service.own_proxy = "", proxy.url
    url = site.url(path).replace("127.0.0.1", host)
    error = failing(service, url, proxy=proxy.url)
    assert error.code is Code.ADDRESS_REFUSED
    assert not proxy.asked


@pytest.mark.parametrize("suffix", ["", ".mp4"])
def test_a_proxy_is_not_asked_for_where_a_redirect_leads(
    site: Site, service: Attempts, proxy: Proxy, suffix: str
) -> None:
    """By our own downloader, and by yt-dlp, which follows redirects itself."""
    service.own_proxy = proxy.url
    inside = site.url("/files/clip.mp4").replace("127.0.0.1", "127.0.0.3")
    here = f"/leads/inside{suffix}"
    url = site.add(here, b"", status=302, headers={"Location": inside})
    error = failing(service, url, proxy=proxy.url, **({} if suffix else {"how": "page"}))
    assert error.code is Code.ADDRESS_REFUSED
    assert set(proxy.asked) == {url}


@pytest.mark.parametrize("path", ["/files/clip.mp4", "/pages/video"])
def test_a_proxy_of_socks_that_is_not_there(site: Site, attempts: Attempts, path: str) -> None:
    error = failing(attempts, site.url(path), proxy="socks5://127.0.0.1:9")
    assert error.code in {Code.NETWORK_UNREACHABLE, Code.NETWORK_RESET}
    assert site.requests == []


def test_no_faster_than_asked(site: Site, attempts: Attempts) -> None:
    """At least as long as that takes; how much longer is the machine's business."""
    size = site.resource("/files/clip.mp4").size_bytes
    begun_s = time.monotonic()
    attempts.run(site.url("/files/clip.mp4"), max_rate=size // 2)
    assert time.monotonic() - begun_s >= 1.5
