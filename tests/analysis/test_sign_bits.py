"""Coarse forms of vectors: how far they are from each other, and how near that comes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from reelwright.analysis.sign_bits import coarse, distances, likeness, nearest, signs


def _rows(count: int, dimension: int = 96, seed: int = 3) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


@pytest.mark.parametrize("dimension", [8, 64, 100, 384])
def test_distances_count_differing_signs(dimension: int) -> None:
    rows = _rows(70_000 if dimension == 8 else 300, dimension)
    query = rows[7]
    found = distances(coarse(rows).bits, signs(query[None, :])[:, 0])
    expected = ((rows > 0) != (query > 0)).sum(axis=1)
    np.testing.assert_array_equal(found, expected)
    assert found[7] == 0


def test_the_nearest_are_all_those_that_are_as_near() -> None:
    found = np.array([5, 1, 3, 1, 9, 3], dtype=np.uint16)
    assert nearest(found, 2).tolist() == [1, 3]
    assert nearest(found, 3).tolist() == [1, 2, 3, 5]
    assert nearest(found, 99).tolist() == [0, 1, 2, 3, 4, 5]
    assert nearest(np.array([], dtype=np.uint16), 5).tolist() == []


def test_eight_bits_are_nearly_the_vectors() -> None:
    rows = _rows(500)
    close = likeness(coarse(rows).levels, rows[3])
    np.testing.assert_allclose(close, rows @ rows[3], atol=0.01)
    assert int(np.argmax(close)) == 3


def test_no_vectors_and_empty_ones() -> None:
    none = coarse(np.zeros((0, 64), dtype=np.float32))
    assert none.bits.shape == (1, 0)
    zero = coarse(np.zeros((2, 64), dtype=np.float32))
    assert likeness(zero.levels, np.ones(64, dtype=np.float32)).tolist() == [0, 0]
