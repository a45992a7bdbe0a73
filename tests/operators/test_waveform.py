"""`waveform`: the picture and the peaks."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import ReelError
from reelwright.media.streams import AudioStream
from reelwright.operators import REGISTRY
from tests.operators.built import build
from tests.operators.job import Done, run_job
from tests.operators.scene import given, infer, make, streams, video_of
from tests.operators.senses import frames

SOUND = AudioStream(
    codec="aac", sample_rate_hz=48000, channels=2, channel_layout="stereo", duration=Fraction(60)
)


@pytest.fixture
def halves(ffmpeg: Path, tmp_path: Path) -> Path:
    """One second of silence, then one of a tone: loud on the left, soft on the right."""
    left, right = "0.8*sin(500*t*2*PI)*gte(t\\,1)", "0.2*sin(500*t*2*PI)*gte(t\\,1)"
    source = f"aevalsrc={left}|{right}:s=8000:d=2"
    return make(ffmpeg, tmp_path / "halves.wav", "-f", "lavfi", "-i", source)


def job(folder: Path, **params: Any) -> Done:
    spec = {
        "inputs": {"sound": "halves.wav"},
        "operations": [{"id": "wave", "op": "waveform", "input": "sound", **params}],
        "outputs": [
            {"from": "wave", "to": "wave.png"},
            {"from": "wave.peaks", "to": "peaks.json"},
        ],
    }
    return run_job(spec, folder)


def test_facts_of_the_picture() -> None:
    made = infer("waveform", SOUND, size="800x100")
    video = video_of(made)
    assert (video.width_px, video.height_px, video.frame_count) == (800, 100, 1)
    assert video.is_still
    assert video.has_alpha
    assert [s.label for s in made] == [None, "peaks"]


def test_the_picture_shows_where_it_is_loud(ffmpeg: Path, halves: Path) -> None:
    done = job(halves.parent, size="200x100", color="white", background="black")
    (picture,) = frames(ffmpeg, done.files["wave.png"], 200, 100)
    lit = (picture[:, :, 0] > 40).sum(axis=0)
    assert lit[:98].max() <= 2
    assert lit[102:].min() > 40


def test_colors_and_channels(ffmpeg: Path, halves: Path) -> None:
    params = {"size": "100x100", "split_channels": True, "colors": ["red", "#0000ff"]}
    done = job(halves.parent, background="black", **params)
    (picture,) = frames(ffmpeg, done.files["wave.png"], 100, 100)
    red, blue = picture[:50, 60:], picture[50:, 60:]
    assert red[:, :, 0].max() > 100
    assert red[:, :, 2].max() < 10
    assert blue[:, :, 2].max() > 40
    assert blue[:, :, 0].max() < 10


def test_peaks_are_those_of_audiowaveform(halves: Path) -> None:
    done = job(halves.parent, samples_per_pixel=1000)
    found = json.loads(done.files["peaks.json"].read_text())
    head = {k: found[k] for k in found if k != "data"}
    assert head == {
        "version": 2,
        "channels": 1,
        "sample_rate": 8000,
        "samples_per_pixel": 1000,
        "bits": 16,
        "length": 16,
    }
    assert found["data"][:16] == [0] * 16
    # The mean of 0.8 and 0.2 of full scale.
    assert found["data"][17::2] == pytest.approx([16383] * 8, abs=40)
    assert found["data"][16::2] == pytest.approx([-16383] * 8, abs=40)


def test_peaks_by_channel_in_eight_bits(halves: Path) -> None:
    done = job(halves.parent, samples_per_pixel=1500, split_channels=True, bits=8)
    found = json.loads(done.files["peaks.json"].read_text())
    assert (found["channels"], found["bits"], found["length"]) == (2, 8, 11)
    assert len(found["data"]) == 44
    left_low, left_high, right_low, right_high = found["data"][-8:-4]
    assert (left_high, right_high) == (pytest.approx(102, abs=2), pytest.approx(25, abs=1))
    assert (left_low, right_low) == (pytest.approx(-103, abs=2), pytest.approx(-26, abs=1))


def test_long_sounds_are_drawn_from_fewer_samples() -> None:
    hours = AudioStream(sample_rate_hz=48000, channels=2, duration=Fraction(36000))
    made = build("waveform", {"input": (streams(hours),)})
    assert made.options("aresample") == {"sample_rate": 500}
    short = build("waveform", {"input": (streams(SOUND),)})
    assert short.names() == ["showwavespic"]


def test_peaks_are_always_of_all_samples() -> None:
    hours = AudioStream(sample_rate_hz=48000, channels=2, duration=Fraction(36000))
    made = build("waveform", {"input": (streams(hours),)})
    assert made.nodes["waveform/peaks"].inputs[0].node == "file"


def test_unknown_formats_are_refused() -> None:
    with pytest.raises(ReelError, match="sample rate or channels are not known"):
        infer("waveform", AudioStream(codec="aac"))


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["audio/bear.opus", "surround/ac3.mkv", "audio/bear-id3.mp3"])
def test_real_sounds(tmp_path: Path, corpus: Path, name: str) -> None:
    spec = {
        "inputs": {"sound": str(corpus / name)},
        "operations": [{"id": "wave", "op": "waveform", "input": "sound"}],
        "outputs": [
            {"from": "wave", "to": "wave.png"},
            {"from": "wave.peaks", "to": "peaks.json"},
        ],
    }
    done = run_job(spec, tmp_path)
    audio = done.plan.steps[0].taps[0].stream
    assert isinstance(audio, AudioStream)
    found = json.loads(done.files["peaks.json"].read_text())
    assert audio.duration is not None
    expected = audio.duration * found["sample_rate"] / found["samples_per_pixel"]
    assert found["length"] == pytest.approx(float(expected), rel=0.06)
    assert max(found["data"]) > 1000


def test_memory_is_bounded() -> None:
    operator = REGISTRY.get("waveform")
    hours = AudioStream(sample_rate_hz=48000, channels=2, duration=Fraction(36000))
    for stream, expected in ((SOUND, 2 * 60 * 48000 * 2), (hours, 64_000_000)):
        cost = operator.estimate(given("waveform"), {"input": (streams(stream),)})
        assert cost is not None
        assert cost.memory_bytes == expected
