"""Deleting jobs of a real service: what has ended goes, with what it made in its own folder."""

from __future__ import annotations

import contextlib
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.reel import SPEC, make_clip, reel
from tests.client.remotely import remote
from tests.served import Served, serving, until

MISSING = {"inputs": {"source": "missing.mp4"}, "outputs": [{"from": "source", "to": "out.mkv"}]}
NOW = 1e10  # later than everything


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One of this module's own: all jobs that have ended are deleted here."""
    home = tmp_path_factory.mktemp("deleting") / "home"
    with serving(home, REEL_SERVE__MAX_BYTES="1GB") as running:
        yield running


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Nobody works here: jobs stay queued until they are cancelled."""
    with serving(tmp_path_factory.mktemp("idle") / "home", "--no-worker") as running:
        yield running


def _client(served: Served, **values: Any) -> httpx.Client:
    made = served.client.post("/v1/keys", json={"name": "test", **values})
    assert made.status_code == 201, made.text
    headers = {"Authorization": f"Bearer {made.json()['token']}"}
    return httpx.Client(base_url=served.url, headers=headers, timeout=60)


def _purge(client: httpx.Client, job_id: str) -> httpx.Response:
    return client.delete(f"/v1/jobs/{job_id}", params={"purge": "true"})


def _cancelled(client: httpx.Client, **labels: str) -> str:
    """A job that has ended, where nobody works."""
    wanted = [f"{name}={value}" for name, value in labels.items()]
    answer = client.post("/v1/jobs", json=MISSING, params={"label": wanted})
    assert answer.status_code == 202, answer.text
    job_id = str(answer.json()["id"])
    assert client.delete(f"/v1/jobs/{job_id}").json()["state"] == "cancelled"
    return job_id


def _code(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["code"])


def test_a_deleted_job_is_gone_with_its_folder_and_its_logs(
    place: Served, talk: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "delivered.mkv"
    outputs = [{"from": "t", "to": "own.mkv"}, {"from": "t", "to": str(elsewhere)}]
    job_id = place.submit({"inputs": {"t": str(talk)}, "outputs": outputs}, use_cache="false")
    assert place.ended(job_id)["state"] == "succeeded"
    own, logs = place.home / "served" / job_id, place.home / "logs" / job_id
    assert (own / "own.mkv").is_file()
    assert any(logs.iterdir())

    answer = _purge(place.client, job_id)

    assert answer.status_code == 200, answer.text
    assert (answer.json()["id"], answer.json()["state"]) == (job_id, "succeeded")
    assert not own.exists()
    assert not logs.exists()
    assert elsewhere.read_bytes() != b"", "what was delivered elsewhere is its owner's"
    for path in ("", "/steps", "/events", "/artifacts", "/artifacts/0", "/logs", "/plan"):
        assert _code(place.client.get(f"/v1/jobs/{job_id}{path}"), 404) == "job_unknown", path
    assert _code(_purge(place.client, job_id), 404) == "job_unknown"
    assert _code(place.client.post(f"/v1/jobs/{job_id}/retry"), 404) == "job_unknown"
    rows = place.client.get("/v1/audit", params={"action": "job.delete"}).json()["entries"]
    assert [(row["actor"], row["target"]) for row in rows] == [("local", job_id)]


def test_what_was_made_before_is_still_in_the_cache(place: Served, talk: Path) -> None:
    spec = {"inputs": {"t": str(talk)}, "outputs": [{"from": "t", "to": "again.mkv"}]}
    first = place.submit(spec)
    place.ended(first)
    _purge(place.client, first)

    second = place.submit(spec)

    assert place.ended(second)["state"] == "succeeded"
    steps = place.client.get(f"/v1/jobs/{second}/steps").json()["steps"]
    assert {step["state"] for step in steps} == {"cached"}


def test_deleting_gives_the_quota_back(place: Served, talk: Path) -> None:
    room = str(talk.parent)
    spec = {"inputs": {"t": str(talk)}, "outputs": [{"from": "t", "to": "full.mkv"}]}
    with _client(place, owner="full", max_bytes=1, folders={"read": [room]}) as client:
        job_id = client.post("/v1/jobs", json=spec).json()["id"]
        assert place.ended(job_id)["state"] == "succeeded"
        refused = client.post("/v1/jobs", json=spec)
        assert _code(refused, 429) == "quota_exceeded"
        assert "delete" in refused.json()["hint"]

        assert _purge(client, job_id).status_code == 200

        assert client.post("/v1/jobs", json=spec).status_code == 202


def test_what_has_not_ended_is_not_deleted(idle: Served) -> None:
    job_id = idle.submit(MISSING)

    answer = _purge(idle.client, job_id)

    assert _code(answer, 409) == "transition_refused"
    assert "cancel it first" in answer.json()["hint"]
    assert idle.job(job_id)["state"] == "queued", "nor is it cancelled"
    everything = idle.client.delete("/v1/jobs", params={"finished_before": NOW})
    assert job_id not in everything.json()["deleted"]
    assert idle.job(job_id)["state"] == "queued"


def test_only_whoever_has_a_job_may_delete_it(idle: Served) -> None:
    with _client(idle, owner="ana") as ana, _client(idle, owner="bo") as bo:
        job_id = _cancelled(ana)
        assert _code(_purge(bo, job_id), 404) == "job_unknown"
        assert bo.delete("/v1/jobs", params={"finished_before": NOW}).json()["deleted"] == []
        with _client(idle, owner="ana", role="viewer") as viewer:
            assert _code(_purge(viewer, job_id), 403) == "forbidden"
            everything = {"finished_before": NOW}
            assert _code(viewer.delete("/v1/jobs", params=everything), 403) == "forbidden"
        assert ana.get(f"/v1/jobs/{job_id}").status_code == 200
        assert ana.delete("/v1/jobs", params={"finished_before": NOW}).json()["deleted"] == [job_id]


def test_old_ones_go_by_state_label_and_number(idle: Served) -> None:
    with _client(idle, owner="many") as client:
        made = [_cancelled(client, show="one") for _ in range(3)]
        other = _cancelled(client, show="two")

        def delete(**params: Any) -> tuple[list[str], bool]:
            answer = client.delete("/v1/jobs", params=params)
            assert answer.status_code == 200, answer.text
            return answer.json()["deleted"], answer.json()["more"]

        long_ago = time.time() - 3600
        assert delete(finished_before=long_ago) == ([], False)
        assert delete(finished_before=NOW, state=["failed", "succeeded"]) == ([], False)
        assert delete(finished_before=NOW, label="show=one", dry_run=True) == (made, False)
        assert delete(finished_before=NOW, label="show=one", limit=2) == (made[:2], True)
        assert delete(finished_before=NOW, label="show=one", limit=2) == (made[2:], False)
        assert delete(finished_before=NOW, state="cancelled") == ([other], False)
        assert client.get("/v1/jobs").json()["jobs"] == []


@pytest.mark.parametrize(
    "params",
    [{}, {"finished_before": NOW, "state": "running"}, {"finished_before": NOW, "limit": 0}],
)
def test_a_request_that_says_too_little_deletes_nothing(
    idle: Served, params: dict[str, Any]
) -> None:
    """`DELETE /v1/jobs/` with an id that was left out must not delete everything."""
    job_id = _cancelled(idle.client)

    answer = idle.client.delete("/v1/jobs", params=params)

    assert answer.status_code == 422, answer.text
    assert idle.job(job_id)["state"] == "cancelled"


def test_a_service_deletes_what_it_was_told_to_keep_for_so_long(tmp_path: Path, talk: Path) -> None:
    home = tmp_path / "home"
    spec = {"inputs": {"t": str(talk)}, "outputs": [{"from": "t", "to": "own.mkv"}]}
    with serving(home) as first:
        old, young = first.submit(spec), first.submit(spec)
        assert {first.ended(job_id)["state"] for job_id in (old, young)} == {"succeeded"}
    with sqlite3.connect(home / "reelwright.db") as connection:
        aged = "UPDATE jobs SET finished_at = finished_at - 31 * 86400 WHERE id = ?"
        connection.execute(aged, (old,))
    connection.close()
    with serving(home, REEL_SERVE__KEEP_DAYS="30") as again:
        until(lambda: again.client.get(f"/v1/jobs/{old}").status_code == 404 or None)
        until(lambda: not (home / "served" / old).exists() or None)
        assert again.job(young)["state"] == "succeeded"
        assert (home / "served" / young / "own.mkv").is_file()
        rows = again.client.get("/v1/audit", params={"action": "job.delete"}).json()["entries"]
        assert [(r["actor"], r["role"], r["target"]) for r in rows] == [
            ("retention", "system", old)
        ]


def test_jobs_of_this_machine_are_deleted_by_the_command(tmp_path: Path, ffmpeg: Path) -> None:
    make_clip(ffmpeg, tmp_path / "clip.mp4")
    (tmp_path / "job.yaml").write_text(SPEC)
    home = {"REEL_HOME": str(tmp_path / "home")}
    ids = []
    for height in (32, 48, 64):
        done = reel("run", "job.yaml", "--json", "--set", f"height={height}", cwd=tmp_path, **home)
        assert done.code == 0, done.err
        ids.append(done.lines[-1]["id"])
    film = (tmp_path / "out" / "small.mp4").read_bytes()

    def jobs(*words: str) -> Any:
        return reel("jobs", *words, "--json", cwd=tmp_path, **home)

    assert jobs("delete").code == 2, "nothing is named"
    assert jobs("delete", ids[0], "--state", "failed").code == 2, "both"
    assert jobs("delete", "--state", "running").code == 2
    assert jobs("delete", ids[0], "0" * 17).code == 2, "all or none"
    assert len(jobs().json["jobs"]) == 3
    assert jobs("delete", ids[0], "--dry-run").json == {"deleted": [ids[0]], "dry_run": True}
    assert len(jobs().json["jobs"]) == 3
    assert jobs("delete", ids[0][:15], ids[0]).json == {"deleted": [ids[0]], "dry_run": False}
    assert [job["id"] for job in jobs().json["jobs"]] == ids[:0:-1]
    assert not (tmp_path / "home" / "logs" / ids[0]).exists()
    assert jobs("delete", "--older-than", "1h").json["deleted"] == []
    assert jobs("delete", "--state", "failed").json["deleted"] == []
    assert jobs("delete", "--state", "succeeded", "--dry-run").json["deleted"] == ids[1:]
    assert jobs("delete", "--state", "succeeded").json["deleted"] == ids[1:]
    assert jobs().json["jobs"] == []
    assert (tmp_path / "out" / "small.mp4").read_bytes() == film


def test_jobs_of_a_service_are_deleted_by_the_command(idle: Served, tmp_path: Path) -> None:
    with _client(idle, owner="afar") as client:
        first, second, third = (_cancelled(client, by="command") for _ in range(3))
        queued = client.post("/v1/jobs", json=MISSING).json()["id"]
        mine = Served(
            idle.url, client.headers["authorization"].split()[1], idle.home, idle.process, client
        )

        refused = remote(mine, "jobs", "delete", first, queued, "--json", cwd=tmp_path)
        assert refused.code != 0
        assert "transition_refused" in refused.out
        named = remote(mine, "jobs", "delete", first, "--json", cwd=tmp_path)
        assert named.json == {"deleted": [first], "dry_run": False}
        words = ("jobs", "delete", "--state", "cancelled", "--label", "by=command", "--json")
        assert remote(mine, *words, "--dry-run", cwd=tmp_path).json["deleted"] == [second, third]
        assert remote(mine, *words, cwd=tmp_path).json["deleted"] == [second, third]
        left = remote(mine, "jobs", "--json", cwd=tmp_path).json["jobs"]
        assert [job["id"] for job in left] == [queued]


def test_a_kill_in_the_middle_of_it_leaves_nothing_half(tmp_path: Path) -> None:
    """A job has its row and its folder, or neither: at once, or when the next service has begun."""
    home = tmp_path / "home"
    with serving(home, "--no-worker") as first:
        batch = {"jobs": [MISSING] * 150}
        made = first.client.post("/v1/batches", json=batch).json()
        assert first.client.post(f"/v1/batches/{made['id']}/cancel").status_code == 202
        folders = [home / "served" / job_id for job_id in made["jobs"]]
        for folder in folders:
            folder.mkdir(parents=True)
            (folder / "film.mp4").write_bytes(b"x" * 100)

        def delete() -> None:
            with contextlib.suppress(httpx.HTTPError):
                first.client.delete("/v1/jobs", params={"finished_before": NOW, "limit": 500})

        asking = threading.Thread(target=delete)
        asking.start()
        until(lambda: not all(folder.exists() for folder in folders) or None, pause_s=0.001)
        assert first.stop(signal.SIGKILL) == -signal.SIGKILL
        asking.join()
    with serving(home, "--no-worker") as second:

        def is_whole() -> bool:
            page = second.client.get("/v1/jobs", params={"limit": 500}).json()
            left = {job["id"] for job in page["jobs"]}
            return {folder.name for folder in folders if folder.exists()} == left

        until(lambda: is_whole() or None)
        rows = second.client.get("/v1/audit", params={"action": "job.delete", "limit": 500})
        gone = {row["target"] for row in rows.json()["entries"]}
        assert gone == {folder.name for folder in folders if not folder.exists()}


def test_a_folder_whose_service_died_in_between_is_swept_at_the_next_start(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    with serving(home, "--no-worker") as first:
        job_id = _cancelled(first.client)
        stranger = "f" * 17
        assert _purge(first.client, job_id).status_code == 200
    for name in (job_id, stranger):
        (home / "served" / name).mkdir(parents=True)
        (home / "served" / name / "film.mp4").write_text("left")
    shutil.rmtree(home / "logs", ignore_errors=True)
    with serving(home, "--no-worker"):
        until(lambda: not (home / "served" / job_id).exists() or None)
        assert (home / "served" / stranger / "film.mp4").exists(), "of another database, maybe"
