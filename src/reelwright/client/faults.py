"""Refusals of the service, and a service that does not answer, as errors."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from typing import Any

import httpx

from reelwright.errors import Code, Problem, ReelError

_BY_STATUS = {
    401: Code.UNAUTHENTICATED,
    403: Code.FORBIDDEN,
    404: Code.NOT_FOUND,
    405: Code.METHOD_REFUSED,
    412: Code.CONDITION_FAILED,
    413: Code.BODY_TOO_LARGE,
    416: Code.RANGE_REFUSED,
    429: Code.RATE_LIMITED,
}
_STANDARD = frozenset(
    {"type", "title", "status", "detail", "instance", "code", "where", "hint", "trace_id", "errors"}
)


class ApiError(ReelError):
    """What the service refused, and why (RFC 9457).

    `errors` are all problems, the first one included. `trace_id` finds the request in the service's
    log. `word` is the code as it was sent: a newer service may know codes that `Code` has not.
    `is_problem` False: the answer was no problem document, so somebody in between wrote it.
    """

    def __init__(
        self,
        problems: tuple[Problem, ...],
        *,
        status: int,
        word: str,
        trace_id: str | None = None,
        retry_after_s: float | None = None,
        is_problem: bool = True,
    ) -> None:
        first = problems[0]
        super().__init__(
            first.code,
            first.message,
            where=first.where,
            hint=first.hint,
            evidence=first.evidence,
        )
        self.errors = problems
        self.status = status
        self.word = word
        self.trace_id = trace_id
        self.retry_after_s = retry_after_s
        self.is_problem = is_problem

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self.errors

    @property
    def message(self) -> str:
        return self.problem.message

    @property
    def where(self) -> str | None:
        return self.problem.where

    @property
    def hint(self) -> str:
        return self.problem.hint or self.code.hint

    @property
    def is_passing(self) -> bool:
        """Whether the same request may be answered otherwise a little later."""
        if not self.is_problem:
            return self.status in {429, 502, 503, 504}
        return self.status in {429, 503} and (self.code.retryable or self.word != self.code.text)


def fault_of(answer: httpx.Response) -> ApiError:
    """The error of an answer that was read whole."""
    body = _document(answer)
    retry_after = answer.headers.get("retry-after", "")
    retry_after_s = float(retry_after) if retry_after.isdecimal() else None
    if body is None:
        code = code_of("", answer.status_code)
        message = f"{answer.url} answered {answer.status_code} {answer.reason_phrase}".rstrip()
        return ApiError(
            (Problem(code, message),),
            status=answer.status_code,
            word=code.text,
            trace_id=answer.headers.get("x-trace-id"),
            retry_after_s=retry_after_s,
            is_problem=False,
        )
    evidence = {name: value for name, value in body.items() if name not in _STANDARD}
    trace_id = body.get("trace_id")
    listed = body.get("errors") or [body]
    if answer.status_code >= 500 and trace_id:
        # Of what went wrong there only the log tells, by this.
        listed = [{**one, "detail": f"{one.get('detail')}: {trace_id}"} for one in listed]
    problems = [_problem(one, answer.status_code, evidence) for one in listed]
    return ApiError(
        tuple(problems),
        status=answer.status_code,
        word=str(body["code"]),
        trace_id=trace_id,
        retry_after_s=retry_after_s,
    )


def unreachable(url: str, error: Exception) -> ReelError:
    """What httpx says of a connection, in our words."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return ReelError(Code.TLS_INVALID, f"{url}: {cause.reason or cause}", where=url)
        cause = cause.__cause__ or cause.__context__
    what = str(error) or type(error).__name__
    return ReelError(Code.SERVER_UNREACHABLE, f"{url} does not answer: {what}", where=url)


def code_of(word: str, status: int) -> Code:
    """The code of this name, or the nearest that there is for the status."""
    try:
        return Code.of(word)
    except KeyError:
        fallback = Code.HTTP_SERVER_ERROR if status >= 500 else Code.HTTP_STATUS
        return _BY_STATUS.get(status, fallback)


def _document(answer: httpx.Response) -> Mapping[str, Any] | None:
    if "json" not in answer.headers.get("content-type", ""):
        return None
    try:
        body = json.loads(answer.content)
    except ValueError:
        return None
    return body if isinstance(body, dict) and isinstance(body.get("code"), str) else None


def _problem(one: Mapping[str, Any], status: int, evidence: Mapping[str, Any]) -> Problem:
    own = {name: value for name, value in one.items() if name not in _STANDARD}
    message = str(one.get("detail") or one.get("title") or status)
    code = code_of(str(one.get("code")), status)
    return Problem(code, message, one.get("where"), one.get("hint"), own or evidence)
