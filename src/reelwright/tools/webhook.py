"""Sends one message to one address: checked, connected to as checked, answered by a status."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpcore

from reelwright.errors import Code, ReelError
from reelwright.tools.download.addresses import Reach
from reelwright.tools.download.answers import retry_after_s, shown

# Of an answer's body no more is read: its status says it all.
_LOOK_BYTES = 4096
# A name whose server does not answer blocks a thread for half a minute.
_RESOLVERS = 32


@dataclass(frozen=True, slots=True)
class Answer:
    """`retry_after_s`: what the receiver asked for."""

    status: int
    retry_after_s: float | None = None

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


def check_url(url: str, reach: Reach, where: str = "webhook") -> None:
    """Raises WEBHOOK_INVALID; FORBIDDEN for an address, written as one, that is out of reach."""
    try:
        parts = urlsplit(url)
        is_fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_fine = False
    if not is_fine or parts.username is not None or not url.isascii() or not url.isprintable():
        message = f"'{shown(url) if is_fine else url}' is no address for a webhook"
        raise ReelError(
            Code.WEBHOOK_INVALID,
            message,
            where=where,
            hint="write https://host/path, without a name and a password",
        )
    try:
        reach.check_literal(parts.hostname or "")
    except ReelError as error:
        problem = error.problem
        raise ReelError(Code.FORBIDDEN, problem.message, where=where, hint=problem.hint) from error


class Courier:
    """Sends messages, each over a connection of its own. `close` it at the end.

    Names are resolved once, every address is held to `reach`, and the one that was checked is
    connected to; TLS still asks the certificate for the name. Redirects are answers like others,
    and proxies of the environment are not used: both would lead where nobody checked.
    """

    def __init__(self, reach: Reach) -> None:
        self._resolvers = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="resolve")
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_connections=None,
            max_keepalive_connections=0,
            network_backend=_Held(reach, self._resolvers),
        )

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout_s: float
    ) -> Answer:
        """Raises ADDRESS_REFUSED, NETWORK_*, TLS_INVALID."""
        place = shown(url)
        try:
            async with asyncio.timeout(timeout_s):
                return await self._post(url, body, headers)
        except TimeoutError as error:
            message = f"no answer from {place} within {timeout_s:g} seconds"
            raise ReelError(Code.NETWORK_TIMEOUT, message, where=place) from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            raise _failure(error, place) from error
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or error
            message = f"the name in {place} cannot be resolved: {why}"
            raise ReelError(Code.NETWORK_UNREACHABLE, message, where=place) from error

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        async with self._pool.stream(
            "POST", url, headers=list(headers.items()), content=body
        ) as answer:
            found = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in answer.headers}
            read = 0
            async for part in answer.aiter_stream():
                read += len(part)
                if read >= _LOOK_BYTES:
                    break
            return Answer(answer.status, retry_after_s(found.get("retry-after")))

    async def close(self) -> None:
        await self._pool.aclose()
        self._resolvers.shutdown(wait=False, cancel_futures=True)


class _Held(httpcore.AsyncNetworkBackend):
    """Connects to what `reach` allows, and to nothing else."""

    def __init__(self, reach: Reach, resolvers: ThreadPoolExecutor) -> None:
        self._reach = reach
        self._resolvers = resolvers
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._resolvers, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        addresses = list(dict.fromkeys(str(target[0]) for *_, target in found))
        for address in addresses:
            self._reach.check(host, address)
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(address, port, timeout)
            except httpcore.ConnectError:
                continue
        return await self._inner.connect_tcp(addresses[-1], port, timeout)

    async def connect_unix_socket(self, path: str, *_: Any, **__: Any) -> Any:
        raise httpcore.ConnectError(f"{path} is no address")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


def _failure(error: Exception, place: str) -> ReelError:
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, ssl.SSLCertVerificationError):
            message = f"the certificate of {place} is not valid: {below.verify_message}"
            return ReelError(Code.TLS_INVALID, message, where=place)
        below = below.__cause__ or below.__context__
    code = (
        Code.NETWORK_UNREACHABLE
        if isinstance(error, httpcore.ConnectError)
        else (Code.NETWORK_RESET)
    )
    return ReelError(
        code, f"no answer from {place}: {str(error) or type(error).__name__}", where=place
    )
