"""What an HTTP answer or a broken connection means, in our codes."""

from __future__ import annotations

import email.utils
import errno
import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

from reelwright.errors import Code, ReelError

_CODES = {
    401: Code.HTTP_FORBIDDEN,
    403: Code.HTTP_FORBIDDEN,
    404: Code.HTTP_NOT_FOUND,
    407: Code.HTTP_FORBIDDEN,
    408: Code.NETWORK_TIMEOUT,
    410: Code.HTTP_NOT_FOUND,
    425: Code.HTTP_SERVER_ERROR,
    429: Code.HTTP_RATE_LIMITED,
    451: Code.HTTP_FORBIDDEN,
}
# A server that asks for a week of patience is not waited for; the engine has its own limit.
_LONGEST_WAIT_S = 86400.0


def status_error(status: int, reason: str, url: str, headers: Mapping[str, str]) -> ReelError:
    """A refusal. `evidence["retry_after_s"]` is what the server asked for (RFC 9110, 10.2.3)."""
    code = _CODES.get(status)
    if code is None:
        code = Code.HTTP_SERVER_ERROR if status >= 500 else Code.HTTP_STATUS
    evidence: dict[str, object] = {"status": status}
    wait_s = retry_after_s(headers.get("retry-after"))
    if wait_s is not None:
        evidence["retry_after_s"] = wait_s
    place = shown(url)
    return ReelError(
        code, f"{place} answered {status} {reason}".rstrip(), where=place, evidence=evidence
    )


def retry_after_s(value: str | None) -> float | None:
    """Seconds, from seconds or from an HTTP date; None where there is none or it makes no sense."""
    if not value:
        return None
    try:
        wait_s = float(int(value))
    except ValueError:
        try:
            at = email.utils.parsedate_to_datetime(value)
        except ValueError:
            return None
        wait_s = at.timestamp() - time.time()
    return min(max(wait_s, 0.0), _LONGEST_WAIT_S)


def connection_error(error: Exception, url: str) -> ReelError:
    """What went wrong below HTTP."""
    code, what = _meaning(error)
    place = shown(url)
    return ReelError(code, f"{place}: {what}", where=place, evidence={"cause": repr(error)})


def shown(url: str) -> str:
    """`url` without the secrets it may hold: user, password, query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _meaning(error: Exception) -> tuple[Code, str]:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Code.TLS_INVALID, f"its certificate is not valid: {error.verify_message}"
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Code.NETWORK_RESET, "the connection broke off"
    if isinstance(error, ssl.SSLError):
        return Code.TLS_INVALID, f"no secure connection: {error.reason or error}"
    if isinstance(error, TimeoutError):
        return Code.NETWORK_TIMEOUT, "no answer in time"
    if isinstance(error, socket.gaierror):
        return Code.NETWORK_UNREACHABLE, f"the name cannot be resolved: {error.strerror}"
    if isinstance(error, http.client.HTTPException):
        return Code.NETWORK_RESET, f"a broken answer: {type(error).__name__} {error}".rstrip()
    if isinstance(error, OSError) and error.errno in (
        errno.ECONNREFUSED,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.EADDRNOTAVAIL,
    ):
        return Code.NETWORK_UNREACHABLE, f"not reachable: {error.strerror}"
    return Code.NETWORK_RESET, f"the connection broke off: {error}"
