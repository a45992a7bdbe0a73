"""What is in a stream before anything of it is decoded: its packets, and which frames they make."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from reelwright.analysis.packets import Packets
from reelwright.tools.decode.job import CannotLook, Job

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A header's duration is a hair longer than what the packets add up to, in most containers.
_END_TOLERANCE_S = 0.5


@contextmanager
def opened(job: Job) -> Iterator[tuple[Any, Any]]:
    """The container, reading nothing but the stream, and that stream."""
    import av
    from av.stream import Discard

    options = {"protocol_whitelist": "file"}
    with av.open(
        job.input, format=job.demuxer, options=options, metadata_errors="replace"
    ) as container:
        for other in container.streams:
            if other.index != job.stream:
                other.discard = Discard.all
        yield container, container.streams[job.stream]


@dataclass(frozen=True, slots=True)
class Listing:
    """Packets in the order of the file. `shown`: packets in the order in which they are shown, so
    frame k is made by packet ``shown[k]``; `number`: the frame of each packet; `times`: of the
    frames, in units of `time_base`. The file begins at `origin`; `end` is counted from there, both
    in seconds."""

    packets: Packets
    shown: NDArray[np.intp]
    number: NDArray[np.intp]
    times: NDArray[np.int64]
    time_base: Fraction
    origin: Fraction
    end: Fraction

    def time(self, frame: int) -> Fraction:
        """When frame `frame` is shown, in seconds from the start of the file."""
        return int(self.times[frame]) * self.time_base - self.origin

    def frame_of(self, pts: int) -> int | None:
        """The number of the frame with this time of showing."""
        import numpy as np

        at = int(np.searchsorted(self.times, pts))
        return at if at < len(self.times) and int(self.times[at]) == pts else None


def listed(job: Job) -> Listing:
    """Reads every packet once. Raises CannotLook for packets without times, or with the same, for
    damage, and for frames that are decoded and not shown (edit lists)."""
    import av
    import numpy as np

    times, sizes, keys = array("q"), array("q"), array("b")
    last: Any = None
    with opened(job) as (container, stream):
        try:
            for packet in container.demux(stream):
                if packet.size == 0:
                    continue  # the flush at the end
                if packet.pts is None or packet.is_corrupt or packet.is_discard:
                    raise CannotLook("packets without times, damaged, or not to be shown")
                times.append(packet.pts)
                sizes.append(packet.size)
                keys.append(packet.is_keyframe)
                if last is None or packet.pts >= last[0]:
                    last = (packet.pts, packet.duration)
        except av.error.FFmpegError as error:
            raise CannotLook(f"it cannot be read to its end: {error}") from error
        base = stream.time_base
        origin = Fraction(container.start_time or 0, av.time_base)
    if last is None or base is None:
        raise CannotLook("there are no packets")
    packets = Packets(np.array(times), np.array(sizes), np.array(keys, bool))
    shown = np.argsort(packets.times, kind="stable")
    ordered = packets.times[shown]
    if not np.diff(ordered).all():
        raise CannotLook("several packets are shown at one time")
    number = np.empty_like(shown)
    number[shown] = np.arange(len(shown))
    end = (last[0] + max(last[1] or 0, _usual_gap(ordered))) * base - origin
    begin = int(ordered[0]) * base - origin
    if job.duration_s is not None and float(end - begin) < job.duration_s - _END_TOLERANCE_S:
        raise CannotLook("it ends before it promises to")
    return Listing(packets, shown, number, ordered, base, origin, end)


def _usual_gap(times: NDArray[np.int64]) -> int:
    """How long a frame is shown, as a rule; 0 where there is but one. Matroska does not say how
    long the last one is, or says 1 ms."""
    import numpy as np

    gaps = np.sort(np.diff(times))
    return int(gaps[len(gaps) // 2]) if len(gaps) else 0
