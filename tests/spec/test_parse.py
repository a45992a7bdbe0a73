"""What a job spec becomes."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code, SpecErrors
from reelwright.graph.registry import Registry
from reelwright.media import geometry
from reelwright.media.streams import StreamKind
from reelwright.media.timecode import Timecode
from reelwright.spec.model import AudioSettings, InputSpec, JobSpec, OutputSpec, Ref, VideoSettings
from reelwright.spec.parse import parse_text
from tests.spec import sample

BASE = Path("/jobs/talk")


def parse(text: str, **options: Any) -> JobSpec:
    return parse_text(text, **{"base": BASE, "registry": sample.REGISTRY, **options})


def params(spec: JobSpec, operation: int) -> Any:
    """Of a sample operator: its fields are known to the test, not to the type checker."""
    return spec.operations[operation].params


def codes(text: str, **options: Any) -> list[Code]:
    with pytest.raises(SpecErrors) as caught:
        parse(text, **options)
    return [problem.code for problem in caught.value.problems]


def operations(body: str) -> JobSpec:
    """A spec with two inputs and these operations, one a line."""
    lines = "\n".join(f"  - {line}" for line in body.splitlines())
    heads = "inputs: {talk: talk.mp4, logo: logo.png}\noperations:\n"
    return parse(f"{heads}{lines}\noutputs: [{{from: talk, to: out.mp4}}]")


def output(body: str) -> OutputSpec:
    return parse(f"inputs: {{talk: talk.mp4}}\noutputs:\n  - {{from: talk, {body}}}").outputs[0]


def one_input(written: str, **options: Any) -> InputSpec:
    return parse(f"inputs:\n  a: {written}\noutputs: [{{from: a, to: out.mp4}}]", **options).inputs[
        "a"
    ]


def test_the_whole_form() -> None:
    spec = parse(sample.WHOLE)
    assert spec.inputs["talk"] == InputSpec(name="talk", uri="/jobs/talk/talk.mp4")
    assert spec.inputs["logo"].uri == "/jobs/talk/logo.png"
    cut, small, mark, *_ = spec.operations
    assert (cut.id, cut.op, cut.where) == ("cut", "trim", "operations[0]")
    assert cut.inputs == {"input": (Ref("talk"),)}
    assert cut.params == sample.TrimParams(start=Fraction(10), duration=Fraction(300))
    assert small.params == sample.ScaleParams(height=720)
    assert mark.inputs == {"base": (Ref("small"),), "over": (Ref("logo"),)}
    assert params(spec, 2).position == geometry.Position("bottom-right")
    assert params(spec, 2).margin == geometry.Length(Fraction(16))
    assert params(spec, 3).target == -16.0
    assert params(spec, 4).at == [Fraction(5)]
    first, second = spec.outputs
    assert first == OutputSpec(
        refs=(Ref("level"),),
        to="/jobs/talk/out/talk-720p.mp4",
        container="mp4",
        where="outputs[0]",
        video=VideoSettings(codec="h264", crf=20.0),
        audio=AudioSettings(codec="aac", bitrate_bps=128_000),
    )
    assert (second.to, second.container) == ("/jobs/talk/out/still.jpg", "jpeg")


def test_json_says_the_same() -> None:
    text = """{"inputs": {"talk": "talk.mp4"},
      "operations": [{"id": "cut", "op": "trim", "input": "talk", "start": 0.1}],
      "outputs": [{"from": "cut", "to": "out.mp4"}]}"""
    spec = parse(text)
    assert params(spec, 0).start == Fraction(1, 10)


def test_the_jobs_own_fields() -> None:
    spec = parse(
        "version: 1\npriority: -5\ntimeout: 1h30m\nwebhook: https://example.org/hook?x=1\n"
        "labels: {project: spring, number: 42, version: 1.10, ok: true, none: null}\n"
        "on_damage: keep\ninputs: {a: a.mp4, b: {path: b.mp4, on_damage: fail}}\n"
        "outputs: [{from: a, to: out.mp4}]"
    )
    assert spec.priority == -5
    assert spec.timeout == Fraction(5400)
    assert spec.webhook == "https://example.org/hook?x=1"
    assert spec.labels == {"project": "spring", "number": "42", "version": "1.10", "ok": "true"}
    assert (spec.inputs["a"].on_damage, spec.inputs["b"].on_damage) == ("keep", "fail")
    assert spec.source["labels"]["number"] == 42


def test_times_keep_every_digit_and_timecode_waits_for_the_rate() -> None:
    spec = operations("{op: trim, input: talk, start: 0.1000000000000000001, end: '00:00:01;02'}")
    assert params(spec, 0).start == Fraction("0.1000000000000000001")
    assert params(spec, 0).end == Timecode(0, 0, 1, 2, drop_frame=True)


@pytest.mark.parametrize(
    ("written", "uri", "is_glob"),
    [
        ("talk.mp4", "/jobs/talk/talk.mp4", False),
        ("../b.mp4", "/jobs/b.mp4", False),
        ("/media/b.mp4", "/media/b.mp4", False),
        ("file:b c.mp4", "/jobs/talk/b c.mp4", False),
        ("file:///media/b%20c.mp4", "/media/b c.mp4", False),
        ("file://localhost/b.mp4", "/b.mp4", False),
        ("clips/*.mp4", "/jobs/talk/clips/*.mp4", True),
        ("'clip[0-9].mp4'", "/jobs/talk/clip[0-9].mp4", True),
        ("'{path: no}.mp4'", "/jobs/talk/{path: no}.mp4", False),
        ("{path: 'what?.mp4', glob: false}", "/jobs/talk/what?.mp4", False),
        ("{path: 'a*.mp4', glob: true}", "/jobs/talk/a*.mp4", True),
        ("'https://example.org/v?id=[1]'", "https://example.org/v?id=[1]", False),
        ("s3://bucket/a/*.mp4", "s3://bucket/a/*.mp4", True),
        ("gs://bucket/a.mp4", "gs://bucket/a.mp4", False),
        ("az://container/a.mp4", "az://container/a.mp4", False),
        ("'concat:a.mp4|b.mp4'", "/jobs/talk/concat:a.mp4|b.mp4", False),
        ("-i.mp4", "/jobs/talk/-i.mp4", False),
    ],
)
def test_where_inputs_are(written: str, uri: str, is_glob: bool) -> None:
    found = one_input(written)
    assert (found.uri, found.is_glob) == (uri, is_glob)


def test_without_a_base_paths_stay_relative() -> None:
    assert one_input("./clips/../talk.mp4", base=None).uri == "talk.mp4"


@pytest.mark.parametrize(
    ("written", "ref"),
    [
        ("talk", Ref("talk")),
        ("talk.video", Ref("talk", StreamKind.VIDEO)),
        ("talk.a:1", Ref("talk", StreamKind.AUDIO, None, 1)),
        ("talk.subtitles", Ref("talk", StreamKind.SUBTITLE)),
        ("cut.vtt", Ref("cut", None, "vtt")),
    ],
)
def test_references(written: str, ref: Ref) -> None:
    spec = operations(f"{{id: cut, op: trim, input: logo}}\n{{op: trim, input: '{written}'}}")
    assert spec.operations[1].inputs == {"input": (ref,)}


def test_ways_to_connect() -> None:
    spec = operations(
        "{id: a, op: overlay, inputs: [talk, logo]}\n"
        "{id: b, op: overlay, inputs: {over: logo, base: [talk]}}\n"
        "{id: c, op: concat, inputs: [talk, a, b]}\n"
        "{id: d, op: concat, input: [talk, a]}\n"
        "{id: e, op: concat, inputs: {inputs: [talk, talk]}}\n"
        "{id: f, op: mix, inputs: [talk, a, b]}\n"
        "{id: g, op: mix, input: talk}\n"
        "{id: h, op: trim, inputs: talk}\n"
        "{id: i, op: fetch, url: 'https://example.org'}\n"
        "{id: j, op: trim, input: k}\n"
        "{id: k, op: trim, input: talk}"
    )
    made = {
        o.id: {p: [str(r) for r in refs] for p, refs in o.inputs.items()} for o in spec.operations
    }
    assert made == {
        "a": {"base": ["talk"], "over": ["logo"]},
        "b": {"base": ["talk"], "over": ["logo"]},
        "c": {"inputs": ["talk", "a", "b"]},
        "d": {"inputs": ["talk", "a"]},
        "e": {"inputs": ["talk", "talk"]},
        "f": {"main": ["talk"], "others": ["a", "b"]},
        "g": {"main": ["talk"]},
        "h": {"input": ["talk"]},
        "i": {},
        "j": {"input": ["k"]},
        "k": {"input": ["talk"]},
    }


def test_a_sequence_needs_no_names() -> None:
    spec = parse(
        "inputs: {talk: talk.mp4}\noperations:\n"
        "  - {op: trim, start: 5s}\n  - {op: scale, height: 720}\n  - {op: trim, end: 5s}\n"
        "outputs: [{from: trim-2, to: out.mp4}]"
    )
    assert [(o.id, [str(r) for r in o.inputs["input"]]) for o in spec.operations] == [
        ("trim-1", ["talk"]),
        ("scale-1", ["trim-1"]),
        ("trim-2", ["scale-1"]),
    ]


def test_a_made_id_avoids_those_that_are_taken() -> None:
    spec = parse(
        "inputs: {trim-1: talk.mp4}\noperations:\n  - {op: trim}\n  - {id: trim-3, op: trim}\n"
        "  - {op: trim}\noutputs: [{from: trim-4, to: out.mp4}]"
    )
    assert [o.id for o in spec.operations] == ["trim-2", "trim-3", "trim-4"]


def test_a_parameter_of_nothing_is_left_out() -> None:
    assert operations("{op: trim, input: talk, end: }").operations[0].params == sample.TrimParams()


def test_a_file_parameter_is_relative_to_the_spec() -> None:
    spec = operations("{op: drawtext, input: talk, text: hi, font: fonts/a.ttf}")
    assert params(spec, 0).font == "/jobs/talk/fonts/a.ttf"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("to: a.mp4", VideoSettings()),
        ("to: a.mp4, video: true", VideoSettings()),
        ("to: a.mp4, video: h265", VideoSettings(codec="hevc")),
        ("to: a.mkv, video: libx264", VideoSettings(codec="h264")),
        ("to: a.mp4, video: copy", VideoSettings(codec="copy")),
        ("to: a.mp4, video: false", None),
        ("to: a.mp4, video: none", None),
        (
            "to: a.mp4, video: {crf: 23, max_bitrate: 4M}",
            VideoSettings(crf=23.0, max_bitrate_bps=4_000_000),
        ),
        ("to: a.mp4, video: {bitrate: 2.5M}", VideoSettings(bitrate_bps=2_500_000)),
        ("to: a.mp4, video: {target_vmaf: 95}", VideoSettings(target_vmaf=95.0)),
        (
            "to: a.mp4, video: {preset: veryfast, profile: high, tune: film, pix_fmt: yuv420p}",
            VideoSettings(preset="veryfast", profile="high", tune="film", pix_fmt="yuv420p"),
        ),
        (
            "to: a.mp4, video: {keyframe_interval: 2s, options: {refs: 4, x264-params: 'a=b'}}",
            VideoSettings(
                keyframe_interval=Fraction(2), options={"refs": "4", "x264-params": "a=b"}
            ),
        ),
    ],
)
def test_video_settings(written: str, expected: VideoSettings | None) -> None:
    assert output(written).video == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("to: a.mp4, audio: aac", AudioSettings(codec="aac")),
        ("to: a.wav, audio: pcm", AudioSettings(codec="pcm_s16le")),
        ("to: a.mp4, audio: off", None),
        (
            "to: a.mp4, audio: {channels: 5.1, sample_rate: 48k}",
            AudioSettings(channels=6, sample_rate_hz=48_000),
        ),
        (
            "to: a.mp4, audio: {channels: 2, sample_rate: 44.1kHz}",
            AudioSettings(channels=2, sample_rate_hz=44_100),
        ),
        ("to: a.mp3, audio: {quality: 4}", AudioSettings(quality=4.0)),
    ],
)
def test_audio_settings(written: str, expected: AudioSettings | None) -> None:
    assert output(written).audio == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("to: a.mp4", "auto"),
        ("to: a.mp4, subtitles: copy", "copy"),
        ("to: a.mkv, subtitles: srt", "subrip"),
        ("to: a.mp4, subtitles: false", None),
        ("to: a.mp4, subtitles: none", None),
    ],
)
def test_subtitles(written: str, expected: str | None) -> None:
    assert output(written).subtitles == expected


@pytest.mark.parametrize(
    ("written", "to", "container"),
    [
        ("to: OUT.MP4", "/jobs/talk/OUT.MP4", "mp4"),
        ("to: a.mkv", "/jobs/talk/a.mkv", "matroska"),
        ("to: a.ts", "/jobs/talk/a.ts", "mpegts"),
        ("to: a.m4a", "/jobs/talk/a.m4a", "m4a"),
        ("to: /srv/a.webm", "/srv/a.webm", "webm"),
        ("to: 's3://bucket/a.mp4?x'", "s3://bucket/a.mp4?x", "mp4"),
        ("to: 'shot-{index}.jpg'", "/jobs/talk/shot-{index}.jpg", "jpeg"),
        ("to: sub/../a.vtt", "/jobs/talk/a.vtt", "webvtt"),
        ("to: a, container: mkv", "/jobs/talk/a", "matroska"),
        ("to: a.mp4, container: mov", "/jobs/talk/a.mp4", "mov"),
    ],
)
def test_destinations(written: str, to: str, container: str) -> None:
    found = output(written)
    assert (found.to, found.container) == (to, container)


def test_the_rest_of_an_output() -> None:
    found = output("to: a.jpg, quality: 3, shards: 4, metadata: {title: 'A: b', year: 2024}")
    assert (found.quality, found.shards) == (3, "4")
    assert found.metadata == {"title": "A: b", "year": "2024"}
    assert output("to: a.mp4, shards: off").shards == "off"


@pytest.mark.parametrize(
    ("to", "options", "refused"),
    [
        ("../x.mp4", {}, True),
        ("a/../../talk2/x.mp4", {}, True),
        ("../x.mp4", {"base": None}, True),
        ("../x.mp4", {"allow_outside": True}, False),
        ("../x.mp4", {"allow_outside": True, "confined": True}, True),
        ("/srv/x.mp4", {}, False),
        ("/srv/x.mp4", {"confined": True}, True),
        ("file:///srv/x.mp4", {"confined": True}, True),
        ("/jobs/talk/x.mp4", {"confined": True}, False),
        ("a/../b/x.mp4", {"confined": True}, False),
        ("s3://bucket/x.mp4", {"confined": True}, False),
    ],
)
def test_outputs_stay_in_the_folder(to: str, options: dict[str, Any], refused: bool) -> None:
    text = f"inputs: {{a: a.mp4}}\noutputs: [{{from: a, to: '{to}'}}]"
    if refused:
        assert codes(text, **options) == [Code.OUTPUT_PATH]
    else:
        assert parse(text, **options).outputs


def test_a_syntax_error_names_the_text() -> None:
    with pytest.raises(SpecErrors) as caught:
        parse("a: [", name="job.yaml")
    assert caught.value.problem.where == "job.yaml"
    assert caught.value.code is Code.SPEC_SYNTAX


def test_an_operator_that_cannot_be_loaded() -> None:
    broken = Registry({"trim": "no.such.module:Trim"})
    text = "inputs: {a: a.mp4}\noperations: [{id: t, op: trim}]\noutputs: [{from: t, to: b.mp4}]"
    assert codes(text, registry=broken) == [Code.LIBRARY_MISSING]


def test_problems_come_in_document_order_with_lines() -> None:
    text = (
        "outputs:\n  - {from: nothing, to: b.mp4}\npriority: 500\n"
        "operations:\n  - {op: scael}\ninputs: {a: a.mp4}\n"
    )
    with pytest.raises(SpecErrors) as caught:
        parse(text)
    found = [(p.where, p.evidence["line"]) for p in caught.value.problems]
    assert found == [("outputs[0].from", 2), ("priority", 3), ("operations[0].op", 5)]


def test_ten_thousand_wrong_operations_are_all_told() -> None:
    lines = "".join(f"  - {{op: scale, input: no{i}, height: 1}}\n" for i in range(10_000))
    text = f"inputs: {{a: a.mp4}}\noperations:\n{lines}outputs: [{{from: a, to: b.mp4}}]"
    assert codes(text) == [Code.REFERENCE_UNKNOWN] * 10_000


def test_the_real_operators_take_the_whole_form() -> None:
    spec = parse_text(sample.WHOLE, base=BASE)
    assert [o.op for o in spec.operations] == ["trim", "scale", "overlay", "loudnorm", "thumbnail"]
