"""Holds the finished file against its source: every time, and the pictures at each seam."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from reelwright.tools.smartcut.job import CannotCut, Job
from reelwright.tools.smartcut.samples import (
    THUMB_DIFFERENCE,
    References,
    checksum,
    thumbnail,
    thumbnails_differ,
)
from reelwright.tools.smartcut.source import Source
from reelwright.tools.smartcut.video import VideoCut


class Check:
    """Raises CannotCut(seam=True) with the first thing that is not as it must be."""

    def __init__(self, job: Job, video: VideoCut, time_base: Fraction) -> None:
        self._job = job
        self._track = video.track
        self._times = sorted(video.track.times)
        self._start = video.span.start
        self._time_base = time_base
        self._position = job.streams.index(video.index)
        self._offset = Fraction(0)
        self._made = Source(path=job.output, threads=job.threads, strict=True)
        self._compared = 0

    def run(self) -> dict[str, int]:
        self._check_times()
        references = self._track.references
        if self._track.head:
            self._check_seam(references, first=True)
        if self._track.tail:
            self._check_seam(references, first=False)
        missed = len(references.copied) + len(references.encoded) - self._compared
        if missed > 0:
            raise _damage(f"{missed} frames beside the seams did not come out of the decoder")
        return {"frames_compared": self._compared}

    def _check_times(self) -> None:
        with self._made.stream(self._position) as (container, stream):
            tick = stream.time_base
            packets = (p for p in container.demux(stream) if p.size and not p.is_discard)
            found = sorted(p.pts for p in packets)
        if len(found) != len(self._times) or not found:
            raise _damage(f"{len(found)} frames were written instead of {len(self._times)}")
        # MPEG-TS begins at a time of its own; a container's ticks may be coarser than the source's.
        first = self._time(self._times[0])
        self._offset = found[0] * tick - first if not self._job.has_edit_list else Fraction(0)
        for got, pts in zip(found, self._times, strict=True):
            if abs(got * tick - self._time(pts) - self._offset) > tick:
                raise _damage(f"a frame stands at {float(got * tick)} s, not {self._time(pts)} s")

    def _time(self, pts: int) -> Fraction:
        return (pts - self._start) * self._time_base

    def _check_seam(self, references: References, *, first: bool) -> None:
        known = [*references.copied, *references.encoded]
        tail_begins = self._times[-self._track.tail] if self._track.tail else self._times[-1] + 1
        half = self._track.last_key if self._track.tail else None
        edge = half if half is not None else tail_begins
        mine = {t for t in known if (t < edge) == first} if half is not None else set(known)
        if not mine:
            return
        for pts, frame in self._decoded(min(mine), max(mine)):
            if pts in mine:
                self._compare(references, pts, frame)
                mine.discard(pts)

    def _compare(self, references: References, pts: int, frame: Any) -> None:
        self._compared += 1
        if pts in references.copied:
            if references.copied[pts] != checksum(frame):
                raise _damage(f"the copied frame at {float(self._time(pts))} s is damaged")
            return
        difference = thumbnails_differ(references.encoded[pts], thumbnail(frame))
        if difference > THUMB_DIFFERENCE:
            at = float(self._time(pts))
            raise _damage(f"the encoded frame at {at} s differs by {difference:.1f} of 255")

    def _decoded(self, first: int, last: int) -> Iterator[tuple[int, Any]]:
        """Frames of the output with their times in the source, decoded without mercy."""
        with self._made.stream(self._position) as (_, stream):
            tick = stream.time_base
        target = int((self._time(first) + self._offset) / tick)
        key = next(p.pts for p in self._made.packets(self._position, target))
        try:
            for frame in self._made.frames(self._position, key):
                pts = self._nearest(frame.pts * tick - self._offset)
                yield pts, frame
                if pts >= last:
                    return
        except CannotCut as error:
            raise _damage(str(error)) from error

    def _nearest(self, time: Fraction) -> int:
        wanted = time / self._time_base + self._start
        at = bisect_left(self._times, wanted)
        near = self._times[max(at - 1, 0) : at + 1]
        return min(near, key=lambda pts: abs(pts - wanted))


def _damage(what: str) -> CannotCut:
    return CannotCut(what, seam=True)
