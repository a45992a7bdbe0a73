"""Segments that are to follow each other: what they have and lack, and how they become alike.

The length of a segment is that of its picture, in whole frames; sound is filled with silence or
cut to it. Only where the sound is longer by more than `_OVERHANG` does the last frame stand for the
rest: encoders leave up to that much sound after the last frame, and keeping it would open a gap in
the picture at each seam.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from reelwright.errors import Code, ReelError
from reelwright.graph.actions import Value
from reelwright.graph.operator import Bundle, Strand
from reelwright.media.geometry import Size
from reelwright.media.streams import AudioStream, StreamKind, VideoStream
from reelwright.media.time import seconds_text
from reelwright.operators.audio.facts import (
    after_filter,
    audio_of,
    fit_length,
    layout_of,
    remix,
    resample,
    video_of,
)
from reelwright.operators.pixels import converted
from reelwright.operators.video.sizing import Fit, Wish, centered, fit, picture_size, resized

if TYPE_CHECKING:
    from reelwright.graph.builder import Builder

_OVERHANG = Fraction(1, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What all segments become. Picture fields are None where no segment has a picture, sound
    fields where none has sound."""

    size: Size | None = None
    sar: Fraction = Fraction(1)
    rate: Fraction | None = None
    pix_fmt: str | None = None
    fit: Fit = "pad"
    color: str = "0x000000FF"
    sample_rate_hz: int | None = None
    layout: str | None = None
    channels: int | None = None
    exact: bool = False  # every segment to the frame, as crossfades need it


