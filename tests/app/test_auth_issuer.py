"""JWTs against a real issuer: what counts, and every way in which one may not."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from reelwright.app.auth import issuer as issuer_module
from reelwright.app.auth.issuer import Issuer
from reelwright.app.principal import Role
from reelwright.app.settings_sections import Auth
from reelwright.errors import Code, ReelError
from tests.app.oidc import OidcIssuer, oidc_issuer, private_key


@pytest.fixture(scope="module")
def shared() -> Iterator[OidcIssuer]:
    with oidc_issuer() as running:
        yield running


@pytest.fixture
def own() -> Iterator[OidcIssuer]:
    with oidc_issuer() as running:
        yield running


def _issuer(at: OidcIssuer, *, cooldown_s: float = 30.0, **settings: str) -> Issuer:
    return Issuer(Auth(issuer=at.url, **settings), cooldown_s=cooldown_s)


def _refused(at: Issuer, token: str) -> ReelError:
    with pytest.raises(ReelError) as caught:
        at.verify(token)
    return caught.value


def test_a_good_token_names_owner_role_and_end(shared: OidcIssuer) -> None:
    claims = shared.claims()
    principal, ends_at = _issuer(shared).verify(shared.token(exp=claims["exp"]))

    assert (principal.actor, principal.owner, principal.role) == (
        "user:alice",
        "alice",
        Role.EDITOR,
    )
    assert principal.folders == {}
    assert ends_at == claims["exp"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"aud": "another"}, "udience"),
        ({"aud": None}, "aud"),
        ({"iss": "https://elsewhere.example"}, "ssuer"),
        ({"iss": None}, "iss"),
        ({"exp": 1_000_000_000}, "expired"),
        ({"exp": None}, "exp"),
        ({"nbf": 32_503_680_000}, "not yet valid"),
    ],
    ids=str,
)
def test_claims_that_do_not_hold(shared: OidcIssuer, changes: dict[str, Any], said: str) -> None:
    error = _refused(_issuer(shared), shared.token(**changes))

    assert error.code is Code.UNAUTHENTICATED
    assert said in error.problem.message


def test_a_clock_may_be_off_by_half_a_minute(shared: OidcIssuer) -> None:
    now = shared.claims()["iat"]
    checked = _issuer(shared)

    assert checked.verify(shared.token(exp=now - 10))[0].owner == "alice"
    assert checked.verify(shared.token(nbf=now + 10, iat=now + 10))[0].owner == "alice"
    assert _refused(checked, shared.token(exp=now - 60)).code is Code.UNAUTHENTICATED


def test_no_signature_is_no_token(shared: OidcIssuer) -> None:
    unsigned = jwt.encode(shared.claims(), "", algorithm="none", headers={"kid": "one"})

    assert "none" in _refused(_issuer(shared), unsigned).problem.message


def test_the_public_key_is_no_shared_secret(shared: OidcIssuer) -> None:
    """HS256 over the published key: what a library that trusts `alg` would let in."""
    public = shared.keys["one"][1].public_key()
    for secret in (
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    ):
        head = _base64({"alg": "HS256", "typ": "JWT", "kid": "one"})
        signed = head + b"." + _base64(shared.claims(role="admin"))
        mac = hmac.HMAC(secret, hashes.SHA256())
        mac.update(signed)
        forged = signed + b"." + base64.urlsafe_b64encode(mac.finalize()).rstrip(b"=")

        error = _refused(_issuer(shared), forged.decode())

        assert error.code is Code.UNAUTHENTICATED
        assert "HS256" in error.problem.message


def test_a_changed_claim_breaks_the_signature(shared: OidcIssuer) -> None:
    head, _, signature = shared.token().split(".")
    body = _base64(shared.claims(role="admin")).decode()

    assert _refused(_issuer(shared), f"{head}.{body}.{signature}").code is Code.UNAUTHENTICATED


def test_a_key_that_the_token_brings_along_is_not_taken(shared: OidcIssuer) -> None:
    stranger = private_key("stranger")
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(stranger.public_key(), as_dict=True)
    headers = {"kid": "one", "jwk": jwk, "jku": "http://127.0.0.1:1/jwks"}
    forged = jwt.encode(shared.claims(), stranger, algorithm="RS256", headers=headers)

    assert _refused(_issuer(shared), forged).code is Code.UNAUTHENTICATED


@pytest.mark.parametrize("text", ["a.b.c", "..", "é.é.é", "a.b.c.d", "x" * 20_000 + ".y.z"])
def test_what_is_no_jwt_at_all(shared: OidcIssuer, text: str) -> None:
    assert _refused(_issuer(shared), text).code is Code.UNAUTHENTICATED


@pytest.mark.parametrize(
    "head",
    [
        b'{"alg": ["RS256"], "kid": "one"}',
        b'{"alg": {"RS256": 1}, "kid": "one"}',
        b'{"alg": null, "kid": "one"}',
        b'{"alg": "RS256", "kid": ["one"]}',
        b'{"alg": "RS256", "kid": "one", "crit": ["exp"]}',
        b'["RS256"]',
        b"[" * 9_000,
        b'{"a":' * 2_000,
        b"\xff",
    ],
    ids=lambda head: repr(head[:30]),
)
def test_headers_that_nobody_sends_by_mistake(shared: OidcIssuer, head: bytes) -> None:
    _, body, signature = shared.token().split(".")
    encoded = base64.urlsafe_b64encode(head).rstrip(b"=").decode()

    error = _refused(_issuer(shared), f"{encoded}.{body}.{signature}")

    assert error.code is Code.UNAUTHENTICATED


def test_a_time_that_is_no_number_is_no_fault_of_ours(shared: OidcIssuer) -> None:
    times: list[object] = [float("inf"), "soon", [1], {}]
    for exp in times:
        error = _refused(_issuer(shared), shared.token(exp=exp))
        assert error.code is Code.UNAUTHENTICATED


@pytest.mark.parametrize("algorithm", ["PS256", "ES256", "EdDSA"])
def test_other_asymmetric_algorithms(own: OidcIssuer, algorithm: str) -> None:
    own.add("other", algorithm)

    assert _issuer(own).verify(own.token("other"))[0].owner == "alice"


@pytest.mark.parametrize(
    ("claim", "changes", "expected"),
    [
        ("role", {"role": "admin"}, Role.ADMIN),
        ("role", {"role": ["offline_access", "viewer", "editor"]}, Role.EDITOR),
        ("roles", {"role": None, "roles": ["viewer"]}, Role.VIEWER),
        ("realm_access.roles", {"realm_access": {"roles": ["admin"]}}, Role.ADMIN),
        ("https://reel.example/role", {"https://reel.example/role": "viewer"}, Role.VIEWER),
    ],
)
def test_where_the_role_stands(
    shared: OidcIssuer, claim: str, changes: dict[str, Any], expected: Role
) -> None:
    principal, _ = _issuer(shared, role_claim=claim).verify(shared.token(**changes))

    assert principal.role is expected


@pytest.mark.parametrize(
    "changes",
    [
        {"role": None},
        {"role": "root"},
        {"role": []},
        {"role": ["user"]},
        {"role": {"admin": True}},
        {"role": [["admin"]]},
        {"sub": "local"},
        {"sub": ""},
    ],
    ids=str,
)
def test_without_a_role_or_an_owner_nobody_comes_in(
    shared: OidcIssuer, changes: dict[str, Any]
) -> None:
    """``local`` has what is made at the terminal: an issuer's users are somebody else."""
    error = _refused(_issuer(shared), shared.token(**changes))

    assert error.code is Code.FORBIDDEN
    assert "claim" in error.problem.message


