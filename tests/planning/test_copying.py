"""When packets may stay as they are, and the reason that is given."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from reelwright.errors import Code, ReelError
from reelwright.media.streams import Color, Stream, VideoStream
from reelwright.planning.plan import Plan, StepKind
from tests.planning.media import AUDIO, SUBTITLE, VIDEO, argv, media, plan


def _one(output: str, operations: str = "[]", streams: tuple[Stream, ...] = ()) -> Plan:
    text = f"inputs: {{talk: talk.mp4}}\noperations: {operations}\noutputs: [{output}]"
    return plan(text, {"talk": media(*streams)} if streams else None)


COPY = "{from: talk, to: out.mkv}"


def test_an_unchanged_input_is_copied() -> None:
    command = argv(_one(COPY))
    assert "-c:v:0 copy" in command
    assert "-c:a:0 copy" in command
    assert "-filter_complex" not in command


@pytest.mark.parametrize(
    ("output", "stays", "because"),
    [
        ("{from: talk, to: o.mp4, video: {codec: h264}}", True, "nothing changes it"),
        ("{from: talk, to: o.mp4, video: {crf: 20}}", False, "only an encode can give"),
        ("{from: talk, to: o.mp4, video: {codec: hevc}}", False, "hevc is asked for"),
        ("{from: talk, to: o.webm}", False, "webm does not hold h264"),
    ],
)
def test_copy_or_encode_has_its_reason(output: str, stays: bool, because: str) -> None:
    made = _one(output)
    assert ("-c:v:0 copy" in argv(made)) is stays
    assert any(because in reason for reason in made.steps[0].because)


def test_copy_that_cannot_be_is_an_error_with_its_place() -> None:
    with pytest.raises(ReelError) as caught:
        _one(
            "{from: small, to: o.mp4, video: copy}",
            "[{id: small, op: scale, input: talk, height: 100}]",
        )
    assert caught.value.code is Code.OUTPUT_FORMAT
    assert caught.value.problem.where == "outputs[0].video"
    assert "'small' changes its frames" in str(caught.value)


TRIM = "[{id: cut, op: trim, input: talk, start: 1s, duration: 5s%s}]"


def test_an_exact_trim_is_a_smart_cut_with_a_fallback() -> None:
    made = _one("{from: cut, to: o.mp4}", TRIM % "")
    (step,) = made.steps
    assert step.kind is StepKind.SMART_CUT
    assert (step.payload["start"], step.payload["end"]) == ("1", "6")
    assert "libx264" in step.payload["fallback"]
    assert step.outputs[0].expect.frame_count == 150


def test_a_keyframe_trim_copies_from_a_keyframe() -> None:
    command = argv(_one("{from: cut, to: o.mp4}", TRIM % ", mode: keyframe"))
    assert "-ss 1 -t 5" in command
    assert "-c:v:0 copy" in command


def test_an_encode_that_is_asked_for_is_no_smart_cut() -> None:
    made = _one("{from: cut, to: o.mp4}", TRIM % ", mode: encode")
    assert made.steps[0].kind is StepKind.FFMPEG
    assert "libx264" in argv(made)


def test_sound_alone_is_cut_to_the_sample_by_encoding() -> None:
    made = _one("{from: cut, to: o.m4a}", TRIM % "")
    assert "atrim=" in argv(made)
    assert "-c:a:0 aac" in argv(made)


def test_changed_sound_rides_beside_a_smart_cut_picture() -> None:
    made = _one(
        "{from: loud, to: o.mp4}",
        "[{id: cut, op: trim, input: talk, start: 1s, duration: 5s},"
        " {id: loud, op: volume, input: cut, gain: 3dB}]",
    )
    assert [s.kind for s in made.steps] == [StepKind.SMART_CUT, StepKind.FFMPEG]
    assert "-c:v:0 copy" in argv(made, 1)
    assert made.steps[1].needs == (made.steps[0].id,)


TURN = "[{id: turned, op: rotate, input: talk, degrees: 90}]"


def test_a_right_angle_is_metadata_where_the_container_has_it() -> None:
    command = argv(_one("{from: turned, to: o.mp4}", TURN))
    assert "-display_rotation:v:0 270" in command
    assert "-c:v:0 copy" in command


def test_a_right_angle_is_pixels_elsewhere() -> None:
    made = _one("{from: turned, to: o.mkv}", TURN)
    assert "transpose=dir=clock" in argv(made)
    (video,) = [s for s in made.steps[0].outputs[0].expect.streams if isinstance(s, VideoStream)]
    assert (video.width_px, video.height_px) == (1080, 1920)


JOIN = "[{id: both, op: concat, inputs: [talk, talk]}]"


def test_alike_files_are_joined_by_copying() -> None:
    made = _one("{from: both, to: o.mp4}", JOIN)
    assert "-f concat" in argv(made)
    assert "-c:v:0 copy" in argv(made)
    assert "file in0\nduration 60\nfile in0" in next(iter(made.steps[0].texts.values()))


def test_sound_of_a_copied_join_is_encoded_for_its_seams() -> None:
    """AAC begins with a delay of 1024 samples: at each seam the sound would fall 23 ms behind."""
    command = argv(_one("{from: both, to: o.mp4}", JOIN))
    assert "-c:v:0 copy" in command
    assert "-c:a:0 aac" in command
    assert "apad=whole_len=2880000,atrim=end_sample=2880000" in command
    assert "-bsf:v:0 setts=pts=PTS-STARTPTS+0/TB" in command
    asked = argv(_one("{from: both, to: o.mp4, audio: {codec: copy}}", JOIN))
    assert "-c:a:0 copy" in asked
    assert "setts" not in asked
    flac = replace(AUDIO, codec="flac")
    assert "-c:a:0 copy" in argv(_one("{from: both, to: o.mkv}", JOIN, streams=(VIDEO, flac)))


def test_files_that_differ_are_joined_by_encoding() -> None:
    other = media(replace(VIDEO, extradata_sha256="w" * 64), AUDIO, sha256="2" * 64)
    text = "inputs: {a: a.mp4, b: b.mp4}\noperations: [{id: j, op: concat, inputs: [a, b]}]\n"
    made = plan(text + "outputs: [{from: j, to: o.mp4}]", {"b": other})
    assert "concat=n=2" in argv(made)


def test_subtitles_go_along_in_the_container_s_own_form() -> None:
    streams = (VIDEO, AUDIO, SUBTITLE)
    assert "-c:s:0 mov_text" in argv(_one("{from: talk, to: o.mp4}", streams=streams))
    assert "-c:s:0 copy" in argv(_one(COPY, streams=streams))


def test_picture_subtitles_that_do_not_fit_are_left_out_with_a_warning() -> None:
    pictures = replace(SUBTITLE, codec="hdmv_pgs_subtitle", is_bitmap=True)
    made = _one("{from: talk, to: o.mp4}", streams=(VIDEO, AUDIO, pictures))
    assert "-c:s" not in argv(made)
    assert any("are pictures" in w for w in made.warnings)


def test_hdr_is_tone_mapped_for_h264_and_kept_for_hevc() -> None:
    hdr = replace(
        VIDEO,
        codec="hevc",
        pix_fmt="yuv420p10le",
        color=Color("bt2020", "smpte2084", "bt2020nc", "tv"),
        hdr="hdr10",
    )
    to_h264 = argv(_one("{from: talk, to: o.mp4, video: {codec: h264}}", streams=(hdr, AUDIO)))
    assert "tonemap=" in to_h264
    to_hevc = argv(_one("{from: talk, to: o.mp4, video: {crf: 20, codec: hevc}}", streams=(hdr,)))
    assert "tonemap" not in to_hevc
    assert "yuv420p" not in to_hevc


def test_sound_that_the_codec_cannot_take_is_resampled_visibly() -> None:
    odd = replace(AUDIO, sample_rate_hz=44100, codec="flac")
    made = _one("{from: talk, to: o.opus}", streams=(odd,))
    assert "aresample=sample_rate=48000" in argv(made)
    assert any("opus does not take" in r for r in made.steps[0].because)


def test_an_odd_size_loses_a_row_rather_than_failing() -> None:
    odd = replace(VIDEO, width_px=641, height_px=361, codec="png", pix_fmt="rgb24")
    made = _one("{from: talk, to: o.mp4}", streams=(odd,))
    assert "crop=w=640:h=360" in argv(made)


def test_vfr_keeps_its_own_times() -> None:
    vfr = replace(VIDEO, is_vfr=True, frame_count=None, frame_rate=Fraction(24))
    command = argv(_one("{from: talk, to: o.mp4, video: {crf: 20}}", streams=(vfr,)))
    assert "-enc_time_base:v:0 filter" in command


def test_a_part_that_is_not_all_there_is_warned_of() -> None:
    """A result shorter than asked for, or one without its picture, is no surprise."""
    short = replace(VIDEO, duration=Fraction(1, 2), frame_count=15)
    made = _one("{from: cut, to: o.mp4}", _cut("1s", "90s"), streams=(short, AUDIO))
    assert any("the part ends at 90s, but the input already at 60s" in w for w in made.warnings)
    assert any("the video is left out: it runs from 0s to 0.5s" in w for w in made.warnings)
    assert _one("{from: cut, to: o.mp4}", _cut("1s", "60s")).warnings == ()


def test_a_part_between_two_frames_is_refused_before_anything_runs() -> None:
    with pytest.raises(ReelError, match="no frame of the video begins in the part") as caught:
        _one("{from: cut, to: o.mp4}", _cut("1.01s", "1.011s"))
    assert caught.value.code is Code.RANGE_EMPTY


def _cut(start: str, end: str) -> str:
    return f"[{{id: cut, op: trim, input: talk, start: {start}, end: {end}}}]"


def test_pictures_are_of_what_the_operations_made_not_of_the_cover() -> None:
    """A cover of another format needs a conversion: it is decoded, never copied."""
    cover = VideoStream(
        codec="png", width_px=64, height_px=64, pix_fmt="pal8", is_still=True, index=2
    )
    scaled = _one(
        "{from: s, to: s.png}",
        "[{id: s, op: scale, input: talk, width: 120}]",
        streams=(VIDEO, AUDIO, cover),
    )
    (picture,) = scaled.steps[0].outputs
    assert picture.expect.streams[0].width_px == 120  # type: ignore[union-attr]
    whole = argv(_one("{from: talk, to: cover.png}", streams=(VIDEO, AUDIO, cover)))
    assert "[0:2]format=pix_fmts=" in whole


def test_alpha_beside_a_vp9_stream_is_decoded() -> None:
    """FFmpeg's own decoder drops it without a word."""
    clear = replace(VIDEO, codec="vp9", pix_fmt="yuva420p", has_alpha=True)
    command = argv(
        _one(
            "{from: s, to: s.png}",
            "[{id: s, op: scale, input: talk, width: 120}]",
            streams=(clear,),
        )
    )
    assert "-c:0 libvpx-vp9" in command
    plain = replace(clear, pix_fmt="yuv420p", has_alpha=False)
    assert "libvpx-vp9" not in argv(_one("{from: talk, to: s.png}", streams=(plain,)))
