"""volume, fade, loudnorm, mix: what is heard, measured."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.features.jobs import Studio
from tests.features.media import make, tone
from tests.operators.senses import Samples, loudness, rms_db

# FFmpeg's sine is an eighth of full scale, its level that over the square root of two.
SINE_DB = 20 * math.log10(1 / 8 / math.sqrt(2))
RATE = 48000


def spec(operation: str, to: str = "out.wav") -> str:
    return (
        f"inputs: {{in: in.wav}}\noperations:\n  - {{id: a, op: {operation}}}\n"
        f"outputs:\n  - {{from: a, to: {to}}}\n"
    )


def level(sound: Samples, start: float, end: float) -> float:
    return rms_db(sound[round(start * RATE) : round(end * RATE)])


@pytest.fixture
def source(studio: Studio, tone: Path) -> Path:
    return studio.bring(tone, "in.wav")


def report(events: list[dict[str, Any]], studio: Studio) -> dict[str, Any]:
    """What the step said of its sound."""
    from tests.cli.reel import reel

    status = reel("status", "last", "--json", cwd=studio.folder).json
    found: dict[str, Any] = {}
    for step in status["steps"]:
        found |= step.get("report") or {}
    return found


@pytest.mark.parametrize(
    ("what", "gain_db"),
    [("gain: -6dB", -6), ("gain: 50%", -6.02), ("gain: 2", 6.02), ("mute: true", -math.inf)],
)
def test_volume_changes_the_level_by_so_much(
    studio: Studio, source: Path, what: str, gain_db: float
) -> None:
    studio.run(spec(f"volume, {what}"))
    sound = studio.samples("out.wav")
    assert len(sound) == 4 * RATE
    if gain_db == -math.inf:
        assert not sound.any()
    else:
        assert level(sound, 0.5, 3.5) == pytest.approx(SINE_DB + gain_db, abs=0.1)


def test_volume_for_a_part_alone(studio: Studio, source: Path) -> None:
    studio.run(spec("volume, gain: -20dB, start: 1s, end: 2s"))
    sound = studio.samples("out.wav")
    assert level(sound, 0, 1) == pytest.approx(SINE_DB, abs=0.1)
    assert level(sound, 1.05, 1.95) == pytest.approx(SINE_DB - 20, abs=0.1)
    assert level(sound, 2.05, 4) == pytest.approx(SINE_DB, abs=0.1)


def test_a_limiter_keeps_what_would_clip_below_its_ceiling(studio: Studio, source: Path) -> None:
    studio.run(spec("volume, gain: 24dB, limiter: true, ceiling: -3dB"))
    sound = studio.samples("out.wav")
    assert 20 * math.log10(float(np.abs(sound).max())) == pytest.approx(-3, abs=0.3)


def test_fade_in_and_out_of_sound(studio: Studio, source: Path) -> None:
    studio.run(spec("fade, in: 1s, out: 2s"))
    sound = studio.samples("out.wav")
    # A straight line: at its middle half the amplitude.
    assert level(sound, 0.45, 0.55) == pytest.approx(SINE_DB - 6, abs=0.3)
    assert level(sound, 1.1, 1.9) == pytest.approx(SINE_DB, abs=0.1)
    assert level(sound, 2.95, 3.05) == pytest.approx(SINE_DB - 6, abs=0.3)
    assert level(sound, 3.98, 4) < SINE_DB - 35


def test_fade_of_the_picture(studio: Studio, corners: Path) -> None:
    studio.bring(corners, "in.mp4")
    studio.run(
        "inputs: {in: in.mp4}\noperations:\n"
        "  - {id: a, op: fade, in: 0.4s, out: 0.4s, color: white}\n"
        "outputs:\n  - {from: a, to: out.mp4}\n"
    )
    shown = studio.pictures("out.mp4").astype(int)
    assert shown[0].min() > 230
    assert shown[-1].min() > 200
    assert np.abs(shown[12] - studio.pictures("in.mp4")[12]).mean() < 6


@pytest.mark.parametrize("target", [-16, -23])
def test_loudnorm_reaches_its_target_and_reports(
    studio: Studio, source: Path, ffmpeg: Path, target: int
) -> None:
    done = studio.run(spec(f"loudnorm, target: {target}"))
    heard = loudness(ffmpeg, studio.path("out.wav"))
    assert heard.integrated_lufs == pytest.approx(target, abs=0.3)
    assert studio.facts("out.wav")["audio"]["sample_rate"] == "48000"
    said = report(done.lines, studio)["loudness"]
    assert said, said


def test_loudnorm_keeps_the_true_peak(studio: Studio, ffmpeg: Path) -> None:
    """Clicks over a quiet tone: peaks stand in the way of the gain."""
    graph = "sine=f=300:r=48000:d=6,volume=-20dB,volume='if(lt(mod(t,1),0.002),40,1)':eval=frame"
    make(ffmpeg, studio.path("in.wav"), "-f", "lavfi", "-i", graph)
    studio.run(spec("loudnorm, target: -14, true_peak: -2dB"))
    assert loudness(ffmpeg, studio.path("out.wav")).true_peak_dbtp <= -1.7


def test_silence_stays_silence(studio: Studio, ffmpeg: Path) -> None:
    make(ffmpeg, studio.path("in.wav"), "-f", "lavfi", "-i", "anullsrc=r=44100:cl=mono:d=2")
    done = studio.run(spec("loudnorm, target: -16"))
    assert not studio.samples("out.wav").any()
    assert studio.facts("out.wav")["audio"]["sample_rate"] == "44100"
    assert report(done.lines, studio)["loudness"]


MIX = """\
inputs: {music: music.wav, voice: voice.wav}
operations:
  - {id: a, op: mix, inputs: [music, voice]%s}
