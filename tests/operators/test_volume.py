"""`volume`: gains, times, limiter."""

from fractions import Fraction
from pathlib import Path

import pytest

from reelwright.errors import Code, ReelError
from reelwright.graph.operator import require_audio
from reelwright.media.streams import AudioStream
from tests.operators.job import run_job
from tests.operators.scene import given, infer, make, streams
from tests.operators.senses import rms_db, samples

TONE = AudioStream(
    codec="aac", sample_rate_hz=48000, channels=2, channel_layout="stereo", duration=Fraction(3)
)


@pytest.fixture
def tone(ffmpeg: Path, tmp_path: Path) -> Path:
    """Three seconds of a 1 kHz tone at -12 dBFS peak (rms -15)."""
    source = "aevalsrc=0.2511886*sin(2*PI*1000*t):s=48000:d=3"
    return make(ffmpeg, tmp_path / "tone.wav", "-f", "lavfi", "-i", source, "-c:a", "pcm_f32le")


def job(folder: Path, **params: object) -> Path:
    spec = {
        "inputs": {"tone": "tone.wav"},
        "operations": [{"id": "loud", "op": "volume", "input": "tone", **params}],
        "outputs": [{"from": "loud", "to": "out.wav", "audio": {"codec": "pcm_f32le"}}],
    }
    return run_job(spec, folder).files["out.wav"]


def test_the_format_of_the_sound_stays() -> None:
    stream = require_audio(infer("volume", TONE, gain="-6dB")).stream
    assert isinstance(stream, AudioStream)
    assert (stream.codec, stream.sample_rate_hz, stream.channels) == (None, 48000, 2)
    assert stream.duration == 3


def test_no_change_leaves_the_packets_alone() -> None:
    assert require_audio(infer("volume", TONE)).encoded


@pytest.mark.parametrize(("gain", "expected"), [("-6dB", -21.05), ("50%", -21.07), (2, -9.03)])
def test_gain(ffmpeg: Path, tone: Path, gain: object, expected: float) -> None:
    heard = samples(ffmpeg, job(tone.parent, gain=gain))
    assert len(heard) == 144000
    assert rms_db(heard) == pytest.approx(expected, abs=0.05)


def test_mute(ffmpeg: Path, tone: Path) -> None:
    assert not samples(ffmpeg, job(tone.parent, mute=True)).any()


def test_only_a_part_changes_and_without_a_click(ffmpeg: Path, tone: Path) -> None:
    heard = samples(ffmpeg, job(tone.parent, gain="-inf", start=1, end="00:00:02"))
    assert rms_db(heard[:48000]) == pytest.approx(-15.05, abs=0.05)
    assert rms_db(heard[48000 + 240 : 96000 - 240]) == -200
    assert rms_db(heard[96000:]) == pytest.approx(-15.05, abs=0.05)
    # A 1 kHz tone at this level moves by at most 0.033 a sample; a cut would jump by up to 0.25.
    assert abs(heard[1:] - heard[:-1]).max() < 0.04


def test_without_the_limiter_peaks_exceed_full_scale(ffmpeg: Path, tone: Path) -> None:
    assert abs(samples(ffmpeg, job(tone.parent, gain="20dB"))).max() > 2


def test_the_limiter_holds_the_ceiling(ffmpeg: Path, tone: Path) -> None:
    limited = samples(ffmpeg, job(tone.parent, gain="20dB", limiter=True, ceiling="-3dB"))
    assert abs(limited).max() <= 10 ** (-3 / 20) + 1e-3
    assert len(limited) == 144000


def test_a_quiet_sound_passes_the_limiter_unchanged(ffmpeg: Path, tone: Path) -> None:
    plain = samples(ffmpeg, tone)
    limited = samples(ffmpeg, job(tone.parent, limiter=True))
    assert (plain == limited).all()


def test_an_end_before_the_start_is_refused() -> None:
    with pytest.raises(ReelError) as caught:
        infer("volume", TONE, mute=True, start=2, end=1)
    assert caught.value.code is Code.RANGE_EMPTY


def test_frames_of_a_timecode_need_a_picture() -> None:
    with pytest.raises(ReelError, match="start: timecode 00:00:01:12 counts frames"):
        infer("volume", TONE, mute=True, start="00:00:01:12")


def test_values_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="ceiling lies between"):
        given("volume", limiter=True, ceiling="6dB")
    with pytest.raises(ValueError, match="at most 60 dB"):
        given("volume", gain="61dB")


def test_every_sound_of_the_input_changes() -> None:
    made = infer("volume", TONE, TONE, gain="-6dB")
    assert [s.encoded for s in made] == [False, False]
    assert len(streams(TONE, TONE).strands) == len(made.strands)
