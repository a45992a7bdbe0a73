"""`/login` and `/v1/session`: a browser's session in exchange for a token."""

from html import escape
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import Field

from reelwright.api import bodies, openapi
from reelwright.api.auth import COOKIE, current_principal, gate_of, session_cookie
from reelwright.api.context import address_of, app_of, aside
from reelwright.api.models import Model, Time
from reelwright.api.origins import check_same_origin
from reelwright.api.trace import trace_of
from reelwright.app.auth import sessions
from reelwright.app.principal import Principal
from reelwright.errors import Code, ReelError

router = APIRouter(tags=["keys"])

_WHOAMI = "/v1/session"
_LONGEST = 16_384
_FORM = "application/x-www-form-urlencoded"
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Log in to Reelwright</title>
<h1>Log in to Reelwright?</h1>
<p>You would work as <b>{actor}</b>; what you make would belong to <b>{owner}</b>.</p>
<p>If you did not ask for this, somebody else sent you here: close this page.</p>
<form method="post" action="/login">
<input type="hidden" name="token" value="{token}">
<button type="submit">Log in</button>
</form>
</html>
"""


class SessionRequest(Model):
    token: str = Field(
        min_length=1, max_length=_LONGEST, description="An API key, the local token, or a JWT."
    )


class Session(Model):
    actor: str = Field(description="`local`, `key:ID`, `user:NAME`.")
    owner: str = Field(description="Who has what is made here.")
    role: str
    scopes: list[str] = Field(description="What it is narrowed to; none: all that its role may.")
    expires_at: Time | None = Field(description="Of a session; null with a bearer token.")
    csrf_token: str | None = Field(
        description="What changes need as `X-CSRF-Token`; null with a bearer token, which needs "
        "none."
    )


@router.get("/login", include_in_schema=False)
async def login(
    request: Request, token: Annotated[str, Query(min_length=1, max_length=_LONGEST)]
) -> Response:
    """The link that `reel serve` prints. The token leaves the address bar at once.

    A page of somebody else could send a browser here with a token of theirs, and its owner would
    then work in a stranger's session. So a link alone logs in with the local token only, which no
    stranger has, and not from another site; with any other one the person is asked first.
    """
    gate = gate_of(request.scope)
    is_from_here = request.headers.get("sec-fetch-site", "none") in {"none", "same-origin"}
    if is_from_here and gate.authenticator.is_local(token):
        return await _logged_in(request, token)
    principal, _ = await gate.admit_token(request.scope, token)
    return _question(principal, token)


@router.post("/login", include_in_schema=False)
async def confirm_login(request: Request) -> Response:
    """The answer to that question."""
    serve = app_of(request).settings.serve
    check_same_origin(request.scope, serve.origins)
    body = await bodies.read(request, (_FORM,), serve.body_bytes)
    given = parse_qs(body.decode("ascii", "replace")).get("token", [""])[0]
    if not 0 < len(given) <= _LONGEST:
        raise ReelError(Code.FIELD_MISSING, "the form has no token", where="token")
    return await _logged_in(request, given)


@router.post(
    _WHOAMI,
    status_code=201,
    response_model=Session,
    responses=openapi.WITH_BODY,
    openapi_extra={
        **openapi.body(
            SessionRequest.model_json_schema(),
            {"key": {"value": {"token": "reel_0k8v2b3c4d5e6f7g8_…"}}},
            [bodies.JSON],
            "Who logs in.",
        ),
        "x-public": "in-body",
    },
)
async def open_session(request: Request) -> Response:
    """Log in: a cookie that stands for the token until the session ends."""
    serve = app_of(request).settings.serve
    check_same_origin(request.scope, serve.origins)
    asked = await bodies.read_model(request, SessionRequest, serve.body_bytes)
    opened = await _open(request, asked.token)
    response = bodies.answer(_session_json(opened.principal, opened.expires_at, opened.csrf), 201)
    _set_cookie(request, response, opened)
    return response


@router.get(_WHOAMI, response_model=Session)
async def get_session(
    request: Request, principal: Annotated[Principal, Depends(current_principal)]
) -> Response:
    """Who am I?"""
    cookie = _session_of(request)
    if cookie is None:
        return bodies.answer(_session_json(principal, None, None))
    found = await aside(sessions.verify, app_of(request), cookie)
    expires_at = None if found is None else found[1]
    return bodies.answer(_session_json(principal, expires_at, sessions.csrf_token(cookie)))


@router.delete(_WHOAMI, status_code=204)
async def close_session(
    request: Request, principal: Annotated[Principal, Depends(current_principal)]
) -> Response:
    """Log out. With a bearer token there is nothing to end."""
    response = Response(status_code=204)
    cookie = _session_of(request)
    if cookie is not None:
        await aside(
            sessions.close_session,
            app_of(request),
            principal,
            cookie,
            address=address_of(request),
            trace=trace_of(request.scope).trace_id,
        )
        gate_of(request.scope).authenticator.forget_session(cookie)
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return response


async def _logged_in(request: Request, token: str) -> Response:
    opened = await _open(request, token)
    paths = {getattr(route, "path", None) for route in request.app.routes}
    response = RedirectResponse("/" if "/" in paths else _WHOAMI, status_code=303)
    _set_cookie(request, response, opened)
    return response


def _question(principal: Principal, token: str) -> Response:
    page = _PAGE.format(
        actor=escape(principal.actor), owner=escape(principal.owner), token=escape(token)
    )
    headers = {
        "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
        # With `no-referrer` a browser would send `Origin: null` with the form.
        "Referrer-Policy": "strict-origin",
    }
    return HTMLResponse(page, headers=headers)


async def _open(request: Request, token: str) -> sessions.Opened:
    principal, ends_at = await gate_of(request.scope).admit_token(request.scope, token)
    return await aside(
        sessions.open_session,
        app_of(request),
        principal,
        ends_at=ends_at,
        address=address_of(request),
        trace=trace_of(request.scope).trace_id,
    )


def _session_of(request: Request) -> str | None:
    """The cookie, where it is what the request was let in by."""
    return None if "authorization" in request.headers else session_cookie(request.scope)


def _set_cookie(request: Request, response: Response, opened: sessions.Opened) -> None:
    response.set_cookie(
        COOKIE,
        opened.cookie,
        max_age=int(opened.lasts_s),
        path="/",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


def _session_json(
    principal: Principal, expires_at: float | None, csrf: str | None
) -> dict[str, object]:
    return {
        "actor": principal.actor,
        "owner": principal.owner,
        "role": principal.role.value,
        "scopes": sorted(principal.scopes),
        "expires_at": expires_at,
        "csrf_token": csrf,
    }
