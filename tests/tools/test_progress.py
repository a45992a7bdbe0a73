from collections.abc import Iterator
from fractions import Fraction

from reelwright.tools.ffmpeg.progress import Progress, ProgressParser


def parse(text: str) -> list[Progress]:
    parser = ProgressParser()
    return list(_found(parser, text.splitlines()))


def _found(parser: ProgressParser, lines: list[str]) -> Iterator[Progress]:
    for line in lines:
        progress = parser.feed(line)
        if progress is not None:
            yield progress


BLOCKS = """\
frame=25
fps=12.50
stream_0_0_q=28.0
bitrate= 284.7kbits/s
total_size=175104
out_time_us=1000000
out_time_ms=1000000
out_time=00:00:01.000000
dup_frames=2
drop_frames=1
speed=1.97x
progress=continue
frame=50
fps=N/A
bitrate=N/A
total_size=N/A
out_time_us=N/A
out_time=N/A
speed=N/A
progress=end
"""


def test_each_block_becomes_one_progress() -> None:
    first, last = parse(BLOCKS)
    assert first == Progress(
        frame=25,
        fps=12.5,
        time=Fraction(1),
        speed=1.97,
        bitrate_bps=284700,
        size_bytes=175104,
        dropped_frames=1,
        duplicated_frames=2,
    )
    assert last == Progress(frame=50, done=True)


def test_a_time_before_the_start_is_the_start() -> None:
    (progress,) = parse("out_time_us=-23220\nspeed= 246x\nprogress=continue")
    assert progress.time == 0
    assert progress.speed == 246


def test_no_time_yet_is_unknown() -> None:
    (progress,) = parse("out_time_us=-9223372036854775807\nfps=nan\nspeed=inf\nprogress=continue")
    assert (progress.time, progress.fps, progress.speed) == (None, None, None)


def test_lines_of_others_are_passed_over() -> None:
    (progress,) = parse("hello\n=\nframe=oops\nprogress=end")
    assert progress == Progress(done=True)


def test_audio_has_no_frames() -> None:
    (progress,) = parse("total_size=78\nout_time_us=500000\nprogress=continue")
    assert progress.frame is None
    assert progress.time == Fraction(1, 2)
    assert not progress.done
