"""Text over time: what was read in one picture after another becomes texts with a start and an end.

A line goes on where the next picture has the same text at the same place, or the same text at
another (it scrolls), or a longer one that begins with it (it is being typed). Readings of one text
that differ in a letter are one text; numbers that differ in a digit are two.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TypeAlias

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, width, height, in pixels."""

# Letters that a reader takes for a digit, and the other way round.
_CONFUSED = str.maketrans({"o": "0", "l": "1", "i": "1", "|": "1", "!": "1"})
# From this confidence on a reading is believed to the letter, nearly.
SURE = 0.9
UNSAID = 0.8
# So many characters may hold one that was misread: of readings that are sure, and of others.
SURE_CHARACTERS, UNSURE_CHARACTERS = 12, 5
# A text that is found at another place than before must have so many characters to be the same.
MOVED_CHARACTERS = 4


@dataclass(frozen=True, slots=True)
class TextLine:
    """`confidence` 0 to 1, None: the reader does not say. `source`: who read it, a number that the
    caller knows."""

    text: str
    box: Box
    confidence: float | None
    source: int = 0


@dataclass(frozen=True, slots=True)
class Picture:
    """What was read in a picture that stands for the half-open time `start_s` to `end_s`."""

    start_s: float
    end_s: float
    lines: tuple[TextLine, ...]


@dataclass(frozen=True, slots=True)
class TimedText:
    """`box`: where it stood; where it moved, all that it passed over. `confidence`: of the reading
    that was taken. `pictures`: in how many it was read. `source`: who read what was taken."""

    text: str
    start_s: float
    end_s: float
    box: Box
    confidence: float | None
    pictures: int
    moved: bool
    source: int


@dataclass(slots=True)
class _Track:
    start_s: float
    end_s: float
    order: int
    readings: list[TextLine] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)

    @property
    def last(self) -> TextLine:
        return self.readings[-1]

    def go_on(self, line: TextLine, end_s: float) -> None:
        if self.readings and not same_text(
            self.last, line
        ):  # it has grown: what it was before is no reading of it
            self.readings.clear()
        self.readings.append(line)
        self.boxes.append(line.box)
        self.end_s = end_s


def merge_texts(pictures: Sequence[Picture], *, gap_s: float = 0.0) -> tuple[TimedText, ...]:
    """`pictures` in the order of their times. A text that was not read for longer than `gap_s`
    seconds and comes back is another one. Texts come in the order in which they appear."""
    tracks: list[_Track] = []
    running: list[_Track] = []
    for picture in pictures:
        running = [t for t in running if picture.start_s - t.end_s <= gap_s + 1e-6]
        taken = _matches(running, picture.lines)
        for number, line in enumerate(picture.lines):
            track = taken.get(number)
            if track is None:
                track = _Track(picture.start_s, picture.end_s, len(tracks))
                tracks.append(track)
                running.append(track)
            track.go_on(line, picture.end_s)
    tracks.sort(key=lambda t: (t.start_s, t.order))
    return tuple(_timed(track) for track in tracks)


def _matches(running: Sequence[_Track], lines: Sequence[TextLine]) -> dict[int, _Track]:
    """Which line goes on which track: the best pairs first, each at most once."""
    pairs = [
        (score, -number, -order, number, track)
        for order, track in enumerate(running)
        for number, line in enumerate(lines)
        if (score := _score(track, line)) is not None
    ]
    taken: dict[int, _Track] = {}
    used: set[int] = set()
    for *_, number, track in sorted(pairs, key=lambda pair: pair[:3], reverse=True):
        if number not in taken and id(track) not in used:
            taken[number] = track
            used.add(id(track))
    return taken


def _score(track: _Track, line: TextLine) -> tuple[float, float] | None:
    """How well the line goes on the track; None: not at all."""
    last = track.last
    near = _nearness(last.box, line.box)
    if same_text(last, line):
        is_long = len(_folded(line.text)) >= MOVED_CHARACTERS
        if near > 0 or (is_long and _of_one_height(last.box, line.box)):
            return (2.0 if near > 0 else 1.0, near)
        return None
    if near > 0 and _has_grown(last, line):
        return (1.5, near)
    return None


