"""`loudnorm`: measured, brought to the target, reported."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.graph.actions import Late, Tap
from reelwright.graph.operator import require_audio
from reelwright.media.streams import AudioStream
from tests.operators.built import build
from tests.operators.job import Done, run_job
from tests.operators.scene import infer, make, streams
from tests.operators.senses import loudness, samples

SOUND = AudioStream(
    codec="aac", sample_rate_hz=44100, channels=2, channel_layout="stereo", duration=Fraction(9)
)


def job(folder: Path, source: str, codec: str = "pcm_f32le", **params: Any) -> Done:
    spec = {
        "inputs": {"talk": source},
        "operations": [{"id": "level", "op": "loudnorm", "input": "talk", **params}],
        "outputs": [{"from": "level.audio", "to": "out.wav", "audio": {"codec": codec}}],
    }
    return run_job(spec, folder)


def told(done: Done) -> dict[str, Any]:
    """Both passes' readings in one."""
    readings: dict[str, dict[str, Any]] = done.report["loudness"]
    return readings["level/measure"] | readings["level/reached"]


def sound(ffmpeg: Path, folder: Path, expression: str, rate: int = 48000, length: float = 4) -> str:
    source = f"aevalsrc={expression}:s={rate}:d={length}"
    make(ffmpeg, folder / "in.wav", "-f", "lavfi", "-i", source, "-c:a", "pcm_f32le")
    return "in.wav"


def test_rate_and_channels_stay() -> None:
    stream = require_audio(infer("loudnorm", SOUND)).stream
    assert isinstance(stream, AudioStream)
    assert (stream.sample_rate_hz, stream.channels) == (44100, 2)
    assert stream.duration == 9


def test_the_gain_is_a_value_that_the_first_pass_finds() -> None:
    made = build("loudnorm", {"input": (streams(SOUND),)})
    assert made.options("volume")["volume"] == Late("loudnorm/measure", "gain")
    taps = [n.action for n in made.nodes.values() if isinstance(n.action, Tap)]
    assert [(t.analyser, t.source) for t in taps] == [
        ("loudnorm:measure", "log"),
        ("loudnorm:reached", "log"),
    ]


def test_every_sound_is_measured_for_itself() -> None:
    made = build("loudnorm", {"input": (streams(SOUND, SOUND),)})
    gains = [args["volume"].node for name, args in made.filters if name == "volume"]
    assert len(set(gains)) == 2


def test_quiet_sound_becomes_louder_by_one_gain(ffmpeg: Path, tmp_path: Path) -> None:
    source = sound(ffmpeg, tmp_path, "0.05*sin(440*t*2*PI)|0.02*sin(550*t*2*PI)", rate=44100)
    done = job(tmp_path, source)
    report = told(done)
    assert loudness(ffmpeg, done.files["out.wav"]).integrated_lufs == pytest.approx(-16, abs=0.1)
    assert report["linear"] is True
    assert report["normalization_type"] == "linear"
    assert report["output_i"] == pytest.approx(-16, abs=0.1)
    before = samples(ffmpeg, tmp_path / source, 2)
    after = samples(ffmpeg, done.files["out.wav"], 2)
    assert len(before) == len(after) == 4 * 44100
    gain = 10 ** (report["gain_db"] / 20)
    assert after == pytest.approx(before * gain, abs=1e-6)


BURSTS = "0.9*sin(1000*t*2*PI)*lt(mod(t\\,1)\\,0.02)+0.05*sin(300*t*2*PI)"


def test_peaks_in_the_way_are_limited_and_the_report_says_so(ffmpeg: Path, tmp_path: Path) -> None:
    done = job(tmp_path, sound(ffmpeg, tmp_path, BURSTS), target=-18)
    report = told(done)
    heard = loudness(ffmpeg, done.files["out.wav"])
    assert report["linear"] is False
    assert report["normalization_type"] == "limited"
    assert heard.true_peak_dbtp <= -1.4
    assert done.info("out.wav").audio.sample_rate_hz == 48000  # type: ignore[union-attr]
    assert len(samples(ffmpeg, done.files["out.wav"])) == 4 * 48000


