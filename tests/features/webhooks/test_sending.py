"""Messages come at least once, in time, signed, and only where they may."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from reelwright.app.webhooks import endpoints
from reelwright.app.webhooks.messages import redeliver
from reelwright.app.webhooks.sending import SCHEDULE, Pace, Sender
from reelwright.app.wiring import App
from reelwright.store import audit, jobs, outbox
from reelwright.store.rows import Delivered
from tests.features.receivers import (
    ME,
    QUICK,
    Receiver,
    app_on,
    job_of,
    messages,
    receiving,
    running,
    states,
    tell,
    until,
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[App]:
    with app_on(database_url, tmp_path / "home", net_allow="127.0.0.1") as made:
        yield made


def test_a_job_is_told_of_from_its_beginning_to_its_end(app: App, receiver: Receiver) -> None:
    made = endpoints.add(app, ME, receiver.url)
    with running(app):
        job_id = job_of(app, labels={"show": "one"})
        tell(app, job_id, "running")
        receiver.wait(2)
        file = Delivered("/out/a.mp4", "a" * 64, 7, 0, 1)
        app.store.transact(lambda tx: jobs.add_delivery(tx, job_id, file))
        tell(app, job_id, "succeeded")
        got = receiver.wait(3)
        until(lambda: states(app) == ["sent"] * 3)

    bodies = {g.json["type"]: g.json for g in got}
    assert set(bodies) == {"job.queued", "job.running", "job.succeeded"}
    last = bodies["job.succeeded"]
    assert last["timestamp"].endswith("Z")
    assert last["data"]["id"] == job_id
    assert last["data"]["labels"] == {"show": "one"}
    assert last["data"]["outputs"] == [{"path": "/out/a.mp4", "sha256": "a" * 64, "bytes": 7}]
    assert "outputs" not in bodies["job.running"]["data"]
    for one in got:
        Webhook(made.endpoint.secret).verify(one.body, one.headers)
        assert one.headers["content-type"] == "application/json"


def test_a_failure_says_why(app: App, receiver: Receiver) -> None:
    job_id = job_of(app, webhook=receiver.url)
    tell(app, job_id, "failed", {"code": "disk_full", "message": "full"})
    with running(app):
        got = receiver.wait(2)

    error = next(g.json["data"]["error"] for g in got if g.json["type"] == "job.failed")
    assert error == {"code": "disk_full", "message": "full"}


def test_only_what_was_asked_for(app: App, receiver: Receiver) -> None:
    endpoints.add(app, ME, receiver.url, ["job.failed"])
    mine = job_of(app)
    others = job_of(app, owner="somebody else")
    for job_id in (mine, others):
        tell(app, job_id, "failed")

    assert [(m.job_id, m.kind) for m in messages(app)] == [(mine, "job.failed")]


def test_without_a_webhook_nothing_is_written(app: App) -> None:
    tell(app, job_of(app), "running")

    assert messages(app) == []


def test_the_message_goes_with_the_change_or_not_at_all(app: App, receiver: Receiver) -> None:
    job_id = job_of(app, webhook=receiver.url)

    def fail(tx: Any) -> None:
        jobs.record(tx, job_id, ("job", {"state": "running", "error": None}))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        app.store.transact(fail)

    assert [m.kind for m in messages(app)] == ["job.queued"]


def test_the_webhook_of_a_spec_is_signed_with_its_owners_secret(
    app: App, receiver: Receiver
) -> None:
    job_of(app, webhook=receiver.url)
    with running(app):
        got = receiver.wait(1)

    secret = endpoints.own_secret(app, ME).endpoint.secret
    Webhook(secret).verify(got[0].body, got[0].headers)


def test_500_and_then_200(app: App, receiver: Receiver) -> None:
    receiver.answers = [500, 503, 200]
    job_of(app, webhook=receiver.url)
    with running(app):
        got = receiver.wait(3)
        until(lambda: states(app) == ["sent"])

    assert len({g.id for g in got}) == 1, "the id stays the same over tries"
    assert len(got) == 3
    (message,) = messages(app)
    assert (message.tries, message.last_status) == (3, 200)


def test_after_the_last_try_it_is_dead_and_can_be_sent_again(app: App, receiver: Receiver) -> None:
    receiver.answers = [500]
    job_of(app, webhook=receiver.url)
    with running(app):
        until(lambda: states(app) == ["dead"])
        (message,) = messages(app)
        assert message.tries == len(QUICK.schedule) + 1
        assert message.last_error == "the receiver answered 500"
        receiver.answers = [200]
        redeliver(app, ME, message.id)
        until(lambda: states(app) == ["sent"])

    assert len({g.id for g in receiver.got}) == 1


def test_a_receiver_that_is_down_is_tried_again(app: App, receiver: Receiver) -> None:
    with receiving() as closed:
        pass
    job_of(app, webhook=closed.url)
    job_of(app, webhook=receiver.url)
    with running(app):
        receiver.wait(1)
        until(lambda: sorted(states(app)) == ["dead", "sent"])

    dead = next(m for m in messages(app) if m.state == "dead")
    assert closed.url in (dead.last_error or "")


def test_410_disables_the_endpoint(app: App, receiver: Receiver) -> None:
    made = endpoints.add(app, ME, receiver.url)
    receiver.answers = [410]
    job_id = job_of(app)
    with running(app):
        until(lambda: states(app) == ["dead"])
        tell(app, job_id, "running")
        time.sleep(0.2)

    assert not endpoints.get(app, ME.principal, made.endpoint.id).is_enabled
    assert len(receiver.got) == 1
    assert len(messages(app)) == 1, "nothing is written for it any more"
    with app.store.read() as tx:
        noted = [(e.actor, e.action) for e in audit.listing(tx, limit=10)]
    assert ("webhooks", "webhook.gone") in noted


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_a_failure(app: App, receiver: Receiver, status: int) -> None:
    with receiving() as away:
        receiver.answers = [(status, {"Location": away.url})]
        job_of(app, webhook=receiver.url)
        with running(app):
            until(lambda: states(app) == ["dead"])
        assert not away.got

    assert "redirects are not followed" in (messages(app)[0].last_error or "")


def test_retry_after_is_honored(app: App, receiver: Receiver) -> None:
    receiver.answers = [(429, {"Retry-After": "3600"})]
    job_of(app, webhook=receiver.url)
    with running(app):
        until(lambda: messages(app)[0].last_status == 429)

    with app.store.read() as tx:
        (message,) = messages(app)
        assert message.next_at is not None
        assert 3000 < message.next_at - tx.now() <= 3600


def test_a_slow_receiver_holds_up_nobody(app: App, receiver: Receiver) -> None:
    with receiving() as slow:
        slow.answers = [lambda handler: time.sleep(4)]
        for _ in range(20):
            job_of(app, webhook=slow.url)
        with running(app, Pace(poll_s=0.05, at_once=8, per_origin=2)):
            slow.wait(2)
            for _ in range(10):
                job_of(app, webhook=receiver.url)
            receiver.wait(10, 60)
            assert len(slow.got) < 20


def test_a_body_that_never_ends_is_not_read(app: App, receiver: Receiver) -> None:
    def endless(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"x" * 65536)
        except OSError:
            pass

    receiver.answers = [endless]
    job_of(app, webhook=receiver.url)
    with running(app):
        until(lambda: states(app) == ["sent"])


def test_two_senders_send_nothing_twice(app: App, receiver: Receiver) -> None:
    for _ in range(60):
        job_of(app, webhook=receiver.url)
    with running(app, count=3):
        until(lambda: states(app) == ["sent"] * 60, 60)

    assert len(receiver.got) == len({g.id for g in receiver.got}) == 60


def test_while_a_secret_is_new_both_sign(app: App, receiver: Receiver) -> None:
    made = endpoints.add(app, ME, receiver.url)
    rotated = endpoints.rotate(app, ME, made.endpoint.id)
    with running(app):
        job_of(app)
        (both,) = receiver.wait(1)
        endpoints.rotate(app, ME, made.endpoint.id, overlap_s=0.0)
        job_of(app)
        newest = receiver.wait(2)[1]

    assert len(both.headers["webhook-signature"].split(" ")) == 2
    for secret in (made.endpoint.secret, rotated.endpoint.secret):
        Webhook(secret).verify(both.body, both.headers)
    assert len(newest.headers["webhook-signature"].split(" ")) == 1


@pytest.mark.parametrize("jump_s", [86400.0, -86400.0])
def test_a_clock_that_jumps(
    app: App, receiver: Receiver, jump_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is due is the database's to say; the clock of this process may be anything."""
    receiver.answers = [(503, {"Retry-After": "3600"}), 200]
    job_of(app, webhook=receiver.url)
    with running(app):
        until(lambda: messages(app)[0].last_status == 503)
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + jump_s)
        time.sleep(0.3)
        assert len(receiver.got) == 1, "its hour has not come"
        job_of(app, webhook=receiver.url)
        receiver.wait(2)
        until(lambda: "sent" in states(app))


def test_what_was_settled_long_ago_is_removed(app: App, receiver: Receiver) -> None:
    job_of(app, webhook=receiver.url)
    with running(app):
        until(lambda: states(app) == ["sent"])
    assert app.store.transact(lambda tx: outbox.prune(tx, keep_s=3600)) == 0
    assert app.store.transact(lambda tx: outbox.prune(tx, keep_s=-1)) == 1


def test_the_waits_are_those_of_the_specification_more_or_less(app: App) -> None:
    sender = Sender(app)
    for tries, wanted in enumerate(SCHEDULE, start=1):
        drawn = [sender._wait_s(tries, None) or 0.0 for _ in range(50)]
        assert all(0.8 * wanted <= one <= 1.2 * wanted for one in drawn)
        assert len(set(drawn)) > 1
    assert sender._wait_s(len(SCHEDULE) + 1, None) is None
    assert sum(SCHEDULE) > 3 * 86400
