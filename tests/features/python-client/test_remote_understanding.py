"""`reel --server URL search | ask | understand | transcribe | read-text`: as on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.reel import reel
from tests.client.remotely import remote
from tests.features import media
from tests.features.indexed import GUIDE
from tests.features.transcribe.voices import spoken
from tests.served import Served

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def indexed(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The service's machine has a guide; the folder that it stands in."""
    folder = tmp_path_factory.mktemp("texts")
    (folder / "farm.md").write_text(GUIDE)
    (folder / "talk.vtt").write_text(
        "WEBVTT\n\n00:00:02.000 --> 00:00:12.000\nThe kettle whistles.\n\n"
        "00:00:13.000 --> 00:00:23.000\nThe tea is ready.\n"
    )
    home = str(served.home)
    done = reel("index", "farm.md", "talk.vtt", "--json", cwd=folder, REEL_HOME=home)
    assert done.code == 0, done.err
    return folder


@pytest.fixture(scope="module")
def voice(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip in which something is said and written."""
    folder = tmp_path_factory.mktemp("voice")
    spoken(folder / "voice.wav", "This is a test.")
    font = Path(__file__).parents[3] / "src/reelwright/assets/fonts/DejaVuSans.ttf"
    drawn = (
        f"drawtext=fontfile={font}:text='QUARTERLY REVENUE':fontsize=32:fontcolor=white:x=40:y=80"
    )
    return media.make(
        ffmpeg,
        folder / "clip.mp4",
        *("-i", str(folder / "voice.wav"), "-f", "lavfi"),
        *("-i", f"color=0x102040:s=480x270:r=10:d=2,{drawn}"),
        *("-map", "1:v", "-map", "0:a", "-c:v", "libx264", "-preset", "veryfast", "-t", "2"),
    )


def _same(there: Any, here: Any) -> None:
    """But for what is measured."""
    assert there.pop("took_s") >= 0
    assert here.pop("took_s") >= 0
    assert there == here


def test_a_search_finds_what_one_there_finds(served: Served, indexed: Path, tmp_path: Path) -> None:
    home = {"REEL_HOME": str(served.home)}
    for words in (["kettle"], ["frames night", "-k", "1", "--documents"], ["kettle", "--words"]):
        there = remote(served, "search", *words, "--json", cwd=tmp_path)
        assert there.code == 0, there.err
        here = reel("search", *words, "--json", cwd=indexed, **home)
        _same(there.json, here.json)
    shown = remote(served, "search", "kettle", "--why", cwd=tmp_path)
    assert shown.out.startswith("1. talk.vtt")
    assert "00:00:02" in shown.out
    assert "captions words: number 1" in shown.out
    none = remote(served, "search", "kettle", "--kind", "chapter", cwd=tmp_path)
    assert "Nothing was found." in none.err


def test_an_answer_is_that_of_there(served: Served, indexed: Path, tmp_path: Path) -> None:
    question = ["ask", "How long are old frames kept before they are deleted?"]
    there = remote(served, *question, "--json", cwd=tmp_path)
    assert there.code == 0, there.err
    here = reel(*question, "--json", cwd=indexed, REEL_HOME=str(served.home))
    assert there.json == here.json
    told = remote(served, *question, "--documents", cwd=tmp_path)
    assert "thirty days" in told.out
    assert "Extractive" in told.err
    nothing = remote(served, "ask", "Who won the tournament?", "--json", cwd=tmp_path)
    assert (nothing.code, nothing.json["error"]["code"]) != (0, None)
    assert nothing.json["error"]["code"] == "no_evidence"


def test_what_needs_the_videos_at_hand_is_refused(served: Served, tmp_path: Path) -> None:
    for words, where in (
        (["search", "x", "--clip", "out"], "--clip"),
        (["search", "x", "--edl"], "--edl"),
        (["search", "x", "--spec"], "--spec"),
        (["ask", "x", "--videos"], "--videos"),
        (["understand", "a.mp4", "--quote"], "--quote"),
        (["understand", "a.mp4", "--no-sandbox"], "--sandbox"),
        (["transcribe", "a.mp4", "--model", "pocketsphinx"], "--model"),
        (["search", "x", "--asset", "nobody"], "nobody"),
    ):
        done = remote(served, *words, "--json", cwd=tmp_path)
        assert done.code != 0, words
        assert _error(done.lines[-1])["where"] == where, done.out
    assert not (tmp_path / "out").exists()


def _error(line: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = line["error"]
    return found


def test_a_file_is_understood_there_and_found_there(
    served: Served, voice: Path, tmp_path: Path
) -> None:
    words = ["understand", str(voice), "--only", "keyframes,text", "--title", "The clip"]
    done = remote(served, *words, "--json", cwd=tmp_path)
    assert done.code == 0, done.out + done.err
    video, last = done.lines
    assert (video["event"], video["state"], video["name"]) == ("video", "succeeded", "clip.mp4")
    assert video["parts"] == ["shots", "keyframes", "text"]
    assert video["found"] == {"shots": 1, "keyframes": 1, "texts": 1}
    assert video["passages"] == 2  # its title, and the text
    assert last == {"event": "job", "state": "succeeded", "understood": 1, "failed": 0, "left": 0}

    hits = remote(served, "search", "quarterly revenue", "--videos", "--json", cwd=tmp_path)
    (hit, *_) = hits.json["hits"]
    assert (hit["asset"], hit["title"]) == (video["subject"], "The clip")

    told = remote(served, *words, cwd=tmp_path)
    assert told.code == 0, told.err
    assert "1 text in the picture" in told.err
    missing = remote(served, "understand", "nowhere.mp4", "--json", cwd=tmp_path)
    assert missing.lines[-1]["error"]["code"] == "input_not_found"
    folder = remote(served, "understand", str(tmp_path), "--json", cwd=tmp_path)
    assert folder.lines[-1]["error"]["code"] == "input_is_directory"


def test_what_is_said_and_written_is_read_there(
    served: Served, voice: Path, tmp_path: Path
) -> None:
    written = remote(served, "read-text", str(voice), "--json", cwd=tmp_path)
    assert written.code == 0, written.err
    (text,) = written.json["texts"]
    assert text["text"].upper() == "QUARTERLY REVENUE"
    said = remote(served, "transcribe", str(voice), "-o", "clip.vtt", cwd=tmp_path)
    assert said.code == 0, said.err
    assert (tmp_path / "clip.vtt").read_text().startswith("WEBVTT")
    words = remote(served, "transcribe", str(voice), "--json", cwd=tmp_path).json["words"]
    assert {"text", "start", "end", "confidence"} <= set(words[0])
    (tmp_path / "a.png").write_bytes(b"none")
    odd = remote(served, "read-text", "a.png", "--json", cwd=tmp_path)
    assert odd.code != 0