def test_linear_may_be_required(ffmpeg: Path, tmp_path: Path) -> None:
    with pytest.raises(ReelError, match=r"true peak to \d+\.\d dBTP, above -1.5 dBTP") as caught:
        job(tmp_path, sound(ffmpeg, tmp_path, BURSTS), target=-18, linear="require")
    assert caught.value.code is Code.LOUDNESS_MISSED


def test_required_and_possible(ffmpeg: Path, tmp_path: Path) -> None:
    source = sound(ffmpeg, tmp_path, "0.05*sin(440*t*2*PI)")
    done = job(tmp_path, source, linear="require", target=-23)
    assert loudness(ffmpeg, done.files["out.wav"]).integrated_lufs == pytest.approx(-23, abs=0.1)


@pytest.mark.parametrize("linear", ["prefer", "require", "dynamic"])
def test_silence_stays_silence(ffmpeg: Path, tmp_path: Path, linear: str) -> None:
    done = job(tmp_path, sound(ffmpeg, tmp_path, "0"), linear=linear)
    assert told(done)["silent"] is True
    after = samples(ffmpeg, done.files["out.wav"])
    assert len(after) == 4 * 48000
    assert not after.any()


@pytest.mark.parametrize("length", [0.1, 0.39, 1, 2.9])
def test_short_sounds(ffmpeg: Path, tmp_path: Path, length: float) -> None:
    """Below one block of 400 ms nothing can be measured, so nothing is changed."""
    source = sound(ffmpeg, tmp_path, "0.05*sin(440*t*2*PI)", length=length)
    done = job(tmp_path, source)
    after = samples(ffmpeg, done.files["out.wav"])
    if length < 0.4:
        assert told(done)["normalization_type"] == "unchanged"
        assert after == pytest.approx(samples(ffmpeg, tmp_path / source), abs=1e-6)
    else:
        assert told(done)["output_i"] == pytest.approx(-16, abs=0.1)
    assert len(after) == round(length * 48000)


def test_the_compressor_on_request(ffmpeg: Path, tmp_path: Path) -> None:
    source = sound(ffmpeg, tmp_path, "0.05*sin(440*t*2*PI)*(1+0.8*sin(t*PI))", length=6)
    done = job(tmp_path, source, linear="dynamic", range=5)
    report = told(done)
    assert (report["linear"], report["normalization_type"]) == (False, "dynamic")
    assert done.info("out.wav").audio.sample_rate_hz == 48000  # type: ignore[union-attr]
    assert loudness(ffmpeg, done.files["out.wav"]).integrated_lufs == pytest.approx(-16, abs=1)


def test_two_targets_of_one_sound_in_one_job(ffmpeg: Path, tmp_path: Path) -> None:
    """Two meters print into the same log, and must not read each other's lines."""
    source = sound(ffmpeg, tmp_path, "0.05*sin(440*t*2*PI)")
    lower = {"id": "quiet", "op": "volume", "input": "talk", "gain": "-10dB"}
    spec = {
        "inputs": {"talk": source},
        "operations": [
            lower,
            {"id": "a", "op": "loudnorm", "input": "talk", "target": -16},
            {"id": "b", "op": "loudnorm", "input": "quiet", "target": -23},
        ],
        "outputs": [{"from": "a", "to": "a.wav"}, {"from": "b", "to": "b.wav"}],
    }
    done = run_job(spec, tmp_path)
    assert loudness(ffmpeg, done.files["a.wav"]).integrated_lufs == pytest.approx(-16, abs=0.1)
    assert loudness(ffmpeg, done.files["b.wav"]).integrated_lufs == pytest.approx(-23, abs=0.1)
    found = done.report["loudness"]
    assert found["a/measure"]["input_i"] - found["b/measure"]["input_i"] == pytest.approx(
        10, abs=0.2
    )


