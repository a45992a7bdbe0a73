"""Where messages go to: endpoints and their secrets, by their owners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelwright.app.principal import Principal, Scope
from reelwright.errors import Code, Problem, ReelError, SpecErrors

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx
    from reelwright.store.endpoints import Endpoint

# An old secret signs too for so long: receivers take the new one meanwhile.
ROTATION_S = 86400.0
# Of one owner: each change of a job writes a message for each of them.
_MOST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class From:
    """Who asks, from where, in which trace: for the audit log."""

    principal: Principal
    address: str | None = None
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """An endpoint with its secret, which is shown when it is made or rotated."""

    endpoint: Endpoint

    def to_json(self) -> dict[str, Any]:
        return {**endpoint_json(self.endpoint), "secret": self.endpoint.secret}


def add(app: App, who: From, url: str, events: Sequence[str] = ()) -> Shown:
    """`events` none: all. Raises FORBIDDEN, WEBHOOK_INVALID, FIELD_INVALID, QUOTA_EXCEEDED."""
    from reelwright.store import endpoints as table
    from reelwright.store.ids import new_id
    from reelwright.tools.webhook_signature import new_secret

    who.principal.check(Scope.WEBHOOKS)
    check_url(app, url, "url")
    _check_events(events)
    endpoint_id, owner, secret = new_id(), who.principal.owner, new_secret()

    def change(tx: Tx) -> Endpoint:
        if len(table.listing(tx, owner=owner, limit=_MOST)) >= _MOST:
            raise ReelError(Code.QUOTA_EXCEEDED, f"{owner} has {_MOST} webhooks already")
        row = table.Endpoint(
            id=endpoint_id,
            owner=owner,
            url=url,
            events=sorted(set(events)),
            secret=secret,
            created_at=tx.now(),
        )
        table.insert(tx, row)
        _note(tx, who, "webhook.create", row)
        return row

    return Shown(app.combiner.submit(change).result())


def listing(
    app: App, principal: Principal, *, limit: int = 100, before: str | None = None
) -> list[Endpoint]:
    """The newest first. Raises FORBIDDEN."""
    from reelwright.store import endpoints as table

    principal.check(Scope.WEBHOOKS)
    with app.store.read() as tx:
        return table.listing(tx, owner=principal.sees, limit=limit, before=before)


def get(app: App, principal: Principal, endpoint_id: str) -> Endpoint:
    """Raises FORBIDDEN, WEBHOOK_UNKNOWN."""
    principal.check(Scope.WEBHOOKS)
    with app.store.read() as tx:
        return seen(tx, principal, endpoint_id)


def change(
    app: App,
    who: From,
    endpoint_id: str,
    *,
    url: str | None = None,
    events: Sequence[str] | None = None,
    is_enabled: bool | None = None,
) -> Endpoint:
    """What is None stays. Raises what `add` raises, WEBHOOK_UNKNOWN."""
    from reelwright.store import endpoints as table

    who.principal.check(Scope.WEBHOOKS)
    values: dict[str, Any] = {}
    if url is not None:
        check_url(app, url, "url")
        values["url"] = url
    if events is not None:
        _check_events(events)
        values["events"] = sorted(set(events))
    if is_enabled is not None:
        values["is_enabled"] = is_enabled

    def write(tx: Tx) -> Endpoint:
        row = seen(tx, who.principal, endpoint_id)
        if values:
            row = table.change(tx, endpoint_id, **values)
            _note(tx, who, "webhook.change", row, changed=sorted(values))
        return row

    return app.combiner.submit(write).result()


def remove(app: App, who: From, endpoint_id: str) -> None:
    """With its messages. Raises FORBIDDEN, WEBHOOK_UNKNOWN."""
    from reelwright.store import endpoints as table

    who.principal.check(Scope.WEBHOOKS)

    def write(tx: Tx) -> None:
        row = seen(tx, who.principal, endpoint_id)
        table.delete(tx, endpoint_id)
        _note(tx, who, "webhook.delete", row)

    app.combiner.submit(write).result()


def rotate(app: App, who: From, endpoint_id: str, *, overlap_s: float = ROTATION_S) -> Shown:
    """A new secret; the one before signs too for `overlap_s`. Raises FORBIDDEN,
    WEBHOOK_UNKNOWN."""
    who.principal.check(Scope.WEBHOOKS)

    def write(tx: Tx) -> Endpoint:
        return _rotate(tx, who, seen(tx, who.principal, endpoint_id), overlap_s)

    return Shown(app.combiner.submit(write).result())


def own_secret(
    app: App, who: From, *, is_new: bool = False, overlap_s: float = ROTATION_S
) -> Shown:
    """The secret that signs what goes to `webhook` of the owner's specs, made on first use;
    `is_new` rotates it. Raises FORBIDDEN."""
    who.principal.check(Scope.WEBHOOKS)

    def write(tx: Tx) -> Endpoint:
        row = of_specs(tx, who.principal.owner)
        return _rotate(tx, who, row, overlap_s) if is_new else row

    return Shown(app.combiner.submit(write).result())


def of_specs(tx: Tx, owner: str) -> Endpoint:
    """The row without an address that holds an owner's secret. Its id says whose it is, so that
    two who make it at the same time make one."""
    from reelwright.store import endpoints as table
    from reelwright.tools.webhook_signature import new_secret

    row_id = _id_of_specs(owner)
    known = table.by_ids(tx, [row_id])
    if row_id not in known:
        made = table.Endpoint(
            id=row_id, owner=owner, url="", events=(), secret=new_secret(), created_at=tx.now()
        )
        table.insert(tx, made)
        known = table.by_ids(tx, [row_id])
    return known[row_id]


def identify(app: App, given: str) -> str:
    """The id that begins with `given`. Raises WEBHOOK_UNKNOWN."""
    from reelwright.store import endpoints as table

    with app.store.read() as tx:
        found = table.find(tx, given) if given else []
    if given in found or len(found) == 1:
        return given if given in found else found[0]
    if found:
        raise ReelError(
            Code.WEBHOOK_UNKNOWN, f"'{given}' may be {', '.join(found)}", hint="give more of the id"
        )
    raise table.unknown(given)


def check_url(app: App, url: str, where: str = "webhook") -> None:
    """Also of the `webhook` of a spec. Raises WEBHOOK_INVALID, FORBIDDEN."""
    from reelwright.tools.webhook import check_url as check

    check(url, reach(app), where)


def reach(app: App) -> Any:
    """What a service may send messages to: as for downloads. Raises CONFIG_INVALID."""
    from reelwright.tools.download.addresses import Reach

    return Reach.of(allow_private=False, net_allow=app.settings.net_allow)


def seen(tx: Tx, principal: Principal, endpoint_id: str) -> Endpoint:
    """Raises WEBHOOK_UNKNOWN, also where it is another's."""
    from reelwright.store import endpoints as table

    row = table.get(tx, endpoint_id)
    if not row.url or principal.sees not in (None, row.owner):
        raise table.unknown(endpoint_id)
    return row


