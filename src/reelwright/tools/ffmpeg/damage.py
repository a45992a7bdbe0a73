"""Damage in FFmpeg's own words: what it says of a broken input while it goes on and exits with 0.

A truncated or lying file leaves FFmpeg with code 0. Over the whole corpus of sound files, FFmpeg 9
prints not one line at level ``error`` (a muxer's complaint about times apart), so with
``-loglevel level+…`` each such line is taken for damage.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_LINE = re.compile(
    r"^(?P<who>(?:\[[^\]]+ @ (?:0x)?[0-9a-f]+\] )*)\[(?P<level>error|fatal|panic|warning)\] "
    r"(?P<text>.*)$"
)
_ADDRESS = re.compile(r" @ (?:0x)?[0-9a-f]+")

# The demuxer met an end that should not be there: mov.c, matroskadec.c, utils.c, demux.c of FFmpeg.
_TRUNCATED = re.compile(
    r"partial file|ended prematurely|[Tt]runcat|corrupt input packet|Packet corrupt"
    r"|unexpected end|[Pp]remature end"
)
# Not the input's: complaints of encoders, muxers and filters fail by exit code, or harm nothing.
_OURS = re.compile(r"\[(?:out#|[vas]ost#|enc:|lib|Parsed_|[vas]f#|graph)")
_HARMLESS = re.compile(r"non monotonically increasing dts to muxer")
# After a seek, and where a transport stream is joined in the middle, the first frames refer to
# frames that were never there; the decoder drops or conceals them before anything is written.
_JOINED = re.compile(
    r"non-existing [PS]PS|no frame!|[Rr]eference picture missing|Missing reference picture"
    r"|Could not find ref with POC|mmco: unref short failure|[Cc]o located POCs unavailable"
    r"|[Ff]irst slice in a frame missing|decode_slice_header error|PPS id out of range"
    r"|number of reference frames|sps_id|Skipping invalid undecodable NALU"
)
# One bad packet is two or three lines, and a file of hours with one bad packet is no broken file.
TOLERATED_LINES = 4
_KEPT_LINES = 50


def is_joining(text: str) -> bool:
    """Whether a complaint only says that a stream was entered in the middle."""
    return bool(_JOINED.search(text))


@dataclass(slots=True)
class DamageWatch:
    """Reads a command's log lines. `joins`: the command seeks, or reads a transport stream."""

    joins: bool = False
    lines: list[str] = field(default_factory=list)
    count: int = 0
    is_truncated: bool = False

    def feed(self, line: str) -> None:
        match = _LINE.match(line)
        if match is None:
            return
        text, who = match["text"], match["who"]
        cut = bool(_TRUNCATED.search(text)) and not _OURS.search(who)
        if match["level"] == "warning":
            cut = cut and who.startswith("[in#")
        if not cut and (match["level"] == "warning" or not self._counts(who, text)):
            return
        self.count += 1
        self.is_truncated |= cut
        if len(self.lines) < _KEPT_LINES:
            self.lines.append(_ADDRESS.sub("", line))

    def _counts(self, who: str, text: str) -> bool:
        if _OURS.search(who) or _HARMLESS.search(text):
            return False
        return not (self.joins and is_joining(text))

    @property
    def is_severe(self) -> bool:
        """More than a bad packet or two: the result cannot be what was asked for."""
        return self.is_truncated or self.count > TOLERATED_LINES
