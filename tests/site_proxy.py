"""A proxy on 127.0.0.2 that passes GET requests on, for tests of going through one."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class _Stay(urllib.request.HTTPRedirectHandler):
    """Redirects are the client's to follow."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class _Handler(BaseHTTPRequestHandler):
    """Passes GET requests on and writes them down."""

    server: Proxy

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.passwords.append(self.headers["Proxy-Authorization"])
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)
        try:
            opened = direct.open(self.path, timeout=30)
        except urllib.error.HTTPError as error:
            opened = error
        with opened as answer:
            body = answer.read()
            self.send_response(answer.status)
            for name in {"Content-Type", "Location"} & set(answer.headers):
                self.send_header(name, answer.headers[name])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.2", 0), _Handler)
        self.asked: list[str] = []
        self.passwords: list[str | None] = []

    def url_for(self, user: str, secret: str) -> str:
        return self.url.replace("://", f"://{user}:{secret}@")

    @property
    def url(self) -> str:
        return f"http://127.0.0.2:{self.server_port}"


@contextmanager
def serving_proxy() -> Iterator[Proxy]:
    server = Proxy()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
