"""Which moments of a video become pictures."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction


def evenly(count: int, duration: Fraction) -> tuple[Fraction, ...]:
    """The middles of `count` equal parts: never the first frame nor the last, often both black."""
    return tuple(duration * (2 * n + 1) / (2 * count) for n in range(count))


def every(interval: Fraction, duration: Fraction) -> tuple[Fraction, ...]:
    """0, `interval`, 2·`interval`, ... before `duration`."""
    return tuple(interval * n for n in range(steps(interval, duration)))


def steps(interval: Fraction, duration: Fraction) -> int:
    """How many multiples of `interval`, 0 included, lie before `duration`."""
    return -((-duration) // interval)


def on_frames(
    times: Sequence[Fraction],
    rate: Fraction,
    frame_count: int | None = None,
    start: Fraction = Fraction(0),
) -> tuple[Fraction, ...]:
    """Each time moved back onto the start of the frame that is on screen then, at a constant rate
    from `start` on, before which the first frame stands in.

    With `frame_count` the last frame stays on screen: a time just before the end has a picture.
    """
    numbers = (max(0, (time - start) * rate // 1) for time in times)
    if frame_count is not None:
        numbers = (min(number, frame_count - 1) for number in numbers)
    return tuple(start + Fraction(number) / rate for number in numbers)
