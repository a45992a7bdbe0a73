"""A picture passes where anything in it is new."""

import numpy as np

from reelwright.analysis.change import ChangeGate


def surface(level: int = 100) -> np.ndarray:
    return np.full((90, 160), level, np.uint8)


def test_the_first_passes_and_the_same_again_does_not() -> None:
    gate = ChangeGate()
    assert gate.passes(surface())
    assert not gate.passes(surface())


def test_a_line_of_text_in_a_corner_passes() -> None:
    gate = ChangeGate()
    gate.passes(surface())
    written = surface()
    written[80:88, 2:40:2] = 255
    assert gate.passes(written)
    assert not gate.passes(written)
    assert gate.passes(surface())  # it is gone again


def test_noise_and_a_spark_do_not_pass() -> None:
    gate = ChangeGate()
    gate.passes(surface())
    noisy = surface() + np.random.default_rng(1).integers(0, 12, (90, 160)).astype(np.uint8)
    assert not gate.passes(noisy)
    spark = surface()
    spark[20:30, 20:30] = 255
    assert not gate.passes(spark)


def test_what_changes_slowly_passes_once_enough_has() -> None:
    gate = ChangeGate()
    passed = [level for level in range(100, 140) if gate.passes(surface(level))]
    assert passed == [100, 113, 126, 139]


def test_a_picture_smaller_than_a_block() -> None:
    gate = ChangeGate(least_blocks=1)
    assert gate.passes(np.zeros((8, 10), np.uint8))
    assert gate.passes(np.full((8, 10), 50, np.uint8))
