"""API keys: ``reel_ID_SECRET``. Of the secret only the SHA-256 is kept, so it is shown once."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelwright.app.auth.grants import NewKey, check_form, check_grant
from reelwright.app.principal import Principal, Role, Scope
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx
    from reelwright.store.keys import KeyRow

PREFIX = "reel_"
_ALPHABET = string.ascii_letters + string.digits  # a double click selects the whole key
_SECRET = 43  # 256 bits in base 62


@dataclass(frozen=True, slots=True)
class Made:
    """`token` is nowhere else."""

    token: str
    key: KeyRow

    def to_json(self) -> dict[str, Any]:
        return {**key_json(self.key), "token": self.token}


def create(
    app: App,
    principal: Principal,
    new: NewKey,
    *,
    address: str | None = None,
    trace: str | None = None,
) -> Made:
    """Raises FORBIDDEN where it would grant more than `principal` has, SpecErrors of
    FIELD_INVALID."""
    from reelwright.store import audit
    from reelwright.store import keys as table
    from reelwright.store.ids import new_id

    principal.check(Scope.ADMIN)
    check_form(new)
    check_grant(principal, new)
    key_id = new_id()
    secret = "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET))

    def change(tx: Tx) -> KeyRow:
        row = table.KeyRow(
            id=key_id,
            name=new.name,
            owner=new.owner or principal.owner,
            role=new.role,
            hash=_digest(secret),
            scopes=sorted(set(new.scopes)),
            folders={kind: list(paths) for kind, paths in new.folders.items()},
            rate=new.rate or principal.rate,
            max_running=new.max_running or principal.max_running,
            max_bytes=new.max_bytes or principal.max_bytes,
            created_by=principal.actor,
            created_at=tx.now(),
            expires_at=_end(tx, principal, new.expires_s),
        )
        table.insert(tx, row)
        audit.add(tx, principal, "key.create", key_id, address, trace, **_granted(row))
        return row

    return Made(f"{PREFIX}{key_id}_{secret}", app.combiner.submit(change).result())


def listing(
    app: App, principal: Principal, *, limit: int = 100, before: str | None = None
) -> list[KeyRow]:
    """The newest first. Raises FORBIDDEN."""
    from reelwright.store import keys as table

    principal.check(Scope.ADMIN)
    with app.store.read() as tx:
        return table.listing(tx, limit=limit, before=before)


def identify(app: App, given: str) -> str:
    """The id that begins with `given`, or of the whole key. Raises KEY_UNKNOWN."""
    from reelwright.store import keys as table

    wanted = _parts(given)[0] if given.startswith(PREFIX) else given
    with app.store.read() as tx:
        found = table.find(tx, wanted) if wanted else []
    if wanted in found or len(found) == 1:
        return wanted if wanted in found else found[0]
    if found:
        raise ReelError(
            Code.KEY_UNKNOWN, f"'{wanted}' may be {', '.join(found)}", hint="give more of the id"
        )
    raise ReelError(Code.KEY_UNKNOWN, f"there is no key '{wanted}'", where=wanted)


def revoke(
    app: App,
    principal: Principal,
    key_id: str,
    *,
    address: str | None = None,
    trace: str | None = None,
) -> KeyRow:
    """Ends it and its sessions; a second time changes nothing. Raises FORBIDDEN, KEY_UNKNOWN."""
    from reelwright.store import audit
    from reelwright.store import keys as table

    principal.check(Scope.ADMIN)

    def change(tx: Tx) -> KeyRow:
        if table.revoke(tx, key_id):
            row = table.get(tx, key_id)
            audit.add(tx, principal, "key.revoke", key_id, address, trace, name=row.name)
        return table.get(tx, key_id)

    return app.combiner.submit(change).result()


def verify(app: App, token: str) -> tuple[Principal, float | None] | None:
    """Who bears this key, and when that ends (seconds since 1970); None: nobody."""
    from reelwright.store import keys as table

    key_id, secret = _parts(token)
    with app.store.read() as tx:
        row = table.usable(tx, key_id)
    # The same work whether or not there is such a key.
    expected = row.hash if row is not None else _digest("")
    if not hmac.compare_digest(_digest(secret), expected) or row is None:
        return None
    return principal_of(row), row.expires_at


def principal_of(row: KeyRow) -> Principal:
    return Principal(
        actor=f"key:{row.id}",
        owner=row.owner,
        role=Role(row.role),
        scopes=frozenset(row.scopes),
        key_id=row.id,
        folders={kind: tuple(paths) for kind, paths in row.folders.items()},
        rate=row.rate,
        max_running=row.max_running,
        max_bytes=row.max_bytes,
    )


def key_json(row: KeyRow) -> dict[str, Any]:
    """All but the hash."""
    return {
        "id": row.id,
        "name": row.name,
        "owner": row.owner,
        "role": row.role,
        "scopes": list(row.scopes),
        "folders": {kind: list(paths) for kind, paths in row.folders.items()},
        "rate": row.rate,
        "max_running": row.max_running,
        "max_bytes": row.max_bytes,
        "created_by": row.created_by,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "revoked_at": row.revoked_at,
        "last_used_at": row.last_used_at,
    }


def _granted(row: KeyRow) -> dict[str, Any]:
    """For the audit log: all that the key may, and until when; its limits where it has some."""
    limits = {name: getattr(row, name) for name in ("rate", "max_running", "max_bytes")}
    return {
        "name": row.name,
        "owner": row.owner,
        "role": row.role,
        "scopes": row.scopes,
        "folders": row.folders,
        "expires_at": row.expires_at,
        **{name: value for name, value in limits.items() if value is not None},
    }


def _parts(token: str) -> tuple[str, str]:
    key_id, _, secret = token.removeprefix(PREFIX).partition("_")
    return key_id, secret


def _digest(secret: str) -> str:
    """Fast on purpose: 256 random bits need no slow hash, which is for what people choose."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _end(tx: Tx, principal: Principal, asked_s: float | None) -> float | None:
    """When the new key ends: with its creator, where that is a key which ends. Raises FORBIDDEN."""
    from reelwright.store import keys as table

    asked = None if asked_s is None else tx.now() + asked_s
    own = None if principal.key_id is None else table.get(tx, principal.key_id).expires_at
    if own is None or asked is None:
        return own if asked is None else asked
    if asked > own:
        raise ReelError(
            Code.FORBIDDEN,
            f"{principal.actor} cannot grant a key that outlives it",
            where="expires_s",
        )
    return asked
