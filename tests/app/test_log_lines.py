"""What clients hand in is checked, cleaned of secrets and bounded; what the archive says, too."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reelwright.app import log_lines
from reelwright.app.log_lines import Wanted
from reelwright.app.principal import LOCAL, Principal, Role
from reelwright.app.settings import Loaded, Settings
from reelwright.app.settings_sections import Logs
from reelwright.app.wiring import App
from reelwright.errors import Code, ReelError, SpecErrors

ANN = Principal(actor="key:1", owner="ann", role=Role.EDITOR)
BOB = replace(ANN, owner="bob")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with App(Loaded(Settings(home=tmp_path / "home"))) as made:
        yield made


def refused(app: App, *lines: Any) -> list[tuple[Code, str | None]]:
    with pytest.raises(SpecErrors) as caught:
        log_lines.add(app, lines, ANN)
    assert log_lines.find(app, Wanted()) == []  # all of it or nothing
    return [(one.code, one.where) for one in caught.value.problems]


def test_a_line_and_what_it_may_leave_out(app: App) -> None:
    before = time.time()
    fields = {"n": 1, "deep": {"list": [True, None]}}
    whole = {
        "message": "done",
        "level": "WARN",
        "component": "worker/7",
        "job_id": "1m7z9",
        "at": "2026-01-02T03:04:05Z",
        "fields": fields,
    }
    numbers = log_lines.add(app, [{"message": "hello"}, whole], ANN)
    first, second = log_lines.find(app, Wanted(), after=0)
    assert [first.seq, second.seq] == numbers
    assert (first.level, first.component, first.owner, first.job_id) == (
        "info",
        "client",
        "ann",
        None,
    )
    assert before - 5 < first.at < time.time() + 5
    assert (second.level, second.component, second.job_id) == ("warning", "worker/7", "1m7z9")
    assert (second.at, dict(second.fields)) == (1767323045.0, fields)


def test_all_that_is_wrong_is_said_at_once(app: App) -> None:
    assert refused(
        app,
        {"message": "good"},
        {},
        {"message": ""},
        {"message": "x" * 9000},
        {"message": "a", "level": "loud"},
        {"message": "a", "component": "with space"},
        {"message": "a", "user": "me"},
        {"message": "a", "fields": ["list"]},
        {"message": "a", "fields": {"x": "y" * 20_000}},
        {"message": "a", "fields": {"x": float("nan")}},
        {"message": "a", "at": "yesterday"},
        {"message": "a", "at": time.time() + 3600},
        {"message": "a", "at": float("inf")},
        {"message": "a", "job_id": 7},
        "text",
    ) == [
        (Code.FIELD_MISSING, "lines[1].message"),
        (Code.FIELD_INVALID, "lines[2].message"),
        (Code.FIELD_INVALID, "lines[3].message"),
        (Code.FIELD_INVALID, "lines[4].level"),
        (Code.FIELD_INVALID, "lines[5].component"),
        (Code.FIELD_UNKNOWN, "lines[6].user"),
        (Code.FIELD_INVALID, "lines[7].fields"),
        (Code.FIELD_INVALID, "lines[8].fields"),
        (Code.FIELD_INVALID, "lines[9].fields"),
        (Code.FIELD_INVALID, "lines[10].at"),
        (Code.FIELD_INVALID, "lines[11].at"),
        (Code.FIELD_INVALID, "lines[12].at"),
        (Code.FIELD_INVALID, "lines[13].job_id"),
        (Code.FIELD_INVALID, "lines[14]"),
    ]
    with pytest.raises(ReelError) as caught:
        log_lines.add(app, [{"message": "a"}] * 1001, ANN)
    assert caught.value.code is Code.BODY_TOO_LARGE


def test_secrets_and_what_no_database_takes_are_left_out(app: App) -> None:
    secret = "hunter2hunter2"  # secret-ok: made up
    log_lines.add(
        app,
        [
            {
                "message": f"GET https://api.example/v3?key={secret} \x00 \ud800",
                "fields": {
                    "password": secret,
                    "url": f"https://u:{secret}@h/",
                    "odd\x00": "\udcff",
                },
            }
        ],
        ANN,
    )
    log_lines.note(app, "info", "archive", f"token={secret}", api_key=secret, empty=None)
    lines = log_lines.find(app, Wanted())
    assert len(lines) == 2
    assert secret not in repr(lines)
    assert "\x00" not in repr([dict(one.fields) for one in lines])
    assert "empty" not in lines[0].fields


def test_everybody_sees_their_own_and_admins_all(app: App) -> None:
    log_lines.add(app, [{"message": "of ann"}], ANN)
    log_lines.add(app, [{"message": "of bob"}], BOB)
    log_lines.note(app, "info", "archive.intake", "of the service")
    assert [one.message for one in log_lines.find(app, Wanted(), ANN)] == ["of ann"]
    assert len(log_lines.find(app, Wanted(), LOCAL)) == 3
    viewer = replace(ANN, role=Role.VIEWER)
    with pytest.raises(ReelError) as caught:
        log_lines.add(app, [{"message": "no"}], viewer)
    assert caught.value.code is Code.FORBIDDEN


def test_levels_from_one_on(app: App) -> None:
    for level in log_lines.LEVELS:
        log_lines.note(app, level, "archive", level)
    found = log_lines.find(app, Wanted(level="warn"))
    assert [one.message for one in found] == ["critical", "error", "warning"]
    with pytest.raises(ReelError):
        log_lines.find(app, Wanted(level="loud"))


def test_following_shows_what_comes(app: App) -> None:
    log_lines.note(app, "info", "archive", "before")
    coming = log_lines.follow(app, Wanted(), after=log_lines.latest(app))
    assert next(coming) == []
    log_lines.note(app, "info", "archive", "after")
    assert [one.message for one in next(coming)] == ["after"]
    assert next(coming) == []


def test_the_log_is_kept_short_by_itself(tmp_path: Path) -> None:
    kept = Settings(home=tmp_path / "home", logs=Logs(keep_lines=1000))
    with App(Loaded(kept)) as app:
        for _ in range(3):
            log_lines.add(app, [{"message": "a"}] * 1000)
        assert len(log_lines.find(app, Wanted(), limit=1000, after=0)) == 1000
        assert log_lines.find(app, Wanted(), limit=1, after=0)[0].seq == 2001


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    with App(Loaded(Settings(home=blocked / "home"))) as app:
        log_lines.note(app, "info", "archive", "lost")


def test_a_service_shortens_the_log_while_it_leads(tmp_path: Path) -> None:
    kept = Settings(home=tmp_path / "home", logs=Logs(keep_days=1))

    async def run(app: App, *, leads: bool) -> None:
        """Until it has decided, and acted."""
        asked = asyncio.Event()

        def is_leader() -> bool:
            asked.set()
            return leads

        task = asyncio.create_task(log_lines.keep_short(app, is_leader))
        await asyncio.wait_for(asked.wait(), 60)
        while leads and log_lines.find(app, Wanted(text="old")):  # noqa: ASYNC110 - of a thread
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with App(Loaded(kept)) as app:
        yesterday = time.time() - 2 * 86_400
        log_lines.add(app, [{"message": "old", "at": yesterday}, {"message": "new"}])
        asyncio.run(run(app, leads=False))
        assert len(log_lines.find(app, Wanted())) == 2
        asyncio.run(asyncio.wait_for(run(app, leads=True), 60))
        assert [one.message for one in log_lines.find(app, Wanted())] == ["new"]
