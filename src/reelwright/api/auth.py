"""Who asks, before anything else of a request is read: bearer tokens and session cookies.

`Gate` is an ASGI layer that guards all of ``/v1/``; `current_principal` is the dependency that
gives an endpoint what the gate found out, and guards the few paths outside.
"""

# No `from __future__ import annotations`: FastAPI could not look up what `__call__` takes.
import ipaddress
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.openapi.models import HTTPBearer as BearerModel
from fastapi.security.base import SecurityBase
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reelwright.api.origins import check_same_origin, header
from reelwright.api.problems import Answered
from reelwright.api.rates import Rates, Standing, item_of
from reelwright.api.vigil import Vigil
from reelwright.app.auth.authenticate import Authenticator
from reelwright.app.auth.sessions import check_csrf
from reelwright.app.principal import Principal, Role
from reelwright.errors import Code, Problem, ReelError

if TYPE_CHECKING:
    from reelwright.app.wiring import App

COOKIE = "reel_session"
# Tokens that were wrong, of one address: somebody who guesses, or a script with an old token.
FAILURES = "60/minute"

_GUARDED = "/v1/"
_OPEN = {("POST", "/v1/session")}  # brings its token in the body
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# What is sent there changes nothing that others see.
_HARMLESS = frozenset({"/v1/session", "/v1/plan", "/v1/probe"})
_GATE, _PRINCIPAL, _STANDING = "reel.gate", "reel.principal", "reel.standing"


class Gate:
    """ASGI layer. Raises what refuses a request; the layer of traces answers with it."""

    def __init__(self, app: ASGIApp, reel: "App") -> None:
        self._app = app
        self._settings = reel.settings
        self._rates = Rates(reel.settings.serve.rate_storage)
        self._failures = Rates("memory://")
        item_of(reel.settings.serve.rate)  # a wrong one is told at the start
        self.authenticator = Authenticator(reel)
        self.vigil = Vigil(self._recall, self._again)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope[_GATE] = self
        path = scope["path"]
        if path.startswith(_GUARDED) and (scope["method"], path) not in _OPEN:
            _check_role(await self.admit(scope), scope)

        async def answer(message: Message) -> None:
            standing = scope.get(_STANDING)
            if standing is not None and message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *standing.headers]
            await send(message)

        await self._app(scope, receive, answer)

    async def admit(self, scope: Scope) -> Principal:
        """Raises UNAUTHENTICATED, FORBIDDEN, CSRF_INVALID, RATE_LIMITED, STORE_*."""
        found = scope.get(_PRINCIPAL)
        if found is None:
            found = await self._identify(scope)
            await self._count(scope, found)
            scope[_PRINCIPAL] = found
        principal: Principal = found
        return principal

    async def admit_token(self, scope: Scope, token: str) -> tuple[Principal, float | None]:
        """`admit` with a token from elsewhere than the header, and when that ends (seconds since
        1970)."""
        proof = await self._prove(scope, token)
        await self._count(scope, proof[0])
        scope[_PRINCIPAL] = proof[0]
        return proof

    def _recall(self, scope: Scope) -> Principal | None:
        token = _bearer(scope)
        if token is not None:
            return self.authenticator.recall(token)
        cookie = session_cookie(scope)
        return None if cookie is None else self.authenticator.recall_session(cookie)

    async def _again(self, scope: Scope) -> Principal:
        """Who it is by now that was let in by this request; counted against nobody's rate.

        Raises UNAUTHENTICATED, FORBIDDEN, STORE_*, NETWORK_*.
        """
        token = _bearer(scope)
        if token is not None:
            return await self.authenticator.bearer(token)
        return await self.authenticator.session(session_cookie(scope) or "")

    async def _prove(self, scope: Scope, token: str) -> tuple[Principal, float | None]:
        address = network_of(address_of(scope))
        if not self.authenticator.has_met(token):
            spent = self._failures.is_spent(FAILURES, address)
            if spent is not None:
                raise _limited(spent, "wrong tokens from this address")
        try:
            return await self.authenticator.proof(token)
        except ReelError as error:
            if error.code is not Code.UNAUTHENTICATED:
                raise
            self._failures.take(FAILURES, address)
            raise _refused(error.problem.message, is_token_wrong=True) from error

    async def _identify(self, scope: Scope) -> Principal:
        token = _bearer(scope)
        if token is not None:
            if not token:
                raise _refused("the header Authorization is not of the form: Bearer TOKEN")
            return self.authenticator.recall(token) or (await self._prove(scope, token))[0]
        cookie = session_cookie(scope)
        if cookie is None:
            raise _refused("this needs a token or a session")
        return await self._by_cookie(scope, cookie)

    async def _by_cookie(self, scope: Scope, cookie: str) -> Principal:
        try:
            found = self.authenticator.recall_session(cookie) or (
                await self.authenticator.session(cookie)
            )
        except ReelError as error:
            if error.code is not Code.UNAUTHENTICATED:
                raise
            raise _refused("this session has ended: log in again") from error
        if scope["method"] not in _SAFE:
            # A browser sends the cookie whoever made the page that asks; they know no token.
            check_same_origin(scope, self._settings.serve.origins)
            check_csrf(cookie, header(scope, b"x-csrf-token"))
        return found

    async def _count(self, scope: Scope, principal: Principal) -> None:
        rate = principal.rate or self._settings.serve.rate
        who = principal.key_id or principal.actor
        if self._rates.is_shared:
            standing = await self._rates.take_shared(rate, who)
        else:
            standing = self._rates.take(rate, who)
        if not standing.is_allowed:
            raise _limited(standing, f"requests of {principal.actor}")
        scope[_STANDING] = standing


