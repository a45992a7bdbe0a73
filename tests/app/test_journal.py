"""The journal holds what went wrong, one JSON object a line, and nothing of what went well."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from reelwright.app.observe.journal import Journal, into_file
from reelwright.engine.events import JobChanged, OutputDelivered, StepChanged, StepProgress

ERROR = {"code": "disk_full", "message": "no space left"}


def _lines(folder: Path) -> list[dict[str, object]]:
    path = folder / "reel.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_failures_and_retries_are_written(tmp_path: Path) -> None:
    journal = Journal(into_file(tmp_path / "logs"))
    journal(StepChanged(job_id="j", key="s", state="ready", attempt=1, error=ERROR, retry_in_s=2.5))
    journal(StepChanged(job_id="j", key="s", state="failed", attempt=2, error=ERROR, log="l.log"))
    journal(JobChanged(job_id="j", state="failed", error=ERROR))
    retry, step, job = _lines(tmp_path / "logs")
    assert (retry["level"], retry["in_s"]) == ("warning", 2.5)
    assert (step["event"], step["log"], step["attempt"]) == ("step failed", "l.log", 2)
    assert (job["event"], job["code"]) == ("job failed", "disk_full")
    assert all("timestamp" in line for line in (retry, step, job))


def test_what_goes_well_leaves_no_file(tmp_path: Path) -> None:
    journal = Journal(into_file(tmp_path / "logs"))
    journal(JobChanged(job_id="j", state="succeeded"))
    journal(StepProgress(job_id="j", key="s", attempt=1, fraction=0.5))
    assert not (tmp_path / "logs").exists()


def test_what_was_cancelled_is_no_failure(tmp_path: Path) -> None:
    error = {"code": "cancelled", "message": "the job was cancelled"}
    journal = Journal(into_file(tmp_path / "logs"))
    journal(StepChanged(job_id="j", key="s", state="cancelled", attempt=1, error=error))
    journal(JobChanged(job_id="j", state="cancelled", error=error))
    assert not (tmp_path / "logs").exists()

    told: list[dict[str, Any]] = []
    heard = Journal(told.append, wants=lambda _level: True)
    heard(JobChanged(job_id="j", state="cancelled", error=error))
    assert [(line["level"], line["event"]) for line in told] == [("info", "job cancelled")]


def test_a_service_hears_all_that_its_level_wants() -> None:
    told: list[dict[str, Any]] = []
    asked: list[str] = []

    def origin(job_id: str) -> dict[str, str]:
        asked.append(job_id)
        return {"owner": "ann"}

    journal = Journal(told.append, wants=lambda level: level != "debug", origin=origin)
    for job_id, state in (("a", "queued"), ("b", "running"), ("c", "succeeded")):
        journal(JobChanged(job_id=job_id, state=state))
    journal(OutputDelivered(job_id="d", path="/secret/name.mp4", sha256="e", size_bytes=3))
    journal(StepProgress(job_id="e", key="s", attempt=1, fraction=0.5))
    assert [(x["event"], x["job"], x["owner"]) for x in told] == [
        ("job succeeded", "c", "ann"),
        ("output delivered", "d", "ann"),
    ]
    assert asked == ["c", "d"]  # nothing is read for a line that nobody wants


def test_a_long_journal_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelwright.app.observe.journal._MOST_BYTES", 10)
    for _ in range(2):
        Journal(into_file(tmp_path))(JobChanged(job_id="j", state="failed", error=ERROR))
    assert len(_lines(tmp_path)) == 1
    assert (tmp_path / "reel.jsonl.1").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
def test_a_full_disk_is_no_failure_of_the_job(tmp_path: Path) -> None:
    (tmp_path / "reel.jsonl").symlink_to("/dev/full")
    Journal(into_file(tmp_path))(JobChanged(job_id="j", state="failed", error=ERROR))
