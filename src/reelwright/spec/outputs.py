"""The `outputs` of a spec: what is taken, how it is encoded, and where it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelwright.errors import Code
from reelwright.graph.params import Bitrate, String
from reelwright.graph.params.form import form_of, shown
from reelwright.media.containers import (
    ALIASES,
    BY_EXTENSION,
    CONTAINERS,
    Container,
    Role,
    container,
)
from reelwright.media.streams import StreamKind
from reelwright.spec import codecs
from reelwright.spec.destinations import Destinations, ending
from reelwright.spec.forms import (
    CHANNELS,
    KEYFRAME_INTERVAL,
    METADATA,
    OPTIONS,
    SAMPLE_RATE,
    SHARDS,
    choice,
    decimal,
    whole,
    word,
)
from reelwright.spec.model import AudioSettings, OutputSpec, Ref, VideoSettings
from reelwright.spec.report import Field, Fields, Report

if TYPE_CHECKING:
    from reelwright.spec.operations import Operations

_STRING = form_of(String)
_BITRATE = form_of(Bitrate)

_CONTAINER = choice(
    "container", list(CONTAINERS), {**ALIASES, **{e: c.name for e, c in BY_EXTENSION.items()}}
)
_SUBTITLES = choice(
    "subtitle setting",
    {**codecs.SUBTITLES, "none": "none"},
    codecs.SUBTITLE_ALIASES,
    off="none",
)
_VIDEO_CODEC = choice("video codec", codecs.VIDEO, codecs.VIDEO_ALIASES)
_AUDIO_CODEC = choice("audio codec", codecs.AUDIO, codecs.AUDIO_ALIASES)

VIDEO_FIELDS: Fields = {
    "codec": Field(_VIDEO_CODEC, "the codec; left out: a copy where that is legal"),
    "crf": Field(decimal("CRF", 0, 63, (20,)), "constant quality: lower is better and larger"),
    "bitrate": Field(_BITRATE, "average bit rate"),
    "max_bitrate": Field(_BITRATE, "highest bit rate, beside crf or bitrate"),
    "target_vmaf": Field(decimal("VMAF score", 0, 100, (95,)), "find the CRF that reaches this"),
    "preset": Field(word("preset", ("medium", "veryfast")), "the encoder's speed preset"),
    "profile": Field(word("profile", ("high", "main10")), "the codec's profile"),
    "pix_fmt": Field(word("pixel format", ("yuv420p", "yuv420p10le")), "FFmpeg's pixel format"),
    "keyframe_interval": Field(KEYFRAME_INTERVAL, "longest time between keyframes"),
    "tune": Field(word("tuning", ("film", "animation")), "the encoder's tuning"),
    "options": Field(OPTIONS, "private options of the encoder"),
}
AUDIO_FIELDS: Fields = {
    "codec": Field(_AUDIO_CODEC, "the codec; left out: a copy where that is legal"),
    "bitrate": Field(_BITRATE, "bit rate"),
    "quality": Field(decimal("audio quality", -2, 10, (4,)), "the encoder's VBR quality (-q:a)"),
    "sample_rate": Field(SAMPLE_RATE, "samples a second"),
    "channels": Field(CHANNELS, "number of channels, or mono, stereo, 5.1"),
    "options": Field(OPTIONS, "private options of the encoder"),
}
FIELDS: Fields = {
    "from": Field(None, "a reference, or a list of them", required=True),
    "to": Field(_STRING, "a path, or an s3://, gs:// or az:// address", required=True),
    "container": Field(_CONTAINER, "the file format; left out: by the ending of `to`"),
    "video": Field(None, "a codec, {codec: ..., crf: ...}, or false for none"),
    "audio": Field(None, "a codec, {codec: ..., bitrate: ...}, or false for none"),
    "subtitles": Field(_SUBTITLES, "auto, copy, a codec, or false for none"),
    "metadata": Field(METADATA, "tags of the file"),
    "quality": Field(
        whole("picture quality", 0, 100), "of stills: JPEG 1 (best) to 31, WebP 0 to 100"
    ),
    "shards": Field(SHARDS, "how many parts are encoded at once: auto, off or a number"),
}
_OFF = (False, "none", "off")
_JPEG_WORST = 31
_RATE_CONTROLS: tuple[str, ...] = ("crf", "bitrate", "target_vmaf")


class Outputs:
    def __init__(self, report: Report, operations: Operations, destinations: Destinations) -> None:
        self._report = report
        self._operations = operations
        self._destinations = destinations

    def read(self, value: Any, *, has_goal: bool = False) -> tuple[OutputSpec, ...]:
        """`has_goal`: an operation is done for its own sake, so there may be none."""
        if value is None or value == []:
            if has_goal:
                return ()
            self._report.missing(
                "outputs",
                "a spec needs at least one output",
                "write outputs: [{from: cut, to: out.mp4}]",
            )
            return ()
        if not isinstance(value, list):
            self._report.add(
                Code.FIELD_INVALID,
                "outputs",
                f"{shown(value)} is not a list of outputs; write one a line: "
                "- {from: cut, to: out.mp4}",
            )
            return ()
        made = [self._output(entry, f"outputs[{i}]") for i, entry in enumerate(value)]
        return tuple(o for o in made if o is not None)

    def _output(self, entry: Any, where: str) -> OutputSpec | None:
        report = self._report
        body = report.mapping(entry, where, "an output", "{from: cut, to: out.mp4}")
        if body is None:
            return None
        before = len(report.problems)
        fields = report.fields(body, where, FIELDS, "an output")
        refs = self._refs(fields.get("from"), f"{where}.from")
        to = self._destinations.add(fields["to"], where) if "to" in fields else None
        box = self._container(fields, body, where) if to is not None else None
        video = _video(report, fields.get("video"), f"{where}.video")
        audio = _audio(report, fields.get("audio"), f"{where}.audio")
        subtitles: str | None = fields.get("subtitles", "auto")
        if box is not None:
            _check_fit(report, box, where, video, audio, subtitles)
            _check_quality(report, box, fields.get("quality"), f"{where}.quality")
        if len(report.problems) > before or to is None or box is None:
            return None
        return OutputSpec(
            refs=refs,
            to=to,
            container=box.name,
            where=where,
            video=video,
            audio=audio,
            subtitles=None if subtitles == "none" else subtitles,
            metadata=fields.get("metadata", {}),
            quality=fields.get("quality"),
            shards=fields.get("shards", "auto"),
        )

    def _refs(self, value: Any, where: str) -> tuple[Ref, ...]:
        if value is None:
            return ()
        if value == []:
            self._report.missing(where, "an output needs a reference in 'from'")
        given = (
            [(f"{where}[{i}]", v) for i, v in enumerate(value)]
            if isinstance(value, list)
            else [(where, value)]
        )
        found = (self._operations.reference(v, place) for place, v in given)
        return tuple(ref for ref in found if ref is not None)

    def _container(
        self, fields: dict[str, Any], body: dict[str, Any], where: str
    ) -> Container | None:
        if "container" in fields:
            return CONTAINERS[fields["container"]]
        if body.get("container") is not None or "to" not in fields:
            return None  # noted already
        suffix = ending(fields["to"])
        found = container(suffix) if suffix else None
        if found is None:
            near = self._report.meant(suffix, BY_EXTENSION) if suffix else ""
            what = f"the ending '.{suffix}' names no container{near}"
            self._report.add(
                Code.OUTPUT_FORMAT,
                f"{where}.to",
                what if suffix else f"{shown(fields['to'])} has no ending that names a container",
                f"end it in {', '.join(f'.{e}' for e in list(BY_EXTENSION)[:8])} or another, "
                "or set `container`",
            )
        return found


def _video(report: Report, value: Any, where: str) -> VideoSettings | None:
    if _is_off(value):
        return None
    fields = _settings(report, value, where, VIDEO_FIELDS, "video", "{codec: h264, crf: 20}")
    _check_video(report, fields, where)
    return VideoSettings(
        codec=fields.get("codec"),
        crf=fields.get("crf"),
        bitrate_bps=fields.get("bitrate"),
        max_bitrate_bps=fields.get("max_bitrate"),
        target_vmaf=fields.get("target_vmaf"),
        preset=fields.get("preset"),
        profile=fields.get("profile"),
        pix_fmt=fields.get("pix_fmt"),
        keyframe_interval=fields.get("keyframe_interval"),
        tune=fields.get("tune"),
        options=fields.get("options", {}),
    )


def _audio(report: Report, value: Any, where: str) -> AudioSettings | None:
    if _is_off(value):
        return None
    fields = _settings(report, value, where, AUDIO_FIELDS, "audio", "{codec: aac, bitrate: 128k}")
    settings = AudioSettings(
        codec=fields.get("codec"),
        bitrate_bps=fields.get("bitrate"),
        quality=fields.get("quality"),
        sample_rate_hz=fields.get("sample_rate"),
        channels=fields.get("channels"),
        options=fields.get("options", {}),
    )
    if settings.codec == "copy" and settings.asks_quality:
        _copy_and_more(report, fields, where)
    if settings.bitrate_bps is not None and settings.quality is not None:
        _several(report, ["bitrate", "quality"], where)
    return settings


def _settings(
    report: Report, value: Any, where: str, known: Fields, kind: str, example: str
) -> dict[str, Any]:
    """The fields of `video` or `audio`, which may also be the codec's name alone."""
    if value is None or value is True:
        return {}
    if isinstance(value, str):
        codec = known["codec"].form
        found = report.convert(codec, value, where) if codec else None
        return {"codec": found} if found else {}
    if not isinstance(value, dict):
        report.add(
            Code.FIELD_INVALID,
            where,
            f"{shown(value)} is not a setting for {kind}; write a codec, {example}, or false",
        )
        return {}
    return report.fields(value, where, known, f"'{kind}'")