@dataclass(frozen=True, slots=True)
class Segment:
    """One input: its picture and sound, each None where it has none. `still_s` is how long an image
    stands."""

    number: int
    video: Strand | None
    audio: Strand | None
    still_s: Fraction

    @property
    def is_image(self) -> bool:
        return self.video is not None and video_of(self.video).is_still

    @property
    def duration(self) -> Fraction | None:
        """Seconds of the longer stream; None where that is not known."""
        if self.is_image:
            return self.still_s if self.audio is None else self.audio.stream.duration
        lengths = [s.stream.duration for s in (self.video, self.audio) if s is not None]
        known = [length for length in lengths if length is not None]
        return max(known) if known and len(known) == len(lengths) else None

    def frames(self, rate: Fraction) -> int | None:
        """Whole frames at `rate`; None where the length is not known."""
        if self.video is None or self.is_image:
            return None if self.duration is None else round(self.duration * rate)
        picture = video_of(self.video)
        if picture.duration is None or self.duration is None:
            return None
        if self.duration - picture.duration > _OVERHANG:
            return -(-self.duration * rate // 1)  # rounded up
        if picture.frame_count is not None and _runs_at(picture, rate):
            return picture.frame_count
        return round(picture.duration * rate)


def segments_of(bundles: Sequence[Bundle], still_s: Fraction) -> list[Segment]:
    """Cover art is no picture of a sound, and an image is one where others have pictures."""
    moving = any(_moving(b) for b in bundles)
    images = all(b.audio is None and b.video is not None for b in bundles)
    found: list[Segment] = []
    for number, bundle in enumerate(bundles):
        video = _moving(bundle)
        if video is None and bundle.audio is None and (moving or images):
            video = bundle.video
        if video is None and bundle.audio is None:
            raise ReelError(
                Code.STREAM_MISSING,
                f"input {number + 1} of concat has neither picture nor sound that could follow",
            )
        found.append(Segment(number, video, bundle.audio, still_s))
    return found


def _moving(bundle: Bundle) -> Strand | None:
    video = bundle.video
    return video if video is not None and not video_of(video).is_still else None


def alike(segments: Sequence[Segment]) -> bool:
    """Packets of all segments could follow each other under one header."""
    for strands in (
        [s.video for s in segments],
        [s.audio for s in segments],
    ):
        present = [s for s in strands if s is not None]
        if present and len(present) < len(segments):
            return False
        if len({_header(s) for s in present}) > 1 or not all(s.encoded for s in present):
            return False
        if any(_is_vague(s) for s in present):
            return False
    return not any(s.is_image for s in segments)


def _header(strand: Strand) -> tuple[object, ...]:
    stream = strand.stream
    common = (stream.codec, stream.profile, stream.time_base, stream.extradata_sha256)
    if isinstance(stream, VideoStream):
        size = (stream.width_px, stream.height_px, stream.sar, stream.rotation_deg)
        # What varies anyway (phones) may go on varying.
        pace = "varies" if stream.is_vfr else stream.frame_rate
        return (*common, *size, stream.is_mirrored, stream.pix_fmt, stream.color, pace)
    assert isinstance(stream, AudioStream)
    return (*common, stream.sample_rate_hz, stream.channels, stream.channel_layout)


def _is_vague(strand: Strand) -> bool:
    return None in (strand.stream.codec, strand.stream.time_base)


def _runs_at(video: VideoStream, rate: Fraction) -> bool:
    return video.is_vfr is False and video.frame_rate == rate


def conformed(build: Builder, segment: Segment, form: Form) -> tuple[Strand, ...]:
    """The segment's picture and sound in `form`, those that the form has, exactly as long as each
    other where their length is known."""
    made: list[Strand] = []
    frames = segment.frames(form.rate) if form.rate is not None else None
    length = segment.duration
    if form.rate is not None and frames is not None:
        length = frames / form.rate
    if form.size is not None:
        made.append(_picture(build, segment, form, frames))
    if form.sample_rate_hz is not None:
        made.append(_sound(build, segment, form, length))
    return tuple(made)


def _picture(build: Builder, segment: Segment, form: Form, frames: int | None) -> Strand:
    assert form.size is not None
    assert form.rate is not None
    if segment.video is None:
        return _black(build, segment, form, frames)
    made = _shaped(build, segment.video, form)
    if form.pix_fmt is not None:
        made = converted(build, made, form.pix_fmt, f"the others are {form.pix_fmt}")
    before = video_of(segment.video)
    if segment.is_image:
        out = replace(video_of(made), duration=None, frame_count=None, is_still=False)
        args: dict[str, Value] = {"loop": -1, "size": 1, "start": 0}
        because = f"an image stands for {seconds_text(segment.still_s)} s"
        made = build.filter("loop", args, made, stream=out, because=because)
    paced = segment.is_image or form.exact or not _runs_at(before, form.rate)
    if paced:
        made = _paced(build, made, form.rate)
    known = before.frame_count if _runs_at(before, form.rate) else None
    return made if frames is None or known == frames else _exact(build, made, frames, form.rate)


def _paced(build: Builder, strand: Strand, rate: Fraction) -> Strand:
    out = replace(
        video_of(strand), frame_rate=rate, is_vfr=False, frame_count=None, start=Fraction(0)
    )
    # A picture that begins late is shown from the start: sound and picture stay together.
    args: dict[str, Value] = {"fps": rate, "start_time": 0}
    return build.filter("fps", args, strand, stream=out, because="one frame rate for all segments")


def _exact(build: Builder, strand: Strand, frames: int, rate: Fraction) -> Strand:
    """Exactly `frames` frames: the last one repeated, or what is over cut off."""
    because = f"exactly {frames} frames at the common rate"
    # More than the longest of the streams can lack; cut off right after.
    args: dict[str, Value] = {"stop": frames, "stop_mode": "clone"}
    made = build.filter("tpad", args, strand, because=because)
    out = replace(video_of(strand), duration=frames / rate, frame_count=frames, start=Fraction(0))
    return build.filter("trim", {"end_frame": frames}, made, stream=out, because=because)


def _shaped(build: Builder, strand: Strand, form: Form) -> Strand:
    """Scaled, and padded or cropped, to the form's size and pixel shape."""
    video = video_of(strand)
    assert form.size is not None
    found, sar = picture_size(video), video.sar or Fraction(1)
    if found == form.size and sar == form.sar:
        return strand
    source = (found.width_px * sar / form.sar, Fraction(found.height_px))
    wish = Wish(form.size.width_px, form.size.height_px, form.fit, step=_step(form.size))
    fitted = fit(source, wish)
    because = f"the first segment is {form.size}" if found != form.size else "one pixel shape"
    out = resized(video, fitted.scaled, sar=form.sar)
    args: dict[str, Value] = {"w": fitted.scaled.width_px, "h": fitted.scaled.height_px}
    made = build.filter("scale", args, strand, stream=out, because=because)
    if fitted.scaled != form.size:
        made = _framed(build, made, fitted.scaled, form)
    sar_args: dict[str, Value] = {"sar": form.sar}
    # scale keeps the display aspect by changing the pixels' shape where rounding moved the size.
    return build.filter("setsar", sar_args, made, because="one pixel shape for all segments")


def _step(size: Size) -> int:
    """Even sizes and places where the form is even: no border cuts a chroma sample in half."""
    return 1 if size.width_px % 2 or size.height_px % 2 else 2


def _framed(build: Builder, strand: Strand, scaled: Size, form: Form) -> Strand:
    assert form.size is not None
    size = form.size
    out = resized(video_of(strand), size)
    if form.fit == "cover":
        x, y = centered(scaled, size, _step(size))
        args: dict[str, Value] = {"w": size.width_px, "h": size.height_px, "x": x, "y": y}
        return build.filter("crop", args, strand, stream=out, because="fills the frame")
    x, y = centered(size, scaled, _step(size))
    args = {"w": size.width_px, "h": size.height_px, "x": x, "y": y, "color": form.color}
    return build.filter("pad", args, strand, stream=out, because="another shape: borders")


def _black(build: Builder, segment: Segment, form: Form, frames: int | None) -> Strand:
    assert form.size is not None
    assert form.rate is not None
    if frames is None:
        raise _unknown_length(segment, "a picture")
    out = VideoStream(
        width_px=form.size.width_px,
        height_px=form.size.height_px,
        sar=form.sar,
        frame_rate=form.rate,
        is_vfr=False,
        pix_fmt=form.pix_fmt,
        start=Fraction(0),
        duration=frames / form.rate,
        frame_count=frames,
    )
    args: dict[str, Value] = {"color": form.color, "size": str(form.size), "rate": form.rate}
    made = build.source(
        "color", args, replace(out, pix_fmt=None, sar=Fraction(1)), "no picture here"
    )
    made = build.filter("trim", {"end_frame": frames}, made, stream=replace(out, pix_fmt=None))
    if form.sar != 1:
        made = build.filter("setsar", {"sar": form.sar}, made)
    return converted(build, made, form.pix_fmt, "as the others") if form.pix_fmt else made


def _sound(build: Builder, segment: Segment, form: Form, length: Fraction | None) -> Strand:
    assert form.sample_rate_hz is not None
    assert form.layout is not None
    assert form.channels is not None
    if segment.audio is None:
        return _silence(build, segment, form, length)
    rate_hz = form.sample_rate_hz
    made = resample(build, segment.audio, rate_hz, f"all segments run at {rate_hz} Hz")
    made = remix(build, made, form.layout, form.channels, f"all segments are {form.layout}")
    if length is None or audio_of(made).duration == length:
        return made
    return fit_length(build, made, length, "as long as its picture")


def _silence(build: Builder, segment: Segment, form: Form, length: Fraction | None) -> Strand:
    if length is None:
        raise _unknown_length(segment, "sound")
    assert form.sample_rate_hz is not None
    samples = round(length * form.sample_rate_hz)
    out = AudioStream(
        sample_rate_hz=form.sample_rate_hz,
        channels=form.channels,
        channel_layout=form.layout,
        start=Fraction(0),
        duration=Fraction(samples, form.sample_rate_hz),
    )
    args: dict[str, Value] = {
        "channel_layout": form.layout or "stereo",
        "sample_rate": form.sample_rate_hz,
    }
    made = build.source("anullsrc", args, replace(out, duration=None), "no sound here: silence")
    return build.filter("atrim", {"end_sample": samples}, made, stream=after_filter(out))


def _unknown_length(segment: Segment, lacks: str) -> ReelError:
    return ReelError(
        Code.FIELD_INVALID,
        f"input {segment.number + 1} of concat lacks {lacks}, and its length is not known, so it"
        " cannot be filled",
        hint="cut it first with `trim` and a duration",
    )


def sound_of(segments: Sequence[Segment]) -> AudioStream | None:
    """The first sound that there is: it sets the form."""
    return next((audio_of(s.audio) for s in segments if s.audio is not None), None)


def picture_of(segments: Sequence[Segment]) -> VideoStream | None:
    """The first moving picture, else the first image."""
    videos = [video_of(s.video) for s in segments if s.video is not None]
    return next((v for v in videos if not v.is_still), videos[0] if videos else None)


def has_others(bundle: Bundle, segment: Segment) -> bool:
    """The bundle holds streams that a joined video has no place for."""
    taken = (segment.video, segment.audio)
    kinds = {StreamKind.SUBTITLE, StreamKind.AUDIO}
    return any(s.kind in kinds and all(s is not t for t in taken) for s in bundle)


__all__ = [
    "Form",
    "Segment",
    "alike",
    "conformed",
    "has_others",
    "layout_of",
    "picture_of",
    "segments_of",
    "sound_of",
]
