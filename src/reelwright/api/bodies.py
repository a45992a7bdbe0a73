"""Bodies: read within their limits, and answered as the bytes that they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import orjson
from fastapi import Request, Response
from pydantic import BaseModel, ValidationError

from reelwright.api.models import ID_PATTERN
from reelwright.errors import Code, Problem, ReelError, SpecErrors

M = TypeVar("M", bound=BaseModel)

JSON = "application/json"
# A pair in a query: its name has 1 to 100 characters, its text up to 1000.
PAIR_PATTERN = r"^[^=\x00]{1,100}=[^\x00]{0,1000}$"
# What people are told of a pattern that did not match.
_FORMS = {
    PAIR_PATTERN: "name=value",
    ID_PATTERN: "0k8v2b3c4d5e6f7g8 (an id, whole)",
}
YAML = ("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml")


async def read(request: Request, kinds: Sequence[str], limit_bytes: int) -> bytes:
    """The body, if it is of one of `kinds`. Raises MEDIA_TYPE, BODY_TOO_LARGE."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in kinds:
        said = f"'{kind[:100]}' is not taken here" if kind else "the request has no Content-Type"
        raise ReelError(
            Code.MEDIA_TYPE,
            said,
            where="header.content-type",
            hint=f"send {' or '.join(kinds[:2])}",
        )
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > limit_bytes:
        raise too_large(limit_bytes)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limit_bytes:
            raise too_large(limit_bytes)
    return bytes(body)


async def read_text(request: Request, kinds: Sequence[str], limit_bytes: int) -> str:
    """Raises MEDIA_TYPE, BODY_TOO_LARGE, BODY_INVALID."""
    body = await read(request, kinds, limit_bytes)
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise ReelError(
            Code.BODY_INVALID, f"byte {error.start} of the body is not UTF-8", where="body"
        ) from error


async def read_model(request: Request, model: type[M], limit_bytes: int) -> M:
    """A JSON body. Raises MEDIA_TYPE, BODY_TOO_LARGE, BODY_INVALID, SpecErrors."""
    text = await read_text(request, (JSON,), limit_bytes)
    try:
        data = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ReelError(
            Code.BODY_INVALID,
            f"the body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})",
            where="body",
            evidence={"line": error.lineno, "column": error.colno},
        ) from error
    try:
        return model.model_validate(data, strict=True)
    except ValidationError as error:
        raise SpecErrors([refusal(one, ()) for one in error.errors()]) from error


def too_large(limit_bytes: int) -> ReelError:
    return ReelError(
        Code.BODY_TOO_LARGE,
        f"the body is larger than {limit_bytes} bytes",
        where="body",
        hint="send less, or raise `serve.body_bytes`",
        evidence={"limit_bytes": limit_bytes},
    )


def refusal(error: Mapping[str, Any], prefix: Sequence[str]) -> Problem:
    """What Pydantic found, in our words; the value that was sent is not repeated."""
    form = _FORMS.get(str((error.get("ctx") or {}).get("pattern")))
    code = {"missing": Code.FIELD_MISSING, "extra_forbidden": Code.FIELD_UNKNOWN}.get(
        str(error["type"]), Code.FIELD_INVALID
    )
    where = place([*prefix, *error["loc"]])
    said = error["msg"] if form is None else f"this is not of the form {form}"
    hint = None if form is None else f"write it as {form}"
    return Problem(code, f"{where}: {said}", where or None, hint)


def place(parts: Sequence[str | int]) -> str:
    """``jobs[3].operations``."""
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON, encoded as it is: nothing is validated a second time."""
    return raw(orjson.dumps(body, default=str), status, headers)


def raw(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(body, status, dict(headers or {}), media_type=JSON)
