"""What verification catches: each output here exists, and is not what was planned."""

import asyncio
import json
import zipfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from reelwright.errors import Code, ReelError
from reelwright.media.info import MediaInfo
from reelwright.media.streams import SubtitleStream, VideoStream
from reelwright.planning.plan import Expectation, StepOutput
from reelwright.runners import StepContext
from reelwright.runners.mismatch import Slack, mismatches
from reelwright.runners.verify import Verified, verify
from tests.runners.conftest import Contexts, Make
from tests.runners.steps import AUDIO, VIDEO, WHOLE


def checked(
    context: StepContext, path: Path, expect: Expectation, container: str = "mp4", **more: Slack
) -> Verified:
    (context.workspace / path.name).write_bytes(path.read_bytes())
    output = StepOutput(name=path.name, container=container, expect=expect)
    return asyncio.run(verify(output, context, **more))


def wrong(
    context: StepContext, path: Path, expect: Expectation, container: str = "mp4"
) -> list[str]:
    with pytest.raises(ReelError) as caught:
        checked(context, path, expect, container)
    assert caught.value.code is Code.OUTPUT_MISMATCH
    mismatches = caught.value.problem.evidence["mismatches"]
    assert isinstance(mismatches, list)
    return mismatches


def test_what_is_as_planned_passes_with_its_facts(video: Path, contexts: Contexts) -> None:
    result = checked(contexts(), video, WHOLE)
    info = MediaInfo.from_json(json.loads(json.dumps(result.facts)))
    assert info.duration == 2
    assert result.notes == ()


def test_a_killed_ffprobe_says_nothing_of_the_file(
    video: Path, contexts: Contexts, tmp_path: Path
) -> None:
    """It may be asked again; a file that is not what was planned is not made again."""
    killed = tmp_path / "ffprobe"
    killed.write_text("#!/bin/sh\necho '{\"format\": {'\nkill -9 $$\n")
    killed.chmod(0o755)
    context = contexts()
    context = replace(context, tools=replace(context.tools, ffprobe=killed), sandbox=False)
    with pytest.raises(ReelError) as caught:
        checked(context, video, WHOLE)
    assert caught.value.code is Code.TOOL_CRASHED
    assert caught.value.code.retryable


def test_what_is_not_known_is_not_checked(video: Path, contexts: Contexts) -> None:
    vague = Expectation(streams=(VideoStream(), replace(AUDIO, channels=None)))
    assert checked(contexts(), video, vague).files
    assert checked(contexts(), video, Expectation()).files


@pytest.mark.parametrize(
    ("expect", "says"),
    [
        (replace(WHOLE, streams=(replace(VIDEO, width_px=320), AUDIO)), "320x90, got 160x90"),
        (replace(WHOLE, streams=(replace(VIDEO, codec="hevc"), AUDIO)), "codec hevc, got h264"),
        (replace(WHOLE, streams=(replace(VIDEO, rotation_deg=90), AUDIO)), "90°, got 0°"),
        (replace(WHOLE, streams=(replace(VIDEO, frame_rate=Fraction(30)), AUDIO)), "30 frames"),
        (replace(WHOLE, streams=(replace(VIDEO, pix_fmt="yuv422p"), AUDIO)), "yuv422p, got yuv4"),
        (replace(WHOLE, streams=(replace(VIDEO, sar=Fraction(4, 3)), AUDIO)), "4/3, got 1"),
        (replace(WHOLE, streams=(VIDEO, replace(AUDIO, channels=2))), "channels 2, got 1"),
        (replace(WHOLE, streams=(VIDEO, replace(AUDIO, sample_rate_hz=44100))), "44100 Hz, got"),
        (replace(WHOLE, streams=(VIDEO, replace(AUDIO, channel_layout="5.1"))), "5.1, got mono"),
        (replace(WHOLE, streams=(VIDEO,)), "streams video, got video + audio"),
        (replace(WHOLE, streams=(AUDIO, VIDEO)), "audio + video, got video + audio"),
        (replace(WHOLE, streams=(VIDEO, AUDIO, SubtitleStream())), "subtitle, got video + audio"),
        (replace(WHOLE, duration=Fraction(3)), "3.000 s (± 0.100 s), got 2.000 s"),
        (replace(WHOLE, duration=Fraction(1)), "1.000 s (± 0.100 s), got 2.000 s"),
        (replace(WHOLE, frame_count=51), "51 frames, got 50"),
        (replace(WHOLE, frame_count=49), "49 frames, got 50"),
    ],
)
def test_each_difference_is_named(
    expect: Expectation, says: str, video: Path, contexts: Contexts
) -> None:
    found = wrong(contexts(), video, expect)
    assert len(found) == 1
    assert says in found[0]


def test_all_differences_come_at_once(video: Path, contexts: Contexts) -> None:
    streams = (replace(VIDEO, width_px=320, codec="hevc"), replace(AUDIO, channels=2))
    found = wrong(contexts(), video, Expectation(streams=streams, frame_count=1))
    assert len(found) == 4


