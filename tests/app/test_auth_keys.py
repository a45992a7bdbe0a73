"""Keys, on both databases: what they grant, when they end, what is kept of them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from reelwright.app import audit as audit_log
from reelwright.app.audit import Wanted
from reelwright.app.auth import keys, sessions
from reelwright.app.auth.grants import NewKey
from reelwright.app.principal import LOCAL, Principal, Role, Scope
from reelwright.app.settings import load
from reelwright.app.wiring import App
from reelwright.errors import Code, ReelError, SpecErrors
from reelwright.store import keys as keys_of_store
from reelwright.store.tables import metadata


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


def test_a_key_is_who_it_was_made_to_be(app: App, tmp_path: Path) -> None:
    made = _made(
        app,
        role="viewer",
        owner="team",
        scopes=["read"],
        folders={"read": [str(tmp_path), "s3://bucket/in"]},
        rate="5/minute",
        max_running=2,
        max_bytes=1 << 40,
        expires_s=3600,
    )

    assert re.fullmatch(r"reel_[0-9a-z]{17}_[0-9A-Za-z]{43}", made.token)
    principal = _bearer(app, made.token)
    assert principal == Principal(
        actor=f"key:{made.key.id}",
        owner="team",
        role=Role.VIEWER,
        scopes=frozenset({"read"}),
        key_id=made.key.id,
        folders={"read": (str(tmp_path), "s3://bucket/in")},
        rate="5/minute",
        max_running=2,
        max_bytes=1 << 40,
    )
    assert principal.may(Scope.READ)
    assert not principal.may(Scope.JOBS)


def test_no_secret_is_kept(app: App) -> None:
    made = _made(app)
    opened = sessions.open_session(app, _bearer(app, made.token))
    secret = made.token.rpartition("_")[2]

    with app.store.read() as tx:
        for table in metadata.sorted_tables:
            for row in tx.run(sa.select(table)):
                for text in (secret, opened.cookie, opened.csrf):
                    assert text not in repr(row), table.name


@pytest.mark.parametrize(
    "text", ["reel_", "reel__", "reel_x", "reel_{id}", "reel_{id}_", "{almost}"]
)
def test_what_is_no_key(lone_app: App, text: str) -> None:
    made = _made(lone_app)
    wrong = "A" if made.token[-1] != "A" else "B"
    token = text.format(id=made.key.id, almost=made.token[:-1] + wrong)

    assert keys.verify(lone_app, token) is None


def test_a_revoked_key_is_nobody(app: App) -> None:
    made = _made(app)

    first = keys.revoke(app, LOCAL, made.key.id)
    second = keys.revoke(app, LOCAL, made.key.id)

    assert keys.verify(app, made.token) is None
    assert first.revoked_at is not None
    assert first.revoked_at == second.revoked_at
    log = audit_log.page(app, LOCAL, Wanted(), limit=10)
    assert [(entry.action, entry.target) for entry in log] == [
        ("key.revoke", made.key.id),
        ("key.create", made.key.id),
    ]


def test_a_key_ends_at_its_time(app: App) -> None:
    made = _made(app, expires_s=0.2)
    deadline = time.monotonic() + 30
    while keys.verify(app, made.token) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_unknown_key_cannot_be_revoked(lone_app: App) -> None:
    with pytest.raises(ReelError) as caught:
        keys.revoke(lone_app, LOCAL, "nothing")
    assert caught.value.code is Code.KEY_UNKNOWN


def test_a_key_is_found_by_the_first_of_its_id_or_by_itself(lone_app: App) -> None:
    made = _made(lone_app)

    assert keys.identify(lone_app, made.key.id[:12]) == made.key.id
    assert keys.identify(lone_app, made.token) == made.key.id
    for wrong in ("", "zzz", "reel_"):
        with pytest.raises(ReelError) as caught:
            keys.identify(lone_app, wrong)
        assert caught.value.code is Code.KEY_UNKNOWN


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\x1b[2J"}, "name"),
        ({"owner": ""}, "owner"),
        ({"role": "root"}, "role"),
        ({"scopes": ["jobs", "sudo"]}, "scopes"),
        ({"folders": {"execute": ["/"]}}, "folders"),
        ({"folders": {"read": ["relative"]}}, "folders.read"),
        ({"folders": {"write": ["/srv/../etc"]}}, "folders.write"),
        ({"rate": "fast"}, "rate"),
        ({"rate": "0/second"}, "rate"),
        ({"expires_s": -1}, "expires_s"),
        ({"expires_s": float("nan")}, "expires_s"),
        ({"expires_s": float("inf")}, "expires_s"),
        ({"max_running": 0}, "max_running"),
        ({"max_bytes": 2**60}, "max_bytes"),
    ],
    ids=str,
)
def test_mistakes_in_a_key_are_named(lone_app: App, values: dict[str, Any], where: str) -> None:
    with pytest.raises(SpecErrors) as caught:
        _made(lone_app, **values)

    assert [(p.code, p.where) for p in caught.value.problems] == [(Code.FIELD_INVALID, where)]


def _lesser(app: App, **values: Any) -> Principal:
    return _bearer(app, _made(app, role="admin", **values).token)


@pytest.mark.parametrize(
    ("creator", "asked", "where"),
    [
        ({"scopes": ["admin", "read"]}, {"scopes": ["jobs"]}, "scopes"),
        ({"scopes": ["admin", "read"]}, {}, "scopes"),
        ({}, {"folders": {"read": ["/srv"]}}, "folders.read"),
        ({"folders": {"read": ["/srv"]}}, {"folders": {"write": ["/srv"]}}, "folders.write"),
        ({"folders": {"read": ["/srv/a"]}}, {"folders": {"read": ["/srv"]}}, "folders.read"),
        ({"folders": {"read": ["/srv/a"]}}, {"folders": {"read": ["/srv/ab"]}}, "folders.read"),
        ({"folders": {"read": ["/srv"]}}, {"folders": {"read": ["s3://b"]}}, "folders.read"),
        ({"rate": "10/minute"}, {"rate": "1/second"}, "rate"),
        ({"max_running": 2}, {"max_running": 3}, "max_running"),
        ({"max_bytes": 100}, {"max_bytes": 101}, "max_bytes"),
        ({"expires_s": 100}, {"expires_s": 200}, "expires_s"),
    ],
    ids=str,
)
def test_nobody_grants_more_than_they_have(
    lone_app: App, creator: dict[str, Any], asked: dict[str, Any], where: str
) -> None:
    with pytest.raises(ReelError) as caught:
        _made(lone_app, _lesser(lone_app, **creator), **asked)

    assert caught.value.code is Code.FORBIDDEN
    assert caught.value.problem.where == where


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_only_admins_make_keys(lone_app: App, role: str) -> None:
    lesser = _bearer(lone_app, _made(lone_app, role=role).token)
    for attempt in (
        lambda: _made(lone_app, lesser),
        lambda: keys.listing(lone_app, lesser),
        lambda: keys.revoke(lone_app, lesser, "x"),
        lambda: audit_log.page(lone_app, lesser, Wanted(), limit=1),
        lambda: audit_log.export(lone_app, lesser, Wanted()),
    ):
        with pytest.raises(ReelError) as caught:
            attempt()
        assert caught.value.code is Code.FORBIDDEN


def test_what_is_not_asked_for_is_inherited(lone_app: App) -> None:
    creator = _lesser(
        lone_app, rate="10/minute", max_running=2, max_bytes=100, expires_s=100, owner="team"
    )

    child = _made(lone_app, creator).key

    assert (child.owner, child.rate, child.max_running, child.max_bytes) == (
        "team",
        "10/minute",
        2,
        100,
    )
    with lone_app.store.read() as tx:
        own = keys_of_store.get(tx, creator.key_id or "")
    assert child.expires_at == own.expires_at
    assert child.created_by == creator.actor


def test_keys_are_listed_in_pages(app: App) -> None:
    ids = [_made(app, name=str(n)).key.id for n in range(3)]

    first = keys.listing(app, LOCAL, limit=2)
    rest = keys.listing(app, LOCAL, limit=2, before=first[-1].id)

    assert [row.id for row in [*first, *rest]] == ids[::-1]
