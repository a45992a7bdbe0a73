"""`reel transcribe`: what is said, and by whom it was heard."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from reelwright.media.cues import read_cues
from tests.audio_server import Asked, AudioServer, audio_server
from tests.cli.reel import Done, reel
from tests.features.transcribe.voices import spoken, with_silences
from tests.tools.models.speech import tiny

SPEC = (
    "inputs: {in: talk.wav}\noperations:\n"
    "  - {id: said, op: transcribe, input: in, segment: 10s}\n"
    "outputs:\n"
    "  - {from: said.transcript, to: said.json}\n"
    "  - {from: said.vtt, to: said.vtt}\n"
    "  - {from: said.srt, to: said.srt}\n"
    "  - {from: said.txt, to: said.txt}\n"
)


def _asking(server: AudioServer, monkeypatch: pytest.MonkeyPatch, chain: str) -> None:
    monkeypatch.setenv("REEL_MODELS__SPEECH", chain)
    monkeypatch.setenv("REEL_MODELS__LOCAL_URL", server.url)


def _heard(done: Done) -> dict[str, Any]:
    assert done.code == 0, done.err
    return done.json


def test_a_new_user_gets_a_guess_and_is_told_so(tmp_path: Path) -> None:
    length_s = spoken(tmp_path / "talk.wav")
    done = reel("transcribe", "talk.wav", "--json", cwd=tmp_path)
    found = _heard(done)
    assert found["language"] == "en"
    assert found["is_poor"]
    assert "guess of pocketsphinx" in done.err
    words = found["words"]
    assert len(words) > 5
    assert all(0 <= w["start"] <= w["end"] <= length_s + 0.1 for w in words)
    assert all(0 <= w["confidence"] <= 1 for w in words)
    assert [w["start"] for w in words] == sorted(w["start"] for w in words)
    assert {s["provider"] for s in found["segments"]} == {"pocketsphinx"}
    # It is not listened to again for another form.
    shown = reel("transcribe", "talk.wav", cwd=tmp_path)
    assert shown.out.startswith("00:00:00.")
    assert words[0]["text"] in shown.out


@pytest.mark.parametrize("source", ["anullsrc=r=44100", "anoisesrc=a=0.01:r=16000", "sine=f=300"])
def test_where_nobody_speaks_no_model_is_asked(
    tmp_path: Path, ffmpeg: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    command = [str(ffmpeg), "-v", "error", "-f", "lavfi", "-i", source, "-t", "5", "a.wav"]
    subprocess.run(command, check=True, cwd=tmp_path)
    with audio_server() as server:
        _asking(server, monkeypatch, "local:whisper-1")
        found = _heard(reel("transcribe", "a.wav", "--json", cwd=tmp_path))
        assert server.asked == []
    assert (found["words"], found["segments"], found["language"]) == ([], [], None)
    assert found["duration"] == pytest.approx(5.0, abs=0.01)


def test_a_video_without_sound_says_nothing(tmp_path: Path, ffmpeg: Path) -> None:
    command = [str(ffmpeg), "-v", "error", "-f", "lavfi", "-i", "color=s=64x64:d=1", "a.mp4"]
    subprocess.run(command, check=True, cwd=tmp_path)
    done = reel("transcribe", "a.mp4", "--json", cwd=tmp_path)
    assert _heard(done)["words"] == []
    assert "no sound" in done.err


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["empty.wav", "laugh1.mp3", "vad_n.wav", "vad_zero.wav"])
def test_silence_and_laughter_have_no_words(corpus: Path, tmp_path: Path, name: str) -> None:
    found = _heard(reel("transcribe", str(corpus / "speech" / name), "--json", cwd=tmp_path))
    assert found["words"] == []


@pytest.mark.corpus
@pytest.mark.parametrize(("name", "count"), [("vad_s.wav", 1), ("vad_sns.wav", 2)])
def test_speech_is_found_as_published(corpus: Path, tmp_path: Path, name: str, count: int) -> None:
    text = (
        f"inputs: {{in: {corpus / 'speech' / name}}}\n"
        "operations: [{id: found, op: speech, input: in}]\n"
        "outputs: [{from: found.speech, to: speech.json}]\n"
    )
    (tmp_path / "job.yaml").write_text(text)
    assert reel("run", "job.yaml", "--json", cwd=tmp_path).code == 0
    assert len(json.loads((tmp_path / "speech.json").read_text())["speech"]) == count


def test_segments_are_asked_for_one_by_one_and_never_again(
    tmp_path: Path, ffmpeg: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    each_s = with_silences(ffmpeg, tmp_path / "talk.wav", times=4)
    (tmp_path / "job.yaml").write_text(SPEC)
    with audio_server() as server:
        _asking(server, monkeypatch, "local:whisper-1")
        assert reel("run", "job.yaml", "--json", cwd=tmp_path).code == 0
        assert len(server.asked) == 4
        assert all(asked.duration_s < each_s for asked in server.asked)
        assert reel("run", "job.yaml", "--json", "--overwrite", cwd=tmp_path).code == 0
        assert len(server.asked) == 4
    found = json.loads((tmp_path / "said.json").read_text())
    assert [s["provider"] for s in found["segments"]] == ["local"] * 4
    assert [s["model"] for s in found["segments"]] == ["whisper-1"] * 4
    assert found["is_poor"] is False
    for number, segment in enumerate(found["segments"]):
        assert number * each_s - 0.3 <= segment["start"] < segment["end"] <= (number + 1) * each_s
        own = [w for w in found["words"] if w["segment"] == number]
        assert [w["text"] for w in own] == [f"W{n}," for n in range(len(own))]
        for n, word in enumerate(own):
            assert word["start"] == pytest.approx(segment["start"] + n + 0.1, abs=2e-3)
    said = " ".join(w["text"] for w in found["words"])
    for form in ("vtt", "srt"):
        cues = read_cues((tmp_path / f"said.{form}").read_bytes(), form)
        assert " ".join(" ".join(c.plain.split()) for c in cues) == said
        assert cues[0].start_s == found["words"][0]["start"]
    assert " ".join((tmp_path / "said.txt").read_text().split()) == said


def test_times_are_those_of_the_video(tmp_path: Path, ffmpeg: Path) -> None:
    """Sound that begins later than the picture begins later in the transcript too."""
    spoken(tmp_path / "talk.wav")
    command = [
        str(ffmpeg), "-v", "error", "-f", "lavfi", "-i", "testsrc=s=64x64:d=9:r=10",
        "-itsoffset", "2.5", "-i", "talk.wav", "-c:a", "aac", "late.mp4",
    ]  # fmt: skip
    subprocess.run(command, check=True, cwd=tmp_path)
    (tmp_path / "job.yaml").write_text(
        "inputs: {in: late.mp4}\noperations: [{id: found, op: speech, input: in}]\n"
        "outputs: [{from: found.speech, to: speech.json}]\n"
    )
    assert reel("run", "job.yaml", "--json", cwd=tmp_path).code == 0
    found = json.loads((tmp_path / "speech.json").read_text())
    assert found["speech"][0]["start"] == pytest.approx(2.5, abs=0.2)
    assert found["duration"] == pytest.approx(8.5, abs=0.2)


def test_who_could_not_serve_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken(tmp_path / "talk.wav", "Hello there, this is a test.")
    weights = tiny.whisper(tmp_path / "models" / "tiny", ["hello", "there."], 1.0)

    def reply(asked: Asked) -> tuple[int, Any]:
        return 401, {"error": {"message": "no such key"}}

    with audio_server(reply) as server:
        _asking(server, monkeypatch, "pocketsphinx")
        chain = f"local:whisper-1,faster-whisper:{weights}"
        done = reel("transcribe", "talk.wav", "--json", "--model", chain, cwd=tmp_path)
    found = _heard(done)
    assert [w["text"] for w in found["words"]] == ["hello", "there."]
    (segment,) = found["segments"]
    assert (segment["provider"], segment["model"]) == ("faster-whisper", "tiny")
    assert segment["revision"]
    assert [one["code"] for one in segment["passed_over"]] == ["model_unavailable"]
    assert "passed over: local" in done.err
    assert not found["is_poor"]


def test_a_language_that_nothing_here_understands(tmp_path: Path) -> None:
    spoken(tmp_path / "talk.wav", "Hello there, this is a test.")
    done = reel("transcribe", "talk.wav", "--language", "de", "--json", cwd=tmp_path)
    assert done.code != 0
    assert done.json["error"]["code"] == "model_refused"
    assert "English only" in done.json["error"]["message"]


def test_what_is_no_language(tmp_path: Path) -> None:
    done = reel("transcribe", "talk.wav", "--language", "german", cwd=tmp_path)
    assert done.code != 0
    assert "'german' is no tag of a language" in done.err
    assert "pt-BR" in done.err


def test_where_and_how_it_is_written(tmp_path: Path, ffmpeg: Path) -> None:
    command = [str(ffmpeg), "-v", "error", "-f", "lavfi", "-i", "anullsrc", "-t", "1", "a.wav"]
    subprocess.run(command, check=True, cwd=tmp_path)
    assert reel("transcribe", "a.wav", "-o", "a.vtt", cwd=tmp_path).code == 0
    assert (tmp_path / "a.vtt").read_text() == "WEBVTT\n"
    again = reel("transcribe", "a.wav", "-o", "a.vtt", cwd=tmp_path)
    assert again.code != 0
    assert "output_exists" in again.err
    assert reel("transcribe", "a.wav", "-o", "a.vtt", "--overwrite", cwd=tmp_path).code == 0
    assert reel("transcribe", "a.wav", "-o", "b.json", cwd=tmp_path).code == 0
    assert json.loads((tmp_path / "b.json").read_text())["words"] == []
    assert reel("transcribe", "a.wav", "-o", "c", "--format", "srt", cwd=tmp_path).code == 0
    assert (tmp_path / "c").read_text() == ""
    done = reel("transcribe", "a.wav", "-o", "-", "--format", "vtt", cwd=tmp_path)
    assert done.out.strip() == "WEBVTT"
    done = reel("transcribe", "a.wav", "-o", "d.docx", cwd=tmp_path)
    assert done.code != 0
    assert "does not say what to write" in done.err


@pytest.mark.parametrize("segment", ["1s", "11m"])
def test_a_segment_that_is_too_short_or_too_long(tmp_path: Path, segment: str) -> None:
    spoken(tmp_path / "talk.wav", "Hello.")
    (tmp_path / "job.yaml").write_text(SPEC.replace("10s", segment))
    done = reel("plan", "job.yaml", cwd=tmp_path)
    assert done.code != 0
    assert "5 s to 600 s" in done.err
