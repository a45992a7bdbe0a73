"""How a hosted model is reached: its address and key, one client a call, and what went wrong."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import httpx

from reelwright.errors import Code, ReelError
from reelwright.tools.download.answers import retry_after_s
from reelwright.tools.models.idempotency import SENDING
from reelwright.tools.models.kinds import ModelIdentity
from reelwright.tools.models.prices import is_own_address
from reelwright.tools.models.providers import ModelSpec, unavailable

_PAID = frozenset({"openai", "anthropic", "google"})
_MOST_BYTES = 256 << 20
_SHOWN_CHARACTERS = 300


def identify(spec: ModelSpec, *, library: str | None = None) -> ModelIdentity:
    """Raises MODEL_UNAVAILABLE without a model, an address, a key, or `library`."""
    if library is not None and find_spec(library) is None:
        raise unavailable(spec, f"{library} is not installed")
    if not spec.model:
        raise unavailable(spec, "it is not said which model", hint=f"write {spec.provider}:MODEL")
    if not spec.url:
        raise unavailable(spec, "it is not said where it is", hint="set `models.local_url`")
    if not spec.key and needs_key(spec):
        raise unavailable(
            spec,
            f"there is no key of {spec.provider}",
            hint=f"set REEL_MODELS__{spec.provider.upper()}_KEY",
        )
    return ModelIdentity(provider=spec.provider, model=spec.model)


def needs_key(spec: ModelSpec) -> bool:
    return spec.provider in _PAID and not is_own_address(spec.url)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered; the names of `headers` are of any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self, spec: ModelSpec) -> dict[str, Any]:
        """Raises MODEL_ANSWER_INVALID for what is no JSON object."""
        try:
            found = json.loads(self.body)
        except ValueError as error:
            raise invalid(spec, f"the answer is no JSON: {error}") from error
        if not isinstance(found, dict):
            raise invalid(spec, "the answer is no JSON object")
        return found


@lru_cache(maxsize=1)
def trust() -> ssl.SSLContext:
    """Reading the certificates takes 20 ms: once."""
    return ssl.create_default_context()


def own_headers() -> dict[str, str]:
    """Of the call that is made now; called when it is sent."""
    sending = SENDING.get()
    if sending is None:
        return {}
    sending.is_sent = True
    return {"Idempotency-Key": sending.key}


async def post(
    spec: ModelSpec,
    path: str,
    *,
    body: Any = None,
    data: Any = None,
    files: Any = None,
) -> Reply:
    """One request below ``spec.url``: `body` as JSON, or `data` and `files` as a form, with the key
    as a bearer's; the reply is 2xx. Raises MODEL_UNAVAILABLE, MODEL_RATE_LIMITED, MODEL_REFUSED,
    MODEL_FAILED, MODEL_ANSWER_INVALID (it is too large), NETWORK_*."""
    headers = own_headers()
    if spec.key:
        headers["Authorization"] = f"Bearer {spec.key}"
    url = f"{(spec.url or '').rstrip('/')}/{path.lstrip('/')}"
    try:
        async with (
            asyncio.timeout(spec.timeout_s),
            httpx.AsyncClient(timeout=spec.timeout_s, verify=trust()) as client,
            client.stream(
                "POST", url, headers=headers, json=body, data=data, files=files
            ) as answer,
        ):
            reply = Reply(answer.status_code, answer.headers, await _body(spec, answer))
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise network_failure(spec, error) from error
    if not 200 <= reply.status < 300:
        wait_s = retry_after_s(reply.headers.get("retry-after"))
        raise status_failure(spec, reply.status, message_of(reply), wait_s)
    return reply


async def _body(spec: ModelSpec, answer: httpx.Response) -> bytes:
    """Not more than a bound."""
    body = bytearray()
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > _MOST_BYTES:
            raise ReelError(
                Code.MODEL_ANSWER_INVALID, f"{spec.name} gave more than {_MOST_BYTES} bytes"
            )
    return bytes(body)


def message_of(reply: Reply) -> str:
    """What the server says of it: ``{"error": {"message": …}}``, or the text."""
    try:
        told = json.loads(reply.body)["error"]
        return str(told["message"] if isinstance(told, dict) else told)
    except (ValueError, KeyError, TypeError):
        return reply.body.decode(errors="replace")


def status_failure(
    spec: ModelSpec, status: int, text: str, retry_after: float | None = None
) -> ReelError:
    """The error of an answer that is no 2xx."""
    evidence: dict[str, Any] = {"status": status}
    if retry_after is not None:
        evidence["retry_after_s"] = retry_after
    if status in (401, 402, 403, 404):
        code = Code.MODEL_UNAVAILABLE
    elif status in (429, 529):
        code = Code.MODEL_RATE_LIMITED
    elif status in (408, 409, 425) or status >= 500:
        code = Code.MODEL_FAILED
    else:
        code = Code.MODEL_REFUSED
    hint = f"set REEL_MODELS__{_setting(spec)}_KEY to a valid key" if status == 401 else None
    return ReelError(
        code,
        f"{spec.name} answered {status}: {without_key(spec, text)}",
        hint=hint,
        evidence=evidence,
    )


def network_failure(spec: ModelSpec, error: Exception) -> ReelError:
    """The error of a connection; the cause may lie deeper."""
    chain: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in chain:
        chain.append(at)
        at = at.__cause__ or at.__context__
    names = {type(one).__name__ for one in chain}
    text = without_key(spec, str(error) or type(error).__name__)
    if any("Timeout" in name for name in names):
        return ReelError(Code.NETWORK_TIMEOUT, f"{spec.name} did not answer in time")
    if any("Connect" in name and name != "ConnectionResetError" for name in names) and not (
        names & {"ReadError", "RemoteProtocolError"}
    ):
        return ReelError(Code.NETWORK_UNREACHABLE, f"{spec.name} cannot be reached: {text}")
    return ReelError(Code.NETWORK_RESET, f"{spec.name}: the connection broke off: {text}")


def invalid(spec: ModelSpec, why: str) -> ReelError:
    text = without_key(spec, f"{spec.name}: {why}")
    return ReelError(Code.MODEL_ANSWER_INVALID, text)


def without_key(spec: ModelSpec, text: str) -> str:
    """What a provider says may repeat what it was sent."""
    if spec.key:
        text = text.replace(spec.key, "***")
    return text[:_SHOWN_CHARACTERS]


def _setting(spec: ModelSpec) -> str:
    return "LOCAL" if spec.provider == "ollama" else spec.provider.upper()
