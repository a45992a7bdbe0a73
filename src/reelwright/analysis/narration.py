"""A narrator's lines in the gaps between speech: which gaps, how many words, what is left of one.

Times are seconds of the video. How long a line came out when it was spoken is for others to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A narrator speaks 160 words a minute on average (Ofcom's and the ACB's guides to audio
# description), and an ideograph or kana counts as half a word.
WORDS_PER_SECOND = 160 / 60
# What is less is no room for a line that is shortened.
_LEAST_ROOM_S = 0.5
# What is 25 dB below the loudest 20 ms is a pause between words.
_VOICED = 10 ** (-25 / 10)
_SENTENCE = re.compile(r"[^.!?…。！？]+(?:[.!?…。！？]+[\"'”’)]*|$)")
_CLAUSE = re.compile(r"[,;:–—](?=\s)")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
# A clause that ends so is not a clause.
_WORDS = """
a an the and or but of in on at to with from by for as is are was were while that which who
der die das ein eine und oder mit von zu im in le la les un une et ou de du el los y con
"""
_DANGLING = frozenset(_WORDS.split())


@dataclass(frozen=True, slots=True)
class Gap:
    """Seconds from `start_s` up to `end_s` in which nobody speaks."""

    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s

    @property
    def words(self) -> int:
        """The most words that fit at an ordinary pace."""
        return max(0, int(self.duration_s * WORDS_PER_SECOND))


@dataclass(frozen=True, slots=True)
class Line:
    """`text` to be said in the gap number `gap`, not before `start_s`."""

    gap: int
    start_s: float
    text: str


def gaps(
    speech: Iterable[tuple[float, float]],
    duration_s: float,
    *,
    padding_s: float = 0.25,
    shortest_s: float = 1.5,
    longest_s: float | None = None,
) -> tuple[Gap, ...]:
    """Where nobody speaks in [0, `duration_s`): `padding_s` away from speech, none shorter than
    `shortest_s`. `speech` may overlap and be in any order. A gap that is longer than `longest_s` is
    told as several."""
    found: list[Gap] = []
    free = 0.0
    for start, end in [*sorted(speech), (duration_s + padding_s, duration_s + padding_s)]:
        begins = free + padding_s if free else 0.0
        if start - padding_s - begins >= shortest_s:
            found += _pieces(Gap(begins, min(start - padding_s, duration_s)), longest_s)
        free = max(free, end)
    return tuple(found)


def _pieces(gap: Gap, longest_s: float | None) -> list[Gap]:
    if longest_s is None or gap.duration_s <= longest_s:
        return [gap]
    count = -int(-gap.duration_s // longest_s)
    step = gap.duration_s / count
    edges = [gap.start_s + n * step for n in range(count)]
    return [Gap(a, b) for a, b in zip(edges, [*edges[1:], gap.end_s], strict=True)]


def words_in(text: str) -> int:
    """Spoken words: of scripts without spaces, two signs are one."""
    wide = len(_WIDE.findall(text))
    return len(_WIDE.sub(" ", text).split()) + (wide + 1) // 2


def shortened(text: str, words: int) -> str:
    """`text` in at most `words` words: as many whole sentences as fit; else the first up to the end
    of a clause; empty where not even that is short enough."""
    text = " ".join(text.split())
    if words_in(text) <= words:
        return text
    kept = ""
    for sentence in sentences(text):
        longer = f"{kept} {sentence}".strip()
        if words_in(longer) > words:
            break
        kept = longer
    return kept or _clause(text, words)


def _clause(text: str, words: int) -> str:
    first = next(iter(sentences(text)), "")
    ends = [found.start() for found in _CLAUSE.finditer(first)]
    for end in reversed(ends):
        part = first[:end].rstrip()
        if 2 <= words_in(part) <= words and part.split()[-1].lower() not in _DANGLING:
            return f"{part}."
    return ""


def sentences(text: str) -> list[str]:
    """`text` in sentences, each with the mark that ends it."""
    return [found.strip() for found in _SENTENCE.findall(" ".join(text.split())) if found.strip()]


def placed(script: Sequence[tuple[float | None, str]], free: Sequence[Gap]) -> list[Line | None]:
    """Each entry's line, in its order; None where no gap takes it.

    An entry with a time begins then, or where the next gap begins, but never in front of the line
    before it; one without goes into the first gap after the line before that is long enough. Of one
    gap several lines may be made, one after another. Where no gap takes an entry, not even half of
    one with a time, that with the most room has it, to be shortened.
    """
    found: list[Line | None] = []
    clock = 0.0
    for at, text in script:
        needed = words_in(text) / WORDS_PER_SECOND
        line = _place(at, text, needed, free, clock)
        found.append(line)
        if line is not None:
            clock = line.start_s + min(needed, free[line.gap].end_s - line.start_s)
    return found


def _place(
    at: float | None, text: str, needed: float, free: Sequence[Gap], clock: float
) -> Line | None:
    enough = needed if at is None else needed / 2
    roomiest: tuple[float, Line] | None = None
    for number, gap in enumerate(free):
        line = Line(number, max(gap.start_s, clock, at or 0.0), text)
        room = gap.end_s - line.start_s
        if room >= enough and room > 0:
            return line
        if room >= _LEAST_ROOM_S and (roomiest is None or room > roomiest[0]):
            roomiest = (room, line)
    return roomiest[1] if roomiest else None


def speed_for(spoken_s: float, room_s: float, fastest: float) -> float | None:
    """By which factor a line of `spoken_s` must be faster for `room_s`: 1 where it fits; None where
    it does not even at `fastest`."""
    if room_s <= 0:
        return None
    factor = spoken_s / room_s
    if factor <= 1:
        return 1.0
    # A voice told to be faster by a factor does not always come out so: aim below the edge.
    return min(fastest, factor * 1.03) if factor <= fastest else None


def trimmed(samples: NDArray[np.int16], rate_hz: int, *, quiet: int = 64) -> NDArray[np.int16]:
    """Without the silence before and behind, but for 20 ms: voices add some."""
    import numpy as np

    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > quiet)
    if not len(loud):
        return samples[:0]
    margin = rate_hz // 50
    return samples[max(0, int(loud[0]) - margin) : int(loud[-1]) + 1 + margin]


def levelled(samples: NDArray[np.int16], rate_hz: int, level_db: float) -> NDArray[np.int16]:
    """At `level_db` below full scale where there is a voice, whoever's it is: voices of providers
    differ by 15 dB, and one may stand in for another between two lines. Peaks stay below -1 dB."""
    import numpy as np

    step = max(1, rate_hz // 50)
    whole = samples[: len(samples) - len(samples) % step].astype(np.float64) / 32768
    power = np.square(whole).reshape(-1, step).mean(axis=1)
    loudest = power.max(initial=0.0)
    if loudest <= 0:
        return samples
    voiced = power[power > loudest * _VOICED]
    gain = 10 ** (level_db / 20) / np.sqrt(voiced.mean())
    peak = np.abs(samples.astype(np.int32)).max() / 32768
    gain = min(gain, 10 ** (-1 / 20) / peak)
    return np.asarray(np.round(samples * gain), np.int16)
