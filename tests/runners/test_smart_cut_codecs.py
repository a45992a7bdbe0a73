"""Smart cuts of every codec: exactly the frames of the range, copied ones bit for bit."""

from fractions import Fraction
from pathlib import Path

import pytest

from reelwright.tools.smartcut.cut import cut
from reelwright.tools.smartcut.job import CannotCut, Job
from tests.runners.smart_cut_media import MUXERS, judge, make, original_shown, samples, shown

Ends = tuple[str, str | None]

# Off and on keyframes (which stand at even seconds), from the start, to the end.
ENDS: tuple[Ends, ...] = (
    ("2.6", "6.28"),
    ("4", "8"),
    ("2.6", None),
    ("0", "5.04"),
    ("1.53", "7.97"),
)
CASES = [
    *(("h264.mp4", "mp4", ends) for ends in ENDS),
    *(("hevc-open.mp4", "mp4", ends) for ends in ENDS[1:4]),
    *(("vp9.webm", "webm", ends) for ends in ENDS[1:4]),
    *(("h264.ts", "ts", ends) for ends in ENDS),
    *(("h264-vfr.mp4", "mp4", ends) for ends in ENDS),
    *(("prores.mov", "mov", ends) for ends in ENDS[::2]),
    *(("mjpeg.avi", "avi", ends) for ends in ENDS[::2]),
    *(("mpeg2.ts", "ts", ends) for ends in ENDS[::2]),
    ("h264.mkv", "mkv", ENDS[0]),
    ("h264.mkv", "mp4", ENDS[0]),
    ("h264.mp4", "mkv", ENDS[0]),
    ("h264.mp4", "ts", ENDS[0]),
    ("h264.ts", "mp4", ENDS[0]),
    ("h264-10bit.mp4", "mp4", ENDS[0]),
    ("h264-main-bt601.mp4", "mp4", ENDS[0]),
    ("h264-long.mp4", "mp4", ENDS[0]),
    ("hevc.mp4", "mp4", ENDS[0]),
    ("hevc.mp4", "mkv", ENDS[0]),
    ("hevc.mp4", "ts", ENDS[0]),
    ("hevc-open.ts", "ts", ENDS[0]),
    ("hevc-open.ts", "mp4", ENDS[0]),
    ("vp8.webm", "webm", ENDS[0]),
    ("av1.mp4", "mp4", ENDS[0]),
]


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("smart-cut")


def job_of(source: Path, output: Path, start: str, end: str | None) -> Job:
    import av

    with av.open(str(source)) as container:
        streams = tuple(s.index for s in container.streams)
    return Job(
        input=str(source),
        output=str(output),
        container=MUXERS[output.suffix[1:]],
        start=Fraction(start),
        end=None if end is None else Fraction(end),
        streams=streams,
    )


def origin_of(source: Path) -> Fraction:
    """The first time in the file, of whatever stream."""
    import av

    with av.open(str(source)) as container:
        return Fraction(container.start_time or 0, 1_000_000)


def quiet(frames: int, time: Fraction) -> None:
    """Progress is not looked at here."""


@pytest.mark.parametrize(("name", "extension", "ends"), CASES)
def test_exact(
    ffmpeg: Path, media: Path, tmp_path: Path, name: str, extension: str, ends: Ends
) -> None:
    source, output = make(ffmpeg, media, name), tmp_path / f"cut.{extension}"
    start, end = ends

    report = cut(job_of(source, output, start, end), quiet)

    original = original_shown(ffmpeg, source)
    same = judge(
        original,
        shown(ffmpeg, output, strict=True),
        Fraction(start),
        None if end is None else Fraction(end),
        origin_of(source),
    )
    edges = report["encoded_head_frames"] + report["encoded_tail_frames"]
    assert len(same) >= report["copied_frames"] > 0
    assert edges + report["copied_frames"] == report["frames"]
    # Far less is encoded than one GOP at the head and a few frames at the tail.
    assert report["encoded_head_frames"] < 100
    assert report["encoded_tail_frames"] <= 16


