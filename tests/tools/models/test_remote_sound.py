"""A part of a file that another machine is asked about: the same samples at the same times."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reelwright.tools.flac import RATE_HZ, flac_of, read_samples
from reelwright.tools.models.kinds import PictureAsk, SpeechAsk
from reelwright.tools.models.remote_sound import attached, detached


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "noise.flac"
    samples = np.random.default_rng(1).integers(-20000, 20000, RATE_HZ * 60, dtype=np.int16)
    path.write_bytes(flac_of(samples))
    return path


@pytest.mark.parametrize(
    ("start_s", "end_s"),
    [(0, 3), (0.3, 2.7), (12.3456, 25.1), (3.00003, 3.2), (55, 70)],
)
def test_the_part_has_the_same_samples_at_the_same_times(
    noise: Path, start_s: float, end_s: float
) -> None:
    ask = SpeechAsk(audio=noise, start_s=start_s, end_s=end_s, language="de")
    bare, sound = detached(ask)
    assert sound is not None
    assert len(sound) < (end_s - start_s) * RATE_HZ * 2.1 + 1000  # not the whole file
    with attached(bare, sound) as again:
        assert (again.start_s, again.end_s, again.language) == (start_s, end_s, "de")
        assert np.array_equal(
            read_samples(again.audio, start_s, end_s), read_samples(noise, start_s, end_s)
        )
    assert not again.audio.exists()


def test_after_the_end_there_is_as_good_as_nothing(noise: Path) -> None:
    bare, sound = detached(SpeechAsk(audio=noise, start_s=61, end_s=62))
    with attached(bare, sound) as again:
        assert len(read_samples(again.audio, 61, 62)) <= 1


def test_what_names_no_file_goes_as_it_is() -> None:
    ask = PictureAsk(image=b"picture")
    assert detached(ask) == (ask, None)
    with attached(ask, None) as again:
        assert again is ask
