"""Every file of the corpus: what probing says against what was measured."""

import asyncio
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code, Kind, ReelError
from reelwright.media.info import MediaInfo
from reelwright.media.streams import AudioStream, StreamKind, SubtitleStream, VideoStream
from reelwright.tools.binaries import Tools, find_tools
from reelwright.tools.probe import probe, probe_all

pytestmark = pytest.mark.corpus

TEXT = {".txt", ".json"}

# Broken files that nothing can be made of, and why. Every other broken file gives a MediaInfo.
REFUSED = {
    "broken/bad_audio.mp3": Code.MEDIA_UNRECOGNISED,
    "broken/bad_video.mp4": Code.MEDIA_UNRECOGNISED,
    "broken/chunk_out_of_range.mp4": Code.MEDIA_DAMAGED,  # word-ok: a file's name
    "broken/emptyfile.mp3": Code.INPUT_EMPTY,
    "broken/mono.invalid.wav": Code.MEDIA_UNRECOGNISED,
    "broken/mono.zero.wav": Code.MEDIA_NO_STREAMS,
    "broken/sample_malformed_free_box.mp4": Code.MOOV_MISSING,
    "broken/too-short.mp3": Code.MEDIA_UNRECOGNISED,
    "subtitles/subrip_empty.srt": Code.INPUT_EMPTY,
    "subtitles/subrip_typical_no_hours_and_millis.srt": Code.MEDIA_UNRECOGNISED,
}

# FFmpeg 5.1, which measured the manifest, and 8.1 differ on these; the newer ones were checked by
# decoding: edit lists now shorten the container, LAME's padding is taken off. A duration guessed
# from the bit rate is replaced by the packets' own.
DURATIONS_S = {
    "audio/bear-id3.mp3": 2.832,
    "audio/bbb_1ch_8kHz_aac_lc.m4a": 3.072,  # priming is not played
    "audio/chapters.mp3": 2.0,
    "codecs/sample.mp4": 1.067,
    "mp4/delayed_start.mp4": 0.96,
    "broken/sample_mdat_too_long.mp4": 1.067,
    "rotation/sample_rotate_and_reflect.mp4": 1.067,
}


@pytest.fixture(scope="module")
def tools() -> Tools:
    return find_tools()


@pytest.fixture(scope="module")
def entries(corpus: Path) -> list[dict[str, Any]]:
    found = json.loads((corpus / "MANIFEST.json").read_text())["files"]
    return [
        entry
        for entry in found
        if (corpus / entry["file"]).is_file() and Path(entry["file"]).suffix not in TEXT
    ]


@pytest.fixture(scope="module")
def probed(
    corpus: Path, entries: list[dict[str, Any]], tools: Tools
) -> dict[str, MediaInfo | ReelError]:
    paths = [corpus / entry["file"] for entry in entries]
    found = asyncio.run(probe_all(paths, tools))
    return {str(path.relative_to(corpus)): value for path, value in found.items()}


def measured(
    entries: list[dict[str, Any]], probed: dict[str, MediaInfo | ReelError]
) -> list[tuple[str, dict[str, Any], MediaInfo]]:
    pairs = [(e["file"], e.get("measured", {}), probed[e["file"]]) for e in entries]
    return [(f, m, i) for f, m, i in pairs if isinstance(i, MediaInfo) and m.get("streams")]


def test_only_the_hopeless_files_are_refused_each_with_its_cause(
    probed: dict[str, MediaInfo | ReelError],
) -> None:
    refused = {f: e.code for f, e in probed.items() if isinstance(e, ReelError)}
    assert refused == REFUSED


def test_a_refusal_names_the_file_and_keeps_the_evidence(
    probed: dict[str, MediaInfo | ReelError],
) -> None:
    for file in REFUSED:
        error = probed[file]
        assert isinstance(error, ReelError)
        assert error.problem.where is not None
        assert error.problem.where.endswith(file)
        assert error.code.kind in (Kind.MEDIA, Kind.INPUT)
        assert error.problem.evidence or error.code is Code.INPUT_EMPTY


