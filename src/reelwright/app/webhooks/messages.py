"""What was sent, what was not, once more, and a message to try an endpoint with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelwright.app.principal import Principal, Scope
from reelwright.app.told import Told
from reelwright.app.webhooks import endpoints
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.webhooks.endpoints import From
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx
    from reelwright.store.outbox import Message


def listing(
    app: App,
    principal: Principal,
    *,
    state: str | None = None,
    job_id: str | None = None,
    limit: int = 100,
    before: str | None = None,
) -> list[Message]:
    """The newest first. Raises FORBIDDEN, USAGE for a state that there is not."""
    from reelwright.store import outbox

    principal.check(Scope.WEBHOOKS)
    if state is not None and state not in outbox.STATES:
        raise ReelError(
            Code.USAGE,
            f"'{state}' is no state of a message",
            hint=f"there are: {', '.join(outbox.STATES)}",
        )
    with app.store.read() as tx:
        return outbox.listing(
            tx, owner=principal.sees, limit=limit, state=state, job_id=job_id, before=before
        )


def redeliver(app: App, who: From, message_id: str) -> Message:
    """Sends it again, with all its tries. Raises FORBIDDEN, WEBHOOK_UNKNOWN."""
    from reelwright.store import audit, outbox

    who.principal.check(Scope.WEBHOOKS)

    def write(tx: Tx) -> Message:
        message = outbox.get(tx, message_id)
        if who.principal.sees not in (None, message.owner):
            raise outbox.unknown(message_id)
        audit.add(tx, who.principal, "webhook.redeliver", message_id, who.address, who.trace)
        return outbox.redeliver(tx, message_id)

    return app.combiner.submit(write).result()


async def test(app: App, who: From, endpoint_id: str) -> dict[str, Any]:
    """Sends ``webhook.test`` now, once; says how it went. Raises FORBIDDEN, WEBHOOK_UNKNOWN."""
    import asyncio

    from reelwright.app.webhooks.sending import post
    from reelwright.store import audit
    from reelwright.store.ids import new_id
    from reelwright.store.outbox import iso
    from reelwright.tools.webhook import Courier

    who.principal.check(Scope.WEBHOOKS)

    def note(tx: Tx) -> tuple[Any, float]:
        row = endpoints.seen(tx, who.principal, endpoint_id)
        audit.add(tx, who.principal, "webhook.test", endpoint_id, who.address, who.trace)
        return row, tx.now()

    endpoint, now = await asyncio.to_thread(lambda: app.combiner.submit(note).result())
    message_id = f"msg_{new_id()}"
    body = {"type": "webhook.test", "timestamp": iso(now), "data": {"endpoint": endpoint_id}}
    courier = Courier(endpoints.reach(app))
    status, error = None, None
    try:
        answer = await post(
            courier,
            endpoint.url,
            message_id,
            body,
            endpoint.secrets(now),
            now,
            app.settings.webhooks.timeout_s,
        )
        status = answer.status
        error = None if answer.is_success else f"the receiver answered {status}"
    except ReelError as failure:
        error = str(failure)
    finally:
        await courier.close()
    return {"id": message_id, "delivered": error is None, "status": status, "error": error}


def message_json(app: App, message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "job": message.job_id,
        "owner": message.owner,
        "endpoint": message.endpoint_id,
        "url": message.url,
        "type": message.kind,
        "state": message.state,
        "tries": message.tries,
        "next_at": message.next_at,
        "created_at": message.created_at,
        "sent_at": message.sent_at,
        "last_status": message.last_status,
        "last_error": message.last_error,
        "payload": payload(Told(app.home), message),
    }


def payload(told: Told, message: Message) -> dict[str, Any]:
    """What is sent: the row, as clients of the service are told of jobs."""
    body = dict(message.body)
    if isinstance(data := body.get("data"), dict):
        shown = {"error": told.error(data.get("error"))}
        if "outputs" in data:
            shown["outputs"] = told.value(data["outputs"])
        body["data"] = {**data, **shown}
    return body
