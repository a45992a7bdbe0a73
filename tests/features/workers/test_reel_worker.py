"""`reel worker` as people run it: real jobs, real media, from an accepted spec to its outputs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from reelwright.app.request import Kept
from reelwright.app.settings import Loaded, Settings
from reelwright.app.wiring import App
from reelwright.engine import submission
from reelwright.store import jobs, steps
from reelwright.store.ids import new_id
from reelwright.store.rows import Job, NewJobRow
from tests.engine.processes import end, until
from tests.served import serving
from tests.served import until as until_some

_SPEC = """
version: 1
inputs: {{ v: {source} }}
operations:
  - {{ id: cut, op: trim, input: v, start: {start}, duration: 1 }}
outputs:
  - {{ to: out.mp4, from: cut }}
"""
# Minutes of work: nobody waits for its end.
_LONG = """
inputs: {{ v: {source} }}
operations: [{{ id: big, op: scale, input: v, width: 3840 }}]
outputs: [{{ to: out.mkv, from: big, video: {{ codec: h264, preset: placebo }} }}]
"""


@pytest.fixture
def app(tmp_path: Path, database_url: str) -> Iterator[App]:
    """What a process of the API works with: it runs no engine."""
    with App(Loaded(Settings(home=tmp_path / "home", database=database_url))) as made:
        yield made


def test_workers_plan_run_and_deliver(app: App, talk: Path) -> None:
    with _worker(app), _worker(app) as second:
        ids = [_accept(app, _SPEC.format(source=talk, start=n * 0.5)) for n in range(4)]
        until(lambda: all(_job(app, job_id).state.is_final for job_id in ids))
        listed = json.loads(_reel(app, "worker", "list", "--json"))["workers"]
        assert [row["state"] for row in listed] == ["active", "active"]
        second.send_signal(signal.SIGTERM)
        assert second.wait(60) == 0
        listed = json.loads(_reel(app, "worker", "list", "--json"))["workers"]
        assert len(listed) == 1
    assert [_job(app, job_id).error for job_id in ids] == [None] * 4
    for job_id in ids:
        found = _job(app, job_id)
        assert found.revision == 1
        assert found.spec["inputs"]["v"][0] == str(talk)
        assert (app.home / "served" / job_id / "out.mp4").stat().st_size > 1000
        with app.store.read() as tx:
            told = [e.body["path"] for e in jobs.events_after(tx, job_id) if e.kind == "output"]
        assert told == [str(app.home / "served" / job_id / "out.mp4")]


def test_what_is_wrong_with_a_spec_is_the_jobs_error(app: App, talk: Path) -> None:
    with _worker(app):
        missing = _accept(app, _SPEC.format(source="nowhere.mp4", start=0))
        outside = _accept(
            app, _SPEC.format(source=talk, start=0), {"read": ["/nowhere"], "write": []}
        )
        upload = _accept(app, _SPEC.format(source=f"'upload:{new_id()}'", start=0))
        ids = [missing, outside, upload]
        until(lambda: all(_job(app, job_id).state.is_final for job_id in ids))
    errors = [_job(app, job_id).error or {} for job_id in ids]
    codes = ["input_not_found", "folder_refused", "upload_unknown"]
    assert [error["code"] for error in errors] == codes
    assert {error["where"] for error in errors} == {"inputs.v"}
    for error in errors:
        assert "problems" not in (error.get("evidence") or {})  # it is the only one, and told above
    with app.store.read() as tx:
        assert [row.key for row in steps.of_job(tx, missing)] == [":plan", ":deliver"]
    shown = json.loads(_reel(app, "status", missing, "--json"))
    assert shown["steps"] == []


def test_all_that_is_wrong_with_a_spec_is_in_the_jobs_error(app: App) -> None:
    text = """
        inputs: { a: nowhere.mp4, b: neither.mp4 }
        outputs: [{ to: a.mkv, from: a }, { to: b.mkv, from: b }]
    """
    with _worker(app):
        job_id = _accept(app, text)
        until(lambda: _job(app, job_id).state.is_final)
    error = _job(app, job_id).error or {}
    assert error["where"] == "inputs.a"
    assert [p["where"] for p in error["evidence"]["problems"]] == ["inputs.a", "inputs.b"]


def test_a_worker_is_asked_to_leave(app: App) -> None:
    with _worker(app) as process:
        asked = json.loads(_reel(app, "worker", "drain", os.uname().nodename, "--json"))
        assert (asked["pid"], asked["state"]) == (process.pid, "draining")
        assert process.wait(60) == 0
    with pytest.raises(subprocess.CalledProcessError) as refused:
        _reel(app, "worker", "drain", "nobody", "--json")
    assert "worker_unknown" in refused.value.stdout


def test_with_a_killed_worker_its_ffmpeg_dies(app: App, talk: Path) -> None:
    """By SIGKILL of the one process: nobody can tell its children anything."""
    with _worker(app) as process:
        job_id = _accept(app, _LONG.format(source=talk))
        until(lambda: "ffmpeg" in _programs(app.home))
        process.kill()
        process.wait(60)
        until(lambda: not _programs(app.home))
    assert not _job(app, job_id).state.is_final


def _programs(home: Path) -> list[str]:
    """Names of the processes that work in a folder below `home`."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):  # it ended at this moment
            if entry.name.isdigit() and (entry / "cwd").readlink().is_relative_to(home):
                found.append((entry / "comm").read_text().strip()[:6])
    return found


