"""Which of FFmpeg's lines count as damage. The lines are FFmpeg 9's own."""

import pytest

from reelwright.tools.ffmpeg.damage import TOLERATED_LINES, DamageWatch

PARTIAL = "[in#0/mov,mp4,m4a,3gp,3g2,mj2 @ 0x55d] [error] stream 0, offset 0x18855: partial file"
CORRUPT = "[in#0/mpegts @ 0x55d] [warning] Packet corrupt (stream = 0, dts = 7408)."
PACKET = (
    "[vist#0:0/h264 @ 0x55d] [dec:h264 @ 0x66e] [error] Error submitting packet to decoder: "
    "Invalid data found when processing input"
)
HARMLESS = [
    "[in#0/mp3 @ 0x55d] [warning] Estimating duration from bitrate, this may be inaccurate",
    "[null @ 0x5] [error] Application provided invalid, non monotonically increasing dts to muxer",
    "[h264 @ 0x55d] [warning] Truncated VUI (-8)",
    "[libx264 @ 0x55d] [error] anything of an encoder",
    "[info]   title           : [error] partial file",
    "    [error] partial file",
    "partial file",
]
MISSING = "[h264 @ 0x55d] [error] non-existing PPS 0 referenced"


def watched(*lines: str, joins: bool = False) -> DamageWatch:
    watch = DamageWatch(joins=joins)
    for line in lines:
        watch.feed(line)
    return watch


@pytest.mark.parametrize("line", [PARTIAL, CORRUPT])
def test_an_early_end_is_severe_at_once(line: str) -> None:
    watch = watched(line)
    assert (watch.count, watch.is_truncated, watch.is_severe) == (1, True, True)


def test_lines_are_kept_without_addresses() -> None:
    (kept,) = watched(PARTIAL).lines
    assert "0x55d" not in kept
    assert "0x18855" in kept


@pytest.mark.parametrize("line", HARMLESS)
def test_other_lines_are_no_damage(line: str) -> None:
    assert watched(line).count == 0


def test_a_few_bad_packets_are_noted_and_many_are_severe() -> None:
    few, many = watched(*[PACKET] * TOLERATED_LINES), watched(*[PACKET] * (TOLERATED_LINES + 1))
    assert (few.count, few.is_severe) == (TOLERATED_LINES, False)
    assert many.is_severe
    assert not many.is_truncated


def test_frames_that_were_never_there_are_missed_only_by_who_did_not_join_late() -> None:
    assert watched(MISSING, joins=True).count == 0
    assert watched(MISSING).count == 1


def test_what_is_kept_is_bounded() -> None:
    watch = watched(*[PACKET] * 5000)
    assert watch.count == 5000
    assert len(watch.lines) == 50