def endpoint_json(row: Endpoint) -> dict[str, Any]:
    return {
        "id": row.id,
        "owner": row.owner,
        "url": row.url,
        "events": list(row.events),
        "enabled": row.is_enabled,
        "old_secret_until": row.old_secret_until,
        "created_at": row.created_at,
    }


def _rotate(tx: Tx, who: From, row: Endpoint, overlap_s: float) -> Endpoint:
    from reelwright.store import endpoints as table
    from reelwright.tools.webhook_signature import new_secret

    made = table.change(
        tx,
        row.id,
        secret=new_secret(),
        old_secret=row.secret,
        old_secret_until=tx.now() + overlap_s,
    )
    _note(tx, who, "webhook.rotate", made, overlap_s=overlap_s)
    return made


def _check_events(events: Sequence[str]) -> None:
    from reelwright.store.outbox import TYPES

    wrong = [
        Problem(
            Code.FIELD_INVALID,
            f"'{name}' is no event",
            f"events[{n}]",
            f"there are: {', '.join(TYPES)}",
        )
        for n, name in enumerate(events)
        if name not in TYPES
    ]
    if wrong:
        raise SpecErrors(wrong)


def _id_of_specs(owner: str) -> str:
    import hashlib

    from reelwright.store.ids import encode

    digest = hashlib.sha256(f"specs of {owner}".encode()).digest()
    return encode(int.from_bytes(digest, "big") % (1 << 85))


def _note(tx: Tx, who: From, action: str, row: Endpoint, **more: Any) -> None:
    from reelwright.store import audit
    from reelwright.tools.download.answers import shown

    about = {"url": shown(row.url) if row.url else "", "owner": row.owner, **more}
    audit.add(tx, who.principal, action, row.id, who.address, who.trace, **about)
