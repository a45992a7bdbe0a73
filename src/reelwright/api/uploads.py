"""Uploads over HTTP: tus 1.0 with creation, creation-with-upload, termination, expiration and
checksums (https://tus.io/protocols/resumable-upload)."""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING, Annotated, Any, cast

from fastapi import APIRouter, Header, Path, Query, Request, Response
from starlette.requests import ClientDisconnect

from reelwright.api import bodies, tus
from reelwright.api.context import app_of
from reelwright.api.jobs import Who, origin_of
from reelwright.api.models import ID_PATTERN, Upload, UploadList
from reelwright.api.openapi import problems
from reelwright.api.problems import Answered
from reelwright.app.principal import Scope
from reelwright.app.upload_parts import CHECKSUMS, IDLE_S, Checksum
from reelwright.app.uploads import NewUpload
from reelwright.errors import Code, Problem, ReelError

if TYPE_CHECKING:
    from reelwright.app.principal import Principal
    from reelwright.app.uploads import Uploads
    from reelwright.store.uploads import Upload as Row

router = APIRouter(tags=["uploads"])

# tus has the first one; the second is what other clients send.
PARTS = ("application/offset+octet-stream", "application/octet-stream")
_MOST_BYTES = (1 << 62) - 1
_METADATA_CHARS = 8192

UploadId = Annotated[
    str,
    Path(
        description="The upload's id.", json_schema_extra={"pattern": ID_PATTERN, "maxLength": 17}
    ),
]
# Not in the document: a client of tus sends them by itself, and wrong ones have statuses of tus's
# own (412, 460), which no JSON Schema can foretell.
Tus = Annotated[str | None, Header(alias="Tus-Resumable", include_in_schema=False)]
Sum = Annotated[str | None, Header(alias="Upload-Checksum", include_in_schema=False)]
_TEXT = {"schema": {"type": "string"}}
_COUNT = {"schema": {"type": "integer", "minimum": 0}}
_TUS = {"Tus-Resumable": {"description": "The version of tus.", **_TEXT}}
_OFFSET = {
    "Upload-Offset": {"description": "So many bytes are here.", **_COUNT},
    "Upload-Expires": {"description": "It is kept until then.", **_TEXT},
    **_TUS,
}
# By hand: a header is text, also where it is a number.
_LENGTH = {
    "name": "Upload-Length",
    "in": "header",
    "required": True,
    "description": "The size of the file in bytes. Every server takes what the pattern says; "
    "`Tus-Max-Size` (OPTIONS) is what this one takes.",
    "schema": {"type": "string", "pattern": "^(0|[1-9][0-9]{0,5})$"},
}
_OFFSET_SENT = {
    "name": "Upload-Offset",
    "in": "header",
    "required": True,
    "description": "Where the part begins.",
    "schema": {"type": "string", "pattern": "^(0|[1-9][0-9]{0,17})$"},
}
_BINARY: dict[str, Any] = {
    "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in PARTS},
}


@router.options(
    "/v1/uploads",
    status_code=204,
    response_class=Response,
    responses={204: {"description": "What of tus this server speaks, in headers."}},
    summary="What of tus is spoken",
)
async def get_upload_options(request: Request, principal: Who) -> Response:
    return Response(None, 204, _abilities(request))


@router.options("/v1/uploads/{upload_id}", include_in_schema=False)
async def get_options_of_upload(request: Request, upload_id: str, principal: Who) -> Response:
    return Response(None, 204, _abilities(request))


