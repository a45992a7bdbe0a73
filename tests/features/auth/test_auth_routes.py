"""Every route there is: none lets somebody in who may not."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from reelwright.api.application import make
from reelwright.app.settings import load
from reelwright.app.wiring import App
from tests.served import Served

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_ID = "0k8v2b3c4d5e6f7g8"
# Opens a session with the token in its body.
_OPEN = {("POST", "/v1/session")}
# Change nothing that others see.
_HARMLESS = {"/v1/session", "/v1/plan", "/v1/probe"}


@pytest.fixture
def routes() -> Iterator[list[tuple[str, str]]]:
    """Method and path of every route below ``/v1/``."""
    with App(load()) as app:
        made = make(app, None)
        yield sorted(
            (method, route.path)
            for route in made.state.routes
            if route.path.startswith("/v1/")
            for method in route.methods
        )


@pytest.fixture
def viewer(served: Served) -> Iterator[httpx.Client]:
    made = served.client.post("/v1/keys", json={"name": "viewer", "role": "viewer"}).json()
    headers = {"Authorization": f"Bearer {made['token']}"}
    with httpx.Client(base_url=served.url, headers=headers, timeout=60) as client:
        yield client


def test_none_answers_strangers(served: Served, routes: list[tuple[str, str]]) -> None:
    assert len(routes) > 10
    with httpx.Client(base_url=served.url, timeout=60) as stranger:
        for method, path in routes:
            answer = stranger.request(method, _filled(path))
            if (method, path) in _OPEN:
                assert answer.status_code in {400, 415, 422}, (method, path, answer.text)
            else:
                assert answer.status_code == 401, (method, path, answer.text)
                assert "www-authenticate" in answer.headers


def test_what_there_is_not_is_not_told_to_strangers(served: Served) -> None:
    for path in ("/v1/nothing", "/v1/jobs/", "/v1/jobs/../keys/x", "/v1//jobs"):
        assert httpx.get(f"{served.url}{path}").status_code == 401, path


def test_viewers_change_nothing(viewer: httpx.Client, routes: list[tuple[str, str]]) -> None:
    changing = [(m, p) for m, p in routes if m not in _SAFE and p not in _HARMLESS]
    assert len(changing) >= 5
    for method, path in changing:
        answer = viewer.request(method, _filled(path))
        assert answer.status_code == 403, (method, path, answer.text)
        assert answer.json()["code"] == "forbidden"


def test_viewers_do_not_see_what_is_for_admins(viewer: httpx.Client) -> None:
    for path in ("/v1/keys", "/v1/audit"):
        assert viewer.get(path).status_code == 403, path


def test_a_scope_that_is_missing_is_missed(served: Served) -> None:
    body = {"name": "narrow", "role": "editor", "scopes": ["uploads"]}
    made = served.client.post("/v1/keys", json=body).json()
    headers = {"Authorization": f"Bearer {made['token']}"}
    spec = {"inputs": {"a": "a.mp4"}, "outputs": [{"from": "a", "to": "b.mkv"}]}
    with httpx.Client(base_url=served.url, headers=headers, timeout=60) as client:
        for answer in (
            client.get("/v1/jobs"),
            client.get(f"/v1/jobs/{_ID}"),
            client.post("/v1/jobs", json=spec),
        ):
            assert answer.status_code == 403, answer.text
            assert answer.json()["code"] == "forbidden"


def _filled(path: str) -> str:
    parts = [_ID if part.startswith("{") else part for part in path.split("/")]
    return "/".join(parts)