def test_damage_that_leaves_something_is_reported(
    probed: dict[str, MediaInfo | ReelError],
) -> None:
    for file in ("annex-b.mp4", "truncated-64bit.mp4", "sample_mdat_too_long.mp4"):
        info = probed[f"broken/{file}"]
        assert isinstance(info, MediaInfo)
        assert info.damage, file


def test_sound_files_have_no_damage(
    entries: list[dict[str, Any]], probed: dict[str, MediaInfo | ReelError]
) -> None:
    # The end of this file is cut: its header promises bytes that are not there.
    cut = {"search/small_video.mp4"}
    for file, facts, info in measured(entries, probed):
        clean = not facts.get("full_decode_error_lines") and facts.get("full_decode_exit") == 0
        if clean and not file.startswith("broken/") and file not in cut:
            assert not info.damage, file


def test_streams_are_the_measured_ones(
    entries: list[dict[str, Any]], probed: dict[str, MediaInfo | ReelError]
) -> None:
    for file, facts, info in measured(entries, probed):
        kinds = [s["type"] for s in facts["streams"]]
        ours = [s.kind.value for s in info.streams if s.kind is not StreamKind.DATA]
        assert ours == [k for k in kinds if k in ("video", "audio", "subtitle")], file
        for stream in info.streams:
            if stream.index is None or stream.index >= len(facts["streams"]):
                continue
            truth = facts["streams"][stream.index]
            if isinstance(stream, VideoStream):
                check_video(file, stream, truth)
            elif isinstance(stream, AudioStream):
                check_audio(file, stream, truth)
            elif isinstance(stream, SubtitleStream):
                assert stream.codec == truth["codec"], file


def check_video(file: str, stream: VideoStream, truth: dict[str, Any]) -> None:
    assert stream.codec == truth["codec"], file
    assert (stream.coded_width_px or 0, stream.coded_height_px or 0) == (truth["w"], truth["h"]), (
        file
    )
    turned = truth.get("rotation", 0)
    if "jpg" not in file:
        assert stream.rotation_deg == -turned % 360, file
    if stream.rotation_deg in (90, 270):
        assert (stream.width_px, stream.height_px) == (truth["h"], truth["w"]), file
    if "sar" in truth:
        width, height = map(int, truth["sar"].split(":"))
        assert stream.sar == Fraction(width, height), file
    # FFmpeg's own decoders, which measured this, do not see the alpha beside VP8 and VP9.
    pix_fmt = (stream.pix_fmt or "").replace("yuva", "yuv") if stream.codec == "vp9" else None
    assert (pix_fmt or stream.pix_fmt) in (truth.get("pix_fmt"), None), file
    if truth["w"]:
        assert stream.color.transfer == truth.get("color_transfer"), file
    assert stream.is_still is bool(truth.get("attached_pic")) or "r_frame_rate" not in truth, file
    assert "lang" not in truth or stream.language == truth["lang"], file


def check_audio(file: str, stream: AudioStream, truth: dict[str, Any]) -> None:
    assert stream.codec == truth["codec"], file
    assert stream.channels == truth["channels"], file
    assert stream.sample_rate_hz == truth["rate"], file
    assert stream.channel_layout == truth.get("layout"), file


def test_durations_are_the_measured_ones(
    entries: list[dict[str, Any]], probed: dict[str, MediaInfo | ReelError]
) -> None:
    for file, facts, info in measured(entries, probed):
        truth = DURATIONS_S.get(file, facts.get("duration_s"))
        if truth is None or info.is_image:
            assert info.duration is None, file
        else:
            assert info.duration is not None, file
            assert abs(float(info.duration) - truth) < 0.06, file


