"""Sessions, the local token, and how long a token is remembered."""

from __future__ import annotations

import asyncio
import os
import re
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from reelwright.app import audit as audit_log
from reelwright.app.audit import Wanted
from reelwright.app.auth import authenticate, keys, local_token, sessions
from reelwright.app.auth.authenticate import Authenticator
from reelwright.app.auth.grants import NewKey
from reelwright.app.principal import LOCAL, Principal
from reelwright.app.settings import load
from reelwright.app.wiring import App
from reelwright.errors import Code, ReelError
from reelwright.store import keys as keys_of_store


@pytest.fixture
def app(database_url: str) -> Iterator[App]:
    with App(load({"database": database_url})) as made:
        yield made


@pytest.fixture
def lone_app() -> Iterator[App]:
    """On SQLite, for what does not depend on the database."""
    with App(load()) as made:
        yield made


def _made(app: App, by: Principal = LOCAL, **values: Any) -> keys.Made:
    return keys.create(app, by, NewKey(**{"name": "ci", **values}))


def _bearer(app: App, token: str) -> Principal:
    found = keys.verify(app, token)
    assert found is not None
    return found[0]


def test_a_session_is_its_principal_until_it_is_closed(app: App) -> None:
    principal = replace(LOCAL, owner="somebody")
    opened = sessions.open_session(app, principal)

    assert sessions.verify(app, opened.cookie) == (principal, opened.expires_at)
    assert sessions.verify(app, opened.cookie + "x") is None

    sessions.close_session(app, principal, opened.cookie)
    sessions.close_session(app, principal, opened.cookie)
    assert sessions.verify(app, opened.cookie) is None
    actions = [entry.action for entry in audit_log.page(app, LOCAL, Wanted(), limit=10)]
    assert actions == ["session.close", "session.open"]


def test_a_session_ends_with_its_key(app: App) -> None:
    made = _made(app)
    opened = sessions.open_session(app, _bearer(app, made.token))
    assert sessions.verify(app, opened.cookie) is not None

    keys.revoke(app, LOCAL, made.key.id)

    assert sessions.verify(app, opened.cookie) is None


def test_a_session_lasts_no_longer_than_what_opened_it(app: App) -> None:
    ends_at = time.time() + 0.2
    opened = sessions.open_session(app, LOCAL, ends_at=ends_at)

    assert opened.expires_at == ends_at
    deadline = time.monotonic() + 30
    while sessions.verify(app, opened.cookie) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    sessions.open_session(app, LOCAL)  # which sweeps
    with app.store.read() as tx:
        assert tx.run(sa.text("SELECT count(*) FROM sessions")).scalar_one() == 1


def test_the_token_against_forged_requests_is_bound_to_the_session() -> None:
    assert sessions.csrf_token("one") != sessions.csrf_token("two")
    sessions.check_csrf("one", sessions.csrf_token("one"))
    for given in (None, "", sessions.csrf_token("two"), "é"):
        with pytest.raises(ReelError) as caught:
            sessions.check_csrf("one", given)
        assert caught.value.code is Code.CSRF_INVALID


def test_the_local_token_is_made_once_and_for_its_user_alone(lone_app: App) -> None:
    first = local_token.token(lone_app)
    path = lone_app.home / "token"

    assert re.fullmatch(r"[\w-]{43}", first)
    assert local_token.token(lone_app) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in lone_app.home.glob("*token*")] == ["token"]

    path.chmod(0o644)
    assert local_token.token(lone_app) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_first_starts_make_one_token(lone_app: App) -> None:
    ready = threading.Barrier(8)
    found: list[str] = []

    def start() -> None:
        ready.wait()
        found.append(local_token.token(lone_app))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_start_that_was_killed_leaves_no_half_token(lone_app: App) -> None:
    lone_app.home.mkdir(parents=True)
    (lone_app.home / f".token.{os.getpid()}.part").write_text("half")

    assert len(local_token.token(lone_app)) == 43
    assert not list(lone_app.home.glob("*.part"))


@pytest.mark.parametrize("text", ["", "secret", "x" * 31])
def test_a_token_that_could_be_guessed_is_refused(lone_app: App, text: str) -> None:
    lone_app.home.mkdir(parents=True)
    (lone_app.home / "token").write_text(text)
    if not text:  # an empty file is none
        assert len(local_token.token(lone_app)) == 43
        return
    with pytest.raises(ReelError) as caught:
        local_token.token(lone_app)
    assert caught.value.code is Code.CONFIG_INVALID


def test_a_revoked_key_is_remembered_no_longer_than_it_is_said(
    lone_app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _made(lone_app)

    async def use() -> None:
        asked = Authenticator(lone_app)
        assert asked.recall(made.token) is None
        assert (await asked.bearer(made.token)).key_id == made.key.id
        keys.revoke(lone_app, LOCAL, made.key.id)
        assert asked.recall(made.token) is not None  # as documented
        monkeypatch.setattr(time, "monotonic", lambda: now + authenticate.REMEMBER_S + 60)
        assert asked.recall(made.token) is None
        with pytest.raises(ReelError) as caught:
            await asked.bearer(made.token)
        assert caught.value.code is Code.UNAUTHENTICATED
        assert not asked.has_met(made.token)

    now = time.monotonic()
    asyncio.run(use())


def test_a_process_forgets_at_once_what_it_revoked_itself(lone_app: App) -> None:
    made = _made(lone_app)
    opened = sessions.open_session(lone_app, _bearer(lone_app, made.token))

    async def use() -> None:
        asked = Authenticator(lone_app)
        await asked.bearer(made.token)
        await asked.session(opened.cookie)
        asked.forget_key(made.key.id)
        assert asked.recall(made.token) is None
        assert asked.recall_session(opened.cookie) is None

    asyncio.run(use())


def test_a_cookie_is_no_bearer_token_and_the_reverse(lone_app: App) -> None:
    opened = sessions.open_session(lone_app, LOCAL)
    token = local_token.token(lone_app)

    async def use() -> None:
        asked = Authenticator(lone_app)
        await asked.session(opened.cookie)
        await asked.bearer(token)
        for attempt in (asked.bearer(opened.cookie), asked.session(token)):
            with pytest.raises(ReelError) as caught:
                await attempt
            assert caught.value.code is Code.UNAUTHENTICATED

    asyncio.run(use())


def test_requests_that_come_together_ask_the_database_once(
    lone_app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _made(lone_app)
    asked_for: list[str] = []
    real = keys.verify

    def verify(app: App, token: str) -> Any:
        asked_for.append(token)
        return real(app, token)

    monkeypatch.setattr(keys, "verify", verify)

    async def use() -> None:
        asked = Authenticator(lone_app)
        found = await asyncio.gather(*(asked.bearer(made.token) for _ in range(50)))
        assert {principal.key_id for principal in found} == {made.key.id}

    asyncio.run(use())
    assert len(asked_for) == 1


def test_the_last_use_is_noted_to_the_minute(app: App) -> None:
    made = _made(app)

    async def use() -> None:
        await Authenticator(app).bearer(made.token)

    def last_used() -> float | None:
        app.combiner.submit(lambda tx: None).result()  # what was asked for before is done now
        with app.store.read() as tx:
            return keys_of_store.get(tx, made.key.id).last_used_at

    assert last_used() is None
    asyncio.run(use())
    first = last_used()
    assert first is not None
    asyncio.run(use())  # another process, within the minute
    assert last_used() == first