outputs:
  - {from: a, to: out.wav}
"""


@pytest.fixture
def bed(studio: Studio, ffmpeg: Path) -> Studio:
    """Four seconds of a low tone, one second of a high one."""
    tone(ffmpeg, studio.path("music.wav"), hz=200)
    tone(ffmpeg, studio.path("voice.wav"), hz=3000, seconds=1)
    return studio


def strength(sound: Samples, hz: int, start: float, end: float) -> float:
    """Level in dB of one frequency."""
    part = sound[round(start * RATE) : round(end * RATE), 0].astype(float)
    wave = np.exp(-2j * np.pi * hz * np.arange(len(part)) / RATE)
    return float(20 * np.log10(max(abs(np.mean(part * wave)) * math.sqrt(2), 1e-10)))


def test_mix_sums_and_places_each_sound_in_time(bed: Studio) -> None:
    bed.run(MIX % ", at: [0s, 1.5s], gain: [-6dB, 0dB]")
    sound = bed.samples("out.wav")
    assert len(sound) == 4 * RATE
    assert strength(sound, 200, 0.2, 1.2) == pytest.approx(SINE_DB - 6, abs=0.2)
    assert strength(sound, 3000, 0.2, 1.2) < -80
    assert strength(sound, 3000, 1.7, 2.3) == pytest.approx(SINE_DB, abs=0.2)
    assert strength(sound, 3000, 2.7, 3.7) < -80


def test_ducking_lowers_the_music_under_the_voice(bed: Studio) -> None:
    bed.run(MIX % ", at: [0s, 1.5s], duck: {trigger: 1, threshold: -40dB, ratio: 10}")
    sound = bed.samples("out.wav")
    before, under = strength(sound, 200, 0.2, 1.2), strength(sound, 200, 1.9, 2.4)
    assert before == pytest.approx(SINE_DB, abs=0.3)
    assert under < before - 8
    assert strength(sound, 200, 3.6, 4) == pytest.approx(before, abs=1)


def test_the_shortest_input_may_decide(bed: Studio) -> None:
    bed.run(MIX % ", duration: shortest")
    assert len(bed.samples("out.wav")) == RATE
