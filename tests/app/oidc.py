"""A real OpenID Connect issuer on loopback, with keys of its own, as far as checking JWTs needs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE = "reelwright"


@dataclass
class OidcIssuer:
    """`keys` is what is published: kid → (algorithm, private key). `asked` counts requests."""

    url: str
    keys: dict[str, tuple[str, Any]] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    is_down: bool = False
    # What the configuration says of itself, where that is not the truth.
    says: dict[str, Any] = field(default_factory=dict)

    def add(self, kid: str, algorithm: str = "RS256") -> Any:
        """A new key, published; gives its private half."""
        self.keys[kid] = (algorithm, private_key(kid, algorithm))
        return self.keys[kid][1]

    def token(self, kid: str = "one", /, **changes: Any) -> str:
        """A good token; `changes` to its claims, None takes one away."""
        algorithm, key = self.keys[kid]
        return jwt.encode(self.claims(**changes), key, algorithm=algorithm, headers={"kid": kid})

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        body = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "alice",
            "role": "editor",
            "iat": now,
            "nbf": now,
            "exp": now + 600,
            **changes,
        }
        return {name: value for name, value in body.items() if value is not None}

    def document(self, path: str) -> dict[str, Any] | None:
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.url, "jwks_uri": f"{self.url}/jwks", **self.says}
        if path == "/jwks":
            return {"keys": [_public(kid, *pair) for kid, pair in self.keys.items()]}
        return None


@contextmanager
def oidc_issuer() -> Iterator[OidcIssuer]:
    """With one RSA key, ``one``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked[self.path] = made.asked.get(self.path, 0) + 1
            found = None if made.is_down else made.document(self.path)
            body = json.dumps(found or {}).encode()
            self.send_response(200 if found is not None else 503)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = OidcIssuer(f"http://127.0.0.1:{server.server_address[1]}")
    made.add("one")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@cache
def private_key(name: str, algorithm: str = "RS256") -> Any:
    """The same for the same name: making one costs a second on a busy machine."""
    if algorithm.startswith("ES"):
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _public(kid: str, algorithm: str, key: Any) -> dict[str, Any]:
    family: Any = {"E": OKPAlgorithm, "R": RSAAlgorithm, "P": RSAAlgorithm}[algorithm[0]]
    if algorithm.startswith("ES"):
        family = ECAlgorithm
    jwk: dict[str, Any] = family.to_jwk(key.public_key(), as_dict=True)
    return {**jwk, "kid": kid, "use": "sig", "alg": algorithm}
