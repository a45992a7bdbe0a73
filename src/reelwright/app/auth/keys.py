"""API keys: ``reel_ID_SECRET``. Of the secret only the SHA-256 is kept, so it is shown once."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from reelwright.app.principal import EVERYWHERE, Principal, Role, Scope
from reelwright.errors import Code, Problem, ReelError, SpecErrors

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.keys import KeyRow

PREFIX = "reel_"
_ALPHABET = string.ascii_letters + string.digits  # a double click selects the whole key
_SECRET = 43  # 256 bits in base 62
_NAME = 200
_FOLDERS = ("read", "write")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """What is asked for. `owner` None: the creator's. `expires_s`: seconds from now; None: never.

    `rate` is in the words of `limits` (``100/minute``).
    """

    name: str
    role: str = Role.EDITOR.value
    owner: str | None = None
    scopes: Sequence[str] = ()
    folders: Mapping[str, Sequence[str]] = field(default_factory=dict)
    expires_s: float | None = None
    rate: str | None = None
    max_running: int | None = None
    max_bytes: int | None = None


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
    from reelwright.store.database import Tx
    from reelwright.store.ids import new_id

    principal.check(Scope.ADMIN)
    _check(new)
    _check_grant(principal, new)
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
            rate=new.rate,
            max_running=_least(new.max_running, principal.max_running),
            max_bytes=_least(new.max_bytes, principal.max_bytes),
            created_by=principal.actor,
            created_at=tx.now(),
            expires_at=None if new.expires_s is None else tx.now() + new.expires_s,
        )
        table.insert(tx, row)
        about = {"name": row.name, "owner": row.owner, "role": row.role, "scopes": row.scopes}
        audit.add(tx, principal, "key.create", key_id, address, trace, **about)
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
    from reelwright.store.database import Tx

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


def _parts(token: str) -> tuple[str, str]:
    key_id, _, secret = token.removeprefix(PREFIX).partition("_")
    return key_id, secret


def _digest(secret: str) -> str:
    """Fast on purpose: 256 random bits need no slow hash, which is for what people choose."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _least(asked: int | None, own: int | None) -> int | None:
    """A creator with a limit hands on no more than that."""
    return min(asked, own) if asked is not None and own is not None else asked or own


def _check(new: NewKey) -> None:
    problems = [
        Problem(Code.FIELD_INVALID, message, where) for where, message in _mistakes(new) if message
    ]
    if problems:
        raise SpecErrors(problems)


def _mistakes(new: NewKey) -> list[tuple[str, str | None]]:
    known_scopes = [scope.value for scope in Scope]
    return [
        ("name", None if 0 < len(new.name) <= _NAME else f"a name has 1 to {_NAME} characters"),
        ("owner", None if new.owner is None or 0 < len(new.owner) <= _NAME else "an owner has 1 to "
         f"{_NAME} characters"),
        ("role", _unless([new.role], [role.value for role in Role])),
        ("scopes", _unless(new.scopes, known_scopes)),
        ("folders", _unless(new.folders, _FOLDERS)),
        *((f"folders.{kind}", _folder_mistake(path)) for kind in new.folders
          for path in new.folders[kind]),
        ("expires_s", _unless_positive(new.expires_s)),
        ("rate", None if new.rate is None else rate_mistake(new.rate)),
        ("max_running", _unless_positive(new.max_running)),
        ("max_bytes", _unless_positive(new.max_bytes)),
    ]  # fmt: skip


def _unless(given: Any, known: Sequence[str]) -> str | None:
    wrong = [one for one in given if one not in known]
    return f"'{wrong[0]}' is none of {', '.join(known)}" if wrong else None


def _unless_positive(value: float | None) -> str | None:
    return None if value is None or 0 < value < 2**53 else f"{value} is not above 0"


def _folder_mistake(path: str) -> str | None:
    is_plain = path.startswith("/") and ".." not in PurePosixPath(path).parts and "\0" not in path
    return None if is_plain else f"'{path}' is no absolute folder without '..'"


def rate_mistake(text: str) -> str | None:
    """What is wrong with a rate; None: nothing."""
    from limits import parse

    try:
        parse(text)
    except ValueError:
        return f"'{text}' is no rate: write 100/minute, 5/second or 1000/hour"
    return None


def _check_grant(principal: Principal, new: NewKey) -> None:
    """Raises FORBIDDEN. A role above the creator's cannot be named: creators are admins."""
    beyond = [scope for scope in new.scopes if principal.scopes and scope not in principal.scopes]
    if principal.scopes and not new.scopes:
        beyond = ["everything"]
    if beyond:
        _refuse(principal, f"scope '{beyond[0]}'", "scopes")
    for kind in _FOLDERS:
        for path in new.folders.get(kind, ()):
            if not _is_below(path, principal.folders.get(kind, ())):
                _refuse(principal, f"the folder {path} ({kind})", f"folders.{kind}")


def _refuse(principal: Principal, what: str, where: str) -> None:
    raise ReelError(
        Code.FORBIDDEN,
        f"{principal.actor} cannot grant {what}, which it does not have itself",
        where=where,
    )


def _is_below(path: str, folders: Sequence[str]) -> bool:
    return any(
        folder == EVERYWHERE or PurePosixPath(path).is_relative_to(folder) for folder in folders
    )
