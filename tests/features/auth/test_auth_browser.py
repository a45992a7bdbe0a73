"""Browsers: the printed link, the cookie, and who may use it."""

from __future__ import annotations

import time

import httpx
import pytest

from tests.features.auth.doors import ORIGIN, browser, csrf, made_key
from tests.served import Served


def test_the_printed_link_logs_a_browser_in(guarded: Served) -> None:
    with httpx.Client(base_url=guarded.url) as client:
        answer = client.get("/login", params={"token": guarded.token})

        assert answer.status_code == 303
        assert guarded.token not in answer.headers["location"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        cookie = answer.headers["set-cookie"].lower()
        for part in ("httponly", "samesite=strict", "path=/", "max-age=604800"):
            assert part in cookie
        assert "secure" not in cookie  # plain HTTP on loopback
        assert guarded.token.lower() not in cookie
        me = client.get(answer.headers["location"]).json()
        assert me["actor"] == "local"
        assert me["expires_at"] > time.time() + 600_000


def test_behind_https_the_cookie_stays_there(guarded: Served) -> None:
    answer = httpx.get(
        f"{guarded.url}/login",
        params={"token": guarded.token},
        headers={"X-Forwarded-Proto": "https"},
    )

    assert "secure" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_on_another_site_logs_nobody_in(guarded: Served, site: str) -> None:
    headers = {"Sec-Fetch-Site": site}

    answer = httpx.get(f"{guarded.url}/login", params={"token": guarded.token}, headers=headers)

    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "none"}], ids=str)
def test_with_a_token_that_a_stranger_may_have_the_person_is_asked(
    guarded: Served, headers: dict[str, str]
) -> None:
    """Also of a link in a mail, and of a browser that does not say where it comes from."""
    made = made_key(guarded, owner="<mallory>")

    page = httpx.get(f"{guarded.url}/login", params={"token": made["token"]}, headers=headers)

    assert page.status_code == 200
    assert "set-cookie" not in page.headers
    assert f"key:{made['id']}" in page.text
    assert "&lt;mallory&gt;" in page.text
    assert "form-action 'self'" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
    ],
    ids=str,
)
def test_the_answer_comes_from_our_own_page(
    guarded: Served, headers: dict[str, str], status: int
) -> None:
    made = made_key(guarded)

    answer = httpx.post(f"{guarded.url}/login", data={"token": made["token"]}, headers=headers)

    assert answer.status_code == status
    assert ("set-cookie" in answer.headers) == (status == 303)


@pytest.mark.parametrize("token", ["", "wrong", "reel_x_y"])
def test_a_wrong_link_logs_nobody_in(guarded: Served, token: str) -> None:
    answer = httpx.get(f"{guarded.url}/login", params={"token": token})

    assert answer.status_code in {401, 422}
    assert "set-cookie" not in answer.headers
    answer = httpx.post(f"{guarded.url}/login", data={"token": token})
    assert answer.status_code in {401, 422}
    assert "set-cookie" not in answer.headers


def test_changes_by_cookie_need_the_sessions_token(guarded: Served) -> None:
    with browser(guarded, guarded.token) as client, browser(guarded, guarded.token) as other:
        body = {"name": "by a browser"}
        for headers in ({}, {"X-CSRF-Token": "wrong"}, csrf(other)):
            answer = client.post("/v1/keys", json=body, headers=headers)
            assert answer.status_code == 403
            assert answer.json()["code"] == "csrf_invalid"

        assert client.post("/v1/keys", json=body, headers=csrf(client)).status_code == 201


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({"Sec-Fetch-Site": "none"}, 201),
        ({"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"}, 201),
    ],
    ids=str,
)
def test_changes_by_cookie_come_from_here(
    guarded: Served, headers: dict[str, str], status: int
) -> None:
    with browser(guarded, guarded.token) as client:
        answer = client.post("/v1/keys", json={"name": "x"}, headers={**csrf(client), **headers})
        assert answer.status_code == status, answer.text

        own = client.post(
            "/v1/keys", json={"name": "x"}, headers={**csrf(client), "Origin": guarded.url}
        )
        assert own.status_code == 201


def test_bearers_need_no_token_against_forgery(guarded: Served) -> None:
    answer = guarded.client.post("/v1/keys", json={"name": "x"}, headers={"Origin": "https://x.y"})

    assert answer.status_code == 201


def test_a_session_by_request_and_its_end(guarded: Served) -> None:
    made = made_key(guarded, role="viewer")
    with httpx.Client(base_url=guarded.url) as client:
        opened = client.post("/v1/session", json={"token": made["token"]})
        assert opened.status_code == 201
        assert opened.json()["actor"] == f"key:{made['id']}"
        csrf = {"X-CSRF-Token": opened.json()["csrf_token"]}
        cookie = dict(client.cookies)

        assert client.delete("/v1/session").status_code == 403
        assert client.delete("/v1/session", headers=csrf).status_code == 204
        assert dict(client.cookies) == {}
        assert httpx.get(f"{guarded.url}/v1/session", cookies=cookie).status_code == 401


def test_another_site_cannot_log_a_browser_in(guarded: Served) -> None:
    answer = httpx.post(
        f"{guarded.url}/v1/session",
        json={"token": guarded.token},
        headers={"Origin": "https://evil.example"},
    )

    assert answer.status_code == 403


def test_a_session_ends_with_its_key_at_once(guarded: Served) -> None:
    made = made_key(guarded)
    with browser(guarded, made["token"]) as client:
        assert client.get("/v1/session").status_code == 200
        guarded.client.delete(f"/v1/keys/{made['id']}")
        assert client.get("/v1/session").status_code == 401
