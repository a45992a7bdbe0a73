"""Probing: what is in a file, by ffprobe in the sandbox."""

from reelwright.tools.probe.counting import count_frames, real_end, still_sizes
from reelwright.tools.probe.keyframes import keyframes
from reelwright.tools.probe.png import check_png
from reelwright.tools.probe.probing import MAX_PIXELS, probe, probe_all

__all__ = [
    "MAX_PIXELS",
    "check_png",
    "count_frames",
    "keyframes",
    "probe",
    "probe_all",
    "real_end",
    "still_sizes",
]
