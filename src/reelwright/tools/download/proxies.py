"""Going through a proxy from a process that is held to some addresses.

The proxy connects for us, so a socket that is held to addresses says nothing of where a request
ends. What is asked for is looked up here too, before the proxy hears of it, and refused where it
may not be reached. What the proxy resolves is its own affair: a name with another answer there, or
the second time, is not seen from here, so a proxy that reaches private networks must refuse them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.tools.download.addresses import Reach

_PORTS = {"http": 80, "https": 443}
_SOCKS_PORT = 1080


@dataclass(slots=True)
class Through:
    """A proxy. `is_trusted`: this machine's administrator named it, so it may be anywhere; another
    must be within the networks that are allowed by name."""

    host: str
    port: int
    is_trusted: bool
    _admitted: set[tuple[str, int]] = field(default_factory=set)

    @staticmethod
    def of(url: str, *, is_trusted: bool) -> Through:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme.lower(), _SOCKS_PORT)
        return Through((parts.hostname or "").lower(), port, is_trusted)

    def is_at(self, host: str, port: Any) -> bool:
        return host.lower() == self.host and str(port) == str(self.port)

    def admit(self, reach: Reach, addresses: Iterable[str]) -> None:
        """It resolved to these. Raises ADDRESS_REFUSED where it may not be gone through."""
        for address in addresses:
            if not self.is_trusted and not reach.names(address):
                raise ReelError(
                    Code.ADDRESS_REFUSED,
                    f"a service does not go through the proxy {self.host}:{self.port}",
                    where=self.host,
                    hint="leave `proxy` out; the administrator can set one (archive.proxy), or"
                    " allow the network it is in (net_allow)",
                )
            self._admitted.add((address, self.port))

    def has_admitted(self, address: str, port: Any) -> bool:
        return (address, port) in self._admitted


def hold_requests(check: Callable[[str], None]) -> None:
    """From now on every HTTP request of this process asks `check` for its host first: that of an
    absolute address (a proxy's), of a tunnel, or of the connection (through SOCKS)."""
    import http.client

    connection: Any = http.client.HTTPConnection
    put = connection.putrequest

    def put_checked(self: Any, method: str, url: str, *rest: Any, **named: Any) -> None:
        inner = None if url.startswith("/") else urlsplit(url).hostname
        check(inner or self._tunnel_host or self.host)
        put(self, method, url, *rest, **named)

    connection.putrequest = put_checked


def without_user(url: str) -> str:
    """What of a proxy's address may be shown: no name and no password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def chosen(proxy: str | None, own: str | None) -> tuple[str | None, bool]:
    """The proxy to go through where a spec names `proxy` and this machine's administrator `own`,
    with its password; and whether it is the administrator's."""
    if proxy and own and proxy in (own, without_user(own)):
        return own, True
    return proxy, False
