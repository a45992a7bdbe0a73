"""Sends requests, again where that can help, and turns refusals into errors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from reelwright.client.asynchronous.waiting import pause
from reelwright.client.faults import ApiError, fault_of, unreachable
from reelwright.client.patience import Patience, Tries
from reelwright.errors import Code, ReelError

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
# RFC 9110, 9.2.2; a POST counts among them when it carries an Idempotency-Key.
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
# Every request of tus names the version that it speaks.
_UPLOADS = "/v1/uploads"
# A silent event stream says something every 15 s or so.
_SILENCE_S = 60.0


class Transport:
    """A connection to a service. `url` is that of the service, without ``/v1``.

    `timeout_s` is for each read or write, not for a whole request. Raises USAGE for an `url` that
    is none.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        patience: Patience | None = None,
        timeout_s: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            hint = "write http://127.0.0.1:8000 or https://reel.example"
            raise ReelError(Code.USAGE, f"'{url}' is no address of a service", hint=hint)
        self.url = url.rstrip("/")
        self.patience = patience or Patience()
        # Gets what went wrong, and the seconds until it is tried again.
        self.on_wait: Callable[[ReelError, float], None] = _nobody
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.AsyncClient(
            headers={**headers, "User-Agent": "reelwright-client"},
            timeout=timeout_s,
            transport=transport,
            # A proxy of the environment cannot reach what listens on this machine's loopback.
            trust_env=parts.hostname not in _LOOPBACK,
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    @staticmethod
    def part(value: str | int) -> str:
        """`value` as one part of a path."""
        return quote(str(value), safe="")

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        """The answer, read whole. Raises ApiError, SERVER_UNREACHABLE, TLS_INVALID."""
        request = self._request(method, path, query, headers, content)
        return await self._sent(request, is_streamed=False)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        content: bytes | None = None,
    ) -> AsyncIterator[httpx.Response]:
        """The answer, whose body is still to be read. Raises as `send`, also while it is read."""
        request = self._request(method, path, query, headers, content)
        request.extensions["timeout"] = {**request.extensions["timeout"], "read": _SILENCE_S}
        answer = await self._sent(request, is_streamed=True)
        try:
            yield answer
        except httpx.TransportError as error:
            raise unreachable(self.url, error) from error
        finally:
            await answer.aclose()

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        headers: Mapping[str, Any] | None,
        content: bytes | None,
    ) -> httpx.Request:
        given = {k: str(v) for k, v in (headers or {}).items() if v is not None}
        if path.startswith(_UPLOADS):
            given.setdefault("Tus-Resumable", "1.0.0")
        return self._http.build_request(
            method,
            self.url + path,
            params={k: v for k, v in (query or {}).items() if v is not None},
            headers=given,
            content=content,
        )

    async def _sent(self, request: httpx.Request, *, is_streamed: bool) -> httpx.Response:
        tries = Tries(self.patience)
        may_repeat = request.method in _REPEATABLE or "idempotency-key" in request.headers
        while True:
            try:
                answer = await self._http.send(request, stream=is_streamed)
                if answer.is_success or answer.status_code == 304:
                    return answer
                await answer.aread()
                await answer.aclose()
            except httpx.TransportError as error:
                fault = unreachable(self.url, error)
                wait_s = self._after_break(tries, fault, error, may_repeat=may_repeat)
            else:
                fault = fault_of(answer)
                wait_s = self._after_refusal(tries, fault, may_repeat=may_repeat)
            if wait_s is None:
                raise fault
            self.on_wait(fault, wait_s)
            await pause(wait_s)

    def _after_break(
        self, tries: Tries, fault: ReelError, error: httpx.TransportError, *, may_repeat: bool
    ) -> float | None:
        """Seconds until the next try. What could not connect did nothing, whatever it was."""
        is_unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
        if fault.code is Code.TLS_INVALID or not (may_repeat or is_unsent):
            return None
        return tries.wait_s()

    def _after_refusal(self, tries: Tries, fault: ApiError, *, may_repeat: bool) -> float | None:
        if not fault.is_passing or not (may_repeat or fault.status == 429):
            return None
        return tries.wait_s(fault.retry_after_s)


def _nobody(error: ReelError, wait_s: float) -> None:
    """Waiting that nobody is told of."""
