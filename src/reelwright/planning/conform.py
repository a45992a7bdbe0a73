"""What must be converted before an encoder takes a stream: as filters that `explain` can show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from reelwright.graph.actions import Filter
from reelwright.media.streams import AudioStream, Color, Stream, VideoStream
from reelwright.planning.encoders import channels_for, pix_fmt_for, sample_rate_for
from reelwright.spec.model import OutputSpec


@dataclass(frozen=True, slots=True)
class Conversion:
    filter: Filter
    stream: Stream
    because: str


_SDR = Color("bt709", "bt709", "bt709", "tv")
# 8-bit codecs whose players take any transfer for bt709: HDR there looks washed out.
_SDR_CODECS = {"h264", "mpeg4", "mjpeg", "png", "webp", "vp8", "theora", "gif", "mpeg2video"}
_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


def conversions(codec: str, stream: Stream, output: OutputSpec) -> Iterator[Conversion]:
    """In the order in which they stand before the encoder."""
    if isinstance(stream, VideoStream):
        yield from _video(codec, stream, output)
    elif isinstance(stream, AudioStream):
        yield from _audio(codec, stream, output)


def _video(codec: str, stream: VideoStream, output: OutputSpec) -> Iterator[Conversion]:
    if stream.color.is_hdr and codec in _SDR_CODECS:
        for made in _tone_map(stream):
            stream = made.stream  # type: ignore[assignment]
            yield made
    wanted = pix_fmt_for(codec, stream, output)
    format_now = wanted or stream.pix_fmt or ""
    if "420" in format_now and stream.width_px and stream.height_px:
        width, height = stream.width_px // 2 * 2, stream.height_px // 2 * 2
        if (width, height) != (stream.width_px, stream.height_px) and not stream.is_still:
            stream = replace(stream, width_px=width, height_px=height)
            args = (("w", width), ("h", height), ("x", 0), ("y", 0))
            yield Conversion(
                Filter("crop", args), stream, "4:2:0 needs even sizes: the last row or column goes"
            )
    if codec == "gif":
        yield from _palette(stream)
    elif wanted:
        because = f"{codec} is written as {wanted}, the source is {stream.pix_fmt or 'unknown'}"
        stream = replace(stream, pix_fmt=wanted, has_alpha="a" in wanted.removeprefix("gray"))
        yield Conversion(Filter("format", (("pix_fmts", wanted),)), stream, because)
    if codec in {"mjpeg", "png", "webp"} and stream.sar not in (None, Fraction(1), Fraction(0)):
        yield _square(stream)


def _square(stream: VideoStream) -> Conversion:
    assert stream.sar
    assert stream.width_px
    width = max(1, round(stream.width_px * stream.sar))
    args = (("w", width), ("h", stream.height_px or -1))
    return Conversion(
        Filter("scale", args),
        replace(stream, width_px=width, sar=Fraction(1)),
        "pictures have square pixels",
    )


def _tone_map(stream: VideoStream) -> Iterator[Conversion]:
    """Hable's curve at 100 nits of nominal peak (ITU-R BT.2100 to BT.709, zimg's documentation)."""
    because = "HDR to SDR: the codec's players expect BT.709"
    linear = replace(stream, pix_fmt="gbrpf32le", color=Color("bt2020", "linear", None, "pc"))
    chain = (
        (Filter("zscale", (("t", "linear"), ("npl", 100))), linear),
        (Filter("format", (("pix_fmts", "gbrpf32le"),)), linear),
        (Filter("zscale", (("p", "bt709"),)), linear),
        (Filter("tonemap", (("tonemap", "hable"), ("desat", 0))), linear),
        (
            Filter("zscale", (("t", "bt709"), ("m", "bt709"), ("r", "tv"))),
            replace(stream, pix_fmt="gbrpf32le", color=_SDR, hdr=None),
        ),
    )
    for action, after in chain:
        yield Conversion(action, after, because)


def _palette(stream: VideoStream) -> Iterator[Conversion]:
    """One palette a frame: a palette of the whole video would have to hold every frame first."""
    args = (("stats_mode", "single"),)
    yield Conversion(Filter("@palette", args), replace(stream, pix_fmt="pal8"), "GIF has a palette")


def _audio(codec: str, stream: AudioStream, output: OutputSpec) -> Iterator[Conversion]:
    rate = sample_rate_for(codec, stream, output)
    if rate:
        stream = replace(stream, sample_rate_hz=rate)
        asked = output.audio is not None and output.audio.sample_rate_hz
        because = "asked for" if asked else f"{codec} does not take the source's rate"
        yield Conversion(Filter("aresample", (("sample_rate", rate),)), stream, because)
    channels = channels_for(codec, stream, output)
    if channels:
        layout = _LAYOUTS.get(channels, f"{channels}c")
        stream = replace(stream, channels=channels, channel_layout=layout)
        asked = output.audio is not None and output.audio.channels
        because = "asked for" if asked else f"{codec} does not take as many channels"
        yield Conversion(Filter("aformat", (("channel_layouts", layout),)), stream, because)
