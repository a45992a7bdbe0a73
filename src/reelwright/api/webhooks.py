"""`/v1/webhooks`: endpoints, their secrets, and what was sent to them."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field
from starlette.convertors import StringConvertor, register_url_convertor

from reelwright.api import bodies, openapi
from reelwright.api.auth import current_principal
from reelwright.api.context import address_of, app_of, aside
from reelwright.api.models import ID_PATTERN, Fault, Id, Model, Sha256, Time
from reelwright.api.trace import trace_of
from reelwright.app.principal import Principal
from reelwright.app.webhooks import endpoints, messages
from reelwright.app.webhooks.endpoints import From


class _WebhookIds(StringConvertor):
    """`messages` is a place of its own: otherwise it would take the methods of a webhook."""

    regex = "(?!messages(?:/|$))[^/]+"


register_url_convertor("webhook", _WebhookIds())
router = APIRouter(tags=["webhooks"])

EventName = Literal["job.queued", "job.running", "job.succeeded", "job.failed", "job.cancelled"]
MessageState = Literal["pending", "sent", "dead"]
MESSAGE_PATTERN = "^msg_[0-9a-hjkmnp-tv-z]{17}$"
# Names and IPv4 addresses, with a port that exists; no name and password.
_REST = "([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_NAME = rf"([A-Za-z0-9]{_REST}\.){{0,8}}[A-Za-z]{_REST}"
_PORT = "[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
Url = Annotated[
    str,
    Field(
        pattern=rf"^https?://({_NAME}|[0-9]{{1,3}}(\.[0-9]{{1,3}}){{3}})(:({_PORT}))?(/[!-~]*)?$",
        max_length=2048,
        examples=["https://example.org/hooks/reel"],
    ),
]
Events = Annotated[list[EventName], Field(max_length=5)]
Who = Annotated[Principal, Depends(current_principal)]
WebhookId = Annotated[
    str,
    Path(
        description="The webhook's id.", json_schema_extra={"pattern": ID_PATTERN, "maxLength": 17}
    ),
]
MessageId = Annotated[
    str,
    Path(
        description="The message's id.",
        json_schema_extra={"pattern": MESSAGE_PATTERN, "maxLength": 21},
    ),
]


class WebhookRequest(Model):
    url: Url = Field(description="Where messages are sent to.")
    events: Events = Field([], description="What is told; none: everything.")


class WebhookChange(Model):
    url: Url | None = Field(None, description="Where messages are sent to.")
    events: Events | None = Field(None, description="What is told; none: everything.")
    enabled: bool | None = Field(None, description="false: nothing is sent.")


class Webhook(Model):
    id: Id
    owner: str
    url: str
    events: list[EventName] = Field(description="What is told; none: everything.")
    enabled: bool
    old_secret_until: Time | None = Field(description="The secret before signs too until then.")
    created_at: Time


class NewWebhook(Webhook):
    secret: str = Field(description="Verifies the signatures; shown now and not again.")


class WebhookList(Model):
    webhooks: list[Webhook] = Field(description="The newest first.")
    next: str | None = Field(description="`cursor` of the next page; null on the last.")


class Delivered(Model):
    path: str
    sha256: Sha256
    bytes: int


class JobNews(Model):
    id: Id
    state: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    labels: dict[str, str]
    batch: Id | None
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    error: Fault | None
    outputs: list[Delivered] | None = Field(None, description="When it has come to its end.")


class Payload(Model):
    """What is sent."""

    type: EventName
    timestamp: str = Field(description="When it happened, ISO 8601.")
    data: JobNews


class WebhookMessage(Model):
    id: str = Field(description="`webhook-id`, the same over all tries.", pattern=MESSAGE_PATTERN)
    job: Id
    owner: str
    endpoint: Id | None = Field(description="null: the `webhook` of the job's spec.")
    url: str
    type: EventName
    state: MessageState
    tries: int
    next_at: Time | None
    created_at: Time
    sent_at: Time | None
    last_status: int | None
    last_error: str | None
    payload: Payload


class WebhookMessages(Model):
    messages: list[WebhookMessage] = Field(description="The newest first.")
    next: str | None = Field(description="`cursor` of the next page; null on the last.")


class WebhookTest(Model):
    id: str = Field(description="The `webhook-id` that was sent.")
    delivered: bool
    status: int | None = Field(description="What the receiver answered; null: nothing.")
    error: str | None


_DEFS: dict[str, Any] = {"$defs": {}}


def _schema(model: type[Model]) -> dict[str, Any]:
    return model.model_json_schema(ref_template="#/components/schemas/{model}") | _DEFS


def _from(request: Request, principal: Principal) -> From:
    trace = trace_of(request.scope).trace_id
    return From(principal=principal, address=address_of(request), trace=trace)


@router.post(
    "/v1/webhooks",
    status_code=201,
    response_model=NewWebhook,
    responses=openapi.WITH_BODY,
    openapi_extra=openapi.body(
        _schema(WebhookRequest),
        {"all": {"value": {"url": "https://example.org/hooks/reel", "events": ["job.failed"]}}},
        [bodies.JSON],
        "Where to, and what.",
    ),
)
async def create_webhook(request: Request, principal: Who) -> Response:
    """Make a webhook. Messages are signed as Standard Webhooks says, with the secret in the
    answer."""
    app = app_of(request)
    asked = await bodies.read_model(request, WebhookRequest, app.settings.serve.body_bytes)
    who = _from(request, principal)
    made = await aside(endpoints.add, app, who, asked.url, asked.events)
    where = {"Location": f"/v1/webhooks/{made.endpoint.id}"}
    return bodies.answer(made.to_json(), 201, where)


@router.get("/v1/webhooks", response_model=WebhookList)
async def list_webhooks(
    request: Request,
    principal: Who,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[str | None, Query(pattern=ID_PATTERN)] = None,
) -> Response:
    """List the webhooks, the newest first, without their secrets."""
    app = app_of(request)
    found = await aside(endpoints.listing, app, principal, limit=limit + 1, before=cursor)
    page = [endpoints.endpoint_json(row) for row in found[:limit]]
    next_id = page[-1]["id"] if len(found) > limit else None
    return bodies.answer({"webhooks": page, "next": next_id})


@router.get("/v1/webhooks/messages", response_model=WebhookMessages)
async def list_webhook_messages(
    request: Request,
    principal: Who,
    state: Annotated[MessageState | None, Query(description="Only in this state.")] = None,
    job: Annotated[str | None, Query(pattern=ID_PATTERN, description="Of this job.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[str | None, Query(pattern=MESSAGE_PATTERN)] = None,
) -> Response:
    """List what was sent, is to be sent, and is given up (`dead`), the newest first."""
    found = await aside(
        messages.listing,
        app_of(request),
        principal,
        state=state,
        job_id=job,
        limit=limit + 1,
        before=cursor,
    )
    page = [messages.message_json(app_of(request), row) for row in found[:limit]]
    next_id = page[-1]["id"] if len(found) > limit else None
    return bodies.answer({"messages": page, "next": next_id})


@router.post(
    "/v1/webhooks/messages/{message_id}/redeliver",
    status_code=202,
    response_model=WebhookMessage,
    responses=openapi.problems(404),
)
async def redeliver_webhook_message(
    request: Request, principal: Who, message_id: MessageId
) -> Response:
    """Send a message again, with the same id and all its tries."""
    who = _from(request, principal)
    row = await aside(messages.redeliver, app_of(request), who, message_id)
    return bodies.answer(messages.message_json(app_of(request), row), 202)


@router.get(
    "/v1/webhooks/{webhook_id:webhook}", response_model=Webhook, responses=openapi.problems(404)
)
async def get_webhook(request: Request, principal: Who, webhook_id: WebhookId) -> Response:
    """One webhook, without its secret."""
    row = await aside(endpoints.get, app_of(request), principal, webhook_id)
    return bodies.answer(endpoints.endpoint_json(row))


@router.patch(
    "/v1/webhooks/{webhook_id:webhook}",
    response_model=Webhook,
    responses=openapi.WITH_BODY | openapi.problems(404),
    openapi_extra=openapi.body(
        _schema(WebhookChange),
        {"off": {"value": {"enabled": False}}},
        [bodies.JSON],
        "What is to change; what is left out stays.",
    ),
)
async def change_webhook(request: Request, principal: Who, webhook_id: WebhookId) -> Response:
    """Change where it goes to, what is told, or whether anything is sent."""
    app = app_of(request)
    asked = await bodies.read_model(request, WebhookChange, app.settings.serve.body_bytes)
    row = await aside(
        endpoints.change,
        app,
        _from(request, principal),
        webhook_id,
        url=asked.url,
        events=asked.events,
        is_enabled=asked.enabled,
    )
    return bodies.answer(endpoints.endpoint_json(row))


@router.delete(
    "/v1/webhooks/{webhook_id:webhook}", status_code=204, responses=openapi.problems(404)
)
async def delete_webhook(request: Request, principal: Who, webhook_id: WebhookId) -> Response:
    """Delete a webhook and its messages."""
    await aside(endpoints.remove, app_of(request), _from(request, principal), webhook_id)
    return Response(status_code=204)


@router.post(
    "/v1/webhooks/{webhook_id:webhook}/rotate",
    response_model=NewWebhook,
    responses=openapi.problems(404),
)
async def rotate_webhook(request: Request, principal: Who, webhook_id: WebhookId) -> Response:
    """Make a new secret. For a day messages carry signatures of both."""
    who = _from(request, principal)
    made = await aside(endpoints.rotate, app_of(request), who, webhook_id)
    return bodies.answer(made.to_json())


@router.post(
    "/v1/webhooks/{webhook_id:webhook}/test",
    response_model=WebhookTest,
    responses=openapi.problems(404),
)
async def test_webhook(request: Request, principal: Who, webhook_id: WebhookId) -> Response:
    """Send a `webhook.test` message now, once, and say what the receiver answered."""
    who = _from(request, principal)
    return bodies.answer(await messages.test(app_of(request), who, webhook_id))
