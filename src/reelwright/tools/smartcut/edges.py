"""The few frames that must be encoded, so that they fit between the packets of the source."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from reelwright.tools.smartcut.codecs import Grammar
from reelwright.tools.smartcut.job import CannotCut
from reelwright.tools.smartcut.samples import References
from reelwright.tools.smartcut.source import Source

# CRF of x264 and x265 for the edges: at 16 the difference to the source cannot be seen, and the
# edges are a few seconds at most, so their size does not matter. VP9's and AV1's scale is longer.
_CRF, _LONG_CRF = "16", "20"
# What the encoders call the profiles that FFmpeg's decoders name.
_H264_PROFILES = {
    "Constrained Baseline": "baseline",
    "Baseline": "baseline",
    "Main": "main",
    "High": "high",
    "High 10": "high10",
    "High 4:2:2": "high422",
    "High 4:4:4 Predictive": "high444",
}


@dataclass(frozen=True, slots=True)
class Coded:
    """A finished packet of the output; times in ticks of the source's time base."""

    data: Any  # bytes, or a PyAV packet that is passed on as it is
    pts: int
    dts: int
    duration: int
    is_key: bool


class EdgeEncoder:
    """Encodes frames without reordering, alike to the source in everything that a decoder sees."""

    def __init__(self, stream: Any, grammar: Grammar, threads: int) -> None:
        self._stream = stream
        self._grammar = grammar
        self._threads = threads
        self._times: deque[int] = deque()
        self._context: Any = None

    def open(self) -> bytes:
        """Starts the encoder; its parameter sets. Raises CannotCut where there is none."""
        import av

        name, options = _encoder(self._stream, self._grammar, self._threads)
        try:
            context = av.CodecContext.create(name, "w")
            self._describe(context)
            context.options = options
            context.open()
        except (av.error.FFmpegError, ValueError) as error:
            raise CannotCut(f"{name} cannot encode like the source: {error}") from error
        self._context = context
        return context.extradata or b""

    def _describe(self, context: Any) -> None:
        from av.codec.context import Flags

        source = self._stream.codec_context
        context.width, context.height = source.width, source.height
        context.pix_fmt = source.pix_fmt
        context.sample_aspect_ratio = source.sample_aspect_ratio or Fraction(0, 1)
        rate = self._stream.average_rate or self._stream.base_rate or Fraction(25)
        # MPEG-2 knows a few rates only, so its frames are counted; others carry their own times.
        context.time_base = 1 / rate if self._counts else self._stream.time_base
        context.rate = rate
        for name in ("color_range", "color_primaries", "color_trc", "colorspace"):
            setattr(context, name, getattr(source, name))
        context.thread_count = self._threads
        # x264 then leaves its parameter sets out of the packets; codecs.py puts them where due.
        context.flags |= Flags.global_header if self._separate else 0

    @property
    def _counts(self) -> bool:
        return str(self._stream.codec_context.name).startswith("mpeg")

    @property
    def _separate(self) -> bool:
        return self._stream.codec_context.name in {"h264", "hevc"}

    def encode(self, frame: Any) -> list[tuple[bytes, int, bool]]:
        """What is finished: packet, presentation time, whether it is a keyframe."""
        from av.video.frame import PictureType

        self._times.append(frame.pts)
        if self._counts:
            frame.pts = None
        frame.time_base = self._context.time_base
        # The decoder's picture type would force the encoder's.
        frame.pict_type = PictureType.NONE
        return self._finished(self._context.encode(frame))

    def flush(self) -> list[tuple[bytes, int, bool]]:
        done = self._finished(self._context.encode(None))
        if self._times:
            raise CannotCut("the encoder dropped frames of an edge")
        return done

    def _finished(self, packets: Sequence[Any]) -> list[tuple[bytes, int, bool]]:
        # No frame is reordered, so packets come in the order in which frames went in.
        return [
            (
                self._grammar.edge(bytes(packet), is_key=packet.is_keyframe),
                self._times.popleft(),
                packet.is_keyframe,
            )
            for packet in packets
        ]


def _encoder(stream: Any, grammar: Grammar, threads: int) -> tuple[str, dict[str, str]]:
    codec, context = stream.codec_context.name, stream.codec_context
    if codec == "h264":
        own = ":".join(f"{k}={v}" for k, v in grammar.encoder_options().items())
        options = {"preset": "veryfast", "crf": _CRF, "bf": "0", "x264-params": own}
        profile = _H264_PROFILES.get(context.profile or "")
        if profile is None:
            raise CannotCut(f"H.264 profile {context.profile} is not encoded here")
        return "libx264", options | {"profile": profile}
    if codec == "hevc":
        own = f"bframes=0:log-level=none:info=0:pools={threads}:frame-threads=1"
        return "libx265", {"preset": "veryfast", "crf": _CRF, "x265-params": own}
    if codec in {"vp8", "vp9", "libvpx", "libvpx-vp9"}:
        options = {"crf": _LONG_CRF, "b": "0", "deadline": "good", "cpu-used": "5"}
        no_delay = {"lag-in-frames": "0", "auto-alt-ref": "0"}
        if codec.endswith("vp8") or codec == "libvpx":
            # VP8's crf needs a bitrate that never binds.
            return "libvpx", options | no_delay | {"b": "100M", "crf": "4"}
        return "libvpx-vp9", options | no_delay
    if codec in {"av1", "libdav1d", "libaom-av1"}:
        return "libsvtav1", {"crf": _LONG_CRF, "preset": "8"}
    if codec == "mpeg2video":
        return "mpeg2video", {"qscale": "2", "bf": "0", "b": "100M", "maxrate": "100M"}
    raise CannotCut(f"{codec} is not encoded here")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames to encode (`wanted`), decoded from keyframe `key`; `near` are copied frames beside
    them, whose pictures are remembered for the check."""

    key: int
    wanted: tuple[int, ...]
    near: tuple[int, ...] = ()


def encode_stretch(
    source: Source, index: int, encoder: EdgeEncoder, stretch: Stretch, references: References
) -> Iterator[tuple[bytes, int, bool]]:
    """Raises CannotCut where the decoder does not give exactly the wanted frames."""
    wanted, near = set(stretch.wanted), set(stretch.near)
    last = max([*wanted, *near])
    for frame in source.frames(index, stretch.key):
        if frame.pts in wanted:
            wanted.remove(frame.pts)
            if frame.interlaced_frame:
                raise CannotCut("the frames at the edges are interlaced")
            references.remember_encoded(frame)
            yield from encoder.encode(frame)
        elif frame.pts in near:
            references.remember_copied(frame)
        if frame.pts >= last:
            break
    if wanted:
        raise CannotCut(f"{len(wanted)} frames of an edge could not be decoded")
    yield from encoder.flush()
