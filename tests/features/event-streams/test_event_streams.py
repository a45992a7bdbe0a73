"""The events of jobs over HTTP, from a real service; another process writes them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from reelwright.store import jobs
from reelwright.store.ids import new_id
from reelwright.store.rows import NewJobRow
from reelwright.store.states import JobState
from reelwright.store.store import Store, open_store
from reelwright.store.tables import steps
from tests.served import Served, serving
from tests.sse_client import Message, messages

_STEP = ("step", {"key": "a", "state": "ready", "log": "/secret/place"})
_UNKNOWN = "0" * 17


# No worker: jobs that were queued stay so until a test says something else.
@pytest.fixture(
    scope="module",
    params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)],
)
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Served, Store]]:
    home = tmp_path_factory.mktemp("events") / "home"
    environ: dict[str, str] = {}
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        environ["REEL_DATABASE"] = server.create(f"events_{home.parent.name}".lower())
    with serving(home, "--no-worker", **environ) as running:
        store = open_store(environ.get("REEL_DATABASE", home / "reelwright.db"))
        try:
            yield running, store
        finally:
            store.close()


@pytest.fixture
def api(place: tuple[Served, Store]) -> httpx.Client:
    return place[0].client


@pytest.fixture
def store(place: tuple[Served, Store]) -> Store:
    return place[1]


def _job(store: Store, count: int = 1) -> str:
    def make(tx: Any) -> str:
        job_id = jobs.insert(tx, NewJobRow(spec={}, plan={}, base="/"))
        jobs.record(tx, job_id, *[_STEP] * count)
        return job_id

    return store.transact(make)


def _end(store: Store, job_id: str) -> None:
    def change(tx: Any) -> None:
        jobs.move(tx, job_id, JobState.CANCELLED)
        jobs.record(tx, job_id, ("job", {"state": "cancelled", "error": None}))

    store.transact(change)


def _read(api: httpx.Client, job_id: str, most: int | None = None, **options: Any) -> list[Message]:
    """To the end of the stream, or as many messages as `most`."""
    found: list[Message] = []
    with api.stream("GET", f"/v1/jobs/{job_id}/events", **options) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        for message in messages(answer.iter_lines()):
            found.append(message)
            if len(found) == most:
                break
    return found


def _ids(found: list[Message]) -> list[int]:
    return [message.id for message in found if message.id is not None]


# First: a worker would also try the jobs without a spec that the other tests make.
def test_a_real_job_that_another_process_runs(place: tuple[Served, Store], talk: Path) -> None:
    running, store = place
    spec = {"inputs": {"talk": str(talk)}, "outputs": [{"from": "talk", "to": "copy.mkv"}]}
    job_id = running.submit(spec)
    worker = subprocess.Popen(
        [str(Path(sys.executable).with_name("reel")), "worker", "--json"],
        env={**os.environ, "REEL_HOME": str(running.home), "REEL_DATABASE": store.url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        found = _read(running.client, job_id)
    finally:
        worker.terminate()
        worker.wait(60)

    assert found[-1] == Message("end", {"state": "succeeded"})
    ids = _ids(found)
    assert ids == list(range(1, len(ids) + 1))
    states = [m.data["state"] for m in found if m.name == "job"]
    assert states[0] == "queued"
    assert states[-1] == "succeeded"
    assert {"job", "step", "plan", "output"} <= {m.name for m in found}
    again = _read(running.client, job_id, headers={"Last-Event-ID": str(ids[1])})
    assert _ids(again) == ids[2:]
    assert again[-1].name == "end"


def test_events_come_as_they_are_written_and_the_end_is_told(
    api: httpx.Client, store: Store
) -> None:
    job_id = _job(store)

    def write() -> None:
        for _ in range(40):
            store.transact(lambda tx: jobs.record(tx, job_id, _STEP, _STEP))
        _end(store, job_id)

    writer = threading.Thread(target=write)
    writer.start()
    found = _read(api, job_id)
    writer.join()

    assert _ids(found) == list(range(1, 83))
    assert [message.name for message in found[-2:]] == ["job", "end"]
    assert found[-1].data == {"state": "cancelled"}
    assert found[-1].id is None
    first = found[0]
    assert first.name == "step"
    assert {k: first.data[k] for k in ("job_id", "key", "state")} == {
        "job_id": job_id, "key": "a", "state": "ready",
    }  # fmt: skip
    assert "/secret/place" not in str(found)


def test_whoever_comes_back_gets_the_rest(api: httpx.Client, store: Store) -> None:
    job_id = _job(store, 5)
    begun = _read(api, job_id, most=3)
    _end(store, job_id)
    last = str(begun[-1].id)

    assert _ids(begun) == [1, 2, 3]
    by_header = _read(api, job_id, headers={"Last-Event-ID": last})
    by_query = _read(api, job_id, params={"after": last})
    both = _read(api, job_id, params={"after": 0}, headers={"Last-Event-ID": last})
    for rest in (by_header, by_query, both):
        assert _ids(rest) == [4, 5, 6]
        assert rest[-1].name == "end"
    assert [m.name for m in _read(api, job_id, headers={"Last-Event-ID": "6"})] == ["end"]


def test_without_following_the_stream_ends_with_what_there_is(
    api: httpx.Client, store: Store
) -> None:
    job_id = _job(store, 150)

    found = _read(api, job_id, params={"follow": "false"})

    assert _ids(found) == list(range(1, 151))
    assert found[-1].name == "step"


def test_a_running_jobs_progress_is_told_without_an_id(api: httpx.Client, store: Store) -> None:
    job_id = _job(store)

    def begin(tx: Any) -> None:
        jobs.move(tx, job_id, JobState.RUNNING)
        jobs.change(tx, job_id, fraction=0.5, eta_s=2.5)
        tx.run(sa.insert(steps), _running_step(job_id, tx.now() + 3600))

    store.transact(begin)
    found = _read(api, job_id, most=1, headers={"Last-Event-ID": "1"})

    step = {"key": "a", "attempt": 1, "fraction": 0.5, "progress": {"fps": 25.0}}
    assert found == [Message("progress", {"fraction": 0.5, "eta_seconds": 2.5, "steps": [step]})]


def _running_step(job_id: str, until: float) -> dict[str, Any]:
    """Some worker far away has it."""
    return {
        "id": new_id(), "job_id": job_id, "key": "a", "position": 0, "identity": "0" * 64,
        "kind": "ffmpeg", "state": "running", "needs": [], "payload": {}, "cpus": 1.0,
        "memory_bytes": 1, "disk_bytes": 1, "weight": 1.0, "attempt": 1, "failures": 0,
        "losses": 0, "max_attempts": 3, "not_before": 0.0, "host": "elsewhere",
        "lease_owner": "elsewhere:1:1", "lease_until": until, "fraction": 0.5,
        "progress": {"fps": 25.0},
    }  # fmt: skip


def test_what_is_wrong_is_a_problem(api: httpx.Client, store: Store) -> None:
    unknown = api.get(f"/v1/jobs/{_UNKNOWN}/events")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "job_unknown")

    job_id = _job(store)
    for options in (
        {"headers": {"Last-Event-ID": "soon"}},
        {"headers": {"Last-Event-ID": "-1"}},
        {"params": {"after": "99999999999"}},
        {"params": {"follow": "perhaps"}},
    ):
        wrong = api.get(f"/v1/jobs/{job_id}/events", **options)  # type: ignore[arg-type]
        assert wrong.status_code == 422, options
        assert wrong.headers["content-type"] == "application/problem+json"

    alone = httpx.get(f"{api.base_url}/v1/jobs/{job_id}/events")
    assert alone.status_code == 401


def test_streams_end_when_the_service_does(tmp_path: Any) -> None:
    with serving(tmp_path / "home", "--no-worker") as running:
        store = open_store(running.home / "reelwright.db")
        job_id = _job(store)
        store.close()
        with running.client.stream("GET", f"/v1/jobs/{job_id}/events") as answer:
            found = messages(answer.iter_lines())
            assert next(found).id == 1
            running.process.terminate()
            assert list(found) == []
        assert running.process.wait(60) == 0
