"""Browser sessions: a random cookie that stands for a principal until it logs out or time is up.

The token that guards against forged requests (CSRF) is made from the cookie, so that it is bound to
the session, and neither of them is kept.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reelwright.app.principal import Principal
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx

_COOKIE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Opened:
    """`cookie` is nowhere else; `expires_at` is in seconds since 1970."""

    cookie: str
    principal: Principal
    expires_at: float
    lasts_s: float

    @property
    def csrf(self) -> str:
        return csrf_token(self.cookie)


def open_session(
    app: App,
    principal: Principal,
    *,
    ends_at: float | None = None,
    address: str | None = None,
    trace: str | None = None,
) -> Opened:
    """`ends_at`: when what was shown to log in ends; the session ends with it."""
    from reelwright.store import audit
    from reelwright.store import sessions as table

    cookie = secrets.token_urlsafe(_COOKIE_BYTES)

    def change(tx: Tx) -> Opened:
        expires_at = tx.now() + app.settings.serve.session_hours * 3600
        if ends_at is not None:
            expires_at = min(expires_at, ends_at)
        row = table.SessionRow(
            id=_hash(cookie),
            csrf=_hash(csrf_token(cookie)),
            principal=principal.to_json(),
            created_at=tx.now(),
            expires_at=expires_at,
        )
        table.insert(tx, row)
        # The first digits say which one it was; nobody logs in with them.
        audit.add(tx, principal, "session.open", row.id[:12], address, trace)
        return Opened(cookie, principal, expires_at, expires_at - tx.now())

    return app.combiner.submit(change).result()


def verify(app: App, cookie: str) -> tuple[Principal, float] | None:
    from reelwright.store import sessions as table

    with app.store.read() as tx:
        row = table.usable(tx, _hash(cookie))
    return None if row is None else (Principal.from_json(row.principal), row.expires_at)


def close_session(
    app: App,
    principal: Principal,
    cookie: str,
    *,
    address: str | None = None,
    trace: str | None = None,
) -> None:
    """A session that is gone already stays gone."""
    from reelwright.store import audit
    from reelwright.store import sessions as table

    def change(tx: Tx) -> None:
        if table.delete(tx, _hash(cookie)):
            audit.add(tx, principal, "session.close", _hash(cookie)[:12], address, trace)

    app.combiner.submit(change).result()


def csrf_token(cookie: str) -> str:
    return hmac.new(cookie.encode(), b"csrf", hashlib.sha256).hexdigest()


def check_csrf(cookie: str, given: str | None) -> None:
    """Raises CSRF_INVALID."""
    expected = csrf_token(cookie).encode()
    if given is None or not hmac.compare_digest(given.encode("utf-8", "replace"), expected):
        how = "is missing" if given is None else "is not that of this session"
        raise ReelError(
            Code.CSRF_INVALID,
            f"the header X-CSRF-Token {how}",
            where="X-CSRF-Token",
            hint="`GET /v1/session` tells it",
        )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
