"""Jobs over HTTP, by a real service."""

from __future__ import annotations

import httpx

from tests.served import Served


def test_it_is_alive_without_a_token(served: Served) -> None:
    answer = httpx.get(f"{served.url}/healthz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}
