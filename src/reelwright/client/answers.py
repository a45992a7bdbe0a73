"""Bodies of requests and answers."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from reelwright.errors import Code, ReelError

T = TypeVar("T")


def json_of(kind: type[T], answer: httpx.Response) -> T:
    """The body as `kind`. Raises HTTP_STATUS where it is something else."""
    try:
        return TypeAdapter(kind).validate_json(answer.content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ReelError(
            Code.HTTP_STATUS,
            f"{answer.url} answered what this client does not understand: "
            f"{'.'.join(map(str, first['loc']))}: {first['msg']}",
            hint="is it a `reel serve` of this release?",
        ) from error


def written(body: str | bytes | BaseModel | Mapping[str, Any]) -> tuple[str, bytes]:
    """The Content-Type and the bytes of a body; text is a job spec in YAML or JSON."""
    if isinstance(body, str):
        is_json = body.lstrip()[:1] == "{"
        return "application/json" if is_json else "application/yaml", body.encode()
    if isinstance(body, bytes):
        return "application/octet-stream", body
    if isinstance(body, BaseModel):
        text = body.model_dump_json(by_alias=True, exclude_unset=True)
        return "application/json", text.encode()
    return "application/json", json.dumps(body, ensure_ascii=False).encode()


def new_key() -> str:
    """An Idempotency-Key: the request may be sent again until it is answered."""
    return secrets.token_urlsafe(18)
