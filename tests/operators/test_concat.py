"""`concat`: peers alike and peers that differ, copies, crossfades."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.graph.actions import Join
from reelwright.graph.operator import Bundle
from reelwright.media.streams import AudioStream, Stream, SubtitleStream, VideoStream
from tests.operators.built import Built, build
from tests.operators.job import Done, run_job
from tests.operators.scene import make, streams, video_of
from tests.operators.senses import frames, rms_db, samples

PICTURE = VideoStream(
    codec="h264",
    time_base=Fraction(1, 12800),
    extradata_sha256="a",
    width_px=320,
    height_px=180,
    sar=Fraction(1),
    frame_rate=Fraction(25),
    is_vfr=False,
    frame_count=100,
    duration=Fraction(4),
    pix_fmt="yuv420p",
    start=Fraction(0),
)
SOUND = AudioStream(
    codec="aac",
    time_base=Fraction(1, 48000),
    extradata_sha256="b",
    sample_rate_hz=48000,
    channels=2,
    channel_layout="stereo",
    duration=Fraction(4),
    start=Fraction(0),
)


def concat(*segments: tuple[Stream, ...], **params: Any) -> Built:
    bundles = []
    for number, kinds in enumerate(segments):
        made = streams(*kinds)
        pads = [replace(s, pad=replace(s.pad, node=f"file{number}")) for s in made]
        bundles.append(Bundle(tuple(pads)))
    return build("concat", {"inputs": tuple(bundles)}, **params)


def joined(built: Built) -> bool:
    """Whether packets may be copied."""
    (node,) = [n for n in built.nodes.values() if isinstance(n.action, Join)]
    return all(edge.encoded for edge in node.outputs)


def sound_of(built: Built) -> AudioStream:
    assert built.bundle.audio is not None
    assert isinstance(built.bundle.audio.stream, AudioStream)
    return built.bundle.audio.stream


# What follows from the facts


def test_peers_alike_stay_packets() -> None:
    made = concat((PICTURE, SOUND), (PICTURE, SOUND))
    assert joined(made)
    assert made.names() == []
    video = video_of(made.bundle)
    assert video.codec == "h264"
    assert video.duration == 8
    assert video.frame_count == 200
    assert sound_of(made).duration == 8


@pytest.mark.parametrize(
    ("change", "filters"),
    [
        ({"extradata_sha256": "c"}, []),
        ({"time_base": Fraction(1, 90000)}, []),
        ({"codec": "hevc"}, []),
        ({"width_px": 160, "height_px": 90}, ["scale", "setsar"]),
        ({"width_px": 180}, ["scale", "pad", "setsar"]),
        ({"sar": Fraction(2, 1)}, ["scale", "pad", "setsar"]),
        ({"pix_fmt": "yuv444p"}, ["format"]),
        ({"frame_rate": Fraction(30), "frame_count": 120}, ["fps", "tpad", "trim"]),
        ({"is_vfr": True}, ["fps", "tpad", "trim"]),
    ],
)
def test_what_differs_is_converted_and_nothing_else(
    change: dict[str, Any], filters: list[str]
) -> None:
    made = concat((PICTURE, SOUND), (replace(PICTURE, **change), SOUND))
    assert not joined(made)
    assert made.names() == filters
    assert all(n.because for n in made.nodes.values() if not isinstance(n.action, Join))
    video = video_of(made.bundle)
    assert video.width_px == 320
    assert video.height_px == 180
    assert video.sar == 1
    assert video.duration == 8
    assert video.frame_count == 200
    assert video.frame_rate == 25


def test_sound_is_resampled_remixed_and_made_as_long_as_the_picture() -> None:
    other = replace(SOUND, sample_rate_hz=44100, channel_layout="mono", channels=1)
    other = replace(other, duration=Fraction(39, 10))
    made = concat((PICTURE, SOUND), (PICTURE, other))
    assert made.names() == ["aresample", "aformat", "aresample", "apad", "atrim"]
    sound = sound_of(made)
    assert sound.sample_rate_hz == 48000
    assert sound.channel_layout == "stereo"
    assert sound.duration == 8


def test_missing_sound_is_silence_and_a_missing_picture_is_black() -> None:
    made = concat((PICTURE, SOUND), (PICTURE,), (SOUND,))
    assert "anullsrc" in made.names()
    assert made.options("color")["size"] == "320x180"
    assert video_of(made.bundle).duration == 12
    assert sound_of(made).duration == 12
    assert video_of(made.bundle).frame_count == 300


def test_a_sound_that_goes_on_holds_the_last_frame() -> None:
    longer = replace(SOUND, duration=Fraction(5))
    made = concat((PICTURE, longer), (PICTURE, replace(SOUND, codec="opus")))
    assert made.names() == ["tpad", "trim"]
    assert video_of(made.bundle).frame_count == 225
    assert sound_of(made).duration == 9


def test_a_sound_that_hangs_over_a_little_is_cut() -> None:
    longer = replace(SOUND, duration=Fraction(402, 100))
    made = concat((PICTURE, longer), (PICTURE, replace(SOUND, codec="opus")))
    assert made.options("atrim") == {"end_sample": 192000}
    assert video_of(made.bundle).duration == sound_of(made).duration == 8


def test_what_is_asked_for_goes_before_the_first_segment() -> None:
    made = concat((PICTURE, SOUND), (PICTURE, SOUND), height=90, rate=50, sample_rate=44100)
    video = video_of(made.bundle)
    assert video.width_px == 160
    assert video.height_px == 90
    assert video.frame_rate == 50
    assert video.frame_count == 400
    assert video.duration == 8
    assert sound_of(made).sample_rate_hz == 44100


def test_an_image_stands_for_a_while() -> None:
    image = VideoStream(
        codec="png", width_px=640, height_px=360, is_still=True, pix_fmt="rgb24", frame_count=1
    )
    made = concat((image,), (PICTURE, SOUND), still="2s")
    assert made.options("loop")["size"] == 1
    assert video_of(made.bundle).duration == 6
    # The moving picture sets the form, not the image.
    assert video_of(made.bundle).width_px == 320


def test_cover_art_is_no_picture() -> None:
    cover = VideoStream(codec="mjpeg", width_px=500, height_px=500, is_still=True)
    made = concat((cover, SOUND), (SOUND,))
    assert made.bundle.video is None
    assert joined(made)


def test_crossfades_shorten_by_whole_frames() -> None:
    made = concat((PICTURE, SOUND), (PICTURE, SOUND), (PICTURE, SOUND), crossfade="500ms")
    video = video_of(made.bundle)
    # Half a second at 25 fps is 12.5 frames; 12 are faded.
    assert video.frame_count == 300 - 24
    assert video.duration == 12 - Fraction(24, 25)
    assert sound_of(made).duration == video.duration
    offsets = [args["offset"] for name, args in made.filters if name == "xfade"]
    assert offsets == ["3.52", "7.04"]


def test_subtitles_are_dropped_with_a_warning() -> None:
    made = concat((PICTURE, SOUND, SubtitleStream(codec="subrip")), (PICTURE, SOUND))
    assert made.warnings == ["subtitles and further sounds of input 1 are dropped"]
    assert len(made.bundle.strands) == 2


def test_one_segment_is_itself() -> None:
    made = concat((PICTURE, SOUND))
    assert not made.nodes


def test_what_is_refused() -> None:
    unknown = replace(PICTURE, duration=None, frame_count=None)
    with pytest.raises(ReelError, match="input 2 of concat lacks sound, and its length is not"):
        concat((PICTURE, SOUND), (unknown,))
    with pytest.raises(ReelError, match="crossfade: 5 s is longer than input 1") as caught:
        concat((PICTURE,), (PICTURE,), crossfade=5)
    assert caught.value.code is Code.RANGE_EMPTY
    with pytest.raises(ReelError, match="the length of input 2 is not known"):
        concat((PICTURE,), (unknown,), crossfade=1)
    with pytest.raises(ReelError, match="input 2 of concat has neither"):
        concat((PICTURE,), (SubtitleStream(codec="subrip"),))


# Real files

ENCODE = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-pix_fmt", "yuv420p")


def clip(ffmpeg: Path, path: Path, look: str, length: float = 2, hz: int | None = 440) -> None:
    """`look` as color:size:rate."""
    color, size, rate = look.split(":")
    args = ["-f", "lavfi", "-i", f"color={color}:s={size}:r={rate}:d={length}"]
    if hz is not None:
        args += ["-f", "lavfi", "-i", f"sine=f={hz}:r=48000:d={length}", "-c:a", "aac"]
    make(ffmpeg, path, *args, *ENCODE)


def job(folder: Path, names: list[str], to: str = "out.mp4", **params: Any) -> Done:
    inputs = {f"s{i}": name for i, name in enumerate(names)}
    spec = {
        "inputs": inputs,
        "operations": [{"id": "film", "op": "concat", "inputs": list(inputs), **params}],
        "outputs": [{"from": "film", "to": to}],
    }
    return run_job(spec, folder)


def test_alike_files_are_copied(ffmpeg: Path, tmp_path: Path) -> None:
    clip(ffmpeg, tmp_path / "a.mp4", "red:64x64:25")
    clip(ffmpeg, tmp_path / "b.mp4", "blue:64x64:25")
    done = job(tmp_path, ["a.mp4", "b.mp4"])
    assert "libx264" not in done.graph
    seen = frames(ffmpeg, done.files["out.mp4"], 64, 64).mean(axis=(1, 2))
    assert len(seen) == 100
    assert seen[10][0] > 200
    assert seen[60][2] > 200


def test_sound_stays_with_a_copied_picture_over_every_seam(ffmpeg: Path, tmp_path: Path) -> None:
    """A click at 0.5 s of each second: no codec delay is left between the segments."""
    picture = ("-f", "lavfi", "-i", "color=red:s=64x64:r=25:d=1")
    click = (
        "-f",
        "lavfi",
        "-i",
        "aevalsrc=if(between(t\\,0.5\\,0.51)\\,0.9*sin(6283*t)):s=48000:d=1",
    )
    make(ffmpeg, tmp_path / "a.mp4", *picture, *click)
    done = job(tmp_path, ["a.mp4"] * 4)
    info = done.info("out.mp4")
    assert info.video is not None
    assert info.video.start in (None, 0)
    heard = abs(samples(ffmpeg, done.files["out.mp4"]))
    for second in range(4):
        part = heard[second * 48000 : (second + 1) * 48000]
        assert int((part > part.max() / 2).argmax()) / 48000 == pytest.approx(0.5, abs=0.004)


def test_everything_differs(ffmpeg: Path, tmp_path: Path) -> None:
    """Size, rate, shape; no sound; no picture: exact to the frame and the sample."""
    clip(ffmpeg, tmp_path / "a.mp4", "red:128x72:25")
    clip(ffmpeg, tmp_path / "b.mp4", "lime:60x60:30000/1001", hz=None)
    tone = ("-f", "lavfi", "-i", "sine=f=1000:r=22050:d=1")
    make(ffmpeg, tmp_path / "c.wav", *tone)
    done = job(tmp_path, ["a.mp4", "b.mp4", "c.wav"], to="out.mkv")
    info = done.info("out.mkv")
    assert info.video is not None
    seen = frames(ffmpeg, done.files["out.mkv"], 128, 72)
    assert len(seen) == 125
    assert seen[75, 36, 64][1] > 200
    assert seen[75, 36, 5].max() < 20
    assert seen[110].max() < 20
    heard = samples(ffmpeg, done.files["out.mkv"])
    assert len(heard) / 48000 == pytest.approx(5, abs=0.06)
    assert rms_db(heard[110000:180000]) < -80
    assert rms_db(heard[200000:230000]) > -30


def test_real_crossfade(ffmpeg: Path, tmp_path: Path) -> None:
    clip(ffmpeg, tmp_path / "a.mp4", "red:64x64:25")
    clip(ffmpeg, tmp_path / "b.mp4", "blue:64x64:30", hz=1000)
    done = job(tmp_path, ["a.mp4", "b.mp4"], crossfade="0.4s", to="out.mkv")
    seen = frames(ffmpeg, done.files["out.mkv"], 64, 64).mean(axis=(1, 2))
    assert len(seen) == 90
    assert seen[38][0] > 200
    assert seen[45][0] == pytest.approx(seen[45][2], abs=60)
    assert seen[52][2] > 200
    assert len(samples(ffmpeg, done.files["out.mkv"])) / 48000 == pytest.approx(3.6, abs=0.05)


def test_an_image_before_a_video(ffmpeg: Path, tmp_path: Path) -> None:
    image = ("-f", "lavfi", "-i", "color=lime:s=100x100:d=1", "-frames:v", "1")
    make(ffmpeg, tmp_path / "title.png", *image)
    clip(ffmpeg, tmp_path / "a.mp4", "red:64x64:25")
    done = job(tmp_path, ["title.png", "a.mp4"], still="1s")
    seen = frames(ffmpeg, done.files["out.mp4"], 64, 64).mean(axis=(1, 2))
    assert len(seen) == 75
    assert seen[24][1] > 200
    assert seen[26][0] > 200


@pytest.mark.corpus
def test_real_peers(ffmpeg: Path, tmp_path: Path, corpus: Path) -> None:
    """640x360 H.264, a portrait phone video, VP9 in WebM, and one with non-square pixels."""
    names = ["mp4/sample_640x360.mov", "mp4/SAR-2by3.mp4", "codecs/webm_vp9.webm"]
    operations: list[dict[str, Any]] = [
        {"id": f"c{i}", "op": "trim", "input": f"s{i}", "start": 0, "duration": "0.5s"}
        for i in range(len(names))
    ]
    operations.append({"id": "film", "op": "concat", "inputs": [o["id"] for o in operations]})
    spec = {
        "inputs": {f"s{i}": str(corpus / n) for i, n in enumerate(names)},
        "operations": operations,
        "outputs": [{"from": "film", "to": "out.mp4"}],
    }
    done = run_job(spec, tmp_path)
    video = done.info("out.mp4").video
    assert video is not None
    assert (video.width_px, video.height_px) == (640, 360)
    assert video.duration is not None
    assert float(video.duration) == pytest.approx(1.5, abs=0.1)
