"""Who may come in, by a real service with a real issuer."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import jwt
import pytest

from tests.app.oidc import OidcIssuer, private_key
from tests.features.auth.doors import bearer, browser, made_key
from tests.served import Served, until


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer nothing"},
        {"Authorization": "Basic dXNlcjpwYXNz"},
        {"Authorization": "Bearer reel_0k8v2b3c4d5e6f7g8_secret"},
        {"Authorization": "Bearer a.b.c"},
        {"Cookie": "reel_session=nothing"},
        {"Cookie": "reel_session="},
    ],
    ids=str,
)
def test_without_a_token_that_counts_nobody_comes_in(
    guarded: Served, headers: dict[str, str]
) -> None:
    answer = httpx.get(f"{guarded.url}/v1/jobs", headers=headers)

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith('Bearer realm="reelwright"')
    assert answer.json()["code"] == "unauthenticated"
    assert answer.json()["status"] == 401


def test_a_token_in_the_address_counts_for_the_login_alone(guarded: Served) -> None:
    answer = httpx.get(f"{guarded.url}/v1/jobs", params={"token": guarded.token})

    assert answer.status_code == 401


def test_the_scheme_is_written_in_any_case(guarded: Served) -> None:
    headers = {"Authorization": f"bEaReR {guarded.token}"}

    assert httpx.get(f"{guarded.url}/v1/session", headers=headers).status_code == 200


def test_the_local_token_is_the_admin(guarded: Served) -> None:
    assert guarded.client.get("/v1/session").json() == {
        "actor": "local",
        "owner": "local",
        "role": "admin",
        "scopes": [],
        "expires_at": None,
        "csrf_token": None,
    }


def test_a_key_works_until_it_is_revoked(guarded: Served) -> None:
    made = made_key(guarded, owner="team", role="viewer")
    with bearer(guarded, made["token"]) as client:
        me = client.get("/v1/session").json()
        assert (me["actor"], me["owner"], me["role"]) == (f"key:{made['id']}", "team", "viewer")

        gone = guarded.client.delete(f"/v1/keys/{made['id']}")

        assert gone.status_code == 200
        assert gone.json()["revoked_at"] is not None
        assert client.get("/v1/session").status_code == 401


def test_a_key_that_another_process_revokes_ends_soon(guarded: Served) -> None:
    """By `reel keys revoke`: the service remembers keys for a few seconds."""
    from reelwright.app.auth import keys
    from reelwright.app.principal import LOCAL
    from reelwright.app.settings import load
    from reelwright.app.wiring import App

    made = made_key(guarded)
    with bearer(guarded, made["token"]) as client:
        assert client.get("/v1/session").status_code == 200
        with App(load({"home": guarded.home})) as app:
            keys.revoke(app, LOCAL, made["id"])
        until(lambda: client.get("/v1/session").status_code == 401, 60, 0.2)


def test_keys_are_listed_without_their_secrets(guarded: Served) -> None:
    made = made_key(guarded, name="listed")

    found = guarded.client.get("/v1/keys", params={"limit": 1}).json()

    assert found["keys"][0]["id"] == made["id"]
    assert found["next"] == made["id"]
    assert made["token"].rpartition("_")[2] not in json.dumps(found)
    assert "hash" not in found["keys"][0]
    rest = guarded.client.get("/v1/keys", params={"cursor": found["next"]}).json()
    assert made["id"] not in [key["id"] for key in rest["keys"]]


@pytest.mark.parametrize(
    ("body", "status", "where"),
    [
        ({}, 422, "name"),
        ({"name": "x", "role": "root"}, 422, "role"),
        ({"name": "x", "power": 1}, 422, "power"),
        ({"name": "x", "folders": {"read": ["relative"]}}, 422, "folders.read[0]"),
        ({"name": "x", "rate": "a lot"}, 422, "rate"),
        ({"name": "x", "folders": {"read": ["/srv/.."]}}, 422, "folders.read[0]"),
    ],
    ids=str,
)
def test_mistakes_are_answered_with_their_place(
    guarded: Served, body: dict[str, Any], status: int, where: str
) -> None:
    answer = guarded.client.post("/v1/keys", json=body)

    assert answer.status_code == status, answer.text
    assert answer.json()["where"] == where


def test_an_admin_who_is_narrowed_cannot_widen(guarded: Served) -> None:
    narrow = made_key(guarded, role="admin", scopes=["admin"])
    with bearer(guarded, narrow["token"]) as client:
        answer = client.post("/v1/keys", json={"name": "wide", "role": "admin"})

    assert answer.status_code == 403
    assert answer.json()["where"] == "scopes"


def test_owners_see_their_own_jobs_and_no_others(guarded: Served) -> None:
    spec = {"inputs": {"a": "a.mp4"}, "outputs": [{"from": "a", "to": "b.mkv"}]}
    one, two = made_key(guarded, owner="one"), made_key(guarded, owner="two")
    with bearer(guarded, one["token"]) as first, bearer(guarded, two["token"]) as second:
        job_id = first.post("/v1/jobs", json=spec).json()["id"]

        assert first.get(f"/v1/jobs/{job_id}").json()["owner"] == "one"
        assert second.get(f"/v1/jobs/{job_id}").status_code == 404  # not even that there is one
        assert job_id not in second.get("/v1/jobs").text
        assert guarded.client.get(f"/v1/jobs/{job_id}").status_code == 200


def test_a_jwt_of_the_issuer_comes_in(guarded: Served, issuer: OidcIssuer) -> None:
    with bearer(guarded, issuer.token(sub="alice", role=["editor"])) as client:
        me = client.get("/v1/session").json()
        assert (me["actor"], me["owner"], me["role"]) == ("user:alice", "alice", "editor")
        assert client.get("/v1/keys").status_code == 403
    with bearer(guarded, issuer.token(role=None)) as client:
        answer = client.get("/v1/session")
        assert answer.status_code == 403
        assert "role" in answer.json()["detail"]


@pytest.mark.parametrize("changes", [{"aud": "other"}, {"exp": 1_000_000_000}], ids=str)
def test_a_jwt_that_does_not_hold_is_refused(
    guarded: Served, issuer: OidcIssuer, changes: dict[str, Any]
) -> None:
    with bearer(guarded, issuer.token(**changes)) as client:
        answer = client.get("/v1/session")

    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_strangers_do_not_make_us_bother_the_issuer(guarded: Served, issuer: OidcIssuer) -> None:
    with bearer(guarded, issuer.token()) as client:
        assert client.get("/v1/session").status_code == 200
    before = issuer.asked["/jwks"]
    for n in range(10):
        forged = jwt.encode(
            issuer.claims(),
            private_key("stranger"),
            algorithm="RS256",
            headers={"kid": f"unknown-{n}"},
        )
        with bearer(guarded, forged) as client:
            assert client.get("/v1/session").status_code in {401, 429}
    assert issuer.asked["/jwks"] <= before + 1


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example", 403),
        ("evil.example:{port}", 403),
        ("127.0.0.1.evil.example", 403),
        ("", 403),
        ("localhost:{port}", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1", 200),
        ("[::1]:{port}", 200),
        ("app.example", 200),
    ],
)
def test_a_name_that_was_bent_to_us_is_refused(guarded: Served, host: str, status: int) -> None:
    """DNS rebinding; `app.example` is the origin of a proxy that is listed."""
    port = guarded.url.rpartition(":")[2]
    for path in ("/v1/session", "/healthz", "/openapi.json"):
        answer = guarded.client.get(path, headers={"Host": host.format(port=port)})
        assert answer.status_code == status, (path, answer.text)


def test_the_audit_log_tells_it_all_in_order(guarded: Served) -> None:
    made = made_key(guarded, name="audited", owner="team")
    with browser(guarded, made["token"]):
        guarded.client.delete(f"/v1/keys/{made['id']}")

    lines = guarded.client.get("/v1/audit", headers={"Accept": "application/x-ndjson"})
    page = guarded.client.get("/v1/audit", params={"limit": 3}).json()

    assert lines.headers["content-type"].startswith("application/x-ndjson")
    entries = [json.loads(line) for line in lines.text.splitlines()]
    assert [e["seq"] for e in entries] == sorted(e["seq"] for e in entries)
    assert entries[:-4:-1] == page["entries"]
    assert page["next"] == page["entries"][-1]["seq"]
    create, login, revoke = entries[-3:]
    assert [create["action"], login["action"], revoke["action"]] == [
        "key.create",
        "session.open",
        "key.revoke",
    ]
    assert create["target"] == revoke["target"] == made["id"]
    assert create["actor"] == "local"
    assert login["actor"] == f"key:{made['id']}"
    assert create["address"] == "127.0.0.1"
    assert re.fullmatch("[0-9a-f]{32}", create["trace"])
    assert made["token"].rpartition("_")[2] not in lines.text
    only = guarded.client.get("/v1/audit", params={"actor": f"key:{made['id']}"}).json()
    assert [e["action"] for e in only["entries"]] == ["session.open"]


def test_the_audit_log_is_for_admins(guarded: Served) -> None:
    made = made_key(guarded, role="editor")
    with bearer(guarded, made["token"]) as client:
        for accept in ("application/json", "application/x-ndjson"):
            answer = client.get("/v1/audit", headers={"Accept": accept})
            assert answer.status_code == 403
            assert answer.json()["code"] == "forbidden"


def test_what_is_done_to_a_job_is_in_the_log(guarded: Served) -> None:
    spec = {"inputs": {"a": "a.mp4"}, "outputs": [{"from": "a", "to": "b.mkv"}]}
    made = made_key(guarded, owner="worker of the log")
    with bearer(guarded, made["token"]) as client:
        answer = client.post("/v1/jobs", json=spec)
        job_id = answer.json()["id"]
        until(lambda: client.get(f"/v1/jobs/{job_id}").json()["state"] == "failed")
        assert client.post(f"/v1/jobs/{job_id}/retry").status_code < 300

    params = {"actor": f"key:{made['id']}", "action": "job."}
    found = guarded.client.get("/v1/audit", params=params).json()["entries"]

    assert [(e["action"], e["target"]) for e in found] == [
        ("job.retry", job_id),
        ("job.submit", job_id),
    ]
    assert found[-1]["trace"] == answer.headers["x-trace-id"]
    assert found[-1]["role"] == "editor"
