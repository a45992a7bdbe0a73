"""Audio, subtitle and data packets that go along with a smart cut, copied and retimed.

With an edit list (MP4, MOV) audio starts and ends on the exact sample: packets from before the
start come along, so that the decoder is warm, and the edit list hides them. Elsewhere packets are
whole: what is kept begins and ends within one packet of the asked times, each at its right time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from reelwright.tools.smartcut.job import CannotCut, Job, Span

# How long before a sample decoding must begin for it to come out right: one overlapping transform
# for AAC (two with SBR), the bit reservoir for MP3 (511 bytes, at 8 kbit/s no more than 0.5 s, in
# practice 3 frames), 80 ms for Opus (RFC 7845, 4.6).
_WARM_UP_S = {
    "aac": Fraction(1, 10),
    "mp3": Fraction(1, 10),
    "mp2": Fraction(1, 20),
    "ac3": Fraction(1, 20),
    "eac3": Fraction(1, 20),
    "opus": Fraction(8, 100),
    "vorbis": Fraction(1, 10),
    "dts": Fraction(1, 20),
}
# Audio may stand this far behind its video in an interleaved file, in seconds.
_INTERLEAVE_S = 3


@dataclass(slots=True)
class Companion:
    """One stream on its way: its range, and what was made of it."""

    index: int
    kind: str
    codec: str
    time_base: Fraction
    span: Span
    warm_up: int = 0
    slice_bytes: int = 0  # of one PCM sample of all channels, where packets can be sliced
    is_cover: bool = False
    exact: bool = False
    first: int | None = None
    last: int | None = None
    tick_s: float = 0.0
    _before: deque[Any] = field(default_factory=deque)
    done: bool = False

    def report(self) -> dict[str, Any]:
        """How exact the edges are: ``sample``, or ``packet`` with its length."""
        return {"index": self.index, "kind": self.kind, "codec": self.codec, "edges": self.edges}

    @property
    def edges(self) -> str:
        return "sample" if self.exact else "packet"

    def take(self, packet: Any) -> Iterator[Any]:
        """The packets that go on, with times rebased to 0."""
        if packet.pts is None:
            raise CannotCut(f"packets of stream {self.index} have no timestamps")
        length = packet.duration or 0
        if self.span.is_past(packet.pts):
            self.done = True
        elif self.kind == "audio":
            yield from self._audio(packet, length)
        elif packet.pts + length > self.span.start or packet.pts >= self.span.start:
            yield self._clipped(packet, length)

    def _audio(self, packet: Any, length: int) -> Iterator[Any]:
        if self.slice_bytes:
            if packet.pts + length > self.span.start:
                yield self._sliced(packet)
            return
        if not self.exact:
            if packet.pts >= self.span.start:
                yield self._moved(packet, length)
            return
        if packet.pts + length <= self.span.start:
            self._before.append(packet)
            while self._before[0].pts < self.span.start - self.warm_up:
                self._before.popleft()
                if not self._before:
                    break
            return
        for early in self._before:
            yield self._moved(early, early.duration or 0)
        self._before.clear()
        yield self._moved(packet, length)

    def _moved(self, packet: Any, length: int) -> Any:
        if self.exact and self.span.end is not None:
            length = min(length, self.span.end - packet.pts)
        packet.pts -= self.span.start
        packet.dts = packet.pts
        packet.duration = length
        self.first = packet.pts if self.first is None else self.first
        self.last = packet.pts + length
        return packet

    def _sliced(self, packet: Any) -> Any:
        """PCM: the very samples. One tick is one sample."""
        import av

        data = bytes(packet)
        begin = max(self.span.start - packet.pts, 0)
        end = len(data) // self.slice_bytes
        if self.span.end is not None:
            end = min(end, self.span.end - packet.pts)
        piece = av.Packet(data[begin * self.slice_bytes : end * self.slice_bytes])
        piece.pts, piece.time_base = packet.pts + begin, packet.time_base
        piece.is_keyframe = True
        return self._moved(piece, end - begin)

    def _clipped(self, packet: Any, length: int) -> Any:
        """A subtitle that is already shown at the start begins there."""
        begin = max(packet.pts, self.span.start)
        end = packet.pts + length
        if self.span.end is not None:
            end = min(end, self.span.end)
        packet.pts = begin
        return self._moved(packet, max(end - begin, 0))


def companion_of(job: Job, stream: Any, origin: Fraction) -> Companion:
    """Raises CannotCut for what packets cannot be cut of."""
    from av.stream import Disposition

    codec = _codec_name(stream)
    span = Span.of(job, origin, stream.time_base)
    found = Companion(stream.index, stream.type, codec, stream.time_base, span)
    found.tick_s = float(stream.time_base)
    found.is_cover = bool(stream.disposition & Disposition.attached_pic)
    if stream.type != "audio":
        return found
    found.slice_bytes = _slice_bytes(stream, codec)
    found.exact = job.has_edit_list or bool(found.slice_bytes)
    found.warm_up = round(_WARM_UP_S.get(codec, Fraction(0)) / stream.time_base)
    return found


def _codec_name(stream: Any) -> str:
    """FFmpeg's name of the codec, not of its decoder (``mp3float``)."""
    context = stream.codec_context
    name = context.codec.canonical_name if context is not None else stream.name
    return str(name or "none")


def _slice_bytes(stream: Any, codec: str) -> int:
    rate = stream.codec_context.sample_rate
    if not codec.startswith("pcm_") or codec in {"pcm_dvd", "pcm_bluray"}:
        return 0
    if not rate or stream.time_base != Fraction(1, rate) or codec.endswith("_planar"):
        return 0
    bits = {"pcm_alaw": 8, "pcm_mulaw": 8}.get(codec) or int(
        "".join(c for c in codec if c.isdigit())
    )
    return bits // 8 * int(stream.codec_context.channels)


def companion_packets(job: Job, companions: list[Companion]) -> Iterator[tuple[Companion, Any]]:
    """All packets that go along, in the file's order, with times rebased to 0."""
    by_index = {c.index: c for c in companions}
    with job.source().open() as container:
        _listen(container, by_index, job)
        for packet in container.demux():
            companion = by_index.get(packet.stream_index)
            if companion is None or companion.done or not packet.size:
                continue
            if companion.is_cover:
                companion.done = True
                packet.pts = packet.dts = 0
                yield companion, packet
                continue
            for ready in companion.take(packet):
                yield companion, ready
            if _all_past(by_index.values(), companion, packet):
                return


def _listen(container: Any, by_index: dict[int, Companion], job: Job) -> None:
    from av.stream import Discard

    for stream in container.streams:
        if stream.index not in by_index:
            stream.discard = Discard.all
    leader = next((c for c in by_index.values() if c.kind == "audio"), None)
    leader = leader or next((c for c in by_index.values() if not c.is_cover), None)
    if leader is None or any(c.is_cover for c in by_index.values()):
        return  # a cover picture is the first packet of its stream: a seek would miss it
    early = leader.span.start - leader.warm_up - round(_INTERLEAVE_S / leader.time_base)
    container.seek(early, stream=container.streams[leader.index], backward=True)


def _all_past(companions: Any, current: Companion, packet: Any) -> bool:
    """Streams without packets for a while (subtitles) are not waited for until the file's end."""
    end = current.span.end
    if end is None or packet.pts is None:
        return False
    waiting = [c for c in companions if not c.done and not c.is_cover]
    late = (packet.pts - end) * current.tick_s > _INTERLEAVE_S
    return not waiting or (late and all(c.kind != "audio" for c in waiting))
