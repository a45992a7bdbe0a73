"""`understand: true` of an archive: what is kept is understood, and stays kept where it is not."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from tests.faults.archive.runs import Archive, Ended
from tests.site import Site

CLIP = "/files/clip.mp4"


def understood(done: Ended) -> list[dict[str, Any]]:
    return [dict(line) for line in done.events if line["event"] == "understood"]


def labels(archive: Archive) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(archive.home / "reelwright.db")) as database:
        return list(database.execute("SELECT name, value FROM job_labels ORDER BY name, value"))


def documents(archive: Archive) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(archive.home / "reelwright.db")) as database:
        return list(database.execute("SELECT subject, kind FROM documents"))


@pytest.mark.timeout(300)
def test_what_is_kept_is_understood_once(archive: Archive, site: Site) -> None:
    done = archive.run(site.url(CLIP), "--understand")
    assert done.code == 0, done.said
    asset = done.entry["asset"]
    (told,) = understood(done)
    assert told["state"] == "succeeded"
    assert told["asset"] == asset
    assert documents(archive) == [(f"asset:{asset}", "asset")]
    assert (done.job["kept"], done.job["understood"]) == (1, 1)

    again = archive.run(site.url(CLIP), "--understand")
    assert (again.code, again.job["held"]) == (0, 1)
    assert understood(again) == []


@pytest.mark.timeout(300)
def test_what_is_held_already_is_understood_when_somebody_asks(
    archive: Archive, site: Site
) -> None:
    plain = archive.run(site.url(CLIP))
    assert "understood" not in plain.job
    done = archive.run(site.url(CLIP), "--understand")
    assert (done.code, done.job["held"], done.job["understood"]) == (0, 1, 1)


@pytest.mark.timeout(300)
def test_a_video_that_is_not_understood_stays_kept_and_on_the_work_plan(
    archive: Archive, site: Site
) -> None:
    # Every part that needs a model fails; what needs none is indexed all the same.
    nobody = {
        "REEL_MODELS__OCR": "openai:eyes",
        "REEL_MODELS__OPENAI_URL": "http://127.0.0.1:9/v1",
        "REEL_MODELS__ATTEMPTS": "1",
        "REEL_RETRY__ATTEMPTS": "1",
    }
    lonely = replace(archive, more=nobody)
    done = lonely.run(site.url(CLIP), "--understand")
    assert done.entry["state"] == "kept"
    assert archive.path(done.entry).is_file()
    (told,) = understood(done)
    assert told["state"] == "failed"
    assert done.code != 0
    assert [kind for _, kind in documents(archive)] == ["asset"]

    causes = lonely.document("workplan")["causes"]
    (item,) = [i for c in causes for i in c["items"] if i["kind"] == "understanding"]
    assert (item["asset"], item["job"]) == (done.entry["asset"], told["job"])

    mended = archive.start("workplan", "run", "--cause", "understanding", "--json").end()
    assert mended.job["understood"] == 1
    after = archive.document("workplan")["causes"]
    assert not [i for c in after for i in c["items"] if i["kind"] == "understanding"]
