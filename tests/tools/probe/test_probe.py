"""Probing what FFmpeg's own sources made: exact values, and what is said to be unknown."""

import asyncio
import json
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.media.info import MediaInfo
from reelwright.media.streams import AudioStream, SubtitleStream, VideoStream
from reelwright.tools.binaries import Tools
from reelwright.tools.probe import keyframes, probe, probe_all
from tests.tools.probe.conftest import Make

TEST = "testsrc2=size=160x90:rate={}:duration={}"
X264 = ("-c:v", "libx264", "-preset", "ultrafast")


def source(rate: str = "25", seconds: int = 2) -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", TEST.format(rate, seconds))


def probed(path: Path, tools: Tools, **more: Any) -> MediaInfo:
    return asyncio.run(probe(path, tools, **more))


def refused(path: Path, tools: Tools, **more: Any) -> ReelError:
    with pytest.raises(ReelError) as caught:
        probed(path, tools, **more)
    return caught.value


def video_of(info: MediaInfo) -> VideoStream:
    assert info.video is not None
    return info.video


def test_times_and_rates_are_exact(make: Make, tools: Tools) -> None:
    info = probed(make("ntsc.mp4", *source("30000/1001"), *X264), tools)
    video = video_of(info)
    assert video.frame_rate == Fraction(30000, 1001)
    assert video.frame_count == 60
    assert info.duration == video.duration == 60 / Fraction(30000, 1001)
    assert (info.demuxer, info.start, video.is_vfr) == ("mov", Fraction(0), False)


def test_reordered_frames_at_a_varying_rate_are_shown_longer_than_the_header_says(
    make: Make, tools: Tools
) -> None:
    """MP4 adds up durations in decoding order: the last picture begins at 1.8 s."""
    picture = f"{TEST.format(25, 2)},select='lt(t,1)+not(mod(n,5))'"
    made = make("vfr.mp4", "-f", "lavfi", "-i", picture, "-fps_mode", "vfr", "-c:v", "libx264")
    duration = video_of(probed(made, tools)).duration
    assert duration is not None
    assert duration > Fraction(18, 10)


def test_a_media_info_survives_json(make: Make, tools: Tools) -> None:
    info = probed(make("ntsc.mp4", *source("30000/1001"), *X264), tools)
    assert MediaInfo.from_json(json.loads(json.dumps(info.to_json()))) == info


def test_the_digest_is_taken_as_given_or_computed(make: Make, tools: Tools) -> None:
    path = make("ntsc.mp4", *source("30000/1001"), *X264)
    assert probed(path, tools, sha256="abc").sha256 == "abc"
    assert len(probed(path, tools).sha256) == 64


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm"])
def test_a_varying_rate_is_seen_in_the_packets(ending: str, make: Make, tools: Tools) -> None:
    # Every frame of the first second, then every fifth.
    kept = "select='lt(t,1)+not(mod(n,5))'"
    codec = ("-c:v", "libvpx", "-b:v", "200k", "-auto-alt-ref", "0") if ending == "webm" else X264
    path = make(f"vfr.{ending}", *source(), "-vf", kept, "-fps_mode", "vfr", *codec)
    assert video_of(probed(path, tools)).is_vfr is True


def test_a_rate_that_changes_after_the_sample_is_seen_in_the_totals(
    make: Make, tools: Tools
) -> None:
    kept = "select='lt(t,30)+not(mod(n,5))'"
    arguments = ("-vf", kept, "-fps_mode", "vfr", *X264)
    video = video_of(probed(make("late.mp4", *source("25", 40), *arguments), tools))
    assert video.is_vfr is True
    assert video.frame_rate is not None
    assert 15 < video.frame_rate < 25


ORIENTATIONS = [
    (1, 0, False), (2, 180, True), (3, 180, False), (4, 0, True),
    (5, 90, True), (6, 90, False), (7, 270, True), (8, 270, False),
]  # fmt: skip


@pytest.mark.parametrize(("value", "degrees", "mirrored"), ORIENTATIONS)
@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_exif_orientation_turns_an_image(
    ending: str, value: int, degrees: int, mirrored: bool, make: Make, tools: Tools, tmp_path: Path
) -> None:
    path = tmp_path / f"turned.{ending}"
    path.write_bytes(with_orientation(make(f"flat.{ending}", *one_picture()), value))
    info = probed(path, tools)
    video = video_of(info)
    assert (video.rotation_deg, video.is_mirrored) == (degrees, mirrored)
    shown = (90, 160) if degrees in (90, 270) else (160, 90)
    assert (video.width_px, video.height_px) == shown
    # What FFmpeg makes of it when it decodes is the judge.
    decoded = make(f"{ending}{value}.bmp", "-i", str(path))
    assert size_of_bmp(decoded) == shown
    assert info.is_image
    assert (info.duration, video.frame_rate, video.frame_count) == (None, None, 1)


