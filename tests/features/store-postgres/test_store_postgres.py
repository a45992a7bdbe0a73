"""The same jobs on PostgreSQL: run, listed, from the cache, resumed."""

from pathlib import Path

import pytest

from tests.cli.reel import reel_process
from tests.features.jobs import Studio

pytestmark = pytest.mark.postgres

SPEC = """\
inputs: {in: in.mp4}
operations: [{id: a, op: scale, height: 90}, {id: l, op: loudnorm, input: a}]
outputs: [{from: l, to: out.mp4, video: {codec: h264, preset: ultrafast}}]
"""


def test_jobs_live_in_the_database_that_is_configured(
    studio: Studio, talk: Path, postgres_url: str, reel_home: Path
) -> None:
    studio.bring(talk, "in.mp4")
    studio.write(SPEC)

    def reel(*arguments: str) -> list[dict[str, object]]:
        done = reel_process(*arguments, "--json", cwd=studio.folder, REEL_DATABASE=postgres_url)
        assert done.code == 0, done.out + done.err
        return done.lines

    last = reel("run", "job.yaml")[-1]
    assert last["state"] == "succeeded"
    assert studio.numbers("out.mp4") == list(range(250))
    again = reel("run", "job.yaml")
    assert {e["state"] for e in again if e["event"] == "step"} == {"cached"}
    (listed,) = reel("jobs")
    jobs = listed["jobs"]
    assert isinstance(jobs, list)
    assert [job["state"] for job in jobs] == ["succeeded", "succeeded"]
    assert jobs[-1]["id"] == last["id"]
    assert not list(reel_home.glob("*.db*"))


def test_the_password_is_not_shown(studio: Studio, postgres_url: str) -> None:
    url = postgres_url.replace("postgres@", "postgres:hunter2@")
    for command in (["config", "show"], ["doctor"]):
        done = reel_process(*command, cwd=studio.folder, REEL_DATABASE=url)
        assert "hunter2" not in done.out + done.err


def test_a_server_that_is_not_there_is_an_error_with_a_hint(studio: Studio, talk: Path) -> None:
    studio.bring(talk, "in.mp4")
    studio.write(SPEC)
    nowhere = "postgresql://postgres@/reel?host=/nowhere"
    done = reel_process("run", "job.yaml", "--json", cwd=studio.folder, REEL_DATABASE=nowhere)
    assert done.code == 6, done.out
    error = done.lines[-1]["error"]
    assert error["code"].startswith("store_")
    assert error["hint"]
    assert not studio.path("out.mp4").exists()
