"""The tap that listens: the same for the same sound, in whatever portions it comes."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np

from reelwright.analysis.speech import SpeechRule
from reelwright.media.streams import DataStream
from reelwright.runners.analysers import analyser_of
from reelwright.runners.analysers.speech import SpeechAnalyser
from reelwright.tools.flac import RATE_HZ, flac_of, read_samples
from tests.features.transcribe.voices import spoken


def _heard(samples: bytes, pack: Path, portions: list[int]) -> dict[str, Any]:
    analyser = SpeechAnalyser(SpeechRule())
    analyser.open(pack)
    at = 0
    while at < len(samples):
        size = 2 * portions[at % len(portions)]
        analyser.feed(memoryview(samples[at : at + size]))
        at += size
    return analyser.finish()


def test_portions_change_neither_the_result_nor_a_byte(tmp_path: Path) -> None:
    spoken(tmp_path / "a.wav")
    voice = read_samples(tmp_path / "a.wav", 0, 60)
    silence = np.zeros(3 * RATE_HZ, np.int16)
    samples = np.concatenate((silence, voice, silence, voice[: RATE_HZ * 2 + 77])).tobytes()
    whole = _heard(samples, tmp_path / "whole.flac", [len(samples)])
    chance = random.Random(7)
    parts = [chance.randint(1, 40_000) for _ in range(50)]
    assert _heard(samples, tmp_path / "parts.flac", parts) == whole
    assert (tmp_path / "parts.flac").read_bytes() == (tmp_path / "whole.flac").read_bytes()
    assert read_samples(tmp_path / "whole.flac", 0, 60).tobytes() == samples
    first, *_, last = whole["speech"]
    assert abs(first["start"] - 3.0) < 0.2
    assert last["end"] <= whole["duration"] == round(len(samples) / 2 / RATE_HZ, 6)


def test_no_sound_at_all_is_no_speech(tmp_path: Path) -> None:
    found = analyser_of("speech:speech", {}, DataStream())
    found.open(tmp_path / "a.flac")
    assert found.finish() == {
        "speech": [], "duration": 0.0, "sample_rate": RATE_HZ, "loudest": 0.0,
    }  # fmt: skip


def test_any_part_of_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(-3000, 3000, 40 * RATE_HZ, np.int16)
    path = tmp_path / "a.flac"
    path.write_bytes(flac_of(noise))
    for start_s, end_s in [(0.0, 1.0), (0.3, 0.4), (17.25, 22.5), (39.5, 60.0), (41.0, 42.0)]:
        wanted = noise[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)]
        assert np.array_equal(read_samples(path, start_s, end_s), wanted)
