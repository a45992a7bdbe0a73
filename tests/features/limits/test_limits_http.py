"""How much and how often, by a real service with tight limits."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from reelwright.api.auth import FAILURES
from reelwright.app.settings import load
from reelwright.app.wiring import App
from reelwright.store import jobs
from reelwright.store.rows import Delivered
from tests.cli.reel import reel
from tests.served import Served, serving

ORIGIN = "https://app.example"
BODY_BYTES = 20_000
SPEC = {"inputs": {"a": "a.mp4"}, "outputs": [{"from": "a", "to": "b.mkv"}]}


@pytest.fixture(scope="module")
def tight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("tight") / "home"
    settings = {
        "REEL_SERVE__ORIGINS": f"{ORIGIN}, https://other.example/",
        "REEL_SERVE__BODY_BYTES": str(BODY_BYTES),
        "REEL_LIMITS__SPEC_BYTES": str(BODY_BYTES // 2),
        "REEL_LIMITS__OPERATIONS": "3",
        "REEL_SERVE__MAX_RUNNING": "7",
        "REEL_SERVE__MAX_BYTES": "1000",
    }
    with serving(home, "--no-worker", **settings) as running:
        yield running


def _client(served: Served, **values: Any) -> httpx.Client:
    made = served.client.post("/v1/keys", json={"name": "test", **values})
    assert made.status_code == 201, made.text
    headers = {"Authorization": f"Bearer {made.json()['token']}"}
    return httpx.Client(base_url=served.url, headers=headers, timeout=30)


def _quota(header: str) -> dict[str, int]:
    """``"requests";r=4;t=60`` → its numbers."""
    name, *parameters = header.split(";")
    assert name == '"requests"'
    return {key: int(value) for key, value in (part.split("=") for part in parameters)}


def test_whoever_asks_too_often_is_told_to_wait(tight: Served) -> None:
    with _client(tight, rate="5/day") as client:
        answers = [client.get("/v1/jobs") for _ in range(7)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    for answer in answers:
        assert _quota(answer.headers["ratelimit-policy"]) == {"q": 5, "w": 86_400}
    left = [_quota(answer.headers["ratelimit"])["r"] for answer in answers]
    assert left == [4, 3, 2, 1, 0, 0, 0]
    refused = answers[-1]
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "rate_limited"
    assert 1 <= int(refused.headers["retry-after"]) <= 86_400
    assert _quota(refused.headers["ratelimit"])["t"] == int(refused.headers["retry-after"])


def test_keys_are_counted_apart(tight: Served) -> None:
    with _client(tight, rate="1/day") as one, _client(tight, rate="1/day") as two:
        assert [c.get("/v1/jobs").status_code for c in (one, one, two, two)] == [
            200,
            429,
            200,
            429,
        ]
    assert tight.client.get("/v1/jobs").status_code == 200


def test_a_browser_counts_for_the_key_that_opened_it(tight: Served) -> None:
    made = tight.client.post("/v1/keys", json={"name": "test", "rate": "2/day"}).json()
    with httpx.Client(base_url=tight.url) as browser:
        origin = {"Origin": tight.url}
        opened = browser.post("/login", data={"token": made["token"]}, headers=origin)
        assert opened.status_code == 303
        assert browser.get("/v1/session").status_code == 200
        assert browser.get("/v1/session").status_code == 429


def test_the_answer_says_how_many_are_left(tight: Served) -> None:
    answer = tight.client.get("/v1/jobs")

    assert _quota(answer.headers["ratelimit-policy"]) == {"q": 6000, "w": 60}
    assert 0 < _quota(answer.headers["ratelimit"])["r"] < 6000


def test_health_is_not_counted(tight: Served) -> None:
    assert "ratelimit" not in httpx.get(f"{tight.url}/healthz").headers


def test_tokens_cannot_be_guessed_fast(tight: Served) -> None:
    """From an address of their own: the others of these tests share 127.0.0.1."""
    guesses = int(FAILURES.partition("/")[0]) + 20
    with httpx.Client(base_url=tight.url, headers={"X-Forwarded-For": "203.0.113.7"}) as client:
        answers = [
            client.get("/v1/jobs", headers={"Authorization": f"Bearer guess-{n}"})
            for n in range(guesses)
        ]
        codes = [answer.status_code for answer in answers]
        assert set(codes) == {401, 429}
        assert codes[0] == 401
        assert codes[-1] == 429
        assert int(answers[-1].headers["retry-after"]) >= 1
        # Those who hold one are not shut out with them, nor is the next address.
        assert client.get("/v1/jobs", headers=tight.headers).status_code == 200
    other = httpx.get(
        f"{tight.url}/v1/jobs",
        headers={"X-Forwarded-For": "203.0.113.8", "Authorization": "Bearer guess"},
    )
    assert other.status_code == 401


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/keys", "/v1/session"])
def test_a_body_that_says_that_it_is_too_large_is_not_read(tight: Served, path: str) -> None:
    answer = tight.client.post(
        path, content=b"x" * (BODY_BYTES + 1), headers={"Content-Type": "application/json"}
    )

    assert answer.status_code == 413, answer.text
    assert answer.json()["code"] == "body_too_large"
    assert "serve.body_bytes" in answer.json()["hint"]


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/keys"])
def test_a_body_that_grows_too_large_is_not_kept(tight: Served, path: str) -> None:
    parts = (b" " * 1000 for _ in range(BODY_BYTES // 1000 + 1))  # sent without a length

    answer = tight.client.post(path, content=parts, headers={"Content-Type": "application/json"})

    assert answer.status_code == 413, answer.text
    assert answer.json()["code"] == "body_too_large"


def test_a_body_within_the_limit_is_taken_in_parts(tight: Served) -> None:
    parts = (part for part in (b'{"name":', b" " * 1000, b'"slow"}'))

    answer = tight.client.post(
        "/v1/keys", content=parts, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code == 201, answer.text


def test_a_spec_has_a_limit_of_its_own(tight: Served) -> None:
    spec = {**SPEC, "labels": {"a": "x" * (BODY_BYTES // 2)}}

    answer = tight.client.post("/v1/jobs", json=spec)

    assert answer.status_code == 413
    assert answer.json()["code"] == "spec_too_large"


def _many(inputs: int = 1, operations: int = 1, outputs: int = 1) -> dict[str, Any]:
    wanted = [
        {"id": f"o{n}", "op": "scale", "input": "i0", "height": 48} for n in range(operations)
    ]
    return {
        "inputs": {f"i{n}": f"{n}.mp4" for n in range(inputs)},
        "operations": wanted,
        "outputs": [{"from": f"o{n % operations}", "to": f"{n}.mkv"} for n in range(outputs)],
    }


@pytest.mark.parametrize("many", ["inputs", "operations", "outputs"])
def test_a_spec_has_so_many_of_everything(tight: Served, tmp_path: Path, many: str) -> None:
    counts = {"outputs": 3} if many == "operations" else {}
    assert tight.client.post("/v1/jobs", json=_many(**{**counts, many: 3})).status_code == 202

    answer = tight.client.post("/v1/jobs", json=_many(**{**counts, many: 4}))

    assert answer.status_code == 413, answer.text
    problem = answer.json()
    assert (problem["code"], problem["where"], problem["limit"]) == ("spec_too_large", many, 3)
    assert "limits.operations" in problem["hint"]
    (tmp_path / "job.json").write_text(json.dumps(_many(**{**counts, many: 4})))
    for command in ("run", "plan"):
        here = reel(command, "job.json", "--json", cwd=tmp_path, REEL_LIMITS__OPERATIONS="3")
        assert here.code == 2
        assert "spec_too_large" in here.out


def test_other_origins_are_let_in_as_listed(tight: Served) -> None:
    asks = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type, x-csrf-token",
    }
    allowed = httpx.options(f"{tight.url}/v1/jobs", headers={"Origin": ORIGIN, **asks})
    refused = httpx.options(
        f"{tight.url}/v1/jobs", headers={"Origin": "https://evil.example", **asks}
    )

    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    assert allowed.headers["access-control-allow-credentials"] == "true"
    assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize("token", [None, "wrong"])
def test_a_page_of_a_listed_origin_can_read_why_it_was_refused(
    tight: Served, token: str | None
) -> None:
    headers = {"Origin": "https://other.example"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"

    answer = httpx.get(f"{tight.url}/v1/jobs", headers=headers)

    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == "https://other.example"
    assert "RateLimit" in answer.headers["access-control-expose-headers"]


def test_no_origin_is_let_in_by_default(served: Served) -> None:
    answer = served.client.get("/v1/jobs", headers={"Origin": ORIGIN})

    assert "access-control-allow-origin" not in answer.headers


def test_a_job_remembers_how_many_may_run_beside_it(tight: Served) -> None:
    with _client(tight, max_running=2) as narrow:
        own = narrow.post("/v1/jobs", json=SPEC).json()["id"]
    by_settings = tight.client.post("/v1/jobs", json=SPEC).json()["id"]

    assert _max_running(tight, own) == 2
    assert _max_running(tight, by_settings) == 7


def test_whoever_has_used_up_their_bytes_submits_nothing(tight: Served) -> None:
    with _client(tight, owner="full") as client:
        job_id = client.post("/v1/jobs", json=SPEC).json()["id"]
        _deliver(tight, job_id, 999)
        assert client.post("/v1/jobs", json=SPEC).status_code == 202
        _deliver(tight, job_id, 1000)

        refused = client.post("/v1/jobs", json=SPEC)

        assert refused.status_code == 429
        assert refused.json()["code"] == "quota_exceeded"
        assert "delete uploads and jobs" in refused.json()["hint"]
        assert refused.json()["limit_bytes"] == 1000
    with _client(tight, owner="full", max_bytes=5000) as more:
        assert more.post("/v1/jobs", json=SPEC).status_code == 202
    with _client(tight, owner="another") as other:
        assert other.post("/v1/jobs", json=SPEC).status_code == 202


def test_a_wrong_rate_is_told_at_the_start(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("wrong") / "home"
    for name, value in (("RATE", "a lot"), ("RATE_STORAGE", "carrier-pigeon://")):
        with (
            pytest.raises(RuntimeError, match=f"serve.{name.lower()}"),
            serving(home, "--no-worker", **{f"REEL_SERVE__{name}": value}),
        ):
            pass


def _max_running(served: Served, job_id: str) -> int | None:
    with sqlite3.connect(served.home / "reelwright.db") as connection:
        query = "SELECT max_running FROM jobs WHERE id = ?"
        found: int | None = connection.execute(query, (job_id,)).fetchone()[0]
    return found


def _deliver(served: Served, job_id: str, size_bytes: int) -> None:
    """As a worker does when a file stands under its name."""
    file = Delivered("/out/b.mkv", "0" * 64, size_bytes)
    with App(load({"home": served.home})) as app, app.store.write() as tx:
        jobs.add_delivery(tx, job_id, file)


def test_the_rate_header_is_as_the_draft_has_it(tight: Served) -> None:
    answer = tight.client.get("/v1/jobs")

    assert re.fullmatch(r'"requests";q=\d+;w=\d+', answer.headers["ratelimit-policy"])
    assert re.fullmatch(r'"requests";r=\d+;t=\d+', answer.headers["ratelimit"])
