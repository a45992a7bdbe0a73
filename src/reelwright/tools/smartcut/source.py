"""Reading one stream of a file by seeking: its packets from a keyframe on, and its frames."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import dropwhile
from typing import Any

from reelwright.tools.smartcut.job import CannotCut

# How far back to look for a keyframe when a seek landed after the wanted time, in seconds.
_BACK_S = (0, 2, 10, 60, 600)
# Packets at the head of a Matroska read that may have no decoding time: the reorder depth (16).
_UNTIMED = 34


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file, opened anew for each reading. `strict`: its decoder takes no damage for granted."""

    path: str
    demuxer: str | None = None
    threads: int = 1
    strict: bool = False

    @contextmanager
    def open(self) -> Iterator[Any]:
        """A PyAV container with its demuxer pinned and no protocol but files."""
        import av

        options = {"protocol_whitelist": "file"}
        with av.open(
            self.path, format=self.demuxer, options=options, metadata_errors="replace"
        ) as container:
            yield container

    @contextmanager
    def stream(self, index: int) -> Iterator[tuple[Any, Any]]:
        """The container, reading nothing but stream `index`, and that stream."""
        from av.stream import Discard

        with self.open() as container:
            for other in container.streams:
                if other.index != index:
                    other.discard = Discard.all
            stream = container.streams[index]
            if stream.codec_context is not None:
                stream.codec_context.thread_count = self.threads
                if self.strict:
                    stream.codec_context.options = {"err_detect": "explode"}
            yield container, stream

    def packets(self, index: int, pts: int) -> Iterator[Any]:
        """Packets from a keyframe at or before `pts` on, or from the file's first keyframe.

        A seek in MPEG-TS may land anywhere, also after `pts`: then it goes back further, and at
        last reads from the start. Raises CannotCut where packets have no times or are damaged.
        """
        for back_s in (*_BACK_S, None):
            with self.stream(index) as (container, stream):
                begins = stream.start_time if stream.start_time is not None else 0
                if back_s is not None and pts <= begins:
                    continue
                if back_s is not None:
                    target = pts - round(back_s / stream.time_base)
                    container.seek(target, stream=stream, backward=True)
                packets = _timed(container, stream)
                first = next((p for p in packets if p.is_keyframe), None)
                if first is not None and (first.pts <= pts or back_s is None):
                    yield first
                    yield from packets
                    return

    def frames(self, index: int, key: int) -> Iterator[Any]:
        """Frames as they are shown, from the keyframe at `key` on. Raises CannotCut on damage."""
        import av

        context = None
        try:
            for packet in dropwhile(lambda p: p.pts != key, self.packets(index, key)):
                context = packet.stream.codec_context
                yield from context.decode(packet)
            if context is not None:
                yield from context.decode(None)
        except av.error.FFmpegError as error:
            raise CannotCut(f"{self.path} does not decode cleanly: {error}") from error


def _timed(container: Any, stream: Any) -> Iterator[Any]:
    """Packets with both times; libavformat cannot say the first decoding times of Matroska."""
    waiting: list[Any] = []
    for packet in container.demux(stream):
        if packet.size == 0:
            continue  # the flush at the end
        if packet.pts is None or packet.is_corrupt or len(waiting) > _UNTIMED:
            raise CannotCut("packets are damaged or have no timestamps")
        if packet.dts is None:
            waiting.append(packet)
            continue
        if waiting:
            yield from _filled(waiting, packet.dts, stream)
            waiting = []
        yield packet
    if waiting:
        last = min(p.pts for p in waiting)
        yield from _filled(waiting, last + 1, stream)


def _filled(waiting: list[Any], before: int, stream: Any) -> Iterator[Any]:
    """`waiting` with decoding times one frame apart that end before `before`."""
    rate = stream.average_rate or Fraction(25)
    step = max(int(1 / rate / stream.time_base), 1)
    for back, packet in zip(range(len(waiting), 0, -1), waiting, strict=True):
        packet.dts = min(before - back * step, packet.pts)
        yield packet
