"""`reel understand`: a film is found by what is said and written in it, without any setup."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.reel import Done, reel

pytestmark = pytest.mark.timeout(600)


def understand(film: Path, folder: Path, *more: str, **environ: str) -> Done:
    return reel("understand", str(film), "--json", *more, cwd=folder, **environ)


def hits(folder: Path, *words: str) -> list[dict[str, Any]]:
    done = reel("search", *words, "--json", cwd=folder)
    assert done.code == 0, done.err
    found: list[dict[str, Any]] = done.json["hits"]
    return found


def test_a_film_is_found_by_what_is_written_in_it(film: Path, tmp_path: Path) -> None:
    done = understand(film, tmp_path)
    video, last = done.lines
    assert done.code == 0, done.out
    assert (video["event"], video["state"], video["name"]) == ("video", "succeeded", "film.mp4")
    assert video["parts"] == ["shots", "keyframes", "speech", "transcript", "text", "summary"]
    assert {one["part"] for one in video["left_out"]} == {"frames", "descriptions"}
    assert video["found"]["shots"] == 3
    assert last == {"event": "job", "state": "succeeded", "understood": 1, "failed": 0, "left": 0}

    (first, *_) = hits(tmp_path, "hiring plan")
    assert first["asset"] == video["subject"]
    assert 9 <= first["start"] <= 11
    assert 19 <= first["end"] <= 21
    assert Path(first["thumbnail"]).read_bytes()[:2] == b"\xff\xd8"  # a JPEG of that slide
    (second, *_) = hits(tmp_path, "money that was earned")  # by its meaning: no word is there
    assert second["start"] <= 1

    again = understand(film, tmp_path)
    assert again.lines[0]["found"] == video["found"]
    steps = reel("status", "last", "--json", cwd=tmp_path).json["steps"]
    kinds = {step["state"] for step in steps if not step["id"].startswith("index")}
    assert kinds <= {"cached", "skipped", "expanded"}


def test_a_part_that_is_asked_for_alone_keeps_the_others(film: Path, tmp_path: Path) -> None:
    assert understand(film, tmp_path, "--only", "text").code == 0
    assert hits(tmp_path, "hiring")
    done = understand(film, tmp_path, "--only", "shots", "--title", "The meeting")
    assert done.lines[0]["parts"] == ["shots"]
    (found, *_) = hits(tmp_path, "hiring")
    assert found["title"] == "The meeting"


def test_a_part_that_fails_keeps_no_other_from_being_found(film: Path, tmp_path: Path) -> None:
    nobody = {
        "REEL_MODELS__VISION": "openai:eyes",
        "REEL_MODELS__OPENAI_URL": "http://127.0.0.1:9/v1",
        "REEL_MODELS__ATTEMPTS": "1",
        "REEL_RETRY__ATTEMPTS": "1",
    }
    done = understand(film, tmp_path, "--only", "text,descriptions", **nobody)
    video = done.lines[0]
    assert done.code != 0
    assert (video["state"], video["parts"]) == ("failed", ["shots", "keyframes", "text"])
    assert video["code"] == "network_unreachable"
    assert hits(tmp_path, "hiring")


def test_a_folder_goes_on_after_a_file_that_is_none(film: Path, tmp_path: Path) -> None:
    videos = tmp_path / "videos" / "deep"
    videos.mkdir(parents=True)
    shutil.copy(film, videos / "good.mp4")
    (videos / "bad.mp4").write_bytes(b"no video at all" * 100)
    (videos / "notes.txt").write_text("no video either")
    (videos / ".hidden.mp4").write_bytes(b"")
    done = understand(videos.parent, tmp_path, "--only", "shots")
    bad, good, last = done.lines
    assert (bad["name"], bad["state"]) == ("bad.mp4", "failed")
    assert bad["code"] == "media_unrecognised"
    assert (good["name"], good["state"]) == ("good.mp4", "succeeded")
    assert (last["state"], last["understood"], last["failed"]) == ("failed", 1, 1)
    assert done.code == 3


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("nothing.mp4",), 2, "is not there"),
        (("film.mp4", "--only", "transcrpt"), 2, "did you mean 'transcript'"),
        (("film.mp4", "--only", "descriptions"), 4, "models.vision"),
        (("https://example.org/talk.mp4",), 2, "reel archive"),
        (("asset:0000",), 2, "there is no asset"),
    ],
)
def test_what_cannot_be_says_why(
    film: Path, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    shutil.copy(film, tmp_path / "film.mp4")
    done = reel("understand", *words, cwd=tmp_path)
    assert said in done.err
    assert done.code == code


def test_a_quote_says_what_it_would_cost_and_does_nothing(film: Path, tmp_path: Path) -> None:
    paid = {"REEL_MODELS__VISION": "openai:gpt-4o-mini", "REEL_MODELS__OPENAI_KEY": "sk-test"}
    done = understand(film, tmp_path, "--describe", "--quote", **paid)
    vision = next(line for line in done.json["lines"] if line["kind"] == "vision")
    assert 0 < vision["expected_usd"] < vision["most_usd"]
    assert reel("jobs", "--json", cwd=tmp_path).json == {"jobs": []}


def test_what_is_shown_to_a_person(film: Path, tmp_path: Path) -> None:
    done = reel("understand", str(film), "--only", "shots,text", cwd=tmp_path)
    assert "film.mp4: looking for shots, text" in done.err
    assert "3 shots, 3 texts in the picture" in done.err
    assert "search WORDS` finds them" in done.err
    assert not json.dumps(done.out).strip('"')