@router.post(
    "/v1/uploads",
    status_code=201,
    response_class=Response,
    responses={
        201: {
            "description": "The upload is begun: its parts go to `Location`.",
            "headers": {"Location": {"description": "The upload.", **_TEXT}, **_OFFSET},
        },
        **problems(400, 408, 409, 412, 413, 415, 423, 460, 507),
    },
    openapi_extra={
        "parameters": [_LENGTH],
        "requestBody": {"description": "The first part, or nothing.", **_BINARY},
    },
    summary="Begin an upload (tus)",
)
async def create_upload(
    request: Request,
    principal: Who,
    upload_length: Annotated[int, Header(ge=0, le=_MOST_BYTES, include_in_schema=False)],
    upload_metadata: Annotated[
        str | None, Header(max_length=_METADATA_CHARS, include_in_schema=False)
    ] = None,
    tus_resumable: Tus = None,
    upload_checksum: Sum = None,
) -> Response:
    """A body is the first part of the file.

    `Upload-Metadata` are pairs with commas between: a name, a space, base64. `filename` is its
    name; `sha256` (hexadecimal) is checked at the end, and where a file of this content is here
    already, the upload is complete at once. `Upload-Checksum`: `sha256`, a space, base64, of the
    body."""
    principal.check(Scope.UPLOADS)
    _check_version(request, tus_resumable)
    metadata = tus.metadata(upload_metadata)
    asked = NewUpload(
        size_bytes=upload_length,
        name=tus.name_of(metadata),
        sha256=tus.sha256_of(metadata),
        metadata=metadata,
    )
    has_part = _has_part(request)
    checksum = tus.checksum(upload_checksum)
    row = await _answered(request, _uploads(request).create(asked, origin_of(request, principal)))
    if has_part and not row.is_finished:
        row = await _take(request, row.id, principal, 0, checksum)
    headers = {"Location": f"/v1/uploads/{row.id}", **_standing(row)}
    return Response(None, 201, headers)


@router.head(
    "/v1/uploads/{upload_id}",
    response_class=Response,
    responses={
        200: {
            "description": "How much is here, in headers.",
            "headers": {
                **_OFFSET,
                "Upload-Length": {"description": "The size of the file in bytes.", **_COUNT},
                "Upload-Metadata": {"description": "As it was sent.", **_TEXT},
            },
        },
        **problems(404, 412),
    },
    summary="How much of an upload is here (tus)",
)
async def head_upload(
    request: Request, upload_id: UploadId, principal: Who, tus_resumable: Tus = None
) -> Response:
    _check_version(request, tus_resumable)
    row = await _uploads(request).look(upload_id, principal)
    headers = {**_standing(row), "Upload-Length": str(row.size_bytes), "Cache-Control": "no-store"}
    if row.metadata:
        pairs = (f"{name} {value}".rstrip() for name, value in row.metadata.items())
        headers["Upload-Metadata"] = ",".join(pairs)
    return Response(None, 200, headers)


@router.patch(
    "/v1/uploads/{upload_id}",
    status_code=204,
    response_class=Response,
    responses={
        204: {"description": "The part is here, durably.", "headers": _OFFSET},
        **problems(400, 404, 408, 409, 412, 413, 415, 423, 460, 507),
    },
    openapi_extra={
        "parameters": [_OFFSET_SENT],
        "requestBody": {"required": True, "description": "The part.", **_BINARY},
    },
    summary="Add a part to an upload (tus)",
)
async def patch_upload(
    request: Request,
    upload_id: UploadId,
    principal: Who,
    upload_offset: Annotated[int, Header(ge=0, le=_MOST_BYTES, include_in_schema=False)],
    tus_resumable: Tus = None,
    upload_checksum: Sum = None,
) -> Response:
    """The part begins at `Upload-Offset`, where the one before ended. What came is kept when the
    connection breaks, but of a part with a checksum all or nothing."""
    principal.check(Scope.UPLOADS)
    _check_version(request, tus_resumable)
    if _kind(request) not in PARTS:
        raise ReelError(
            Code.MEDIA_TYPE,
            f"'{_kind(request)[:100]}' is not taken here",
            where="header.content-type",
            hint=f"send {PARTS[0]}",
        )
    row = await _take(request, upload_id, principal, upload_offset, tus.checksum(upload_checksum))
    return Response(None, 204, _standing(row))


@router.delete(
    "/v1/uploads/{upload_id}",
    status_code=204,
    response_class=Response,
    responses={
        204: {"description": "It is gone.", "headers": _TUS},
        **problems(404, 412, 423),
    },
    summary="Delete an upload (tus)",
)
async def delete_upload(
    request: Request, upload_id: UploadId, principal: Who, tus_resumable: Tus = None
) -> Response:
    """Refused while a job that has not ended needs it."""
    principal.check(Scope.UPLOADS)
    _check_version(request, tus_resumable)
    await _uploads(request).delete(upload_id, origin_of(request, principal))
    return Response(None, 204, {"Tus-Resumable": tus.VERSION})