def _check_video(report: Report, fields: dict[str, Any], where: str) -> None:
    codec, crf = fields.get("codec"), fields.get("crf")
    rate_controls = [n for n in _RATE_CONTROLS if n in fields]
    if codec == "copy" and len(fields) > 1:
        _copy_and_more(report, fields, where)
        return
    if len(rate_controls) > 1:
        _several(report, rate_controls, where)
    if crf is None or codec is None:
        return
    if codec not in codecs.CRF_MAX:
        report.add(Code.FIELD_INVALID, f"{where}.crf", f"{codec} has no CRF; leave it out")
    elif crf > codecs.CRF_MAX[codec]:
        limit = codecs.CRF_MAX[codec]
        report.add(
            Code.FIELD_INVALID,
            f"{where}.crf",
            f"{crf:g} is too high for {codec}; it goes from 0 to {limit}",
        )


def _copy_and_more(report: Report, fields: dict[str, Any], where: str) -> None:
    asked = ", ".join(f"'{n}'" for n in fields if n != "codec")
    report.add(
        Code.FIELD_INVALID,
        where,
        f"a copy keeps the stream as it is, so {asked} cannot be had",
        "leave out `codec: copy`, or the settings beside it",
    )


def _several(report: Report, names: list[str], where: str) -> None:
    listed = " and ".join(f"'{n}'" for n in names)
    report.add(Code.FIELD_INVALID, where, f"{listed} contradict each other", "give one of them")


