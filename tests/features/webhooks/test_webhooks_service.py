"""Webhooks of a real service: made over HTTP and at the terminal, told of real jobs."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.cli.reel import Done, make_clip, reel
from tests.features.receivers import (
    Receiver,
    app_on,
    job_of,
    messages,
    receiving,
    running,
    states,
    until,
)
from tests.served import Served, serving

SPEC = {
    "inputs": {"talk": "missing.mp4"},
    "outputs": [{"from": "talk", "to": "out.mp4"}],
    "labels": {"show": "one"},
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("webhooks") / "home"
    with serving(home, REEL_NET_ALLOW="127.0.0.1") as made:
        yield made


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def made(service: Served, url: str, *events: str) -> dict[str, Any]:
    answer = service.client.post("/v1/webhooks", json={"url": url, "events": list(events)})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/v1/webhooks/{found['id']}"
    return found


@pytest.fixture
def webhook(service: Served, receiver: Receiver) -> Iterator[dict[str, Any]]:
    found = made(service, receiver.url)
    yield found
    service.client.delete(f"/v1/webhooks/{found['id']}")


def test_a_job_of_the_service_is_told_of(
    service: Served, receiver: Receiver, webhook: dict[str, Any]
) -> None:
    job_id = service.submit(SPEC)
    got = receiver.wait(3, 60)

    assert [g.json["type"] for g in sorted(got, key=lambda g: g.json["timestamp"])] == [
        "job.queued",
        "job.running",
        "job.failed",
    ]
    for one in got:
        Webhook(webhook["secret"]).verify(one.body, one.headers)
        assert one.json["data"]["id"] == job_id
        assert one.json["data"]["labels"] == {"show": "one"}
    error = next(g.json["data"]["error"] for g in got if g.json["type"] == "job.failed")
    assert error["code"] == "input_not_found"

    def listed() -> Any:
        answer = service.client.get(
            "/v1/webhooks/messages", params={"job": job_id, "state": "sent"}
        )
        return len(answer.json()["messages"]) == 3

    until(listed)


def test_the_webhook_of_a_spec(service: Served, receiver: Receiver) -> None:
    service.submit({**SPEC, "webhook": receiver.url})
    got = receiver.wait(3, 60)

    secret = reel("webhooks", "secret", cwd=service.home, REEL_HOME=str(service.home))
    assert secret.code == 0, secret.err
    for one in got:
        Webhook(secret.out.strip()).verify(one.body, one.headers)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/hook",
        "http://127.0.0.2/hook",
        "http://2130706434/hook",
        "http://[::1]/hook",
        "http://me:word@example.org/hook",  # secret-ok: made up
    ],
)
def test_what_must_not_be_reached_is_refused_with_the_spec(service: Served, url: str) -> None:
    answer = service.client.post("/v1/jobs", json={**SPEC, "webhook": url})

    assert answer.status_code in (400, 403, 422), answer.text
    assert answer.json()["where"] == "webhook"
    assert service.client.post("/v1/webhooks", json={"url": url}).status_code in (400, 403, 422)


def test_the_life_of_a_webhook(service: Served, receiver: Receiver) -> None:
    found = made(service, receiver.url, "job.failed", "job.succeeded")
    place = f"/v1/webhooks/{found['id']}"
    assert len(base64.b64decode(found["secret"].removeprefix("whsec_"))) == 32

    told = service.client.get(place).json()
    assert told["events"] == ["job.failed", "job.succeeded"]
    assert "secret" not in told
    listed = service.client.get("/v1/webhooks").json()["webhooks"]
    assert found["secret"] not in json.dumps(listed)
    assert found["id"] in [one["id"] for one in listed]

    said = service.client.post(f"{place}/test").json()
    assert (said["delivered"], said["status"]) == (True, 204)
    assert receiver.got[-1].json["type"] == "webhook.test"
    Webhook(found["secret"]).verify(receiver.got[-1].body, receiver.got[-1].headers)

    rotated = service.client.post(f"{place}/rotate").json()
    assert rotated["secret"] != found["secret"]
    assert rotated["old_secret_until"] > rotated["created_at"]

    off = service.client.patch(place, json={"enabled": False, "events": []}).json()
    assert (off["enabled"], off["events"], off["url"]) == (False, [], receiver.url)
    assert service.client.delete(place).status_code == 204
    assert service.client.get(place).status_code == 404
    done = [e["action"] for e in _audit(service) if e["target"] == found["id"]]
    assert set(done) == {f"webhook.{x}" for x in ("create", "test", "rotate", "change", "delete")}


def _audit(service: Served) -> list[dict[str, Any]]:
    done = reel("audit", "--json", cwd=service.home, REEL_HOME=str(service.home))
    return [json.loads(line) for line in done.out.splitlines()]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"url": "ftp://example.org"}, "url"),
        ({"url": "https://example.org", "events": ["job.gone"]}, "events"),
        ({}, "url"),
    ],
)
def test_what_is_wrong_is_named(service: Served, body: dict[str, Any], where: str) -> None:
    answer = service.client.post("/v1/webhooks", json=body)

    assert answer.status_code in (400, 422)
    assert where in json.dumps(answer.json())


def test_others_see_nothing_of_it(service: Served, webhook: dict[str, Any]) -> None:
    key = service.client.post("/v1/keys", json={"name": "other", "owner": "other"}).json()
    narrow = service.client.post("/v1/keys", json={"name": "narrow", "scopes": ["jobs"]}).json()
    theirs = {"Authorization": f"Bearer {key['token']}"}

    assert service.client.get("/v1/webhooks", headers=theirs).json()["webhooks"] == []
    place = f"/v1/webhooks/{webhook['id']}"
    for verb, path in (("GET", ""), ("DELETE", ""), ("POST", "/rotate"), ("POST", "/test")):
        assert service.client.request(verb, place + path, headers=theirs).status_code == 404
    refused = {"Authorization": f"Bearer {narrow['token']}"}
    assert service.client.get("/v1/webhooks", headers=refused).status_code == 403


def test_at_the_terminal(tmp_path: Path, receiver: Receiver) -> None:
    def run(*words: str) -> Done:
        return reel("webhooks", *words, cwd=tmp_path, REEL_NET_ALLOW="127.0.0.1")

    made_one = run("add", receiver.url, "--event", "job.failed", "--json")
    assert made_one.code == 0, made_one.err
    found = made_one.json

    said = run("test", found["id"][:12], "--json")
    assert (said.code, said.json["delivered"]) == (0, True)
    assert run("list", "--json").json["webhooks"][0]["url"] == receiver.url
    assert run("rotate", found["id"], "--json").json["secret"] not in ("", found["secret"])
    assert run("messages", "--json").json == {"messages": []}
    unknown = run("redeliver", "msg_1")
    assert (unknown.code, "`reel webhooks messages`" in unknown.err) == (2, True)
    own = run("secret", "--json").json["secret"]
    assert run("secret").out.strip() == own
    assert run("remove", found["id"], "--json").json == {"id": found["id"], "removed": True}
    assert run("list", "--json").json["webhooks"] == []

    nobody = run("add", "http://127.0.0.1:1/", "--json").json
    said = run("test", nobody["id"], "--json")
    assert (said.code, said.json["delivered"]) == (6, False)


_CHILD = """
import asyncio, sys
from pathlib import Path
from reelwright.app.webhooks.sending import Pace, Sender
from tests.features.receivers import app_on
app = app_on(sys.argv[1], Path(sys.argv[2]), timeout_s=1.0, net_allow="127.0.0.1")
asyncio.run(Sender(app, Pace(poll_s=0.05, margin_s=0.5)).run())
"""


def test_killed_between_the_answer_and_its_commit(
    database_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    """The receiver has the message, nobody noted it: it comes again, with the same id."""
    with app_on(database_url, tmp_path / "home", timeout_s=1.0, net_allow="127.0.0.1") as app:
        job_of(app, webhook=receiver.url)
        child = subprocess.Popen(
            [sys.executable, "-c", _CHILD, database_url, str(tmp_path / "home")]
        )

        def kill(handler: Any) -> None:
            child.send_signal(signal.SIGKILL)
            child.wait()

        receiver.answers = [kill, 200]
        try:
            receiver.wait(1)
            until(lambda: child.poll() is not None)
        finally:
            child.kill()
        assert states(app) == ["pending"]
        with running(app):
            receiver.wait(2)
            until(lambda: states(app) == ["sent"])

        assert len({g.id for g in receiver.got}) == 1
        assert messages(app)[0].tries == 2


@pytest.mark.parametrize("answer", [204, 500])
def test_a_run_at_the_terminal_tells_of_its_end(
    tmp_path: Path, receiver: Receiver, ffmpeg: Path, answer: int
) -> None:
    """Once; what fails waits for a service, and fails no job."""
    receiver.answers = [answer]
    make_clip(ffmpeg, tmp_path / "clip.mp4")
    (tmp_path / "job.yaml").write_text(
        f"inputs: {{c: clip.mp4}}\noutputs: [{{from: c, to: out.mkv}}]\nwebhook: '{receiver.url}'\n"
    )

    done = reel("run", "job.yaml", cwd=tmp_path)

    assert done.code == 0, done.err
    assert {g.json["type"] for g in receiver.got} >= {"job.queued", "job.succeeded"}
    found = reel("webhooks", "messages", "--json", cwd=tmp_path).json["messages"]
    assert {one["state"] for one in found} == {"sent" if answer == 204 else "pending"}
