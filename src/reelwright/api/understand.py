"""Making videos searchable, and what was found in them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from reelwright.api import bodies, openapi
from reelwright.api.assets import AssetId
from reelwright.api.context import app_of, aside, background_of, told_of
from reelwright.api.jobs import IdempotencyKey, Who, origin_of
from reelwright.api.models_understand import TranscriptFormat, Understanding, UnderstandRequest
from reelwright.api.openapi import WITH_BODY, problems
from reelwright.app import intake
from reelwright.app.intake import Key
from reelwright.app.search import pictures
from reelwright.app.understand import looking, serving
from reelwright.app.understand.order import Wish, parts_of
from reelwright.app.understand.serving import Asked

router = APIRouter(tags=["understand"])

_EXAMPLE = {
    "asset": {
        "summary": "What is said and written in an asset",
        "value": {"video": "asset:01k3v8zq5m7c9d2e4", "only": ["transcript", "text"]},
    }
}
_TEXTS = {"vtt": "text/vtt", "srt": "application/x-subrip", "text": "text/plain"}


@router.post(
    "/v1/understand",
    status_code=202,
    response_model=Understanding,
    responses={
        202: {
            "description": "The job is stored, and will be run.",
            "headers": {
                "Location": {"description": "The job.", "schema": {"type": "string"}},
                "Idempotent-Replayed": {
                    "description": "`true`: a request before this one has made the job.",
                    "schema": {"type": "string", "enum": ["true"]},
                },
            },
        },
        **WITH_BODY,
        **problems(404, 409, 502, 504),
    },
    openapi_extra=openapi.model_body(UnderstandRequest, _EXAMPLE, "Which video, and what of it."),
    summary="Make a video searchable by what is said, shown and written in it",
)
async def understand(
    request: Request, principal: Who, idempotency_key: IdempotencyKey = None
) -> Response:
    """The video is looked at, and a job is made of what its streams and the service's models allow.
    Each part is indexed when it is found: where one fails the others can be searched, and the job
    ends as failed; `POST /v1/jobs/{id}/retry` does what is left.

    `Idempotency-Key`: the same request with the same key makes one job.
    """
    app, origin = app_of(request), origin_of(request, principal)
    body = await bodies.read_model(request, UnderstandRequest, app.settings.serve.body_bytes)
    asked = _asked(body)
    made = await background_of(request).run(lambda: serving.planned(app, asked, origin))
    key = None
    if idempotency_key is not None:
        key = Key(idempotency_key, intake.digest("understand", body.model_dump_json()))
    taken = await serving.submit(app, asked, made, origin, key)
    headers = {"Location": f"/v1/jobs/{taken.accepted.id}"}
    if taken.accepted.is_replay:
        headers["Idempotent-Replayed"] = "true"
    return bodies.answer(taken.to_json(), 202, headers)


def _asked(body: UnderstandRequest) -> Asked:
    wish = Wish(
        only=parts_of(body.only),
        describe=body.describe,
        summary=body.summary,
        language=body.language,
        title=body.title,
    )
    return Asked(
        video=body.video,
        wish=wish,
        budget_usd=body.budget_usd,
        priority=body.priority,
        use_cache=body.use_cache,
    )


async def _analysis(request: Request, asset_id: str, kind: str, principal: Any) -> Response:
    found = await aside(looking.analysis, app_of(request), asset_id, kind, principal)
    return bodies.answer(told_of(request).value(found))


@router.get(
    "/v1/assets/{asset_id}/shots",
    response_model=dict[str, Any],
    responses=problems(404),
    summary="The shots of an asset",
)
async def get_shots(request: Request, asset_id: AssetId, principal: Who) -> Response:
    """As `reel shots --json`: `{"shots": [{"start", "end", "start_frame", …}]}`."""
    return await _analysis(request, asset_id, "shots", principal)


@router.get(
    "/v1/assets/{asset_id}/keyframes",
    response_model=dict[str, Any],
    responses=problems(404),
    summary="The pictures that stand for the shots of an asset",
)
async def get_keyframes(request: Request, asset_id: AssetId, principal: Who) -> Response:
    """`{"keyframes": [{"time", "shot", "frame", "file"}], "width", "height", …}`; the picture of
    one is at `/v1/assets/{asset_id}/keyframes/{file}`."""
    return await _analysis(request, asset_id, "keyframes", principal)


@router.get(
    "/v1/assets/{asset_id}/keyframes/{name}",
    response_class=Response,
    responses={
        200: {
            "description": "The picture.",
            "headers": {"ETag": {"description": "Of it.", "schema": {"type": "string"}}},
            "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
        },
        304: {"description": "The client has it: If-None-Match names its ETag."},
        **problems(404),
    },
    summary="A picture that stands for a shot",
)
async def get_keyframe(
    request: Request,
    asset_id: AssetId,
    name: Annotated[str, Path(pattern=r"^\d{9,12}\.jpg$", description="As `file` of a keyframe.")],
    principal: Who,
) -> Response:
    """Kept as long as the service's cache keeps what understood the asset."""
    data, etag = await aside(pictures.named, app_of(request), asset_id, name, principal)
    headers = {"ETag": etag, "Cache-Control": "private, max-age=3600"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type="image/jpeg", headers=headers)


@router.get(
    "/v1/assets/{asset_id}/text",
    response_model=dict[str, Any],
    responses=problems(404),
    summary="What is written in the picture of an asset",
)
async def get_text(request: Request, asset_id: AssetId, principal: Who) -> Response:
    """As `reel read-text --json`: `{"texts": [{"text", "start", "end", "box", …}]}`."""
    return await _analysis(request, asset_id, "text", principal)


@router.get(
    "/v1/assets/{asset_id}/segments",
    response_model=dict[str, Any],
    responses=problems(404),
    summary="What is said, written and shown in an asset, stretch after stretch",
)
async def get_segments(request: Request, asset_id: AssetId, principal: Who) -> Response:
    """`{"segments": [{"index", "start", "end", "said", "written", "shown"}]}`: whole shots, put
    together up to half a minute."""
    return await _analysis(request, asset_id, "segments", principal)


@router.get(
    "/v1/assets/{asset_id}/summary",
    response_model=dict[str, Any],
    responses=problems(404),
    summary="Title, summary, key points and chapters of an asset",
)
async def get_summary(request: Request, asset_id: AssetId, principal: Who) -> Response:
    return await _analysis(request, asset_id, "summary", principal)


@router.get(
    "/v1/assets/{asset_id}/transcript",
    response_model=dict[str, Any],
    responses={
        200: {
            "description": "The transcript, in the form that was asked for.",
            "content": {kind: {"schema": {"type": "string"}} for kind in _TEXTS.values()},
        },
        **problems(404),
    },
    summary="What is said in an asset",
)
async def get_transcript(
    request: Request,
    asset_id: AssetId,
    principal: Who,
    format: Annotated[  # noqa: A002 - the word of the command line
        TranscriptFormat, Query(description="json has the time of each word.")
    ] = "json",
) -> Response:
    app = app_of(request)
    found = await aside(looking.analysis, app, asset_id, "transcript", principal)
    if format == "json":
        return bodies.answer(told_of(request).value(found))
    text = await aside(looking.written, found, format)
    return Response(text, media_type=f"{_TEXTS[format]}; charset=utf-8")
