"""`/v1/keys`: API keys, by admins."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BeforeValidator, Field

from reelwright.api import bodies, openapi
from reelwright.api.auth import current_principal, gate_of
from reelwright.api.context import address_of, app_of, aside
from reelwright.api.models import ID_PATTERN, Id, Model, Time
from reelwright.api.trace import trace_of
from reelwright.app.auth import keys
from reelwright.app.auth.grants import NewKey
from reelwright.app.principal import Principal

router = APIRouter(tags=["keys"])

RoleName = Literal["viewer", "editor", "admin"]
ScopeName = Literal["read", "jobs", "uploads", "webhooks", "metrics", "admin"]
Who = Annotated[Principal, Depends(current_principal)]
KeyId = Annotated[
    str,
    Path(description="The key's id.", json_schema_extra={"pattern": ID_PATTERN, "maxLength": 17}),
]
# Names without control characters; absolute paths and URLs without a part "..".
Word = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f-\x9f]{1,200}$")]
Place = Annotated[
    str, Field(pattern=r"^((s3|gs|az):/)?(/(\.?[^/.\x00][^/\x00]*)?)+$", max_length=4096)
]


def _whole(value: object) -> object:
    """JSON has one kind of numbers: 3.0 is an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Running = Annotated[int, Field(ge=1, le=1_000_000), BeforeValidator(_whole)]
Bytes = Annotated[int, Field(ge=1, le=2**53 - 1), BeforeValidator(_whole)]


class KeyRequest(Model):
    name: Word = Field(description="For people.", examples=["ci"])
    role: RoleName = "editor"
    owner: Word | None = Field(None, description="Who has what it makes; default: you.")
    scopes: list[ScopeName] = Field(
        [], max_length=6, description="What it is narrowed to; none: all that its role may."
    )
    folders: dict[Literal["read", "write"], Annotated[list[Place], Field(max_length=100)]] = Field(
        {}, description="Folders of the server that its specs may name, absolute, or URLs."
    )
    expires_s: float | None = Field(
        None, gt=0, le=3_162_240_000, description="Seconds from now; default: never."
    )
    rate: str | None = Field(
        None,
        pattern="^[1-9][0-9]{0,8}/(second|minute|hour|day)$",
        description="Requests; default: the service's.",
        examples=["100/minute"],
    )
    max_running: Running | None = Field(
        None, description="Jobs that run at a time; default: the service's."
    )
    max_bytes: Bytes | None = Field(
        None, description="Uploads and results of its owner; default: the service's."
    )


class Key(Model):
    id: Id
    name: str
    owner: str
    role: RoleName
    scopes: list[ScopeName]
    folders: dict[str, list[str]]
    rate: str | None
    max_running: int | None
    max_bytes: int | None
    created_by: str
    created_at: Time
    expires_at: Time | None
    revoked_at: Time | None
    last_used_at: Time | None = Field(description="To the minute.")


class NewKeyAnswer(Key):
    token: str = Field(description="Shown this once; only its SHA-256 is kept.")


class Keys(Model):
    keys: list[Key] = Field(description="The newest first, with those that have ended.")
    next: str | None = Field(description="`cursor` of the next page; null on the last.")


@router.post(
    "/v1/keys",
    status_code=201,
    response_model=NewKeyAnswer,
    responses=openapi.WITH_BODY,
    openapi_extra=openapi.body(
        KeyRequest.model_json_schema(ref_template="#/components/schemas/{model}") | {"$defs": {}},
        {"ci": {"value": {"name": "ci", "role": "editor", "scopes": ["jobs", "read"]}}},
        [bodies.JSON],
        "What the key may.",
    ),
)
async def create_key(request: Request, principal: Who) -> Response:
    """Make a key. It can grant nothing that its creator does not have."""
    app = app_of(request)
    asked = await bodies.read_model(request, KeyRequest, app.settings.serve.body_bytes)
    values: dict[str, Any] = asked.model_dump()
    made = await aside(
        keys.create,
        app,
        principal,
        NewKey(**values),
        address=address_of(request),
        trace=trace_of(request.scope).trace_id,
    )
    where = {"Location": f"/v1/keys/{made.key.id}"}
    return bodies.answer(made.to_json(), 201, where)


@router.get("/v1/keys", response_model=Keys)
async def list_keys(
    request: Request,
    principal: Who,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[str | None, Query(pattern=ID_PATTERN)] = None,
) -> Response:
    """List the keys, the newest first. Their secrets are not kept."""
    found = await aside(keys.listing, app_of(request), principal, limit=limit + 1, before=cursor)
    is_more = len(found) > limit
    page = [keys.key_json(row) for row in found[:limit]]
    return bodies.answer({"keys": page, "next": page[-1]["id"] if is_more else None})


@router.delete("/v1/keys/{key_id}", response_model=Key, responses=openapi.problems(404))
async def revoke_key(request: Request, principal: Who, key_id: KeyId) -> Response:
    """Revoke a key and end its sessions. Other processes take it for a few seconds more."""
    row = await aside(
        keys.revoke,
        app_of(request),
        principal,
        key_id,
        address=address_of(request),
        trace=trace_of(request.scope).trace_id,
    )
    gate_of(request.scope).authenticator.forget_key(key_id)
    return bodies.answer(keys.key_json(row))
