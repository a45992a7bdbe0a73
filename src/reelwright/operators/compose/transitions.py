"""The names of FFmpeg's picture transitions (``ffmpeg -h filter=xfade``, release 9)."""

from typing import Literal

Transition = Literal[
    "fade", "fadeblack", "fadewhite", "fadegrays", "fadefast", "fadeslow", "dissolve", "pixelize",
    "distance", "hblur", "wipeleft", "wiperight", "wipeup", "wipedown", "wipetl", "wipetr",
    "wipebl", "wipebr", "slideleft", "slideright", "slideup", "slidedown", "smoothleft",
    "smoothright", "smoothup", "smoothdown", "coverleft", "coverright", "coverup", "coverdown",
    "revealleft", "revealright", "revealup", "revealdown", "circlecrop", "circleopen",
    "circleclose", "rectcrop", "radial", "vertopen", "vertclose", "horzopen", "horzclose",
    "diagtl", "diagtr", "diagbl", "diagbr", "hlslice", "hrslice", "vuslice", "vdslice", "hlwind",
    "hrwind", "vuwind", "vdwind", "squeezeh", "squeezev", "zoomin",
]  # fmt: skip
