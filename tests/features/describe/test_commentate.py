"""`commentate`: a narrator who is heard where nobody else speaks, and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.features.describe.speaking import BED_HZ, RATE_HZ, Film, film
from tests.features.jobs import Studio
from tests.model_stub import Reply, model_stub
from tests.operators.senses import Samples, rms_db

pytestmark = pytest.mark.timeout(600)

SPEC = """
inputs: {film: film.mkv}
operations:
  - {id: told, op: commentate, input: film, SCRIPT}
outputs:
  - {from: told, to: out.wav}
  - {from: told.commentary-vtt, to: out.vtt}
  - {from: told.commentary-script, to: out.json}
"""
LINES = (
    "[{at: 0s, text: Ships in the rain.}, {at: 6s, text: A man waves to a boat.},"
    " {text: Gulls circle over the pier.}]"
)


def spec(script: str = LINES, **params: Any) -> str:
    more = "".join(f", {name}: {json.dumps(value)}" for name, value in params.items())
    return SPEC.replace("SCRIPT", f"script: {script}{more}")


@pytest.fixture(scope="session")
def harbour(ffmpeg: Path, shelf: Path) -> Film:
    return film(ffmpeg, shelf / "harbour.mkv")


@pytest.fixture(scope="session")
def humming(ffmpeg: Path, shelf: Path) -> Film:
    return film(ffmpeg, shelf / "humming.mkv", bed_db=-20)


def script(studio: Studio) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(studio.path("out.json").read_text())
    return found


def narration(studio: Studio) -> Samples:
    """What was added to the film's sound."""
    before, after = studio.samples("film.mkv")[:, 0], studio.samples("out.wav")[:, 0]
    length = min(len(before), len(after))
    return after[:length] - before[:length]


def level(sound: Samples, start: float, end: float) -> float:
    return rms_db(sound[int(start * RATE_HZ) : int(end * RATE_HZ)])


def tone_db(sound: Samples, start: float, end: float) -> float:
    part = sound[int(start * RATE_HZ) : int(end * RATE_HZ), 0].astype(np.float64)
    turn = np.exp(-2j * np.pi * BED_HZ * np.arange(len(part)) / RATE_HZ)
    return float(20 * np.log10(2 * abs((part * turn).mean())))


def assert_never_over_speech(studio: Studio, given: Film, lines: list[dict[str, Any]]) -> None:
    """By the samples: the narrator is heard in each of its lines, and in no instant of speech."""
    added = narration(studio)
    for line in lines:
        assert level(added, line["start"] + 0.1, line["end"] - 0.1) > -40
        for start, end in given.spoken:
            assert line["end"] < start or line["start"] > end
    for start, end in given.spoken:
        assert level(added, start, end) < -70
        assert np.abs(added[int(start * RATE_HZ) : int(end * RATE_HZ)]).max() < 0.002
    silent = np.ones(len(added), bool)
    for line in lines:
        silent[int((line["start"] - 0.05) * RATE_HZ) : int((line["end"] + 0.05) * RATE_HZ)] = False
    assert np.abs(added[silent]).max() < 0.002


def test_lines_are_heard_in_the_gaps_and_never_over_speech(studio: Studio, harbour: Film) -> None:
    studio.bring(harbour.path, "film.mkv")
    studio.run(spec(duck=False))
    lines = script(studio)["lines"]
    assert [line["text"] for line in lines] == [
        "Ships in the rain.",
        "A man waves to a boat.",
        "Gulls circle over the pier.",
    ]
    first, second, third = (line["start"] for line in lines)
    # The first second is too short a gap, so the first line waits for the one behind the sentence.
    assert first >= harbour.spoken[0][1] + 0.2
    assert second >= max(6.0, lines[0]["end"])
    assert third > lines[1]["end"]
    assert_never_over_speech(studio, harbour, lines)
    said = narration(studio)
    for line in lines:
        assert -24 < level(said, line["start"], line["end"]) < -17
    cues = studio.path("out.vtt").read_text()
    assert cues.startswith("WEBVTT\n")
    assert cues.count(" --> ") == 3
    assert script(studio)["voice"]["provider"] == "espeak-ng"


@pytest.mark.corpus
def test_under_a_real_speech_too(studio: Studio, corpus: Path, ffmpeg: Path) -> None:
    """Eight seconds of Kennedy, eight of nothing, and Kennedy again."""
    from tests.features.media import make

    speech = str(corpus / "speech" / "jfk.flac")
    parts = "[0:a]aresample=48000,atrim=0:8,asplit[a][b];[b]adelay=16000:all=1[c];"
    graph = f"{parts}[a][c]amix=inputs=2:normalize=0,apad=whole_dur=24,pan=mono|c0=c0[out]"
    where = studio.path("film.mkv")
    make(ffmpeg, where, "-i", speech, "-filter_complex", graph, "-map", "[out]", "-c:a", "flac")
    studio.run(spec(duck=False))
    lines = script(studio)["lines"]
    assert len(lines) == 3
    # He pauses: a line may stand within a second and a half of that, but over no word.
    added, speech_heard = narration(studio), studio.samples("film.mkv")[:, 0]
    step = RATE_HZ // 20
    loud = [at for at in range(0, len(added), step) if rms_db(speech_heard[at : at + step]) > -35]
    assert len(loud) > 100
    assert max(np.abs(added[at : at + step]).max() for at in loud) < 0.002
    for line in lines:
        assert level(added, line["start"] + 0.1, line["end"] - 0.1) > -40


