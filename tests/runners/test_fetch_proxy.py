"""Downloads through a proxy that a spec names, and no faster than it says."""

from __future__ import annotations

import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from reelwright.errors import Code
from tests.runners.fetch_attempts import Attempts, failing, result_of
from tests.site import Site


class _Handler(BaseHTTPRequestHandler):
    """Passes GET requests on and writes them down."""

    server: Proxy

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(self.path, timeout=30) as answer:
            body = answer.read()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    server = Proxy()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


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


def test_a_service_goes_through_no_proxy_and_not_past_one(
    site: Site, attempts: Attempts, proxy: Proxy
) -> None:
    attempts.allow_private = False
    attempts.net_allow = "127.0.0.0/8"
    url = proxy.url.replace("http://", "http://me:secret@")
    error = failing(attempts, site.url("/files/clip.mp4"), proxy=url)
    assert error.code is Code.ADDRESS_REFUSED
    assert "secret" not in str(error.problem.to_json())
    assert not proxy.asked
    assert not site.requests


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