def one_picture() -> tuple[str, ...]:
    return (*source("1", 1), "-frames:v", "1")


def with_orientation(picture: Path, value: int) -> bytes:
    tiff = b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x112, 3, 1, value, 0, 0)
    data = picture.read_bytes()
    if picture.suffix == ".jpg":
        exif = b"Exif\0\0" + tiff
        return data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]
    import zlib

    part = b"eXIf" + tiff
    chunk = struct.pack(">I", len(tiff)) + part  # word-ok: PNG's own term
    return data[:33] + chunk + struct.pack(">I", zlib.crc32(part)) + data[33:]  # word-ok: PNG


def size_of_bmp(path: Path) -> tuple[int, int]:
    width, height = struct.unpack_from("<ii", path.read_bytes(), 18)
    return int(width), abs(int(height))


@pytest.mark.parametrize(("given", "degrees"), [(90, 270), (-90, 90), (180, 180), (0, 0)])
def test_the_display_matrix_is_read_clockwise(
    given: int, degrees: int, make: Make, tools: Tools
) -> None:
    flat = make("flat.mp4", *source(), *X264)
    path = make(
        f"turned{given}.mp4", "-display_rotation", str(given), "-i", str(flat), "-c", "copy"
    )
    video = video_of(probed(path, tools))
    assert video.rotation_deg == degrees
    assert (video.coded_width_px, video.coded_height_px) == (160, 90)
    assert video.width_px == (90 if degrees in (90, 270) else 160)


def test_an_angle_that_is_not_right_is_unknown(make: Make, tools: Tools) -> None:
    flat = make("flat.mp4", *source(), *X264)
    path = make("askew.mp4", "-display_rotation", "30", "-i", str(flat), "-c", "copy")
    video = video_of(probed(path, tools))
    assert (video.rotation_deg, video.width_px) == (None, 160)


def test_sar_turns_with_the_picture(make: Make, tools: Tools) -> None:
    flat = make("sar.mp4", *source(), "-vf", "setsar=4/3", *X264)
    path = make("sar90.mp4", "-display_rotation", "-90", "-i", str(flat), "-c", "copy")
    assert video_of(probed(flat, tools)).sar == Fraction(4, 3)
    assert video_of(probed(path, tools)).sar == Fraction(3, 4)


def test_durations_without_an_index_are_counted_not_guessed(make: Make, tools: Tools) -> None:
    # Silence first, noise then: what the bit rate of the start promises is far off.
    sound = "aevalsrc='if(lt(t,20),0,random(0)-0.5)':d=40:s=44100"
    vbr = ("-f", "lavfi", "-i", sound, "-c:a", "libmp3lame", "-q:a", "2", "-write_xing", "0")
    info = probed(make("vbr.mp3", *vbr), tools)
    assert info.duration is not None
    assert abs(info.duration - 40) < Fraction(1, 10)
    adts = probed(make("long.aac", "-f", "lavfi", "-i", "sine=duration=30", "-c:a", "aac"), tools)
    assert adts.duration is not None
    assert abs(adts.duration - 30) < Fraction(1, 10)


def test_raw_video_has_no_duration(make: Make, tools: Tools) -> None:
    info = probed(make("raw.h264", *source("25", 20), *X264), tools)
    assert info.duration is None
    assert info.demuxer == "h264"


def test_a_stream_of_matroska_lasts_as_long_as_libavformat_wrote(make: Make, tools: Tools) -> None:
    short = ("-f", "lavfi", "-i", "sine=duration=1")
    info = probed(make("two.mkv", *source("25", 30), *short, *X264, "-c:a", "pcm_s16le"), tools)
    assert video_of(info).duration == 30
    assert info.audio is not None
    assert info.audio.duration == 1


def test_hdr_by_its_transfer(make: Make, tools: Tools) -> None:
    x265 = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le")
    for transfer, hdr in (("smpte2084", "hdr10"), ("arib-std-b67", "hlg"), ("bt709", None)):
        color = f"setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc"
        path = make(f"{transfer}.mkv", *source("25", 1), "-vf", color, *x265)
        video = video_of(probed(path, tools))
        assert (video.hdr, video.color.transfer) == (hdr, transfer)


