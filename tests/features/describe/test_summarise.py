"""`summarise`: by a model that is checked against evidence, and without one."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.features.describe.speaking import Film, film
from tests.features.jobs import Studio
from tests.model_stub import model_stub

pytestmark = pytest.mark.timeout(600)

SPEC = """
inputs: {film: film.mkv}
operations:
  - {id: said, op: transcribe, input: film}
  - {id: gist, op: summarise, input: said}
outputs:
  - {from: gist.summary, to: summary.json}
  - {from: gist.chapters, to: chapters.json}
  - {from: gist.ffmetadata, to: chapters.ffmetadata}
  - {from: gist.youtube, to: chapters.txt}
"""


@pytest.fixture(scope="session")
def long_film(ffmpeg: Path, shelf: Path) -> Film:
    return film(ffmpeg, shelf / "long.mkv", duration_s=36.0)


def load(studio: Studio, name: str) -> Any:
    return json.loads(studio.path(name).read_text())


def assert_covering(chapters: list[dict[str, Any]], duration: float) -> None:
    assert len(chapters) >= 3
    assert chapters[0]["start"] == 0
    assert chapters[-1]["end"] == pytest.approx(duration, abs=0.1)
    assert all(a["end"] == b["start"] for a, b in itertools.pairwise(chapters))
    assert all(one["end"] - one["start"] >= 10 - 1e-6 for one in chapters)


def summarised(body: dict[str, Any]) -> Any:
    """A model that cites what it was given, and something that it was not."""
    text = json.dumps(body)
    if "<parts>" not in text:
        mark = re.findall(r"(e\d+) \| 00:", text)[0]
        return {
            "summary": "News of the harbour.",
            "points": [{"text": "There is news.", "evidence": [mark]}],
            "chapters": [{"title": "Welcome", "evidence": mark}],
        }
    mark = re.findall(r"\be\d+\b", text.partition("<parts>")[2])[0]
    return {
        "title": "News from the harbour",
        "summary": "The ships came back.",
        "key_points": [
            {"text": "There is news.", "evidence": [mark]},
            {"text": "A whale was seen.", "evidence": ["e77"]},
        ],
        "chapters": [{"title": "Welcome", "evidence": mark}],
    }


def test_without_a_model_it_is_extractive_and_says_so(studio: Studio, long_film: Film) -> None:
    studio.bring(long_film.path, "film.mkv")
    studio.run(SPEC)
    summary, chapters = load(studio, "summary.json"), load(studio, "chapters.json")["chapters"]
    assert summary["method"] == "extractive"
    assert summary["key_points"]
    for point in summary["key_points"]:
        (quote,) = point["evidence"]
        assert point["text"] == quote["quote"]
        assert (point["start"], point["end"]) == (quote["start"], quote["end"])
        assert any(a - 1 < point["start"] < b + 1 for a, b in long_film.spoken)
    assert_covering(chapters, 36.0)
    assert studio.path("chapters.ffmetadata").read_text().startswith(";FFMETADATA1\n")
    lines = studio.path("chapters.txt").read_text().splitlines()
    assert lines[0].startswith("00:00 ")
    assert len(lines) == len(chapters)


def test_a_model_is_asked_part_by_part_and_checked(
    studio: Studio, long_film: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its invented evidence is dropped; what it may cite has the times of what was said."""
    studio.bring(long_film.path, "film.mkv")
    with model_stub(chat=summarised) as stub:
        monkeypatch.setenv("REEL_MODELS__LANGUAGE", "local:pen")
        monkeypatch.setenv("REEL_MODELS__LOCAL_URL", stub.url)
        studio.run(SPEC)
        asked = len(stub.asked)
        assert asked == 2
        assert "News of the harbour." in stub.asked[-1].text
        studio.run(SPEC.replace("summary.json", "again.json"))
        assert len(stub.asked) == asked
    summary = load(studio, "summary.json")
    assert summary["method"] == "model"
    assert summary["title"] == "News from the harbour"
    assert summary["dropped"] == 1
    (point,) = summary["key_points"]
    assert point["text"] == "There is news."
    assert any(a - 1 < point["start"] < b for a, b in long_film.spoken)
    assert (summary["provider"], summary["prompt"]) == ("local", "summarise-reduce@1")
    assert [one["prompt"] for one in summary["parts"]] == ["summarise-map@1"]
    chapters = load(studio, "chapters.json")["chapters"]
    assert_covering(chapters, 36.0)
    assert chapters[0]["title"] == "Welcome"
    assert {one["method"] for one in chapters[1:]} == {"extractive"}


def test_a_model_that_is_wanted_and_not_there_is_an_error(studio: Studio, long_film: Film) -> None:
    studio.bring(long_film.path, "film.mkv")
    done = studio.run(SPEC.replace("input: said}", "input: said, method: model}"), code=4)
    assert "model_unavailable" in done.out
    assert "models.language" in done.out


def test_nothing_to_sum_up_is_said_before_anything_runs(studio: Studio, long_film: Film) -> None:
    studio.bring(long_film.path, "film.mkv")
    done = studio.plan(SPEC.replace("input: said}", "input: film}"), code=2)
    assert "transcribe" in json.dumps(done)
