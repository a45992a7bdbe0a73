"""Signatures of messages, as Standard Webhooks has them: HMAC-SHA256, scheme ``v1``."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping, Sequence

_PREFIX = "whsec_"
_BYTES = 32
TOLERANCE_S = 300


def new_secret() -> str:
    return _PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode("ascii")


def headers(message_id: str, timestamp: int, body: bytes, keys: Sequence[str]) -> dict[str, str]:
    """What goes with `body`; one signature for each of `keys`. `timestamp` in seconds since 1970.
    Raises ValueError for a key that is none."""
    signatures = [sign(message_id, timestamp, body, key) for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def sign(message_id: str, timestamp: int, body: bytes, key: str) -> str:
    """``v1,…``. Raises ValueError."""
    content = b".".join((message_id.encode(), str(timestamp).encode(), body))
    made = hmac.new(_key(key), content, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(made).decode('ascii')}"


def verify(body: bytes, received: Mapping[str, str], key: str, *, now: float | None = None) -> None:
    """Raises ValueError where the message is not signed with `key`, or is older or newer than five
    minutes. Names of headers in any case."""
    found = {name.lower(): value for name, value in received.items()}
    message_id, at = found.get("webhook-id", ""), found.get("webhook-timestamp", "")
    given = found.get("webhook-signature", "")
    if not (message_id and at and given):
        raise ValueError("a header is missing: webhook-id, webhook-timestamp, webhook-signature")
    if not (at.isascii() and at.isdigit()):
        raise ValueError("webhook-timestamp is no number of seconds")
    if abs((time.time() if now is None else now) - int(at)) > TOLERANCE_S:
        raise ValueError("webhook-timestamp is too far from now")
    expected = sign(message_id, int(at), body, key).encode()
    if not any(hmac.compare_digest(expected, one.encode()) for one in given.split(" ")):
        raise ValueError("no signature matches")


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("the secret is not base64") from error
    if not key:
        raise ValueError("the secret is empty")
    return key