def test_what_is_heard_meanwhile_is_lowered(studio: Studio, humming: Film) -> None:
    studio.bring(humming.path, "film.mkv")
    studio.run(spec())
    heard = studio.samples("out.wav")
    line = script(studio)["lines"][1]
    middle = (line["start"] + line["end"]) / 2
    assert tone_db(heard, 21.0, 23.0) == pytest.approx(-20, abs=0.5)
    assert tone_db(heard, middle - 0.3, middle + 0.3) < -25
    before = humming.spoken[0]
    assert tone_db(heard, before[0] + 0.5, before[1] - 0.5) == pytest.approx(-20, abs=1.5)


def test_a_line_that_is_too_long_is_faster_shorter_or_dropped(
    studio: Studio, harbour: Film
) -> None:
    studio.bring(harbour.path, "film.mkv")
    gap = harbour.spoken[1][0] - harbour.spoken[0][1]
    little = "word " * int(gap * 4)
    parts = "A short beginning of it. " + "And then a far longer sentence goes on and on " * 9
    whole = "nothing of this can be said because it never ends " * 20
    long = [
        {"at": harbour.spoken[0][1], "text": little},
        {"at": 18.5, "text": f"{parts}."},
        {"at": 18.5, "text": whole},
    ]
    studio.run(spec(json.dumps(long), duck=False, fastest=1.6))
    found = script(studio)
    first, second = found["lines"]
    assert 1.0 < first["speed"] <= 1.6
    assert first["text"] == little.strip()
    assert second["text"] == "A short beginning of it."
    (dropped,) = found["dropped"]
    assert dropped["text"] == whole.strip()
    assert dropped["why"]
    assert_never_over_speech(studio, harbour, found["lines"])


def test_where_nothing_fits_the_sound_stays_as_it_is(studio: Studio, harbour: Film) -> None:
    studio.bring(harbour.path, "film.mkv")
    studio.run(spec("[{at: 23.9s, text: This comes too late for anything.}]"))
    assert np.abs(narration(studio)).max() < 1e-4
    assert script(studio)["lines"] == []
    assert len(script(studio)["dropped"]) == 1


def test_a_film_without_sound_has_the_narrator_alone(
    studio: Studio, scenes: Path, ffmpeg: Path
) -> None:
    from tests.features.media import make

    make(ffmpeg, studio.path("film.mkv"), "-i", str(scenes), "-an", "-c:v", "copy")
    lines = "[{at: 1s, text: Bars.}]"
    alone = "\n  - {from: told, to: alone.wav}"
    studio.run(spec(lines).replace("out.wav}", "out.mp4}" + alone))
    assert float(studio.facts("alone.wav")["format"]["duration"]) == pytest.approx(4.5, abs=0.2)
    facts = studio.facts("out.mp4")
    kinds = sorted(stream["codec_type"] for stream in facts["streams"])
    assert kinds == ["audio", "video"]
    assert float(facts["format"]["duration"]) == pytest.approx(4.5, abs=0.2)
    (line,) = script(studio)["lines"]
    heard = studio.samples("out.mp4")[:, 0]
    rate = len(heard) / 4.5
    assert rms_db(heard[int(1.1 * rate) : int((line["end"] - 0.1) * rate)]) > -40
    assert rms_db(heard[: int(0.8 * rate)]) < -60


def test_a_sound_that_begins_late_stays_where_it_is(
    studio: Studio, harbour: Film, ffmpeg: Path
) -> None:
    """And a line waits for the one before it."""
    from tests.features.media import make

    source, where = str(harbour.path), studio.path("film.mkv")
    given = ("-i", source, "-itsoffset", "1.5", "-i", source)
    make(ffmpeg, where, *given, "-map", "0:v", "-map", "1:a", "-c", "copy")
    late = [(start + 1.5, end + 1.5) for start, end in harbour.spoken]
    lines = "[{text: One.}, {at: 17.5s, text: Gulls circle.}, {at: 20s, text: The end.}]"
    studio.run(spec(lines, duck=False))
    heard = studio.samples("out.wav")[:, 0]
    for start, end in late:
        assert level(heard, start, end) > -30
        assert level(heard, start - 0.2, start - 0.02) < -60
    told = script(studio)["lines"]
    assert [line["text"] for line in told] == ["One.", "Gulls circle.", "The end."]
    assert told[0]["end"] < late[0][0]
    assert late[1][1] < told[1]["start"] < told[1]["end"] < told[2]["start"]