def test_another_claim_names_the_owner(shared: OidcIssuer) -> None:
    checked = _issuer(shared, owner_claim="team")

    assert checked.verify(shared.token(team="video"))[0].owner == "video"
    assert _refused(checked, shared.token()).code is Code.FORBIDDEN


def test_keys_are_fetched_once_and_again_when_they_were_rotated(own: OidcIssuer) -> None:
    checked = _issuer(own, cooldown_s=0)
    for _ in range(5):
        checked.verify(own.token())
    assert own.asked["/jwks"] == 1

    old = own.token()
    own.add("two")
    del own.keys["one"]

    assert checked.verify(own.token("two"))[0].owner == "alice"
    assert own.asked["/jwks"] == 2
    assert _refused(checked, old).code is Code.UNAUTHENTICATED


def test_unknown_keys_do_not_make_us_ask_for_ever(own: OidcIssuer) -> None:
    checked = _issuer(own)
    checked.verify(own.token())
    stranger = private_key("stranger")
    for n in range(50):
        headers = {"kid": f"unknown-{n}"}
        forged = jwt.encode(own.claims(), stranger, algorithm="RS256", headers=headers)
        assert _refused(checked, forged).code is Code.UNAUTHENTICATED

    assert own.asked["/jwks"] <= 2


def test_a_key_that_is_not_named_is_known_where_there_is_but_one(own: OidcIssuer) -> None:
    checked = _issuer(own, cooldown_s=0)
    nameless = jwt.encode(own.claims(), own.keys["one"][1], algorithm="RS256")
    assert checked.verify(nameless)[0].owner == "alice"

    own.add("two")
    checked = _issuer(own)
    assert "kid" in _refused(checked, nameless).problem.message


def test_an_issuer_that_is_down_is_named_and_left_alone(
    own: OidcIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.is_down = True
    checked = _issuer(own)
    for _ in range(5):
        error = _refused(checked, own.token())
        assert error.code is Code.NETWORK_UNREACHABLE
        assert error.problem.where == "auth.issuer"
    assert sum(own.asked.values()) == 1

    own.is_down = False
    monkeypatch.setattr(issuer_module, "_PAUSE_S", 0.0)
    assert checked.verify(own.token())[0].owner == "alice"


def test_an_issuer_must_call_itself_what_it_is_called(own: OidcIssuer) -> None:
    own.says = {"issuer": "https://elsewhere.example"}

    error = _refused(_issuer(own), own.token())

    assert error.code is Code.NETWORK_UNREACHABLE
    assert "elsewhere" in error.problem.message


def _base64(body: dict[str, object]) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(body).encode()).rstrip(b"=")
