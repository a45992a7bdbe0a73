"""Writes the output: streams like the source's, packets of all of them in the order of time."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from reelwright.tools.smartcut.codecs import Grammar
from reelwright.tools.smartcut.companions import Companion, companion_packets
from reelwright.tools.smartcut.edges import Coded
from reelwright.tools.smartcut.job import CannotCut, Job
from reelwright.tools.smartcut.video import VideoCut

Ready = tuple[float, Any]
_REPORT_EVERY_S = 0.5


class Writer:
    """One output file. `source` is the opened input, for what its streams look like."""

    def __init__(self, job: Job, source: Any, on_progress: Callable[[int, Fraction], None]) -> None:
        self._job = job
        self._source = source
        self._on_progress = on_progress
        self._streams: dict[int, Any] = {}
        self._container: Any = None

    def write(self, video: VideoCut | None, companions: list[Companion]) -> None:
        import av

        time_base = self._source.streams[video.index].time_base if video else None
        self._container = av.open(
            self._job.output,
            "w",
            format=self._job.container,
            options=_options(self._job, time_base),
        )
        with self._container:
            self._container.metadata.update(self._job.metadata)
            for index in self._job.streams:
                self._add(index, video.grammar if video and video.index == index else None)
            tracks = [self._companion_packets(companions)]
            if video is not None:
                tracks.append(self._video_packets(video))
            self._mux(heapq.merge(*tracks, key=lambda ready: ready[0]))

    def _add(self, index: int, grammar: Grammar | None) -> None:
        source = self._source.streams[index]
        try:
            made = self._container.add_stream_from_template(source, opaque=True)
        except ValueError as error:
            raise CannotCut(str(error)) from error
        kept = {k: v for k, v in source.metadata.items() if k in {"language", "title"}}
        made.metadata.update(kept)
        made.metadata.update(self._job.stream_tags.get(index, {}))
        made.disposition = source.disposition
        made.time_base = source.time_base
        if grammar is not None:
            made.codec_context.extradata = grammar.merged_extradata() or None
            if grammar.codec_tag and self._job.has_edit_list:
                made.codec_context.codec_tag = grammar.codec_tag
        self._streams[index] = made

    def _video_packets(self, video: VideoCut) -> Iterator[Ready]:
        import av

        stream = self._streams[video.index]
        source_base = self._source.streams[video.index].time_base
        tick_s = float(source_base)
        for coded in video.packets():
            packet = coded.data
            if isinstance(packet, bytes):
                packet = av.Packet(packet)
                packet.is_keyframe = coded.is_key
            self._time(packet, coded, video.span.start, source_base)
            packet.stream = stream
            yield packet.dts * tick_s, packet

    @staticmethod
    def _time(packet: Any, coded: Coded, start: int, time_base: Fraction) -> None:
        packet.time_base = time_base
        packet.pts, packet.dts = coded.pts - start, coded.dts - start
        packet.duration = coded.duration

    def _companion_packets(self, companions: list[Companion]) -> Iterator[Ready]:
        if not companions:
            return
        for companion, packet in companion_packets(self._job, companions):
            packet.stream = self._streams[companion.index]
            packet.time_base = companion.time_base
            yield packet.dts * companion.tick_s, packet

    def _mux(self, packets: Iterator[Ready]) -> None:
        frames, at, reported = 0, 0.0, time.monotonic()
        for at, packet in packets:
            frames += packet.stream.type == "video"
            self._container.mux_one(packet)
            if time.monotonic() - reported > _REPORT_EVERY_S:
                reported = time.monotonic()
                self._on_progress(frames, Fraction(at).limit_denominator(1000))
        self._on_progress(frames, Fraction(at).limit_denominator(1000))


def _options(job: Job, time_base: Fraction | None) -> dict[str, str]:
    options = dict(job.options)
    if job.has_edit_list and time_base is not None:
        # Else the muxer doubles small time scales, and rounds edits to its default millisecond.
        options.setdefault("video_track_timescale", str(time_base.denominator))
        options.setdefault("movie_timescale", str(max(time_base.denominator, 48000)))
    elif job.has_edit_list:
        options.setdefault("movie_timescale", "48000")
    return options
