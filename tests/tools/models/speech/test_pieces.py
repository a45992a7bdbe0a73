"""A sound that is too long for a model is cut where it is quietest."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from reelwright.tools.flac import RATE_HZ
from reelwright.tools.models.speech.pieces import quiet_pieces


def test_cuts_are_in_the_quiet_and_nothing_is_lost() -> None:
    sound = np.random.default_rng(2).integers(-9000, 9000, 70 * RATE_HZ, np.int16)
    for at_s in (24, 26, 49):
        sound[round((at_s - 0.2) * RATE_HZ) : round((at_s + 0.2) * RATE_HZ)] //= 100
    pieces = quiet_pieces(sound, 28 * RATE_HZ)
    assert pieces[0][0] == 0
    assert pieces[-1][1] == len(sound)
    assert all(one[1] == other[0] for one, other in pairwise(pieces))
    assert all(0 < last - first <= 28 * RATE_HZ for first, last in pieces)
    cuts_s = [first / RATE_HZ for first, _ in pieces[1:]]
    assert len(cuts_s) == 2
    assert min(abs(cuts_s[0] - at_s) for at_s in (24, 26)) < 0.2
    assert abs(cuts_s[1] - 49) < 0.2


def test_what_fits_is_one_piece() -> None:
    assert quiet_pieces(np.ones(100, np.int16), 100) == [(0, 100)]
    assert quiet_pieces(np.ones(0, np.int16), 100) == []
