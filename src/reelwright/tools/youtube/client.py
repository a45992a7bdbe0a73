"""The calls, over HTTP: parts, pages and ETags as documented, and patience where it helps.

https://developers.google.com/youtube/v3/docs
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError
from reelwright.tools.youtube import reading
from reelwright.tools.youtube.failures import failure
from reelwright.tools.youtube.model import (
    Answer,
    Channel,
    ItemsPage,
    Method,
    Playlist,
    SearchPage,
    Video,
)

if TYPE_CHECKING:
    import httpx

PER_CALL = 50
_TIMEOUT_S = 30.0
_TRIES = 6
_MOST_BYTES = 32 << 20
_VIDEO_PARTS = "snippet,contentDetails,status,statistics,liveStreamingDetails"
_ITEM_PARTS = "snippet,contentDetails,status"
_CHANNEL_PARTS = "snippet,contentDetails,statistics"
_PASSING = frozenset(
    {Code.HTTP_RATE_LIMITED, Code.HTTP_SERVER_ERROR, Code.NETWORK_TIMEOUT}
    | {Code.NETWORK_RESET, Code.NETWORK_UNREACHABLE}
)


class Client:
    """Use it as an async context manager. The key is in no text of it.

    `before` is awaited before every request, tries among them: it reserves quota, or raises.
    What may pass (rate limits, 5xx, the network) is tried six times, with random pauses up to
    `backoff_s`, twice that, and so on, `backoff_max_s` at the most, or as long as `Retry-After`
    says. All calls raise API_QUOTA, API_KEY, HTTP_*, NETWORK_*, TLS_INVALID and what `before`
    raises.
    """

    def __init__(
        self,
        key: str,
        url: str,
        *,
        before: Callable[[Method], Awaitable[None]],
        backoff_s: float = 1.0,
        backoff_max_s: float = 60.0,
    ) -> None:
        self._key = key
        self._url = url.rstrip("/")
        self._before = before
        self._backoff_s = backoff_s
        self._backoff_max_s = backoff_max_s
        self._http: httpx.AsyncClient | None = None

    def __repr__(self) -> str:
        return f"Client({self._url})"

    async def __aenter__(self) -> Client:
        import httpx

        agent = {"User-Agent": "reelwright (gzip)", "Accept": "application/json"}
        self._http = httpx.AsyncClient(timeout=_TIMEOUT_S, headers=agent)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._http is not None:
            await self._http.aclose()

    async def videos(
        self, ids: Sequence[str], etag: str | None = None
    ) -> Answer[tuple[Video, ...]]:
        """At most 50 ids; those that YouTube does not show are missing from the answer."""
        if not 1 <= len(ids) <= PER_CALL:
            raise ValueError(f"1 to {PER_CALL} ids, not {len(ids)}")
        # `maxResults` is not for a question by ids, which are all answered at once.
        asked = {"part": _VIDEO_PARTS, "id": ",".join(ids)}
        body, tag = await self._get(Method.VIDEOS, asked, etag)
        if body is None:
            return Answer(None, tag)
        return Answer(tuple(reading.video(i) for i in reading.items(body) if i.get("id")), tag)

    async def playlist_items(
        self, playlist_id: str, token: str | None = None, etag: str | None = None
    ) -> Answer[ItemsPage]:
        """A page of 50. HTTP_NOT_FOUND: there is no such list, or it is private."""
        asked = {"part": _ITEM_PARTS, "playlistId": playlist_id, "maxResults": str(PER_CALL)}
        if token is not None:
            asked["pageToken"] = token
        body, tag = await self._get(Method.PLAYLIST_ITEMS, asked, etag)
        return Answer(None if body is None else reading.items_page(body), tag)

    async def playlist(self, playlist_id: str) -> Playlist | None:
        """None: there is none, or it is private."""
        asked = {"part": _ITEM_PARTS, "id": playlist_id}
        body, _ = await self._get(Method.PLAYLISTS, asked)
        return next((reading.playlist(i) for i in reading.items(body or {}) if i.get("id")), None)

    async def channel(
        self,
        *,
        channel_id: str | None = None,
        handle: str | None = None,
        user: str | None = None,
    ) -> Channel | None:
        """By exactly one of them; a handle with or without its ``@``. None: there is none."""
        named = {"id": channel_id, "forHandle": handle, "forUsername": user}
        chosen = {name: value for name, value in named.items() if value is not None}
        if len(chosen) != 1:
            raise ValueError("exactly one of channel_id, handle, user")
        body, _ = await self._get(Method.CHANNELS, {"part": _CHANNEL_PARTS, **chosen})
        return next((reading.channel(i) for i in reading.items(body or {}) if i.get("id")), None)

    async def search(
        self, words: str, *, kind: str = "video", limit: int = PER_CALL, token: str | None = None
    ) -> SearchPage:
        """`kind`: video, channel or playlist. A page of at most 50."""
        asked = {"part": "snippet", "q": words, "type": kind, "maxResults": str(min(limit, 50))}
        if token is not None:
            asked["pageToken"] = token
        body, _ = await self._get(Method.SEARCH, asked)
        return reading.search_page(body or {})

    async def _get(
        self, method: Method, asked: Mapping[str, str], etag: str | None = None
    ) -> tuple[Mapping[str, Any] | None, str | None]:
        """The body, None where it is unchanged, and its ETag."""
        for tries in range(_TRIES):
            await self._before(method)
            try:
                return await self._once(method, asked, etag)
            except ReelError as error:
                if error.code not in _PASSING or tries + 1 == _TRIES:
                    raise
                await asyncio.sleep(self._pause_s(tries, error))
        raise AssertionError("the last try returns or raises")

    def _pause_s(self, tries: int, error: ReelError) -> float:
        bound = min(self._backoff_max_s, self._backoff_s * 2**tries)
        said = float(error.problem.evidence.get("retry_after_s") or 0.0)
        return max(random.uniform(0, bound), min(said, self._backoff_max_s))

    async def _once(
        self, method: Method, asked: Mapping[str, str], etag: str | None
    ) -> tuple[Mapping[str, Any] | None, str | None]:
        status, headers, data = await self._answer(method, asked, etag)
        if status == 304 and etag is not None:
            return None, headers.get("etag") or etag
        if status != 200:
            error = failure(status, data, path=method.value, key=self._key)
            raise _with_wait(error, headers.get("retry-after"))
        try:
            body = json.loads(data)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            said = "the address of the YouTube Data API answered something else"
            raise ReelError(Code.HTTP_STATUS, said, where=self._url, hint="check `youtube.url`")
        tag = headers.get("etag") or body.get("etag")
        return body, tag if isinstance(tag, str) else None

    async def _answer(
        self, method: Method, asked: Mapping[str, str], etag: str | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of one request."""
        import httpx

        assert self._http is not None, "used outside of `async with`"
        url = f"{self._url}/{method.value}"
        # `key` is in the query, as documented: no text with the address leaves this function.
        query = {**asked, "key": self._key}
        headers = {} if etag is None else {"If-None-Match": etag}
        try:
            async with self._http.stream("GET", url, params=query, headers=headers) as answer:
                data = bytearray()
                async for part in answer.aiter_bytes():
                    data += part
                    if len(data) > _MOST_BYTES:
                        said = f"an answer of more than {_MOST_BYTES >> 20} MiB"
                        raise ReelError(Code.HTTP_STATUS, said, where=url)
                return answer.status_code, answer.headers, bytes(data)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _unreached(error, url, self._key) from None  # its request holds the key


def _with_wait(error: ReelError, said: str | None) -> ReelError:
    if said is None or not said.strip().isdecimal():
        return error
    problem = error.problem
    evidence = {**problem.evidence, "retry_after_s": float(said)}
    return ReelError(problem.code, problem.message, where=problem.where, evidence=evidence)


def _unreached(error: Exception, url: str, key: str) -> ReelError:
    import httpx

    said = (str(error) or type(error).__name__).replace(key, "***")
    if "certificate" in said.lower():
        code = Code.TLS_INVALID
    elif isinstance(error, httpx.TimeoutException):
        code = Code.NETWORK_TIMEOUT
    elif isinstance(error, httpx.ConnectError):
        code = Code.NETWORK_UNREACHABLE
    elif isinstance(error, httpx.TransportError):
        code = Code.NETWORK_RESET
    else:
        code = Code.HTTP_STATUS
    return ReelError(code, f"the YouTube Data API was not reached: {said}", where=url)
