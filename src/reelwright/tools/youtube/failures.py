"""The API's error envelope in our words.

``{"error": {"code": 403, "message": "…", "errors": [{"reason": "quotaExceeded", …}],
"status": "…", "details": [{"reason": "API_KEY_INVALID", "metadata": {"quota_limit": "…"}}]}}``

https://developers.google.com/youtube/v3/docs/errors and
https://developers.google.com/youtube/v3/docs/core_errors list the reasons.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from reelwright.errors import Code, ReelError

_QUOTA = frozenset({"quotaExceeded", "dailyLimitExceeded", "dailyLimitExceededUnreg"})
_RATE = frozenset(
    {"rateLimitExceeded", "userRateLimitExceeded", "userRateLimitExceededUnreg", "uploadRateLimit"}
    | {"RATE_LIMIT_EXCEEDED"}
)
_KEY = frozenset(
    {"keyInvalid", "keyExpired", "accessNotConfigured", "ipRefererBlocked", "projectNotFound"}
    | {"API_KEY_INVALID", "API_KEY_EXPIRED", "SERVICE_DISABLED"}
    | {"API_KEY_SERVICE_BLOCKED", "API_KEY_IP_ADDRESS_BLOCKED", "API_KEY_HTTP_REFERRER_BLOCKED"}
    | {"CONSUMER_INVALID", "CONSUMER_SUSPENDED"}
)
_SERVER = frozenset({"backendError", "internalError", "processingFailure", "SERVICE_UNAVAILABLE"})
_TAG = re.compile(r"<[^<>]*>")
_SHOWN_CHARS = 300


def failure(status: int, body: bytes, *, path: str, key: str) -> ReelError:
    """`path`: of the call (``videos``). The key is in no text of it, whatever the API quotes."""
    envelope = _envelope(body)
    reasons, daily = _reasons(envelope)
    said = _TAG.sub("", str(envelope.get("message") or "")).replace(key, "***").strip()
    code = _code(status, reasons, is_daily=daily or "per day" in said.lower())
    reason = reasons[0] if reasons else None
    told = said[:_SHOWN_CHARS] or f"the YouTube Data API answered {status}"
    evidence: dict[str, Any] = {"status": status, "call": path}
    if reason is not None:
        evidence["reason"] = reason
    return ReelError(code, told, where=f"{path}.list", evidence=evidence)


def _code(status: int, reasons: list[str], *, is_daily: bool) -> Code:
    known = set(reasons)
    is_too_fast = bool(known & _RATE) or status == 429
    # Since 2025 a day's limit may come under the name of a rate's.
    if known & _QUOTA or (is_too_fast and is_daily):
        return Code.API_QUOTA
    if known & _KEY:
        return Code.API_KEY
    if is_too_fast:
        return Code.HTTP_RATE_LIMITED
    if known & _SERVER or status >= 500:
        return Code.HTTP_SERVER_ERROR
    if status in (404, 410):
        return Code.HTTP_NOT_FOUND
    if status in (401, 403):
        return Code.HTTP_FORBIDDEN
    return Code.HTTP_STATUS


def _envelope(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    error = found.get("error") if isinstance(found, dict) else None
    return error if isinstance(error, dict) else {}


def _reasons(envelope: Mapping[str, Any]) -> tuple[list[str], bool]:
    """All that are named, and whether it is a limit of the day."""
    found: list[str] = []
    is_daily = False
    for name in ("errors", "details"):
        several = envelope.get(name)
        for one in several if isinstance(several, list) else ():
            if not isinstance(one, dict):
                continue
            if isinstance(one.get("reason"), str):
                found.append(one["reason"])
            metadata = one.get("metadata")
            limit = metadata.get("quota_limit") if isinstance(metadata, dict) else None
            is_daily = is_daily or "perday" in str(limit).lower()
    return found, is_daily
