"""Ways into a running service: with a key, by a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.served import Served

# A page of it may ask the service `guarded`.
ORIGIN = "https://app.example"


def made_key(served: Served, **values: Any) -> dict[str, Any]:
    answer = served.client.post("/v1/keys", json={"name": "test", **values})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/v1/keys/{found['id']}"
    return found


def bearer(served: Served, token: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=served.url, headers=headers, timeout=60)


@contextmanager
def browser(served: Served, token: str) -> Iterator[httpx.Client]:
    """Logged in, as a person does who is asked whether that is meant."""
    with httpx.Client(base_url=served.url, timeout=60) as client:
        answer = client.post("/login", data={"token": token}, headers={"Origin": served.url})
        assert answer.status_code == 303, answer.text
        yield client


def csrf(client: httpx.Client) -> dict[str, str]:
    return {"X-CSRF-Token": client.get("/v1/session").json()["csrf_token"]}