def _check_fit(
    report: Report,
    box: Container,
    where: str,
    video: VideoSettings | None,
    audio: AudioSettings | None,
    subtitles: str | None,
) -> None:
    """What is asked for by name must have a place in the container."""
    asked = (
        (StreamKind.VIDEO, "video", video.codec if video else None),
        (StreamKind.AUDIO, "audio", audio.codec if audio else None),
        (StreamKind.SUBTITLE, "subtitles", subtitles),
    )
    for kind, name, codec in asked:
        if codec in (None, "copy", "auto", "none") or codec in box.codecs(kind):
            continue
        holds = ", ".join(sorted(box.codecs(kind)))
        plural = "subtitles" if kind is StreamKind.SUBTITLE else kind.value
        report.add(
            Code.OUTPUT_FORMAT,
            f"{where}.{name}",
            f"{box.name} cannot hold {codec}" if holds else f"{box.name} holds no {plural}",
            f"{box.name} holds {holds}"
            if holds
            else f"leave '{name}' out, or choose another container",
        )


def _check_quality(report: Report, box: Container, quality: int | None, where: str) -> None:
    if quality is None:
        return
    if box.role is not Role.IMAGE or box.name == "png":
        report.add(
            Code.FIELD_INVALID,
            where,
            f"{box.name} has no picture quality",
            "for video write video: {crf: 20}; `quality` is for JPEG and WebP",
        )
    elif box.name == "jpeg" and not 1 <= quality <= _JPEG_WORST:
        report.add(
            Code.FIELD_INVALID,
            where,
            f"{quality} is not a quality of JPEG; write 1 (best) to {_JPEG_WORST}",
        )


def _is_off(value: Any) -> bool:
    return value is False or (isinstance(value, str) and value.strip().lower() in _OFF)