@router.get(
    "/v1/uploads/{upload_id}", response_model=Upload, responses=problems(404), summary="An upload"
)
async def get_upload(request: Request, upload_id: UploadId, principal: Who) -> Response:
    return bodies.answer(_to_json(await _uploads(request).look(upload_id, principal)))


@router.get("/v1/uploads", response_model=UploadList, summary="Uploads, the newest first")
async def list_uploads(
    request: Request,
    principal: Who,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[
        str | None, Query(pattern=ID_PATTERN, description="`next` of the page before.")
    ] = None,
) -> Response:
    rows, following = await _uploads(request).listing(principal, limit=limit, before_id=cursor)
    return bodies.answer({"uploads": [_to_json(row) for row in rows], "next": following})


async def _take(
    request: Request, upload_id: str, principal: Principal, offset: int, checksum: Checksum | None
) -> Row:
    told = request.headers.get("content-length", "")
    work = _uploads(request).write(
        upload_id,
        principal,
        offset,
        request.stream(),
        checksum=checksum,
        size_bytes=int(told) if told.isdecimal() else None,
    )
    return await _answered(request, work)


async def _answered(request: Request, work: Any) -> Row:
    """With the statuses and headers that tus wants."""
    try:
        return cast("Row", await work)
    except TimeoutError as error:
        said = f"nothing came for {IDLE_S:g} s"
        raise Answered(Problem(Code.NETWORK_TIMEOUT, said, "body"), 408) from error
    except ClientDisconnect as error:
        # Nobody hears it.
        raise Answered(Problem(Code.NETWORK_RESET, "the client went away", "body"), 400) from error
    except ReelError as error:
        problem = error.problem
        headers = {"Tus-Resumable": tus.VERSION}
        offset = problem.evidence.get("offset")
        if offset is not None:
            headers["Upload-Offset"] = str(offset)
        if error.code is Code.BODY_TOO_LARGE:
            headers["Tus-Max-Size"] = _max_size(request)
        raise Answered(problem, _STATUSES.get(error.code), headers) from error


_STATUSES = {Code.UPLOAD_CHECKSUM: 460, Code.DISK_FULL: 507}


def _uploads(request: Request) -> Uploads:
    return cast("Uploads", request.app.state.uploads)


def _max_size(request: Request) -> str:
    return str(app_of(request).settings.serve.upload_bytes)


def _abilities(request: Request) -> dict[str, str]:
    return {
        "Tus-Resumable": tus.VERSION,
        "Tus-Version": tus.VERSION,
        "Tus-Extension": tus.EXTENSIONS,
        "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
        "Tus-Max-Size": _max_size(request),
    }


def _standing(row: Row) -> dict[str, str]:
    return {
        "Tus-Resumable": tus.VERSION,
        "Upload-Offset": str(row.offset_bytes),
        "Upload-Expires": formatdate(row.expires_at, usegmt=True),
    }


def _check_version(request: Request, given: str | None) -> None:
    """Who names none speaks this one: there was no other yet."""
    if given in (None, tus.VERSION):
        return
    said = f"tus '{given[:20]}' is not spoken here"
    hint = f"send `Tus-Resumable: {tus.VERSION}`"
    problem = Problem(Code.CONDITION_FAILED, said, "header.tus-resumable", hint)
    raise Answered(problem, headers=_abilities(request))


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _has_part(request: Request) -> bool:
    """Raises MEDIA_TYPE where a body came that is no part."""
    if _kind(request) in PARTS:
        return True
    length = request.headers.get("content-length", "0")
    if length != "0" or "transfer-encoding" in request.headers:
        raise ReelError(
            Code.MEDIA_TYPE,
            f"'{_kind(request)[:100]}' is not taken here",
            where="header.content-type",
            hint=f"send {PARTS[0]}, or no body",
        )
    return False


def _to_json(row: Row) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "state": "finished" if row.is_finished else "unfinished",
        "size_bytes": row.size_bytes,
        "offset_bytes": row.offset_bytes,
        "sha256": row.sha256,
        "owner": row.owner,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "finished_at": row.finished_at,
    }