def test_mono_may_count_twice(ffmpeg: Path, tmp_path: Path) -> None:
    source = sound(ffmpeg, tmp_path, "0.05*sin(440*t*2*PI)")
    done = job(tmp_path, source, dual_mono=True)
    assert loudness(ffmpeg, done.files["out.wav"]).integrated_lufs == pytest.approx(-19, abs=0.2)


def test_wrong_values() -> None:
    with pytest.raises(ReelError, match="true_peak lies between"):
        infer("loudnorm", SOUND, true_peak="3dB")
    with pytest.raises(ValueError, match="less than or equal to -5"):
        infer("loudnorm", SOUND, target=-2)
    with pytest.raises(ReelError, match="sample rate of the sound is not known"):
        infer("loudnorm", AudioStream(channels=2))


# EBU Tech 3341, signals 1 to 4 and 9's relatives: level in dBFS and seconds of each part.
TECH_3341: dict[int, list[tuple[float, float]]] = {
    1: [(-23, 20)],
    2: [(-33, 20)],
    3: [(-36, 10), (-23, 60), (-36, 10)],
    4: [(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)],
    5: [(-26, 20), (-20, 20.1), (-26, 20)],
}


@pytest.mark.corpus
@pytest.mark.parametrize("number", TECH_3341)
def test_ebu_signals_are_measured_as_the_standard_says(
    ffmpeg: Path, tmp_path: Path, corpus: Path, number: int
) -> None:
    import json

    truth = json.loads((corpus / "truth/loudness_ebu_r128.json").read_text())
    expected = next(s for s in truth["tech3341"] if s["n"] == number)
    parts = ";".join(
        f"aevalsrc={10 ** (level / 20)}*sin(2000*PI*t)|{10 ** (level / 20)}*sin(2000*PI*t)"
        f":s=48000:d={length}[p{i}]"
        for i, (level, length) in enumerate(TECH_3341[number])
    )
    count = len(TECH_3341[number])
    joined = "".join(f"[p{i}]" for i in range(count)) + f"concat=n={count}:v=0:a=1[o]"
    make(ffmpeg, tmp_path / "in.wav", "-filter_complex", f"{parts};{joined}", "-map", "[o]")
    report = told(job(tmp_path, "in.wav", codec="pcm_s16le"))
    assert report["input_i"] == pytest.approx(expected["I"], abs=expected["tol"] + 0.001)
    assert report["output_i"] == pytest.approx(-16, abs=0.1)


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "lufs"), [("1770-2_Comp_RelGateTest", -10), ("piano", -31.1), ("sine_1000", -3.0523)]
)
def test_real_recordings(
    ffmpeg: Path, tmp_path: Path, corpus: Path, name: str, lufs: float
) -> None:
    done = job(tmp_path, str(corpus / f"loudness/{name}.wav"), target=-18)
    assert told(done)["input_i"] == pytest.approx(lufs, abs=0.1)
    heard = loudness(ffmpeg, done.files["out.wav"])
    assert heard.integrated_lufs == pytest.approx(-18, abs=0.2)
    assert heard.true_peak_dbtp <= -1.4


@pytest.mark.corpus
@pytest.mark.parametrize(
    "name",
    [
        "surround/ac3.mkv",
        "surround/opus-5.1.mka",
        "surround/sample_wav_format_extensible.wav",
        "speech/stereo_diarization.wav",
        "speech/jfk.flac",
    ],
)
def test_layouts_rates_and_speech(ffmpeg: Path, tmp_path: Path, corpus: Path, name: str) -> None:
    """The compressor of FFmpeg's loudnorm misses the last two by up to 1.6 LU."""
    done = job(tmp_path, str(corpus / name))
    report = told(done)
    heard = loudness(ffmpeg, done.files["out.wav"])
    assert heard.true_peak_dbtp <= -1.4
    if report["normalization_type"] != "unchanged":
        assert heard.integrated_lufs == pytest.approx(-16, abs=1)
