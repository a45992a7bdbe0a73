"""Cues of WebVTT and SubRip (and, by `cues_ass`, SubStation): what is said from when to when. Pure;
nothing is refused.

WebVTT is read as the W3C's parser does (https://www.w3.org/TR/webvtt1/#file-parsing), so that a
file is read as a browser reads it. SubRip has no standard; what players accept is accepted.
"""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_BREAK = re.compile(r"\r\n?")
_SPACES = re.compile(r"\s+")
_SPACE = " \t\n\f"  # WebVTT's white space

# A tag that does not end takes the rest with it, as in the W3C's tokeniser.
_VTT_TAG = re.compile(r"<[^>]*(?:>|$)")
_VTT_HOURS = re.compile(r"(\d+):([0-5]\d):([0-5]\d)\.(\d{3})(?!\d)", re.ASCII)
_VTT_MINUTES = re.compile(r"(?:())([0-5]\d):([0-5]\d)\.(\d{3})(?!\d)", re.ASCII)

# HTML's tags and SubStation's {\an8}; "2 < 3" and "{ \an8}" are text.
_SRT_TAG = re.compile(r"</?[A-Za-z][^<>]*>|\{\\[^}]*\}")
_SRT_TIME = r"(?:(\d+):)?(\d+):(\d+)(?:[.,](\d{1,9}))?"
_SRT_TIMES = re.compile(rf"\s*{_SRT_TIME}\s*-->\s*{_SRT_TIME}", re.ASCII)
_SRT_NUMBER = re.compile(r"\s*\d+\s*", re.ASCII)

# A pause after which the next words are likely about something else.
_PAUSE_S = 10.0
_MOST_CHARACTERS = 1200


@dataclass(frozen=True, slots=True)
class Cue:
    """`text` as it stands in the file, `plain` without tags and with entities in their meaning;
    both keep their lines. Times in seconds.

    A WebVTT file may say that a cue ends before it starts; such a cue is never shown.
    """

    start_s: float
    end_s: float
    text: str
    plain: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """What several cues say, as one line; times in seconds. `cues`: of each its first character in
    the text, and when it is shown, from and to."""

    start_s: float
    end_s: float
    text: str
    cues: tuple[tuple[int, float, float], ...] = ()


def read_cues(data: bytes, form: str) -> tuple[Cue, ...]:
    """Of a file; none of one that is neither. `form` is ``vtt``, ``srt``, ``ass`` or ``ssa``: what
    is named SubRip may be WebVTT all the same, what is named WebVTT needs its signature."""
    text = decoded(data)
    if form in ("ass", "ssa"):
        from reelwright.media.cues_ass import read_ass

        return tuple(read_ass(text))
    is_vtt = form == "vtt" or text.startswith("WEBVTT")
    return tuple(read_vtt(text) if is_vtt else read_srt(text))


def decoded(data: bytes) -> str:
    """The text without its byte order mark. UTF-8, or UTF-16 by its mark; a SubRip file that is
    neither is read as Windows-1252, in which the old ones are."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace").replace("\0", "\ufffd")
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        # WebVTT is UTF-8 and nothing else.
        text = data.decode("utf-8" if data.startswith(b"WEBVTT") else "cp1252", "replace")
    return text.replace("\0", "\ufffd")


def read_vtt(text: str) -> Iterator[Cue]:
    """Nothing of a text without WebVTT's signature."""
    lines = _BREAK.sub("\n", text).split("\n")
    if len(lines) < 2 or re.match(r"WEBVTT(?:[ \t]|$)", lines[0]) is None:
        return
    at = 1
    if lines[1]:
        _, at = _vtt_block(lines, 1, in_header=True)
    while at < len(lines):
        if not lines[at]:
            at += 1
            continue
        cue, at = _vtt_block(lines, at, in_header=False)
        if cue is not None:
            yield cue


def _vtt_block(lines: Sequence[str], at: int, *, in_header: bool) -> tuple[Cue | None, int]:
    """ "Collect a WebVTT block": the cue that begins at line `at`, if it is one, and where the next
    block begins."""
    first = at
    times: tuple[float, float] | None = None
    saw_arrow = False
    id_ = ""
    said: list[str] = []
    while at < len(lines) and lines[at]:
        line = lines[at]
        if "-->" not in line:
            said.append(line)
        elif not in_header and (at == first or (at == first + 1 and not saw_arrow)):
            saw_arrow = True
            id_ = "\n".join(said)
            times = _vtt_times(line)
            if times is not None:
                said = []
        else:
            break
        at += 1
    if times is None:
        return None, at
    text = "\n".join(said)
    return Cue(*times, text, html.unescape(_VTT_TAG.sub("", text)), id_), at


