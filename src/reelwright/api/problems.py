"""Problem documents (RFC 9457), and the one table from error codes to HTTP statuses."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from reelwright.app.told import Told, hint
from reelwright.errors import Code, Kind, Problem, ReelError

MEDIA_TYPE = "application/problem+json"

STATUSES: dict[Kind, int] = {
    Kind.INPUT: 422,
    Kind.MEDIA: 422,
    Kind.TOOL: 500,
    Kind.CANCELLED: 409,
    Kind.RESOURCE: 503,
    Kind.NETWORK: 502,
    Kind.STATE: 409,
    Kind.IDENTITY: 401,
    Kind.PERMISSION: 403,
    Kind.LIMIT: 429,
    Kind.INTERNAL: 500,
}

_BY_CODE: dict[Code, int] = {
    Code.BODY_INVALID: 400,
    Code.ADDRESS_REFUSED: 403,
    Code.INPUT_UNREADABLE: 403,
    **dict.fromkeys(
        (
            Code.NOT_FOUND,
            Code.JOB_UNKNOWN,
            Code.STEP_UNKNOWN,
            Code.BATCH_UNKNOWN,
            Code.UPLOAD_UNKNOWN,
            Code.KEY_UNKNOWN,
            Code.WORKER_UNKNOWN,
            Code.WEBHOOK_UNKNOWN,
            Code.ASSET_UNKNOWN,
            Code.SOURCE_UNKNOWN,
            Code.INPUT_NOT_FOUND,
            Code.DOCUMENT_UNKNOWN,
            Code.PROMPT_UNKNOWN,
            Code.NO_EVIDENCE,
        ),
        404,
    ),
    Code.METHOD_REFUSED: 405,
    Code.OUTPUT_EXISTS: 409,
    # Two parts of a request that are each right, but not together.
    Code.VARIABLE_UNEXPECTED: 409,
    Code.INPUT_IS_DIRECTORY: 409,
    Code.CONDITION_FAILED: 412,
    Code.BODY_TOO_LARGE: 413,
    Code.SPEC_TOO_LARGE: 413,
    Code.MEDIA_TYPE: 415,
    Code.RANGE_REFUSED: 416,
    Code.UPLOAD_BUSY: 423,
    Code.STORE_VERSION: 500,
    Code.STORE_DAMAGED: 500,
    Code.STORE_UNAVAILABLE: 503,
    Code.STORE_LOCKED: 503,
    Code.NETWORK_TIMEOUT: 504,
    Code.MODEL_UNAVAILABLE: 503,
    Code.MODEL_FAILED: 502,
    Code.MODEL_ANSWER_INVALID: 502,
}

# What is told of an error: numbers and names that help, never a command line or a log.
_TOLD = frozenset({"line", "column", "state", "asked", "allowed", "limit", "limit_bytes", "offset"})
_PACKAGE = str(Path(__file__).resolve().parent.parent)
_NO_ROOM = 507  # RFC 4918, 11.5
# A path as it stands in a URI (RFC 3986, 3.3).
_SAFE = "/:@!$&'()*+,;=-._~"


class Answered(ReelError):  # noqa: N818 - says what it is for, as ReelError's others do
    """A problem whose status is not that of its code, or that brings headers along."""

    def __init__(
        self, problem: Problem, status: int | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(
            problem.code,
            problem.message,
            where=problem.where,
            hint=problem.hint,
            evidence=problem.evidence,
        )
        self.status = status or status_of(problem.code)
        self.headers = dict(headers or {})


def status_of(code: Code) -> int:
    return _BY_CODE.get(code, STATUSES[code.kind])


def title_of(code: Code) -> str:
    """The same for every occurrence, as RFC 9457 asks: ``Operator unknown``."""
    return code.text.replace("_", " ").capitalize()


def type_of(code: Code) -> str:
    """Where the code is explained: the service lists all of them there."""
    return f"/v1/errors#{code.text}"


def headers_of(error: ReelError, status: int) -> dict[str, str]:
    headers = dict(error.headers) if isinstance(error, Answered) else {}
    if status == 401:
        headers.setdefault("WWW-Authenticate", 'Bearer realm="reelwright"')
    if status in {429, 503}:
        wait = error.problem.evidence.get("retry_after_s", 1)
        headers.setdefault("Retry-After", str(max(1, int(wait))))
    return headers


def document(
    problems: Sequence[Problem],
    status: int,
    *,
    path: str,
    trace_id: str,
    told: Told,
) -> dict[str, Any]:
    """The problem document of one or several problems; the first decides its type.

    Of what is our side's fault only the code is told: the log has the rest, under the trace id. An
    upload that does not fit is nobody's fault, and its sender can do something about it.
    """
    first = problems[0]
    is_ours = status >= 500 and status != _NO_ROOM
    body: dict[str, Any] = {
        "type": type_of(first.code),
        "title": title_of(first.code),
        "status": status,
        "detail": _detail(first, told, is_ours=is_ours),
        "instance": quote(path[:500], safe=_SAFE),
        "code": first.code.text,
        "where": None if is_ours else _shown(first.where, told),
        "hint": _hint(first, told, is_ours=is_ours),
        "trace_id": trace_id,
    }
    if is_ours:
        return body
    body.update(_told(first))
    if len(problems) > 1:
        body["errors"] = [
            {
                "code": one.code.text,
                "detail": _detail(one, told, is_ours=False),
                "where": _shown(one.where, told),
                "hint": _hint(one, told, is_ours=False),
                **_told(one),
            }
            for one in problems
        ]
    return body


def encode(body: Mapping[str, Any]) -> bytes:
    return orjson.dumps(body)


def _hint(problem: Problem, told: Told, *, is_ours: bool) -> str:
    return told.text(hint(problem.code, None if is_ours else problem.hint))


def _detail(problem: Problem, told: Told, *, is_ours: bool) -> str:
    if is_ours:
        return f"{hint(problem.code)}; the service's log says more under the trace id"
    return _shown(problem.message, told) or title_of(problem.code)


def _told(problem: Problem) -> dict[str, Any]:
    return {k: v for k, v in problem.evidence.items() if k in _TOLD and v is not None}


def _shown(text: str | None, told: Told) -> str | None:
    """Where the service keeps its things is nobody's business."""
    if text is None:
        return None
    text = told.text(_encodable(text))
    for folder in (_PACKAGE, sys.prefix):
        text = text.replace(folder, "…")
    return text


def _encodable(text: str) -> str:
    """File names may hold bytes that are no UTF-8; JSON may not."""
    return text.encode("utf-8", "replace").decode()
