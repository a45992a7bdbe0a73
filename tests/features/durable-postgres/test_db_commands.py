"""`reel db`: a home is checked, backed up, and moved from SQLite to PostgreSQL and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.reel import Done, reel
from tests.features.jobs import Studio

SPEC = """\
inputs: {in: in.mp4}
operations: [{id: a, op: scale, height: 90}]
outputs: [{from: a, to: out.mp4, video: {codec: h264, preset: ultrafast}}]
"""


def _db(studio: Studio, *arguments: str, code: int = 0, database: str = "") -> Done:
    environ = {"REEL_DATABASE": database} if database else {}
    done = reel("db", *arguments, cwd=studio.folder, **environ)
    assert done.code == code, f"{done.out}\n{done.err}"
    return done


@pytest.mark.postgres
def test_a_laptop_s_jobs_move_to_a_server_and_back(
    studio: Studio, talk: Path, postgres_url: str, reel_home: Path
) -> None:
    studio.bring(talk, "in.mp4")
    job_id = studio.run(SPEC, "--label", "show=Ünter").lines[-1]["id"]
    assert _db(studio, "check", "--files", "--json").json["ok"]
    made = _db(studio, "backup", "jobs.zip", "--json").json
    assert {part["table"] for part in made["parts"]} >= {"jobs", "steps", "audit", "outbox"}

    server = {"REEL_DATABASE": postgres_url}
    told = _db(studio, "restore", "jobs.zip", "--json", database=postgres_url).json
    assert told["parts"] == made["parts"]
    health = _db(studio, "check", "--files", "--json", database=postgres_url).json
    assert health["facts"]["encoding"] == "UTF8"
    (listed,) = reel("jobs", "--json", cwd=studio.folder, **server).lines
    assert [job["id"] for job in listed["jobs"]] == [job_id]
    # The cache counts there too: the files are those of this home.
    again = reel("run", "job.yaml", "--json", "--overwrite", cwd=studio.folder, **server)
    assert {e["state"] for e in again.lines if e["event"] == "step"} == {"cached"}

    _db(studio, "backup", "server.zip", database=postgres_url)
    _db(studio, "restore", "server.zip", code=2)
    _db(studio, "restore", "server.zip", "--replace", code=2)  # nobody is there to ask
    _db(studio, "restore", "server.zip", "--replace", "--yes")
    (listed,) = reel("jobs", "--json", cwd=studio.folder).lines
    assert len(listed["jobs"]) == 2


def test_the_schema_goes_back_and_forth(studio: Studio) -> None:
    assert _db(studio, "check", "--json", code=6).json["findings"][0]["code"] == "store_version"
    first = _db(studio, "upgrade", "--json").json
    assert (first["from"], first["to"]) == (None, "0007")
    assert "nothing to do" in _db(studio, "upgrade").out
    _db(studio, "downgrade", "0003", code=2)
    assert "0007 -> 0003" in _db(studio, "downgrade", "0003", "--yes").out
    assert "reel db upgrade" in _db(studio, "check", code=6).err
    assert "0003 -> 0007" in _db(studio, "upgrade").out
    assert "all is well" in _db(studio, "check").out
    unknown = _db(studio, "downgrade", "9999", "--yes", code=6).err
    assert "'9999'" in unknown
    assert "base, 0001, 0002, 0003, 0004, 0005, 0006" in unknown
    assert "there is no folder" in _db(studio, "backup", "nowhere/jobs.zip", code=2).err


def test_wrong_files_are_named(studio: Studio) -> None:
    studio.path("text").write_text("no backup")
    assert "backup_invalid" in _db(studio, "restore", "text", code=2).err
    assert "input_not_found" in _db(studio, "restore", "nowhere", code=2).err
    _db(studio, "upgrade")
    assert "output_exists" in _db(studio, "backup", "text", code=2).err
    assert studio.path("text").read_text() == "no backup"
    _db(studio, "backup", "text", "--overwrite")
    assert "restored" in _db(studio, "restore", "text").out


def test_the_password_stays_unseen(studio: Studio) -> None:
    url = "postgresql://reel:hunter2@/reel?host=/nowhere"  # secret-ok: nobody's
    for command in (["upgrade"], ["check"], ["backup", "x.zip"]):
        done = _db(studio, *command, code=6, database=url)
        assert "hunter2" not in done.out + done.err
        assert "store_unavailable" in done.err
    assert not studio.path("x.zip").exists()
