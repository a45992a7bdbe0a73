"""From a bearer token or a cookie to a `Principal`, remembered for a few seconds."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from reelwright.app.auth import keys, local_token, sessions
from reelwright.app.principal import LOCAL, Principal
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.auth.issuer import Issuer
    from reelwright.app.wiring import App

# A key that is revoked, or a session that another process ended, works so long at the most.
REMEMBER_S = 5.0
_MOST = 10_000
# How exact `last_used_at` is.
_USED_S = 60.0


@dataclass(slots=True)
class _Known:
    principal: Principal
    until: float  # on the monotonic clock; then it is asked for again
    ends_at: float | None  # when the token ends, seconds since 1970


class Authenticator:
    """One for each process that answers requests; its methods belong on one event loop."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._asking: dict[bytes, asyncio.Future[_Known]] = {}
        self._used: dict[str, float] = {}
        self._local = _digest("bearer", local_token.token(app))

    def recall(self, token: str) -> Principal | None:
        """Whom the bearer token was found to be a moment ago, if it was."""
        return self._recall(_digest("bearer", token))

    def recall_session(self, cookie: str) -> Principal | None:
        return self._recall(_digest("cookie", cookie))

    def is_local(self, token: str) -> bool:
        """Whether it is the token of the person at the machine."""
        return _digest("bearer", token) == self._local

    def has_met(self, token: str) -> bool:
        """Whether it was good once: then it is no guess."""
        digest = _digest("bearer", token)
        return digest == self._local or digest in self._known

    async def bearer(self, token: str) -> Principal:
        """Raises UNAUTHENTICATED; FORBIDDEN for a JWT without a role; STORE_*, NETWORK_*."""
        return (await self.proof(token))[0]

    async def proof(self, token: str) -> tuple[Principal, float | None]:
        """`bearer`, and when the token ends (seconds since 1970)."""
        digest = _digest("bearer", token)
        threads = self._issuer_threads if _is_jwt(token) else None
        known = await self._ask(digest, lambda: self._verify(digest, token), threads)
        return known.principal, known.ends_at

    async def session(self, cookie: str) -> Principal:
        """Raises UNAUTHENTICATED, STORE_*."""
        digest = _digest("cookie", cookie)
        known = await self._ask(digest, lambda: _found(sessions.verify(self._app, cookie)))
        return known.principal

    def forget_session(self, cookie: str) -> None:
        self._known.pop(_digest("cookie", cookie), None)

    def forget_key(self, key_id: str) -> None:
        """Its tokens and sessions are asked for anew: at once in this process."""
        gone = [d for d, known in self._known.items() if known.principal.key_id == key_id]
        for digest in gone:
            self._known.pop(digest, None)

    def _recall(self, digest: bytes) -> Principal | None:
        known = self._known.get(digest)
        if known is None or known.until <= time.monotonic():
            return None
        return known.principal

    async def _ask(
        self, digest: bytes, verify: Callable[[], _Known], threads: Executor | None = None
    ) -> _Known:
        """Once, however many requests of one client come together."""
        known = self._known.get(digest)
        if known is not None and known.until > time.monotonic():
            return known
        asking = self._asking.get(digest)
        if asking is None:
            asking = asyncio.get_running_loop().run_in_executor(threads, verify)
            self._asking[digest] = asking
            asking.add_done_callback(lambda done: self._answered(digest, done))
        return await asyncio.shield(asking)

    def _answered(self, digest: bytes, done: asyncio.Future[_Known]) -> None:
        self._asking.pop(digest, None)
        if done.cancelled():
            return
        if done.exception() is not None:
            self._known.pop(digest, None)
            return
        known = done.result()
        self._known[digest] = known
        self._known.move_to_end(digest)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)
        if known.principal.key_id is not None:
            self._note_use(known.principal.key_id)

    def _verify(self, digest: bytes, token: str) -> _Known:
        if digest == self._local:
            return _found((LOCAL, None))
        if token.startswith(keys.PREFIX):
            return _found(keys.verify(self._app, token))
        if _is_jwt(token) and self._issuer is not None:
            return _found(self._issuer.verify(token))
        raise unauthenticated("this token is not known here")

    @cached_property
    def _issuer(self) -> Issuer | None:
        if self._app.settings.auth.issuer is None:
            return None
        from reelwright.app.auth.issuer import Issuer

        return Issuer(self._app.settings.auth)

    @cached_property
    def _issuer_threads(self) -> Executor:
        """Threads of its own: an issuer that hangs must not keep keys waiting behind it."""
        return ThreadPoolExecutor(2, thread_name_prefix="issuer")

    def _note_use(self, key_id: str) -> None:
        """At most once a minute, and nobody waits for it or hears of it when it fails."""
        now = time.monotonic()
        if now - self._used.get(key_id, -_USED_S) < _USED_S:
            return
        if len(self._used) > _MOST:
            self._used.clear()
        self._used[key_id] = now
        from reelwright.store import keys as table

        # After the jobs of the same commit: every process locks in one order.
        self._app.combiner.submit(
            lambda tx: table.used(tx, key_id, older_s=_USED_S), order=f"~{key_id}"
        )


def unauthenticated(message: str) -> ReelError:
    return ReelError(Code.UNAUTHENTICATED, message)


def _is_jwt(token: str) -> bool:
    return token.count(".") == 2


def _found(proof: tuple[Principal, float | None] | None) -> _Known:
    if proof is None:
        raise unauthenticated("this token is unknown, revoked or expired")
    principal, ends_at = proof
    # Both clocks are of this machine here; the database's is asked again at the next look.
    left = REMEMBER_S if ends_at is None else min(REMEMBER_S, ends_at - time.time())
    return _Known(principal, time.monotonic() + left, ends_at)


def _digest(kind: str, token: str) -> bytes:
    """What is remembered by: no token stays in memory, and equality tells a clock nothing."""
    return hashlib.sha256(f"{kind}:{token}".encode()).digest()