def same_text(one: TextLine, other: TextLine) -> bool:
    """Whether two readings are of one text, as far as their letters tell."""
    a, b = _folded(one.text), _folded(other.text)
    if a == b or a.translate(_CONFUSED) == b.translate(_CONFUSED):
        return True
    if _digits(a) != _digits(b) or not _words_match(one.text, other.text):
        return False
    is_sure = min(_weight(one), _weight(other)) >= SURE
    allowed = max(len(a), len(b)) // (SURE_CHARACTERS if is_sure else UNSURE_CHARACTERS)
    return abs(len(a) - len(b)) <= allowed and edit_distance(a, b, most=allowed) <= allowed


def _weight(line: TextLine) -> float:
    """Who does not say how sure it is (a language model that sees) makes few mistakes of letters,
    but is believed less than one that says that it is sure."""
    return UNSAID if line.confidence is None else line.confidence


def edit_distance(a: str, b: str, *, most: int | None = None) -> int:
    """Levenshtein's distance. With `most`, any greater one may come out as ``most + 1``."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
        if most is not None and min(row) > most:
            return most + 1
    return row[-1]


def _folded(text: str) -> str:
    """Letters and digits only, or all but spaces where there are none: punctuation flickers."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    letters = "".join(c for c in plain if c.isalnum())
    return letters or "".join(plain.split())


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdigit())


def _words_match(one: str, other: str) -> bool:
    """No word is another one altogether: ``part A`` is not ``part B``."""
    a, b = one.casefold().split(), other.casefold().split()
    if len(a) != len(b):
        return True
    return all(2 * edit_distance(x, y) <= max(len(x), len(y)) for x, y in zip(a, b, strict=True))


def _has_grown(last: TextLine, line: TextLine) -> bool:
    """`line` begins as `last` does, at the same corner, and adds more than digits to it."""
    a, b = _folded(last.text), _folded(line.text)
    added = b[len(a) :]
    if len(a) < 2 or not b.startswith(a) or not added or added.isdigit():
        return False
    slack = 0.5 * max(last.box[3], line.box[3])
    return abs(last.box[0] - line.box[0]) <= slack and abs(last.box[1] - line.box[1]) <= slack


def _nearness(one: Box, other: Box) -> float:
    """0 where the boxes have nothing to do with each other, up to 1 where they are the same."""
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    if across <= 0 or down <= 0:
        return 0.0
    shared = across * down
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)


def _of_one_height(one: Box, other: Box) -> bool:
    low, high = sorted((one[3], other[3]))
    return low >= 0.6 * high


def _timed(track: _Track) -> TimedText:
    votes: dict[str, float] = defaultdict(float)
    for line in track.readings:
        votes[line.text] += _weight(line)
    text = max(votes, key=lambda one: (votes[one], len(one)))
    best = max((r for r in track.readings if r.text == text), key=_weight)
    moved = _has_moved(track.boxes)
    return TimedText(
        text=text,
        start_s=track.start_s,
        end_s=track.end_s,
        box=_union(track.boxes) if moved else _median(track.boxes[-len(track.readings) :]),
        confidence=best.confidence,
        pictures=len(track.boxes),
        moved=moved,
        source=best.source,
    )


def _has_moved(boxes: Sequence[Box]) -> bool:
    """Its upper left corner went further than a line is high."""
    lefts, tops = [b[0] for b in boxes], [b[1] for b in boxes]
    high = median(b[3] for b in boxes)
    return max(max(lefts) - min(lefts), max(tops) - min(tops)) > high


def _union(boxes: Sequence[Box]) -> Box:
    left, top = min(b[0] for b in boxes), min(b[1] for b in boxes)
    right, bottom = max(b[0] + b[2] for b in boxes), max(b[1] + b[3] for b in boxes)
    return (left, top, right - left, bottom - top)


def _median(boxes: Sequence[Box]) -> Box:
    left, top, width, height = (median(b[i] for b in boxes) for i in range(4))
    return (left, top, width, height)