def test_missing_audio_is_found(make: Make, contexts: Contexts) -> None:
    mute = make("mute.mp4", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=2")
    assert wrong(contexts(), mute, WHOLE) == ["expected the streams video + audio, got video"]


def test_frames_are_counted_where_the_header_does_not_tell(make: Make, contexts: Contexts) -> None:
    long = make(
        "long.mkv",
        *("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=25:duration=30"),
        *("-c:v", "libx264", "-preset", "ultrafast"),
    )
    right = Expectation(streams=(replace(VIDEO, width_px=64, height_px=36),), frame_count=750)
    assert checked(contexts(), long, right, "matroska").files
    found = wrong(contexts(), long, replace(right, frame_count=749), "matroska")
    assert found == ["expected 749 frames, got 750"]


def test_a_rotated_output_is_measured_as_it_is_shown(make: Make, contexts: Contexts) -> None:
    source = make("flat.mp4", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=1")
    turned = make("turned.mp4", "-display_rotation", "-90", "-i", str(source), "-c", "copy")
    shown = replace(VIDEO, width_px=90, height_px=160, rotation_deg=90)
    assert checked(contexts(), turned, Expectation(streams=(shown,))).files


def test_an_unfinished_mp4_is_found(video: Path, contexts: Contexts, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(video.read_bytes()[:-1000])
    (found,) = wrong(contexts(), cut, WHOLE)
    assert "cut.mp4" in found


@pytest.mark.parametrize("content", [None, b""])
def test_a_missing_or_empty_file_is_missing(content: bytes | None, contexts: Contexts) -> None:
    context = contexts()
    if content is not None:
        (context.workspace / "out.mp4").write_bytes(content)
    with pytest.raises(ReelError) as caught:
        asyncio.run(verify(StepOutput(name="out.mp4", container="mp4"), context))
    assert caught.value.code is Code.OUTPUT_MISSING


def test_a_link_is_no_output(video: Path, contexts: Contexts) -> None:
    context = contexts()
    (context.workspace / "out.mp4").symlink_to(video)
    with pytest.raises(ReelError) as caught:
        asyncio.run(verify(StepOutput(name="out.mp4", container="mp4"), context))
    assert caught.value.code is Code.OUTPUT_MISSING


def test_lost_frames_are_excused_only_as_far_as_damage_explains_them(
    video: Path, contexts: Contexts
) -> None:
    expect = replace(WHOLE, frame_count=52)
    excused = checked(contexts(), video, expect, slack=Slack(lost_frames=2))
    assert excused.notes == ("expected 52 frames, got 50",)
    with pytest.raises(ReelError):
        checked(contexts(), video, expect, slack=Slack(lost_frames=1))


def test_keeping_damage_excuses_what_is_missing_and_nothing_else(
    video: Path, contexts: Contexts
) -> None:
    keep = Slack(any_length=True)
    longer = replace(WHOLE, duration=Fraction(60), frame_count=1500)
    assert len(checked(contexts(), video, longer, slack=keep).notes) == 2
    for other in (replace(WHOLE, duration=Fraction(1)), replace(WHOLE, frame_count=3)):
        with pytest.raises(ReelError):
            checked(contexts(), video, other, slack=keep)


STILLS = [("png", "png"), ("jpg", "image2"), ("webp", "webp")]


def pictures(make: Make, ending: str, context: StepContext, count: int = 3) -> str:
    source = ("-f", "lavfi", "-i", f"testsrc2=size=64x36:rate=1:duration={count}")
    codec = ("-c:v", "libwebp") if ending == "webp" else ()  # else: one animated file
    first = make(f"stills%06d.{ending}", *source, *codec, "-f", "image2")
    for path in first.parent.glob(f"stills0*.{ending}"):
        (context.workspace / path.name).write_bytes(path.read_bytes())
    return first.name


def stills(name: str, container: str, count: int) -> StepOutput:
    picture = VideoStream(width_px=64, height_px=36, is_still=True)
    return StepOutput(
        name=name, container=container, expect=Expectation(streams=(picture,), stills=count)
    )


@pytest.mark.parametrize(("ending", "container"), STILLS)
def test_a_sequence_of_stills_is_counted_and_decoded(
    ending: str, container: str, make: Make, contexts: Contexts
) -> None:
    context = contexts()
    name = pictures(make, ending, context)
    found = asyncio.run(verify(stills(name, container, 3), context))
    assert [path.name for path in found.files] == [name % n for n in (1, 2, 3)]
    with pytest.raises(ReelError) as caught:
        asyncio.run(verify(stills(name, container, 4), context))
    assert "expected 4 pictures, got 3" in str(caught.value)


@pytest.mark.parametrize(("ending", "container"), STILLS)
def test_a_damaged_still_is_found(
    ending: str, container: str, make: Make, contexts: Contexts
) -> None:
    context = contexts()
    name = pictures(make, ending, context)
    second = context.workspace / (name % 2)
    second.write_bytes(second.read_bytes()[:200])
    with pytest.raises(ReelError) as caught:
        asyncio.run(verify(stills(name, container, 3), context))
    assert caught.value.code is Code.OUTPUT_MISMATCH


def test_stills_of_different_sizes_are_no_sequence(make: Make, contexts: Contexts) -> None:
    context = contexts()
    name = pictures(make, "png", context)
    other = make("other.png", "-f", "lavfi", "-i", "testsrc2=size=32x36", "-frames:v", "1")
    (context.workspace / (name % 3)).write_bytes(other.read_bytes())
    with pytest.raises(ReelError) as caught:
        asyncio.run(verify(stills(name, "png", 3), context))
    assert "differ in size" in str(caught.value)


def test_a_single_damaged_jpeg_is_found(make: Make, contexts: Contexts, tmp_path: Path) -> None:
    whole = make("one.jpg", "-f", "lavfi", "-i", "testsrc2=size=320x180", "-frames:v", "1")
    assert checked(contexts(), whole, Expectation(), "jpeg").files
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(whole.read_bytes()[:3000])
    assert wrong(contexts(), cut, Expectation(), "jpeg")


def test_loudness_is_measured_where_it_is_promised(make: Make, contexts: Contexts) -> None:
    tone = make("tone.wav", "-f", "lavfi", "-i", "sine=frequency=1000:duration=3", "-ac", "2")
    heard = wrong(contexts(), tone, Expectation(loudness_lufs=-5.0), "wav")
    (said,) = heard
    reached = float(said.rpartition("got ")[2].removesuffix(" LUFS"))
    assert checked(contexts(), tone, Expectation(loudness_lufs=reached), "wav").files


@pytest.mark.parametrize(
    ("container", "text", "is_good"),
    [
        ("json", '{"a": 1}', True),
        ("json", '{"a": ', False),
        ("webvtt", "WEBVTT\n\n00:00.000 --> 00:01.000\nx\n", True),
        ("vtt", "nothing", False),
        ("text", "anything", True),
    ],
)
def test_texts_are_what_they_are_called(
    container: str, text: str, is_good: bool, contexts: Contexts
) -> None:
    context = contexts()
    (context.workspace / "out.txt").write_text(text)
    output = StepOutput(name="out.txt", container=container)
    if is_good:
        assert asyncio.run(verify(output, context)).facts == {}
        return
    with pytest.raises(ReelError) as caught:
        asyncio.run(verify(output, context))
    assert caught.value.code is Code.OUTPUT_MISMATCH


def test_packs_and_vectors_that_stand_beside_results(contexts: Contexts) -> None:
    import numpy as np

    context = contexts()
    pack, vectors = context.workspace / "a.zip", context.workspace / "a.npy"
    with zipfile.ZipFile(pack, "w") as pictures:
        pictures.writestr("000000000.jpg", b"\xff\xd8 not text")
    np.save(vectors, np.full((2, 3), 0.5, np.float32))
    for path in (pack, vectors):
        output = StepOutput(name=path.name, container=path.suffix[1:])
        assert asyncio.run(verify(output, context)).files == (path,)
        path.write_bytes(path.read_bytes()[8:20])
        with pytest.raises(ReelError) as caught:
            asyncio.run(verify(output, context))
        assert caught.value.code is Code.OUTPUT_MISMATCH


def test_a_frame_lost_to_damage_may_lower_the_mean_rate() -> None:
    """Fewer frames in the same time are no other rate, but a gap; a seam of joined files leaves
    one of a few frames without any damage."""
    want = VideoStream(codec="h264", frame_rate=Fraction(30), is_vfr=False, frame_count=30)
    got = replace(want, frame_rate=Fraction(24), is_vfr=True, frame_count=24)
    media = MediaInfo(demuxer="mov", format_names=("mov",), streams=(got,), size_bytes=1, sha256="")
    expect = Expectation(streams=(want,))
    assert any("30 frames a second" in line for line in mismatches(expect, media))
    assert not list(mismatches(expect, media, Slack(lost_frames=1)))
    assert not list(mismatches(expect, media, Slack(any_length=True)))
    seam = replace(media, streams=(replace(got, frame_rate=Fraction(26), frame_count=26),))
    assert not list(mismatches(expect, seam))
    slow = replace(media, streams=(replace(got, frame_rate=Fraction(15)),))
    assert list(mismatches(expect, slow, Slack(lost_frames=1)))


def test_prores_may_be_read_deeper_than_it_was_written() -> None:
    """FFmpeg reads every ProRes 4444 as 12 bits, and writes 10."""
    want = VideoStream(codec="prores", pix_fmt="yuva444p10le")
    got = replace(want, pix_fmt="yuva444p12le")
    media = MediaInfo(demuxer="mov", format_names=("mov",), streams=(got,), size_bytes=1, sha256="")
    assert not list(mismatches(Expectation(streams=(want,)), media))
