"""JWTs of an OpenID Connect issuer: its public keys are fetched, its tokens checked by them."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import jwt
from jwt.exceptions import PyJWKClientConnectionError, PyJWKSetError

from reelwright.app.principal import Principal, Role
from reelwright.errors import Code, ReelError
from reelwright.store.jobs import LOCAL_OWNER

if TYPE_CHECKING:
    from reelwright.app.settings_sections import Auth

# By the type of the public key. None of them can be made by whoever only knows that key: an HS256
# "signed" with it, and "none", are refused before anything else is looked at.
_ALGORITHMS = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES256K", "ES384", "ES512"),
    "OKP": ("EdDSA",),
}
_ALLOWED = frozenset(name for names in _ALGORITHMS.values() for name in names)
_LEEWAY_S = 30
_TIMEOUT_S = 5.0
# A token with an unknown key makes us ask for the keys anew, so often at the most; and after an
# issuer did not answer it is left alone so long.
COOLDOWN_S = 30.0
_PAUSE_S = 5.0
_LONGEST = 16_384
# What a library did not think of: a header as deep as its stack, a time of 1e999.
_ODD = (RecursionError, OverflowError, TypeError, ValueError)
_DISCOVERY = "/.well-known/openid-configuration"


class Issuer:
    """The issuer of the settings. Thread-safe; blocks, for the network, now and then."""

    def __init__(self, settings: Auth, *, cooldown_s: float = COOLDOWN_S) -> None:
        self._settings = settings
        self._cooldown_s = cooldown_s
        self._lock = threading.Lock()
        self._failed_at = -_PAUSE_S

    def verify(self, token: str) -> tuple[Principal, float]:
        """Who bears it, and when it expires (seconds since 1970).

        Raises UNAUTHENTICATED, FORBIDDEN where no role is named, NETWORK_UNREACHABLE where the
        issuer does not answer.
        """
        try:
            claims = self._claims(token)
        except (PyJWKClientConnectionError, PyJWKSetError) as error:
            raise self._unreachable(str(error)) from error
        except (jwt.PyJWTError, *_ODD) as error:
            raise ReelError(Code.UNAUTHENTICATED, f"this JWT is not valid: {error}") from error
        return self._principal(claims), float(claims["exp"])

    def _claims(self, token: str) -> dict[str, Any]:
        if len(token) > _LONGEST:
            raise jwt.DecodeError(f"it is longer than {_LONGEST} characters")
        header = jwt.get_unverified_header(token)
        if not isinstance(header.get("alg"), str) or header["alg"] not in _ALLOWED:
            raise jwt.InvalidAlgorithmError(f"it is signed by {header.get('alg')!r}")
        key = self._key(header.get("kid"))
        return jwt.decode(
            token,
            key.key,
            algorithms=_ALGORITHMS.get(key.key_type or "", ()),
            audience=self._settings.audience,
            issuer=self._settings.issuer,
            leeway=_LEEWAY_S,
            options={"require": ["exp", "iss", "aud"]},
        )

    def _key(self, kid: str | None) -> jwt.PyJWK:
        with self._lock:
            client = self._client
        if kid is not None:
            return client.get_signing_key(kid)
        found = client.get_signing_keys()
        if len(found) != 1:  # the specification asks for `kid` where there are several
            raise jwt.InvalidTokenError("it does not name its key (kid)")
        return found[0]

    @cached_property
    def _client(self) -> jwt.PyJWKClient:
        return _Keys(self._discover(), timeout=_TIMEOUT_S, cooldown_duration=self._cooldown_s)

    def _discover(self) -> str:
        """The address of the issuer's keys."""
        import httpx

        if time.monotonic() - self._failed_at < _PAUSE_S:
            raise self._unreachable("it did not a moment ago")
        issuer = self._settings.issuer or ""
        try:
            answer = httpx.get(issuer.rstrip("/") + _DISCOVERY, timeout=_TIMEOUT_S)
            answer.raise_for_status()
            found = answer.json()
            # OpenID Connect Discovery 4.3: or another issuer's keys would sign for this one.
            if found["issuer"] != issuer:
                raise ValueError(f"it calls itself {found['issuer']!r}")
            return str(found["jwks_uri"])
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
            self._failed_at = time.monotonic()
            raise self._unreachable(str(error) or type(error).__name__) from error

    def _unreachable(self, why: str) -> ReelError:
        return ReelError(
            Code.NETWORK_UNREACHABLE,
            f"the issuer of tokens does not tell its keys: {why}",
            where="auth.issuer",
            hint="check `auth.issuer`; the issuer must serve its OpenID configuration",
        )

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        owner = _claim(claims, self._settings.owner_claim)
        if not isinstance(owner, str) or not owner or owner == LOCAL_OWNER:
            raise ReelError(
                Code.FORBIDDEN,
                f"the claim '{self._settings.owner_claim}' of this JWT names no owner",
                hint="`auth.owner_claim` names the claim that does",
            )
        role = _role(_claim(claims, self._settings.role_claim))
        if role is None:
            raise ReelError(
                Code.FORBIDDEN,
                f"the claim '{self._settings.role_claim}' of this JWT names no role",
                hint=f"it must be one of {', '.join(Role)}, or a list with one; "
                "`auth.role_claim` names the claim",
            )
        return Principal(actor=f"user:{owner}", owner=owner, role=role)


class _Keys(jwt.PyJWKClient):
    """PyJWT's client, which leaves an issuer alone that did not answer."""

    _failed_at = -_PAUSE_S

    def fetch_data(self) -> Any:
        if time.monotonic() - self._failed_at < _PAUSE_S:
            raise PyJWKClientConnectionError("it did not answer a moment ago")
        try:
            return super().fetch_data()
        except (jwt.PyJWTError, OSError, ValueError) as error:
            self._failed_at = time.monotonic()
            if isinstance(error, jwt.PyJWTError):
                raise
            raise PyJWKClientConnectionError(str(error)) from error


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """By its name, or by a path of names with dots (``realm_access.roles``)."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _role(value: Any) -> Role | None:
    """The greatest that is named; other names in a list are none of our business."""
    named = value if isinstance(value, list) else [value]
    return max((role for role in Role if role.value in named), key=list(Role).index, default=None)