def test_frame_counts_and_vfr_are_never_wrong(
    entries: list[dict[str, Any]], probed: dict[str, MediaInfo | ReelError]
) -> None:
    for file, facts, info in measured(entries, probed):
        if info.video is None or info.is_image or "video_packets" not in facts:
            continue
        assert info.video.is_vfr in (facts.get("vfr", False), None), file
        if not file.startswith("broken/"):
            assert info.video.frame_count in (facts["decoded_frames"], None), file
    known = [
        i
        for _, f, i in measured(entries, probed)
        if f.get("vfr") is not None and i.video is not None
    ]
    assert sum(i.video.is_vfr is not None for i in known if i.video) >= len(known) - 3
    assert sum(i.video.frame_count is not None for i in known if i.video) >= len(known) * 0.85


def test_frame_rates_fit_the_measured_gaps(
    entries: list[dict[str, Any]], probed: dict[str, MediaInfo | ReelError]
) -> None:
    for file, facts, info in measured(entries, probed):
        gap_ms = facts.get("frame_gap_ms", {}).get("median")
        if gap_ms and not facts["vfr"] and info.video is not None:
            assert info.video.frame_rate is not None, file
            assert abs(1000 / float(info.video.frame_rate) - gap_ms) < 0.5, file


def test_ground_truth_of_rotation_and_reflection(
    probed: dict[str, MediaInfo | ReelError],
) -> None:
    def video(file: str) -> VideoStream:
        info = probed[f"rotation/{file}"]
        assert isinstance(info, MediaInfo)
        assert info.video is not None
        return info.video

    mirrored = video("sample_rotate_and_reflect.mp4")
    assert (mirrored.rotation_deg, mirrored.is_mirrored) == (90, True)
    exif = video("hopper_orientation_6.jpg")
    assert (exif.rotation_deg, exif.is_mirrored) == (90, False)
    phone = video("portrait_4k60.mp4")
    assert (phone.width_px, phone.height_px, phone.is_mirrored) == (2160, 3840, False)


def test_hdr_is_told_from_the_transfer(probed: dict[str, MediaInfo | ReelError]) -> None:
    expected = {
        "hdr/hdr10-av1.mp4": "hdr10",
        "hdr/hlg10-color-test.mp4": "hlg",
        "codecs/sample_av1.mkv": "hlg",
        "hdr/roadtrip-vp92-10bit.webm": None,
        "codecs/sample.mp4": None,
    }
    for file, hdr in expected.items():
        info = probed[file]
        assert isinstance(info, MediaInfo)
        assert info.video is not None
        assert info.video.hdr == hdr, file


def test_covers_chapters_languages_and_attachments(
    probed: dict[str, MediaInfo | ReelError],
) -> None:
    def info(file: str) -> MediaInfo:
        found = probed[file]
        assert isinstance(found, MediaInfo)
        return found

    cover = info("mp4/h264-png.mp4").streams[2]
    assert isinstance(cover, VideoStream)
    assert (cover.is_still, cover.width_px, cover.height_px) == (True, 240, 169)
    titles = [c.title for c in info("audio/chapters.mp3").chapters]
    assert titles == ["Introduction", "New chapter", "Chapter 1"]
    assert info("mkv/testsrc_with_attachment.mkv").streams[2].kind is StreamKind.DATA
    transparent = info("codecs/transparency.webm").video
    assert transparent is not None
    assert transparent.has_alpha


def test_hostile_names_are_only_names(corpus: Path, tools: Tools, tmp_path: Path) -> None:
    picture = (corpus / "codecs" / "h265_bframes.mp4").read_bytes()
    names = ["-i.mp4", "%03d.mp4", "concat:a|b.mp4", "http:x.mp4", "a\nb.mp4", "'$(x)' [0].mp4"]
    for name in names:
        (tmp_path / name).write_bytes(picture)
        info = asyncio.run(probe(tmp_path / name, tools))
        assert info.video is not None
        assert info.video.codec == "hevc", name