def _vtt_times(line: str) -> tuple[float, float] | None:
    """Of a line whose settings say nothing here, whatever they are."""
    start = _vtt_time(line.lstrip(_SPACE))
    if start is None:
        return None
    rest = start[1].lstrip(_SPACE)
    if not rest.startswith("-->"):
        return None
    end = _vtt_time(rest[3:].lstrip(_SPACE))
    return None if end is None else (start[0], end[0])


def _vtt_time(text: str) -> tuple[float, str] | None:
    """The seconds, and what follows."""
    found = _VTT_HOURS.match(text) or _VTT_MINUTES.match(text)
    return None if found is None else (_seconds(*found.groups()), text[found.end() :])


def read_srt(text: str) -> Iterator[Cue]:
    """A cue ends at an empty line, or where the next one begins without it; a line of times that
    cannot be read takes its cue with it."""
    lines = _BREAK.sub("\n", text).split("\n")
    at = 0
    while at < len(lines):
        found = _SRT_TIMES.match(lines[at])
        at += 1
        if found is None:
            continue
        start, end = _seconds(*found.groups()[:4]), _seconds(*found.groups()[4:])
        numbered = at >= 2 and _SRT_NUMBER.fullmatch(lines[at - 2])
        said: list[str] = []
        while at < len(lines) and lines[at].strip() and not _begins(lines, at):
            said.append(lines[at].strip())
            at += 1
        if said:
            shown = "\n".join(said)
            plain = html.unescape(_SRT_TAG.sub("", shown))
            yield Cue(
                start, end, shown, plain, lines[at - 2 - len(said)].strip() if numbered else ""
            )


def _begins(lines: Sequence[str], at: int) -> bool:
    """Whether a cue begins at the line: its number before its times, or these alone."""
    if _SRT_TIMES.match(lines[at]):
        return True
    is_number = _SRT_NUMBER.fullmatch(lines[at]) is not None
    return is_number and at + 1 < len(lines) and _SRT_TIMES.match(lines[at + 1]) is not None


def unread(text: str, form: str) -> Iterator[tuple[int, str]]:
    """Lines with an arrow that are no times: their cues are left out. Numbers from 1."""
    for number, line in enumerate(_BREAK.sub("\n", text).split("\n"), 1):
        if "-->" not in line:
            continue
        is_read = _vtt_times(line) if form == "vtt" else _SRT_TIMES.match(line)
        if is_read is None:
            yield number, line


def _seconds(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> float:
    """`fraction` are its digits: "5" is half a second."""
    whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    scale = float(10 ** len(fraction or ""))
    return (whole * scale + int(fraction or 0)) / scale


def passages(cues: Iterable[Cue], span_s: float = 30.0) -> Iterator[Passage]:
    """Neighbours together, about `span_s` seconds each, by their start. What rolling captions show
    twice (the last line of a cue as the first of the next) is said once."""
    lines: list[str] = []
    times: list[tuple[int, float, float]] = []
    start = end = 0.0
    last: Sequence[str] = ()
    for cue in sorted(cues, key=lambda cue: (cue.start_s, cue.end_s)):
        shown = [line for line in map(_one_line, cue.plain.split("\n")) if line]
        new = shown[_repeated(last, shown) :]
        last = shown or last
        if not new:
            end = max(end, cue.end_s) if lines else end
            continue
        is_long = cue.end_s - start > span_s or sum(map(len, lines)) > _MOST_CHARACTERS
        if lines and (is_long or cue.start_s - end > _PAUSE_S):
            yield Passage(start, end, " ".join(lines), tuple(times))
            lines, times = [], []
        if not lines:
            start, end = cue.start_s, cue.start_s
        times.append((sum(len(line) + 1 for line in lines), cue.start_s, cue.end_s))
        lines += new
        end = max(end, cue.end_s)
    if lines:
        yield Passage(start, end, " ".join(lines), tuple(times))


def _one_line(text: str) -> str:
    return _SPACES.sub(" ", text).strip()


def _repeated(before: Sequence[str], shown: Sequence[str]) -> int:
    """How many of the first lines `shown` were the last ones before."""
    for count in range(min(len(before), len(shown)), 0, -1):
        if list(before[-count:]) == list(shown[:count]):
            return count
    return 0
