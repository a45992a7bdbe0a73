from fractions import Fraction

from reelwright.analysis.stills import evenly, every, on_frames, steps


def whole(*seconds: int) -> tuple[Fraction, ...]:
    return tuple(Fraction(s) for s in seconds)


def test_evenly_takes_the_middles() -> None:
    assert evenly(3, Fraction(6)) == whole(1, 3, 5)
    assert evenly(1, Fraction(5)) == (Fraction(5, 2),)


def test_every_stays_before_the_end() -> None:
    assert every(Fraction(2), Fraction(6)) == whole(0, 2, 4)
    assert every(Fraction(2), Fraction(61, 10)) == whole(0, 2, 4, 6)
    assert every(Fraction(10), Fraction(1)) == whole(0)


def test_steps_counts_what_every_gives() -> None:
    for tenths in range(1, 50):
        duration = Fraction(tenths, 10)
        assert steps(Fraction(3, 10), duration) == len(every(Fraction(3, 10), duration))


def test_on_frames_is_the_frame_on_screen() -> None:
    ntsc = Fraction(30000, 1001)
    exact = Fraction(7 * 1001, 30000)
    times = (exact - Fraction(1, 10**9), exact, exact + Fraction(1, 100))
    assert on_frames(times, ntsc) == (6 / ntsc, 7 / ntsc, 7 / ntsc)


def test_the_first_frame_stands_in_for_what_is_before_it() -> None:
    start = Fraction(1, 2)
    times = (Fraction(0), Fraction(1, 2), Fraction(61, 100))
    assert on_frames(times, Fraction(10), 30, start) == (start, start, Fraction(6, 10))


def test_the_last_frame_stays_on_screen() -> None:
    assert on_frames([Fraction(999, 100)], Fraction(25), 240) == (Fraction(239, 25),)
