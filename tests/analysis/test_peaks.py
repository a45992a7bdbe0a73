"""Peaks, however the samples come in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.analysis.peaks import Peaks


def peaks(data: bytes, cuts: list[int], **more: int) -> dict[str, object]:
    values = {"sample_rate_hz": 8000, "channels": 1, "samples_per_pixel": 4, "bits": 16} | more
    made = Peaks(split=bool(values.pop("split", 0)), **values)
    last = 0
    for cut in [*sorted(cuts), len(data)]:
        made.feed(memoryview(data[last:cut]))
        last = cut
    return made.result()


def test_lowest_and_highest_of_each_pixel() -> None:
    samples = np.array([1, -2, 3, 0, 7, 7, 7, 7, -5], "<i2").tobytes()
    found = peaks(samples, [])
    assert found["data"] == [-2, 3, 7, 7, -5, -5]
    assert found["length"] == 3


def test_channels_are_averaged_or_kept() -> None:
    samples = np.array([[10, -10], [20, 0], [-30, -31], [0, 0]], "<i2").tobytes()
    assert peaks(samples, [], channels=2)["data"] == [-31, 10]
    split = peaks(samples, [], channels=2, split=1)
    assert split["data"] == [-30, 20, -31, 0]
    assert split["channels"] == 2


def test_full_scale_does_not_overflow() -> None:
    samples = np.array([[-32768, -32768], [32767, 32767]], "<i2").tobytes()
    assert peaks(samples, [], channels=2)["data"] == [-32768, 32767]
    assert peaks(samples, [], channels=2, bits=8)["data"] == [-128, 127]


def test_nothing() -> None:
    assert peaks(b"", [])["length"] == 0


@given(st.lists(st.integers(-32768, 32767), max_size=80), st.lists(st.integers(0, 80), max_size=5))
def test_pieces_make_no_difference(samples: list[int], cuts: list[int]) -> None:
    data = np.array(samples, "<i2").tobytes()
    places = [min(c, len(samples)) * 2 for c in cuts]
    assert peaks(data, places) == peaks(data, [])


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_the_buffer_may_be_reused(channels: int) -> None:
    """The reader's buffer is overwritten by what comes next."""
    buffer = bytearray(np.arange(6 * channels, dtype="<i2").tobytes())
    made = Peaks(sample_rate_hz=8000, channels=channels, samples_per_pixel=4, split=True, bits=16)
    made.feed(memoryview(buffer))
    buffer[:] = bytes(len(buffer))
    low = made.result()["data"]
    assert max(low) == 6 * channels - 1
