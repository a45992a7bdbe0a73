"""Words with times become captions that can be read: short enough, long enough, well broken. Pure.

The numbers are those that broadcasters and streaming services agree on (BBC Subtitle Guidelines;
Netflix Timed Text Style Guide): two lines of 42 columns, at most 7 s, and about 17 characters a
second; a full-width character is two columns, so that 16 to 21 of them are a line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reelwright.analysis.words import Word, columns, joined
from reelwright.media.cue_writing import Caption

# Not after "Dr.", "e.g." or "J.": that is no end.
_ENDS = re.compile(
    r"(?:[.!?\u2026]|[\u3002\uff01\uff1f\u0964\u061f])[\"')\]\u00bb\u201d\u2019\u300d\u300f]*$"
)
_NO_END = re.compile(r"(?:^|[\s(])(?:[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|St|vs|etc|No|e\.g|i\.e)\.$")
_CLAUSE = re.compile(r"[,;:\u2014\u2013\u3001\uff0c\uff1b\uff1a\u060c][\"')\]]*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionRule:
    """`columns` of a line; `speed` in columns a second; `pause_s` ends a caption; `apart_s` is left
    between two of them where the first had to be made longer."""

    columns: int = 42
    lines: int = 2
    speed: float = 17.0
    most_s: float = 7.0
    least_s: float = 1.0
    pause_s: float = 1.0
    apart_s: float = 0.08
    linger_s: float = 1.5


def captions(words: Sequence[Word], rule: CaptionRule | None = None) -> tuple[Caption, ...]:
    """In order, none overlapping the next; every word is in one of them."""
    rule = rule or CaptionRule()
    groups: list[list[Word]] = []
    for sentence in sentences(words, rule.pause_s):
        for part in _parts(list(sentence), rule):
            if groups and _belong(groups[-1], part, rule):
                groups[-1] += part
            else:
                groups.append(part)
    made: list[Caption] = []
    for at, group in enumerate(groups):
        following = groups[at + 1][0].start_s if at + 1 < len(groups) else None
        made.append(_timed(group, following, rule))
    return tuple(made)


def sentences(words: Sequence[Word], pause_s: float = 1.0) -> tuple[tuple[Word, ...], ...]:
    """What ends with a full stop and the like, or in a pause of `pause_s`."""
    found: list[tuple[Word, ...]] = []
    waiting: list[Word] = []
    for word in words:
        if waiting and word.start_s - waiting[-1].end_s >= pause_s:
            found.append(tuple(waiting))
            waiting = []
        waiting.append(word)
        if _ENDS.search(word.text) and not _NO_END.search(word.text):
            found.append(tuple(waiting))
            waiting = []
    if waiting:
        found.append(tuple(waiting))
    return tuple(found)


def _parts(words: list[Word], rule: CaptionRule) -> list[list[Word]]:
    """`words` cut in two where it hurts least, until each part fits."""
    if len(words) < 2 or _fits(words, rule):
        return [words]
    total = columns(joined(word.text for word in words))
    best, cut = float("-inf"), 1
    for at in range(1, len(words)):
        before, after = words[at - 1], words[at]
        part = columns(joined(word.text for word in words[:at])) / total
        silence_s = min(after.start_s - before.end_s, rule.pause_s)
        worth = silence_s + (0.5 if _CLAUSE.search(before.text) else 0.0) - abs(part - 0.5)
        if worth > best:
            best, cut = worth, at
    return _parts(words[:cut], rule) + _parts(words[cut:], rule)


def _fits(words: Sequence[Word], rule: CaptionRule) -> bool:
    if words[-1].end_s - words[0].start_s > rule.most_s:
        return False
    return len(_broken([word.text for word in words], rule)) <= rule.lines


def _belong(one: Sequence[Word], other: Sequence[Word], rule: CaptionRule) -> bool:
    """Two short sentences close together are one line."""
    together = [word.text for word in (*one, *other)]
    return (
        columns(joined(together)) <= rule.columns
        and other[0].start_s - one[-1].end_s < rule.pause_s / 2
        and other[-1].end_s - one[0].start_s <= rule.most_s / 2
    )


def _timed(words: Sequence[Word], following_s: float | None, rule: CaptionRule) -> Caption:
    """Shown as long as reading takes, where the next one leaves the time."""
    start_s, end_s = words[0].start_s, words[-1].end_s
    lines = _broken([word.text for word in words], rule)
    needed_s = max(rule.least_s, sum(map(columns, lines)) / rule.speed)
    wanted_s = min(max(end_s, start_s + needed_s), end_s + rule.linger_s)
    if following_s is not None:
        wanted_s = min(wanted_s, max(following_s - rule.apart_s, min(end_s, following_s)))
    return Caption(start_s, max(wanted_s, start_s), "\n".join(lines))


def _broken(texts: Sequence[str], rule: CaptionRule) -> list[str]:
    """One line where it fits, else two of about the same length; more where that is not enough."""
    whole = joined(texts)
    if columns(whole) <= rule.columns or len(texts) < 2:
        return [whole]
    best: tuple[float, list[str]] | None = None
    for at in range(1, len(texts)):
        pair = [joined(texts[:at]), joined(texts[at:])]
        widths = [columns(line) for line in pair]
        if max(widths) <= rule.columns:
            cost = abs(widths[0] - widths[1]) - (10 if _CLAUSE.search(texts[at - 1]) else 0)
            if best is None or cost < best[0]:
                best = (cost, pair)
    return best[1] if best else _filled(texts, rule.columns)


def _filled(texts: Sequence[str], width: int) -> list[str]:
    lines = [texts[0]]
    for text in texts[1:]:
        longer = joined((lines[-1], text))
        if columns(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(text)
    return lines