class CurrentPrincipal(SecurityBase):
    """Dependency: the `Principal` of the request. It stands in the OpenAPI document as a scheme.

    Raises what `Gate.admit` raises.
    """

    def __init__(self) -> None:
        self.model = BearerModel(
            bearerFormat="reel_ID_SECRET, the local token, or a JWT",
            description="An API key (`reel keys create`), the token that `reel serve` prints, "
            "or a JWT of the configured issuer.",
        )
        self.scheme_name = "bearer"

    async def __call__(self, request: Request) -> Principal:
        return await principal_of(request.scope)


current_principal = CurrentPrincipal()


async def principal_of(scope: Scope) -> Principal:
    """`current_principal` without a `Request`."""
    found: Principal | None = scope.get(_PRINCIPAL)
    return found if found is not None else await gate_of(scope).admit(scope)


def known_principal(scope: Scope) -> Principal | None:
    """Who it was found to be, where somebody asked already."""
    found: Principal | None = scope.get(_PRINCIPAL)
    return found


def gate_of(scope: Scope) -> Gate:
    gate: Gate = scope[_GATE]
    return gate


def address_of(scope: Scope) -> str:
    """The client's address, for the audit log."""
    client: Any = scope.get("client")
    return client[0] if client else ""


def network_of(address: str) -> str:
    """An IPv6 client has 2**64 addresses: it is counted by its network."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False))


def session_cookie(scope: Scope) -> str | None:
    given = header(scope, b"cookie")
    for part in (given or "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return None


def _bearer(scope: Scope) -> str | None:
    """None: there is no header Authorization; empty: it holds no bearer's token."""
    given = header(scope, b"authorization")
    if given is None:
        return None
    scheme, _, token = given.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _check_role(principal: Principal, scope: Scope) -> None:
    """Use cases check what they need; viewers change nothing whatever a use case forgets, and
    nobody reads what they send. Raises FORBIDDEN."""
    is_change = scope["method"] not in _SAFE and scope["path"] not in _HARMLESS
    if is_change and principal.role is Role.VIEWER:
        raise ReelError(Code.FORBIDDEN, f"{principal.actor} may look, but change nothing")


def _refused(message: str, *, is_token_wrong: bool = False) -> Answered:
    """RFC 6750, 3: the code is told only to those who sent a token."""
    code = ', error="invalid_token"' if is_token_wrong else ""
    challenge = {"WWW-Authenticate": f'Bearer realm="reelwright"{code}'}
    return Answered(Problem(Code.UNAUTHENTICATED, message), headers=challenge)


def _limited(standing: Standing, what: str) -> Answered:
    headers = {name.decode(): value.decode() for name, value in standing.headers}
    message = f"too many {what}: {standing.limit} in {standing.window_s} s are allowed"
    problem = Problem(Code.RATE_LIMITED, message)
    return Answered(problem, headers={**headers, "Retry-After": str(standing.reset_s)})