def test_on_keyframes_nothing_is_encoded(ffmpeg: Path, media: Path, tmp_path: Path) -> None:
    report = cut(job_of(make(ffmpeg, media, "h264.mp4"), tmp_path / "a.mp4", "4", "8"), quiet)

    assert report["encoded_head_frames"] == report["encoded_tail_frames"] == 0
    assert report["copied_frames"] == 100


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("h264.mp4", "2.4", "3.2"),  # inside one GOP
        ("h264-open.mp4", "2.6", "8"),  # recovery points are no IDR pictures
    ],
)
def test_nothing_to_copy(
    ffmpeg: Path, media: Path, tmp_path: Path, name: str, start: str, end: str
) -> None:
    with pytest.raises(CannotCut, match="no random-access point"):
        cut(job_of(make(ffmpeg, media, name), tmp_path / "a.mp4", start, end), quiet)


@pytest.mark.parametrize("name", ["h264.mp4", "prores.mov"])
def test_audio_is_exact_to_the_sample(ffmpeg: Path, media: Path, tmp_path: Path, name: str) -> None:
    source = make(ffmpeg, media, name)
    output = tmp_path / f"cut{source.suffix}"
    start, end = Fraction("2.6001"), Fraction("6.2803")

    report = cut(job_of(source, output, str(start), str(end)), quiet)

    first, last = round(start * 48000), round(end * 48000)
    original, got = samples(ffmpeg, source), samples(ffmpeg, output)
    assert report["streams"][0]["edges"] == "sample"
    assert len(got) == last - first
    assert abs(got - original[first:last]).max() < 1e-4


def test_audio_packets_keep_their_times(ffmpeg: Path, media: Path, tmp_path: Path) -> None:
    source = make(ffmpeg, media, "h264.mkv")
    output = tmp_path / "cut.mkv"

    report = cut(job_of(source, output, "2.6", "6.28"), quiet)

    assert report["streams"][0]["edges"] == "packet"
    original, got = samples(ffmpeg, source), samples(ffmpeg, output)
    first = round(Fraction("2.6") * 48000)
    # The same sound at the same time, but for one packet (20 ms). Opus needs 80 ms to settle.
    window = slice(4800, 48000)
    lag = min(
        range(-970, 970),
        key=lambda by: float(abs(got[window] - original[first + by :][window]).sum()),
    )
    assert abs(lag) <= 960


def test_what_players_see_stays(ffmpeg: Path, media: Path, tmp_path: Path) -> None:
    import av

    source = make(ffmpeg, media, "h264-main-bt601.mp4")
    output = tmp_path / "cut.mp4"
    cut(job_of(source, output, "2.6", "6.28"), quiet)

    with av.open(str(source)) as before, av.open(str(output)) as after:
        old, new = before.streams.video[0], after.streams.video[0]
        assert new.time_base == old.time_base
        for frame in after.decode(video=0):
            assert (frame.colorspace, frame.color_range) == (
                old.codec_context.colorspace,
                old.codec_context.color_range,
            )
        for name in ("profile", "pix_fmt", "sample_aspect_ratio", "color_primaries", "color_trc"):
            assert getattr(new.codec_context, name) == getattr(old.codec_context, name)


def test_rotation_stays(ffmpeg: Path, media: Path, tmp_path: Path) -> None:
    import av

    source = make(ffmpeg, media, "rotated.mp4")
    output = tmp_path / "cut.mp4"
    cut(job_of(source, output, "2.6", "6.28"), quiet)

    with av.open(str(source)) as before, av.open(str(output)) as after:
        rotation = next(before.decode(video=0)).rotation
        assert rotation in (90, -90)
        assert {frame.rotation for frame in after.decode(video=0)} == {rotation}
