"""Which names this service answers to, and which web pages may ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from reelwright.app.reach import is_loopback
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from reelwright.app.wiring import App

ANY = "*"
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class Hosts:
    """ASGI layer, for a service bound to loopback: a page of the web whose name suddenly resolves
    to 127.0.0.1 (DNS rebinding) is of the same origin to a browser, but still says its own name.

    A proxy's name is allowed by listing its origin in `serve.origins`.
    """

    def __init__(self, app: ASGIApp, reel: App) -> None:
        self._app = app
        serve = reel.settings.serve
        self._names: frozenset[str] | None = None
        if is_loopback(serve.host):
            listed = {urlsplit(origin).hostname or "" for origin in listed_origins(serve.origins)}
            self._names = _LOOPBACK_NAMES | {serve.host.strip("[]").lower()} | (listed - {""})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._names is not None:
            host = header(scope, b"host") or ""
            if _hostname(host) not in self._names:
                raise ReelError(
                    Code.FORBIDDEN,
                    f"this service does not answer to the name '{host}'",
                    where="Host",
                    hint="use http://127.0.0.1 or http://localhost; "
                    "list a proxy's origin in `serve.origins`",
                )
        await self._app(scope, receive, send)


def listed_origins(setting: str) -> list[str]:
    return [one.strip().rstrip("/") for one in setting.split(",") if one.strip()]


def check_same_origin(scope: Scope, origins: str) -> None:
    """A browser says where a request comes from; where it says so, it must be from here or from a
    listed origin. Raises CSRF_INVALID."""
    origin = header(scope, b"origin")
    if origin is not None:
        own = f"{scope.get('scheme', 'http')}://{header(scope, b'host')}"
        if origin == own or origin in listed_origins(origins):
            return
    elif (header(scope, b"sec-fetch-site") or "same-origin") in {"same-origin", "none"}:
        return
    raise ReelError(
        Code.CSRF_INVALID,
        f"this change was asked for by a page of {origin or 'another site'}",
        where="Origin",
        hint="send a bearer token, or list the origin in `serve.origins`",
    )


def header(scope: Scope, name: bytes) -> str | None:
    for key, value in scope["headers"]:
        if key == name:
            found: bytes = value
            return found.decode("latin-1")
    return None


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
