"""What was found, for other programs: OpenTimelineIO, CMX 3600 edit lists, WebVTT, SubRip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from reelwright.app.search.cuts import Cut
from reelwright.media.cue_writing import Caption, write_srt, write_vtt
from reelwright.media.timecode import Timecode

if TYPE_CHECKING:
    from opentimelineio import opentime, schema

FORMS = ("otio", "edl", "vtt", "srt")
# Of sound without a picture, and of a picture whose rate nobody knows.
_RATE = Fraction(25)
_LINE = 120


def written(form: str, cuts: Sequence[Cut], title: str) -> str:
    """`form` is one of `FORMS`. Captions are at the times of the video where all are of one, else
    at those of the reel that the cuts make one after another; a comment says which."""
    if form == "otio":
        return otio(cuts, title)
    if form == "edl":
        return edl(cuts, title)
    captions, said = _captions(cuts)
    return write_vtt(captions, f"{title}: {said}") if form == "vtt" else write_srt(captions)


def _captions(cuts: Sequence[Cut]) -> tuple[list[Caption], str]:
    if len({cut.subject for cut in cuts}) <= 1:
        whole = sorted(cuts, key=lambda cut: cut.start)
        told = [Caption(float(c.start), float(c.end), c.text or c.title) for c in whole]
        return told, f"times of {cuts[0].path.name}" if cuts else "nothing was found"
    at = Fraction(0)
    told = []
    for cut in cuts:
        end = at + cut.seconds
        told.append(Caption(float(at), float(end), f"{cut.title}: {cut.text}".rstrip(": ")))
        at = end
    return told, "times of all parts one after another"


def rate_of(cut: Cut) -> Fraction:
    video = cut.info.video
    rate = None if video is None else video.frame_rate
    return rate or _RATE


def edl(cuts: Sequence[Cut], title: str) -> str:
    """CMX 3600: times in frames of each source, those of the record in frames of the first."""
    record = rate_of(cuts[0]) if cuts else _RATE
    lines = [f"TITLE: {_ascii(title)}", "FCM: NON-DROP FRAME", ""]
    at = 0
    for number, cut in enumerate(cuts, 1):
        rate = rate_of(cut)
        first, last = _frames(cut, rate)
        count = max(1, round((last - first) / rate * record))
        times = [
            Timecode.of_frame(first, rate),
            Timecode.of_frame(last, rate),
            Timecode.of_frame(at, record),
            Timecode.of_frame(at + count, record),
        ]
        at += count
        kinds = {(True, True): "B", (True, False): "V"}.get(
            (cut.info.video is not None, cut.info.audio is not None), "A"
        )
        lines.append(f"{number:03}  AX       {kinds:<5} C        {' '.join(map(str, times))}")
        lines.append(f"* FROM CLIP NAME: {_ascii(cut.path.name)}")
        lines.append(f"* SOURCE FILE: {_ascii(str(cut.path))}")
        if cut.text:
            lines.append(f"* COMMENT: {_ascii(cut.text)[:_LINE]}")
        lines.append("")
    return "\n".join(lines)


def _frames(cut: Cut, rate: Fraction) -> tuple[int, int]:
    """The frame at or before its start, and the one at or after its end, which is out."""
    first = int(cut.start * rate)
    return first, max(first + 1, -int(-cut.end * rate // 1))


def _ascii(text: str) -> str:
    """An edit list has lines of ASCII."""
    return " ".join(text.encode("ascii", "replace").decode().split())


def otio(cuts: Sequence[Cut], title: str) -> str:
    """A timeline with a track of pictures and one of sound; a marker says what is in each cut."""
    from opentimelineio import adapters, schema

    timeline = schema.Timeline(name=title)
    for kind, name in ((schema.TrackKind.Video, "video"), (schema.TrackKind.Audio, "audio")):
        has = [getattr(cut.info, name) is not None for cut in cuts]
        if not any(has):
            continue
        track = schema.Track(name=name, kind=kind)
        for cut, is_there in zip(cuts, has, strict=True):
            track.append(_clip(cut) if is_there else schema.Gap(source_range=_range(cut)))
        timeline.tracks.append(track)
    return str(adapters.write_to_string(timeline, "otio_json"))


def _clip(cut: Cut) -> schema.Clip:
    from opentimelineio import opentime, schema

    rate = float(rate_of(cut))
    whole = cut.info.duration or cut.end
    available = opentime.TimeRange(
        opentime.RationalTime(0, rate),
        opentime.RationalTime(max(int(whole * rate_of(cut)), _frames(cut, rate_of(cut))[1]), rate),
    )
    said = dict(_said(cut))
    clip = schema.Clip(
        name=f"{cut.title} {_clock(cut)}",
        media_reference=schema.ExternalReference(
            target_url=cut.path.as_uri(), available_range=available
        ),
        source_range=_range(cut),
        metadata={"reelwright": said},
    )
    clip.markers.append(
        schema.Marker(
            name=cut.text[:_LINE], marked_range=_range(cut), metadata={"reelwright": said}
        )
    )
    return clip


def _range(cut: Cut) -> opentime.TimeRange:
    from opentimelineio import opentime

    rate = rate_of(cut)
    first, last = _frames(cut, rate)
    return opentime.TimeRange(
        opentime.RationalTime(first, float(rate)), opentime.RationalTime(last - first, float(rate))
    )


def _said(cut: Cut) -> Iterator[tuple[str, Any]]:
    yield "subject", cut.subject
    yield "text", cut.text
    yield "score", cut.score
    yield "hits", list(cut.hits)


def _clock(cut: Cut) -> str:
    from reelwright.analysis.citations import clock

    return clock(float(cut.start))
