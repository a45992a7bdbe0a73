"""A provider that is down, a budget that is reached, a search meanwhile: what is done is kept."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.understand_kills import Counting, make_video, provider
from tests.cli.reel import REEL, Done, reel

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]
_SHOTS = 6


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six segments of twenty seconds."""
    path = tmp_path_factory.mktemp("provider") / "film.mp4"
    make_video(path, _SHOTS, seed=3)
    return path


@pytest.fixture
def counting() -> Iterator[tuple[Counting, str]]:
    with provider() as made:
        yield made


def understand(video: Path, folder: Path, url: str, *more: str, **environ: str) -> Done:
    paid = {
        "REEL_MODELS__VISION": "openai:gpt-4o-mini",
        "REEL_MODELS__OPENAI_URL": url,
        "REEL_MODELS__ATTEMPTS": "1",
        "REEL_RETRY__ATTEMPTS": "1",
        **environ,
    }
    words = ["understand", str(video), "--only", "text,descriptions", "--json", *more]
    return reel(*words, cwd=folder, **paid)


def described(folder: Path, job: str) -> int:
    steps = reel("status", job, "--json", cwd=folder).json["steps"]
    done = {"succeeded", "cached"}
    return sum(s["id"].startswith("describe-segment") and s["state"] in done for s in steps)


def test_a_provider_that_is_down_costs_the_other_parts_nothing(
    video: Path, tmp_path: Path, counting: tuple[Counting, str]
) -> None:
    done = understand(video, tmp_path, "http://127.0.0.1:9/v1")
    one = done.lines[0]
    assert (one["state"], one["parts"]) == ("failed", ["shots", "keyframes", "text"])
    told, url = counting
    up = understand(video, tmp_path, url)
    assert up.code == 0, up.out
    assert "descriptions" in up.lines[0]["parts"]
    assert (len(told.paid), set(told.paid.values())) == (_SHOTS, {1})


def test_at_the_budget_what_is_done_stays_and_more_money_goes_on(
    video: Path, tmp_path: Path, counting: tuple[Counting, str]
) -> None:
    told, url = counting
    gateway = {"REEL_MODELS__GATEWAYS": "openai"}
    short = understand(video, tmp_path, url, "--budget", "0.0022", **gateway)
    one = short.lines[0]
    assert (one["code"], one["state"]) == ("budget_reached", "failed")
    assert short.code == 6
    assert one["parts"] == ["shots", "keyframes", "text"]
    paid = len(told.paid)
    assert 0 < paid < _SHOTS

    whole = understand(video, tmp_path, url, "--budget", "1", **gateway)
    assert whole.code == 0, whole.out
    assert "descriptions" in whole.lines[0]["parts"]
    assert (len(told.paid), set(told.paid.values())) == (_SHOTS, {1})


def test_a_search_goes_on_while_another_process_indexes(
    video: Path, tmp_path: Path, counting: tuple[Counting, str]
) -> None:
    (tmp_path / "notes.md").write_text("# Notes\n\nThe harbour closes at nine.\n")
    assert reel("index", "notes.md", cwd=tmp_path).code == 0
    _, url = counting
    words = [str(REEL), "understand", str(video), "--only", "text,descriptions", "--json"]
    environ: dict[str, Any] = {
        "REEL_MODELS__VISION": "openai:counting",
        "REEL_MODELS__OPENAI_URL": url,
    }
    process = subprocess.Popen(
        words, cwd=tmp_path, env={**os.environ, **environ}, stdout=subprocess.PIPE, text=True
    )
    try:
        looked = 0
        while process.poll() is None or looked == 0:
            found = reel("search", "harbour", "--json", cwd=tmp_path)
            assert found.code == 0, found.err
            assert "harbour closes" in found.json["hits"][0]["snippet"]
            looked += 1
    finally:
        process.kill()
        out, _ = process.communicate()
    assert json.loads(out.splitlines()[-1])["state"] == "succeeded"
    hits = reel("search", "segment colour", "--json", cwd=tmp_path).json["hits"]
    assert any(hit["kind"] == "description" for hit in hits)
