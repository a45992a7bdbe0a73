"""`mix`: sums, gains, delays, ducking, differing formats."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelwright.errors import Code, ReelError
from reelwright.graph.operator import Bundle, require_audio
from reelwright.media.streams import AudioStream, VideoStream
from tests.operators.built import build
from tests.operators.job import Done, run_job
from tests.operators.scene import make, streams
from tests.operators.senses import Samples, samples

MONO = AudioStream(
    codec="aac", sample_rate_hz=44100, channels=1, channel_layout="mono", duration=Fraction(3)
)
STEREO = AudioStream(
    codec="opus", sample_rate_hz=48000, channels=2, channel_layout="stereo", duration=Fraction(2)
)
PICTURE = VideoStream(codec="h264", width_px=64, height_px=64, frame_rate=Fraction(25))


def facts(*inputs: AudioStream, **params: Any) -> AudioStream:
    bundles: tuple[Bundle, ...] = tuple(streams(i) for i in inputs)
    stream = require_audio(build("mix", {"inputs": bundles}, **params).bundle).stream
    assert isinstance(stream, AudioStream)
    return stream


def tone(ffmpeg: Path, folder: Path, name: str, hz: int, length: float, more: str = "") -> None:
    source = f"aevalsrc=0.1*sin({hz}*t*2*PI){more}"
    args = ("-f", "lavfi", "-i", f"{source}:s=48000:d={length}", "-c:a", "pcm_f32le")
    make(ffmpeg, folder / f"{name}.wav", *args)


def job(folder: Path, **params: Any) -> Done:
    spec = {
        "inputs": {"music": "music.wav", "voice": "voice.wav"},
        "operations": [{"id": "bed", "op": "mix", "inputs": ["music", "voice"], **params}],
        "outputs": [{"from": "bed", "to": "out.wav", "audio": {"codec": "pcm_f32le"}}],
    }
    return run_job(spec, folder)


def level_at(heard: Samples, hz: int, start: int, end: int) -> float:
    """Level in dB of one tone within samples of 48 kHz."""
    part = heard[start:end, 0]
    turn = np.exp(-2j * np.pi * hz * np.arange(len(part)) / 48000)
    return float(20 * np.log10(max(2 * abs((part * turn).mean()), 1e-9)))


def test_the_format_is_the_one_that_loses_nothing() -> None:
    made = facts(MONO, STEREO)
    assert (made.sample_rate_hz, made.channels, made.channel_layout) == (48000, 2, "stereo")
    nodes = build("mix", {"inputs": (streams(MONO), streams(STEREO))})
    assert nodes.names() == ["aresample", "aformat", "amix", "alimiter"]
    because = nodes.nodes["mix/aresample"].because
    assert because == ("the mix runs at 48000 Hz",)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, 3),
        ({"duration": "shortest"}, 2),
        ({"duration": "first"}, 3),
        ({"at": [0, 2]}, 4),
        ({"at": ["500ms", 0], "duration": "first"}, Fraction(7, 2)),
    ],
)
def test_lengths(params: dict[str, Any], expected: Fraction) -> None:
    assert facts(MONO, STEREO, **params).duration == expected


def test_an_unknown_length_is_not_guessed() -> None:
    endless = AudioStream(sample_rate_hz=48000, channels=2, channel_layout="stereo")
    assert facts(STEREO, endless).duration is None
    assert facts(STEREO, endless, duration="first").duration == 2


def test_the_picture_of_the_first_passes() -> None:
    inputs = {"inputs": (streams(PICTURE, MONO), streams(PICTURE, STEREO))}
    made = build("mix", inputs).bundle
    assert [s.kind for s in made] == ["video", "audio"]
    assert made.strands[0].encoded


def test_sum_gain_and_delay(ffmpeg: Path, tmp_path: Path) -> None:
    tone(ffmpeg, tmp_path, "music", 400, 3)
    tone(ffmpeg, tmp_path, "voice", 1000, 1)
    heard = samples(ffmpeg, job(tmp_path, gain=["-6dB", 1], at=[0, 1.5]).files["out.wav"])
    assert len(heard) == 144000
    assert level_at(heard, 400, 0, 48000) == pytest.approx(-26, abs=0.1)
    assert level_at(heard, 1000, 0, 48000) < -90
    assert level_at(heard, 1000, 72000, 120000) == pytest.approx(-20, abs=0.1)


def test_a_loud_sum_is_limited_not_clipped(ffmpeg: Path, tmp_path: Path) -> None:
    tone(ffmpeg, tmp_path, "music", 400, 1)
    tone(ffmpeg, tmp_path, "voice", 1000, 1)
    loud = samples(ffmpeg, job(tmp_path, gain="18dB").files["out.wav"])
    assert abs(loud).max() <= 1


def test_normalize_scales_down(ffmpeg: Path, tmp_path: Path) -> None:
    tone(ffmpeg, tmp_path, "music", 400, 1)
    tone(ffmpeg, tmp_path, "voice", 1000, 1)
    heard = samples(ffmpeg, job(tmp_path, normalize=True).files["out.wav"])
    assert level_at(heard, 400, 4800, 43200) == pytest.approx(-26, abs=0.1)


def test_the_music_is_ducked_under_the_voice_and_comes_back(ffmpeg: Path, tmp_path: Path) -> None:
    tone(ffmpeg, tmp_path, "music", 400, 6)
    tone(ffmpeg, tmp_path, "voice", 1000, 2, more="*gte(t\\,0)")
    duck = {"trigger": 1, "threshold": "-40dB", "ratio": 10, "attack": "10ms", "release": "200ms"}
    heard = samples(ffmpeg, job(tmp_path, at=[0, 2], duck=duck).files["out.wav"])
    assert len(heard) == 6 * 48000
    before = level_at(heard, 400, 48000, 96000)
    under = level_at(heard, 400, 120000, 168000)
    after = level_at(heard, 400, 240000, 288000)
    assert before == pytest.approx(-20, abs=0.2)
    assert under < before - 8
    assert after == pytest.approx(before, abs=0.2)
    assert level_at(heard, 1000, 120000, 168000) == pytest.approx(-20, abs=0.2)


def test_formats_that_differ(ffmpeg: Path, tmp_path: Path) -> None:
    low = "aevalsrc=0.1*sin(400*t*2*PI):s=22050:d=2"
    make(ffmpeg, tmp_path / "music.wav", "-f", "lavfi", "-i", low)
    high = "aevalsrc=0.1*sin(1000*t*2*PI)|0.1*sin(1000*t*2*PI):s=48000:d=2"
    make(ffmpeg, tmp_path / "voice.wav", "-f", "lavfi", "-i", high)
    done = job(tmp_path)
    heard = samples(ffmpeg, done.files["out.wav"], 2)
    assert len(heard) == pytest.approx(96000, abs=2)
    # Mono goes to both sides 3 dB lower, as loud as before.
    assert level_at(heard, 400, 9600, 57600) == pytest.approx(-23, abs=0.1)
    assert level_at(heard, 1000, 9600, 57600) == pytest.approx(-20, abs=0.1)


@pytest.mark.corpus
def test_a_surround_mix_keeps_its_channels(tmp_path: Path, corpus: Path) -> None:
    spec = {
        "inputs": {
            "film": str(corpus / "surround/ac3.mkv"),
            "talk": str(corpus / "audio/alac.m4a"),
        },
        "operations": [
            {"id": "m", "op": "mix", "inputs": ["film", "talk"], "duration": "first", "duck": True}
        ],
        "outputs": [{"from": "m.audio", "to": "out.flac"}],
    }
    audio = run_job(spec, tmp_path).info("out.flac").audio
    assert audio is not None
    assert (audio.channels, audio.sample_rate_hz) == (6, 48000)
    assert audio.channel_layout == "5.1(side)"


def test_what_is_refused() -> None:
    two = {"inputs": (streams(MONO), streams(STEREO))}
    with pytest.raises(ReelError, match="two inputs or more") as caught:
        build("mix", {"inputs": (streams(MONO),)})
    assert caught.value.code is Code.PORT_MISSING
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"gain": ["1dB"]}, "gain has 1 values for 2 inputs"),
        ({"at": [1, 2, 3]}, "at has 3 values for 2 inputs"),
        ({"duck": {"trigger": 2}}, "there is no input 2"),
        ({"duck": {"threshold": "-70dB"}}, "between -60 dB and 0 dB"),
        ({"duck": {"attack": 3}}, "duck.attack"),
        ({"duck": {"release": 10}}, "duck.release"),
    ]
    for params, message in wrong:
        with pytest.raises(ReelError, match=message):
            build("mix", two, **params)
    with pytest.raises(ReelError, match="must be known to mix"):
        facts(MONO, AudioStream(channels=2))