def test_alpha_is_seen_where_it_is(make: Make, tools: Tools) -> None:
    rgba = make("alpha.png", *one_picture(), "-pix_fmt", "rgba")
    assert video_of(probed(rgba, tools)).has_alpha is True
    assert video_of(probed(make("plain.png", *one_picture()), tools)).has_alpha is False
    prores = ("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le")
    assert video_of(probed(make("alpha.mov", *source(), *prores), tools)).has_alpha is True
    vp9 = ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-cpu-used", "8")
    beside = video_of(probed(make("alpha.webm", *source(), *vp9), tools))
    assert (beside.has_alpha, beside.pix_fmt) == (True, "yuva420p")


def test_an_animated_webp_is_no_still(make: Make, tools: Tools) -> None:
    path = make("moving.webp", *source("5", 1), "-pix_fmt", "yuva420p")
    info = probed(path, tools)
    video = video_of(info)
    assert (info.demuxer, info.is_image, video.is_still) == ("webp_anim", False, False)
    assert (video.width_px, video.height_px, video.frame_count) == (160, 90, 5)
    assert (info.duration, video.frame_rate, video.is_vfr) == (Fraction(1), Fraction(5), False)
    # FFmpeg opens it with the demuxer that is named here.
    assert size_of_bmp(make("moving.bmp", "-f", info.demuxer, "-i", str(path), "-frames:v", "1"))
    still = make("still.webp", *one_picture(), "-c:v", "libwebp")
    assert probed(still, tools).is_image
    assert refused(path, tools, max_pixels=100).code is Code.MEDIA_TOO_LARGE


@pytest.mark.parametrize("ending", ["bmp", "tiff", "jxl", "avif"])
def test_images_of_many_kinds_are_images(ending: str, make: Make, tools: Tools) -> None:
    info = probed(make(f"picture.{ending}", *one_picture()), tools)
    video = video_of(info)
    assert (video.width_px, video.height_px) == (160, 90)
    assert info.is_image
    assert video.is_still
    assert info.duration is None


def test_languages_defaults_and_layouts(make: Make, tools: Tools) -> None:
    sound = ("-f", "lavfi", "-i", "anullsrc=channel_layout=5.1:sample_rate=48000:duration=1")
    names = ("-metadata:s:a:0", "language=deu", "-metadata:s:a:0", "title=Ton")
    path = make("audio.mkv", *source("25", 1), *sound, *X264, "-c:a", "ac3", *names)
    audio = probed(path, tools).audio
    assert isinstance(audio, AudioStream)
    assert (audio.language, audio.title, audio.channels) == ("deu", "Ton", 6)
    assert audio.channel_layout == "5.1(side)"


def test_concat_peers_have_equal_extradata(make: Make, tools: Tools) -> None:
    one = probed(make("peer1.mp4", *source(), *X264), tools)
    two = probed(make("peer2.mp4", *source("25", 3), *X264), tools)
    other = probed(make("peer3.mp4", *source(), *X264, "-bf", "2", "-refs", "4"), tools)
    digests = [video_of(i).extradata_sha256 for i in (one, two, other)]
    assert digests[0] is not None
    assert digests[0] == digests[1] != digests[2]


def test_a_subtitle_without_cues_is_no_error(tools: Tools, tmp_path: Path) -> None:
    path = tmp_path / "empty.vtt"
    path.write_text("WEBVTT\n\n")
    (stream,) = probed(path, tools).streams
    assert isinstance(stream, SubtitleStream)
    assert stream.is_bitmap is False


def test_encrypted_samples_are_refused(make: Make, tools: Tools) -> None:
    plain = make("flat.mp4", *source(), *X264)
    key = ("-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb")
    kid = ("-encryption_kid", "a7e61c373e219033c21091fa607bf3b8")
    scheme = ("-encryption_scheme", "cenc-aes-ctr", *key, *kid)
    path = make("locked.mp4", "-i", str(plain), "-c", "copy", *scheme)
    assert refused(path, tools).code is Code.MEDIA_ENCRYPTED


def test_scrambled_transport_streams_are_refused(make: Make, tools: Tools, tmp_path: Path) -> None:
    data = bytearray(make("open.ts", *source(), *X264).read_bytes())
    for packet in range(0, len(data), 188):
        data[packet + 3] |= 0x80
    path = tmp_path / "scrambled.ts"
    path.write_bytes(data)
    assert refused(path, tools).code is Code.MEDIA_ENCRYPTED


