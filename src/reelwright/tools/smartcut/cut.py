"""One smart cut from beginning to end: points, edges, copying, checks."""

from __future__ import annotations

from collections.abc import Callable
from errno import EDQUOT, EFBIG, ENOSPC
from fractions import Fraction
from typing import Any

from reelwright.tools.smartcut.check import Check
from reelwright.tools.smartcut.codecs import grammar_of
from reelwright.tools.smartcut.companions import Companion, companion_of
from reelwright.tools.smartcut.job import CannotCut, Job, Span
from reelwright.tools.smartcut.points import find_points, origin_of
from reelwright.tools.smartcut.video import VideoCut
from reelwright.tools.smartcut.writer import Writer


def cut(job: Job, on_progress: Callable[[int, Fraction], None]) -> dict[str, Any]:
    """Writes `job.output`; what was done, JSON-ready. Raises CannotCut."""
    import av

    av.logging.set_level(av.logging.ERROR)
    try:
        return _cut(job, on_progress)
    except av.error.FFmpegError as error:
        if isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT, EFBIG):
            raise
        raise CannotCut(f"FFmpeg's libraries refuse: {error}") from error


def _cut(job: Job, on_progress: Callable[[int, Fraction], None]) -> dict[str, Any]:
    with job.source().open() as source:
        origin = origin_of(source, job)
        video = _video(job, source, origin)
        others = [i for i in job.streams if video is None or i != video.index]
        companions = [companion_of(job, source.streams[i], origin) for i in others]
        if any(c.kind == "video" and not c.is_cover for c in companions):
            raise CannotCut("there is more than one moving video stream")
        Writer(job, source, on_progress).write(video, companions)
        report: dict[str, Any] = {"streams": [c.report() for c in companions]}
        if video is not None:
            time_base = source.streams[video.index].time_base
            checked = Check(job, video, time_base).run()
            report |= _report(video, time_base, checked)
    return report


def _video(job: Job, source: Any, origin: Fraction) -> VideoCut | None:
    from av.stream import Disposition

    stream = next(
        (
            source.streams[i]
            for i in job.streams
            if source.streams[i].type == "video"
            and not source.streams[i].disposition & Disposition.attached_pic
        ),
        None,
    )
    if stream is None:
        return None
    span = Span.of(job, origin, stream.time_base)
    context = stream.codec_context
    grammar = grammar_of(context.codec.canonical_name, context.extradata or b"")
    points = find_points(job.source(), stream.index, span, grammar)
    made = VideoCut(job, stream.index, span, points, grammar)
    made.prepare()
    return made


def _report(video: VideoCut, time_base: Fraction, checked: dict[str, int]) -> dict[str, Any]:
    track = video.track
    times = sorted(track.times)
    return checked | {
        "frames": len(times),
        "encoded_head_frames": track.head,
        "encoded_tail_frames": track.tail,
        "copied_frames": track.copied,
        "first_time": str((times[0] - video.span.start) * time_base),
    }


__all__ = ["Companion", "cut"]