def test_a_process_that_only_answers_says_so_and_is_not_drained(
    tmp_path: Path, database_url: str
) -> None:
    home = tmp_path / "home"
    with serving(home, "--no-worker", REEL_DATABASE=database_url) as running:
        (row,) = until_some(lambda: running.client.get("/v1/workers").json()["workers"])
        assert (row["role"], row["cpus"]) == ("api", 0)
        refused = running.client.post(f"/v1/workers/{row['id']}/drain")
        assert (refused.status_code, refused.json()["code"]) == (409, "transition_refused")
        with App(Loaded(Settings(home=home, database=database_url))) as app:
            with pytest.raises(subprocess.CalledProcessError) as told:
                _reel(app, "worker", "drain", row["id"], "--json")
            assert "transition_refused" in told.value.stdout
            assert "api" in _reel(app, "worker", "list")
            with _worker(app):
                listed = json.loads(_reel(app, "worker", "list", "--json"))["workers"]
                assert [one["role"] for one in listed] == ["api", "worker"]
        row, *_ = running.client.get("/v1/workers").json()["workers"]
        assert (row["drain"], row["state"]) == (False, "active")


def _accept(app: App, text: str, folders: dict[str, list[str]] | None = None) -> str:
    job_id = new_id()
    kept = Kept(text=text, own=job_id, folders=folders or {"read": ["/"], "write": ["/"]})
    base = app.home / "served" / job_id
    row = NewJobRow(id=job_id, spec=kept.to_json(), plan={}, base=str(base))
    return app.store.transact(lambda tx: submission.accept(tx, row))


def _job(app: App, job_id: str) -> Job:
    with app.store.read() as tx:
        return jobs.get(tx, job_id)


@contextmanager
def _worker(app: App) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*_command(), "worker", "--json"],
        env=_environment(app),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        ready: dict[str, Any] = json.loads(process.stdout.readline())
        assert ready["event"] == "ready"
        yield process
    finally:
        end(process)


def _reel(app: App, *words: str) -> str:
    done = subprocess.run(
        [*_command(), *words], env=_environment(app), capture_output=True, text=True, check=True
    )
    return done.stdout


def _command() -> list[str]:
    return [str(Path(sys.executable).with_name("reel"))]


def _environment(app: App) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REEL_")}
    database = str(app.settings.database)
    return {**kept, "REEL_HOME": str(app.home), "REEL_DATABASE": database}