def test_it_is_spoken_once(studio: Studio, harbour: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a hosted voice, which costs: the second run asks nobody."""
    studio.bring(harbour.path, "film.mkv")
    with model_stub() as stub:
        monkeypatch.setenv("REEL_MODELS__VOICE", "local:tts-1@nova")
        monkeypatch.setenv("REEL_MODELS__LOCAL_URL", stub.url)
        studio.run(spec(duck=False))
        first = script(studio)
        assert len(stub.of("/audio/speech")) == 3
        studio.run(spec(duck=False).replace("out.json", "again.json"))
        assert len(stub.of("/audio/speech")) == 3
    assert json.loads(studio.path("again.json").read_text()) == first
    assert first["voice"]["provider"] == "local"
    assert_never_over_speech(studio, harbour, first["lines"])


def test_a_voice_that_fails_hands_over_to_the_next(
    studio: Studio, harbour: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.bring(harbour.path, "film.mkv")
    with model_stub(speech=lambda body: Reply(500)) as stub:
        monkeypatch.setenv("REEL_MODELS__VOICE", "local:tts-1, espeak-ng")
        monkeypatch.setenv("REEL_MODELS__LOCAL_URL", stub.url)
        monkeypatch.setenv("REEL_MODELS__ATTEMPTS", "1")
        studio.run(spec())
    voice = script(studio)["voice"]
    assert voice["provider"] == "espeak-ng"
    assert voice["passed_over"][0]["provider"] == "local"
    assert len(script(studio)["lines"]) == 3


def test_a_voice_that_refuses_everything_is_an_error(
    studio: Studio, harbour: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong name of a voice is answered so; one text that is refused is one line less."""
    studio.bring(harbour.path, "film.mkv")
    no = Reply(400, b'{"error": {"message": "there is no such voice"}}')
    with model_stub(speech=lambda body: no) as stub:
        monkeypatch.setenv("REEL_MODELS__VOICE", "local:tts-1")
        monkeypatch.setenv("REEL_MODELS__LOCAL_URL", stub.url)
        done = studio.run(spec(voice="nobody"), code=6)
        assert "there is no such voice" in done.out
        assert not studio.path("out.wav").exists()
        stub.speech = lambda body: no if "man" in body["input"] else None
        studio.run(spec())
    assert len(script(studio)["lines"]) == 2
    (dropped,) = script(studio)["dropped"]
    assert "man" in dropped["text"]
    assert "will not say" in dropped["why"]


def test_without_script_and_descriptions_it_says_what_is_missing(
    studio: Studio, harbour: Film
) -> None:
    studio.bring(harbour.path, "film.mkv")
    done = studio.plan(SPEC.replace(", SCRIPT", ""), code=2)
    assert done["error"]["code"] == "stream_missing"
    assert "describe" in done["error"]["hint"]


def described(body: dict[str, Any]) -> Any:
    """A model that sees, and writes for a narrator."""
    text = json.dumps(body)
    if "<slots>" not in text:
        return {
            "description": "Colours move over a card. A number counts up in its middle.",
            **{name: [] for name in ("shown", "people", "actions", "text", "tags")},
            "setting": "",
        }
    return {"lines": [{"slot": 1, "text": "A test card shines."}, {"slot": 99, "text": "No."}]}


@pytest.mark.parametrize("writes", [True, False])
def test_a_script_is_written_from_descriptions(
    studio: Studio, harbour: Film, monkeypatch: pytest.MonkeyPatch, *, writes: bool
) -> None:
    """By a language model where there is one; else the descriptions themselves are told."""
    studio.bring(harbour.path, "film.mkv")
    chain = SPEC.replace(", SCRIPT", ", duck: false").replace("input: film,", "input: seen,")
    chain = chain.replace("operations:", "operations:\n  - {id: seen, op: describe, input: film}")
    with model_stub(chat=described) as stub:
        monkeypatch.setenv("REEL_MODELS__VISION", "local:eyes")
        if writes:
            monkeypatch.setenv("REEL_MODELS__LANGUAGE", "local:pen")
        monkeypatch.setenv("REEL_MODELS__LOCAL_URL", stub.url)
        studio.run(chain)
    found = script(studio)
    assert found["method"] == ("model" if writes else "extractive")
    texts = [line["text"] for line in found["lines"]]
    if writes:
        assert texts == ["A test card shines."]
    else:
        assert texts[0].startswith("Colours move over a card.")
        assert len(texts) == len(set(texts))
    assert_never_over_speech(studio, harbour, found["lines"])
