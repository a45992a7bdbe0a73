"""Words with times: how they are written one after another, and joined over segments. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from reelwright.analysis.segments import Segment

# Two hearings of one word lie this far apart at most, by their middles.
_SAME_S = 0.75
# Written without spaces between words: Han, kana, Thai, Lao, Khmer, Burmese, Tibetan; full-width
# punctuation too. Hangul has spaces.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\uff00-\uff60\U00020000-\U0003ffff]"
)
# One of those, or a run of others, with the punctuation that follows.
_PIECES = re.compile(
    rf"{_UNSPACED.pattern}[\u3001-\u3003\uff01-\uff0f\uff1a-\uff20]*|[^\s]+?(?=\s|$|{_UNSPACED.pattern})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """`start_s` and `end_s` in seconds of the sound; `confidence` 0 to 1, None: not known.
    `is_interpolated`: nobody heard when it was said; the times are a share of a longer span."""

    text: str
    start_s: float
    end_s: float
    confidence: float | None = None
    is_interpolated: bool = False

    @property
    def middle_s(self) -> float:
        return (self.start_s + self.end_s) / 2


def joined(texts: Iterable[str]) -> str:
    """Words as one line, with spaces where their script has them."""
    line = ""
    for text in texts:
        if line and text and not (_UNSPACED.match(line[-1]) and _UNSPACED.match(text[0])):
            line += " "
        line += text
    return line


def is_unspaced(text: str) -> bool:
    """Whether it begins in a script that has no spaces between words."""
    return _UNSPACED.match(text) is not None


def dressed(words: Sequence[str], text: str) -> tuple[str, ...]:
    """`words` as they stand in `text`, with its punctuation and capitals; those that do not stand
    there stay as they are."""
    shown = text.split()
    same = SequenceMatcher(
        None, [plain(word) for word in words], [plain(one) for one in shown], autojunk=False
    )
    found = list(words)
    for block in same.get_matching_blocks():
        found[block.a : block.a + block.size] = shown[block.b : block.b + block.size]
    return tuple(found)


def columns(text: str) -> int:
    """How wide it is: full-width characters are two."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def spread(
    text: str, start_s: float, end_s: float, confidence: float | None = None
) -> tuple[Word, ...]:
    """The words of a text of which only the whole span is known; each lasts as its letters do."""
    pieces = _PIECES.findall(text)
    total = sum(map(len, pieces))
    words: list[Word] = []
    done = 0
    for piece in pieces:
        begins = start_s + (end_s - start_s) * done / total
        done += len(piece)
        ends = start_s + (end_s - start_s) * done / total
        words.append(
            Word(
                text=piece,
                start_s=begins,
                end_s=ends,
                confidence=confidence,
                is_interpolated=True,
            )
        )
    return tuple(words)


def within(words: Iterable[Word], start_s: float, end_s: float) -> tuple[Word, ...]:
    """The words with times in [start_s, end_s], none before the one before it; none without text.

    Models count in steps of their own, and some give a word no length or a place past the end.
    """
    kept: list[Word] = []
    at = start_s
    for word in words:
        text = " ".join(word.text.split())
        if not text:
            continue
        begins = min(max(word.start_s, at), end_s)
        ends = min(max(word.end_s, begins), end_s)
        kept.append(replace(word, text=text, start_s=begins, end_s=ends))
        at = begins
    return tuple(kept)


def merged(
    heard: Sequence[Sequence[Word]], segments: Sequence[Segment]
) -> tuple[tuple[int, Word], ...]:
    """The words of all segments, each with its segment's number: each word once.

    Where two segments overlap they are joined at the word nearest to the middle that both heard;
    where they heard no word alike, each gives what it owns.
    """
    kept: list[tuple[int, Word]] = []
    for number, (words, segment) in enumerate(zip(heard, segments, strict=True)):
        new = list(within(words, segment.start_s, segment.end_s))
        before = segments[number - 1] if number else None
        if before is not None and before.end_s > segment.start_s:
            own = sum(1 for n, _ in kept if n == number - 1)
            tail = [word for _, word in kept[len(kept) - own :]]
            left, right = _seam(tail, new, segment.owns_from_s)
            del kept[len(kept) - own + left :]
            new = new[right:]
        kept += [(number, word) for word in new]
    return tuple(kept)


def _seam(one: Sequence[Word], other: Sequence[Word], border_s: float) -> tuple[int, int]:
    """How many words of `one` are kept, and from which word of `other` on."""
    pairs = [
        (abs((a.middle_s + b.middle_s) / 2 - border_s), i, j)
        for i, a in enumerate(one)
        for j, b in enumerate(other)
        if abs(a.middle_s - b.middle_s) <= _SAME_S and plain(a.text) == plain(b.text) != ""
    ]
    if pairs:
        _, i, j = min(pairs)
        return i + 1, j + 1
    left = sum(1 for word in one if word.middle_s < border_s)
    right = sum(1 for word in other if word.middle_s < border_s)
    return left, right


def plain(text: str) -> str:
    """What makes a word the same: letters and digits, without case."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())