def test_an_mp4_cut_off_says_what_is_missing(make: Make, tools: Tools, tmp_path: Path) -> None:
    whole = make("fast.mp4", *source("25", 20), *X264, "-movflags", "+faststart")
    data = whole.read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(data[:-1000])
    assert any("1000 bytes after the file's end" in d for d in probed(path, tools).damage)
    path.write_bytes(make("slow.mp4", *source(), *X264).read_bytes()[:-1000])
    assert refused(path, tools).code is Code.MOOV_MISSING


def test_what_is_no_file_is_never_opened(tools: Tools, tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "fifo.mp4")
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "loop.mp4").symlink_to(tmp_path / "loop.mp4")
    expected = {
        "fifo.mp4": Code.INPUT_UNREADABLE,
        "folder.mp4": Code.INPUT_IS_DIRECTORY,
        "empty.mp4": Code.INPUT_EMPTY,
        "nowhere.mp4": Code.INPUT_NOT_FOUND,
        "loop.mp4": Code.INPUT_UNREADABLE,
        "nul\0.mp4": Code.INPUT_UNREADABLE,
    }
    for name, code in expected.items():
        assert refused(tmp_path / name, tools).code is code, name


SCRIPTS = {
    "ffconcat.mp4": "ffconcat version 1.0\nfile {secret}\n",
    "hls.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{secret}\n#EXT-X-ENDLIST\n",
    "dash.mp4": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">'
    "<Period><AdaptationSet><Representation><BaseURL>{secret}</BaseURL></Representation>"
    "</AdaptationSet></Period></MPD>",
    "sdp.mp4": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n",
    "text.txt": "no media at all",
}


@pytest.mark.attack
@pytest.mark.parametrize("sandbox", [True, False])
@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_that_open_other_files_are_refused(
    name: str, sandbox: bool, make: Make, tools: Tools, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(make("flat.mp4", *source(), *X264).read_bytes())
    path = tmp_path / name
    path.write_text(SCRIPTS[name].format(secret=secret))
    error = refused(path, tools, sandbox=sandbox)
    assert error.code in (Code.MEDIA_NOT_ALLOWED, Code.MEDIA_UNRECOGNISED)


@pytest.mark.attack
def test_a_picture_that_claims_to_be_huge_is_refused(tools: Tools, tmp_path: Path) -> None:
    import zlib

    header = b"IHDR" + struct.pack(">IIBBBBB", 1 << 20, 1 << 20, 8, 6, 0, 0, 0)
    data = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data + bytes(100))
    assert refused(path, tools).code is Code.MEDIA_TOO_LARGE


def test_the_largest_allowed_picture_is_the_callers_choice(make: Make, tools: Tools) -> None:
    path = make("flat.mp4", *source(), *X264)
    assert probed(path, tools, max_pixels=160 * 90).video is not None
    assert refused(path, tools, max_pixels=160 * 89).code is Code.MEDIA_TOO_LARGE


def test_many_files_are_probed_and_each_keeps_its_own_error(
    make: Make, tools: Tools, tmp_path: Path
) -> None:
    good = make("flat.mp4", *source(), *X264)
    paths = [good, tmp_path / "nowhere.mp4", good, make("ntsc.mp4", *source("30000/1001"), *X264)]
    found = asyncio.run(probe_all(paths, tools, at_once=2))
    assert list(found) == [paths[0], paths[1], paths[3]]
    assert isinstance(found[good], MediaInfo)
    error = found[paths[1]]
    assert isinstance(error, ReelError)
    assert error.code is Code.INPUT_NOT_FOUND


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts"])
def test_keyframes_around_a_time(ending: str, make: Make, tools: Tools) -> None:
    gop = ("-g", "50", "-keyint_min", "50", "-sc_threshold", "0")
    path = make(f"gops.{ending}", *source("25", 20), *X264, *gop)
    info = probed(path, tools)
    origin = info.start or Fraction(0)
    for around, before, after in ((5, 4, 6), (4, 4, 6), (0, 0, 2), (19, 18, None)):
        found = asyncio.run(keyframes(path, tools, info, 0, origin + around))
        times = [round(float(t - origin), 3) for t in found]
        assert before in times
        assert max(t for t in times if t <= around) == before
        assert min((t for t in times if t > around), default=None) == after


def test_keyframes_of_a_file_with_one_gop(make: Make, tools: Tools) -> None:
    path = make("onegop.mp4", *source("25", 30), *X264, "-g", "10000")
    info = probed(path, tools)
    assert asyncio.run(keyframes(path, tools, info, 0, Fraction(20))) == (Fraction(0),)
