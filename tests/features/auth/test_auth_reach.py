"""Who looks at the whole service, and whose address counts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.features.auth.doors import bearer, made_key
from tests.served import Served, serving

_METRICS = ("/metrics", "/v1/workers", "/v1/cluster")


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"role": "viewer"}, 403),
        ({"role": "editor"}, 403),
        ({"role": "editor", "scopes": ["read", "jobs"]}, 403),
        ({"role": "admin", "scopes": ["read"]}, 403),
        ({"role": "admin"}, 200),
        ({"role": "admin", "scopes": ["admin"]}, 200),
        ({"role": "viewer", "scopes": ["metrics"]}, 200),
    ],
    ids=str,
)
def test_admins_and_keys_for_it_see_the_whole_service(
    guarded: Served, values: dict[str, object], status: int
) -> None:
    with bearer(guarded, made_key(guarded, **values)["token"]) as client:
        for path in _METRICS:
            answer = client.get(path)
            assert answer.status_code == status, path
            if status == 403:
                assert "metrics" in answer.json()["detail"]


def test_a_key_for_metrics_sees_nothing_else(guarded: Served) -> None:
    made = made_key(guarded, role="viewer", scopes=["metrics"])
    with bearer(guarded, made["token"]) as client:
        for path in ("/v1/jobs", "/v1/keys", "/v1/audit", "/v1/uploads"):
            assert client.get(path).status_code == 403, path


def _wrong(served: Served, address: str) -> int:
    headers = {"Authorization": "Bearer wrong", "X-Forwarded-For": address}
    return httpx.get(f"{served.url}/v1/jobs", headers=headers).status_code


def _spend(served: Served, address: str) -> None:
    """All tries at tokens that an address has."""
    for _ in range(200):
        if _wrong(served, address) == 429:
            return
    pytest.fail("tries are not counted")


def test_behind_a_proxy_each_client_has_tries_of_its_own(tmp_path: Path) -> None:
    with serving(tmp_path / "home", "--no-worker") as running:
        _spend(running, "203.0.113.5")

        assert _wrong(running, "203.0.113.6") == 401
        # What the client itself has put before the proxy's word is not believed.
        assert _wrong(running, "203.0.113.7, 203.0.113.5") == 429


def test_from_elsewhere_nobody_says_who_the_client_is(tmp_path: Path) -> None:
    with serving(
        tmp_path / "home", "--no-worker", REEL_SERVE__PROXIES="192.0.2.0/24,2001:db8::1"
    ) as running:
        _spend(running, "203.0.113.5")

        assert _wrong(running, "203.0.113.6") == 429
        made = running.client.post(
            "/v1/keys", json={"name": "x"}, headers={"X-Forwarded-For": "203.0.113.9"}
        )
        entries = running.client.get("/v1/audit", params={"limit": 1}).json()["entries"]
        assert made.status_code == 201
        assert entries[0]["address"] == "127.0.0.1"


def test_a_proxy_that_is_no_address_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REEL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REEL_SERVE__PROXIES", "127.0.0.1,proxy.example")
    reel = str(Path(sys.executable).with_name("reel"))

    done = subprocess.run(
        [reel, "serve", "--no-worker", "--port", "0"], capture_output=True, text=True, timeout=120
    )

    assert done.returncode == 2
    assert "proxy.example" in done.stderr
    assert "serve.proxies" in done.stderr
