"""From how likely speech is, window by window, to when somebody speaks. Pure, in constant memory.

The rule and its constants are those of Silero's own ``get_speech_timestamps`` (MIT, v6): speech
begins at `threshold`, ends when it has been below `threshold - 0.15` for `min_silence_s`, and is
padded on either side, up to the middle of a short silence. One thing differs: what is shorter than
`min_speech_s` is dropped by what of it is likely speech, not by its span, in which the waiting for
silence counts: a burst of laughter is 0.16 s of the first, a short word ("ask") 0.22 s.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

RATE_HZ = 16000
WINDOW_SAMPLES = 512
WINDOW_S = WINDOW_SAMPLES / RATE_HZ
_HYSTERESIS = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechRule:
    """`threshold` is a probability; `pad_s` is added before and after what was found."""

    threshold: float = 0.5
    min_speech_s: float = 0.2
    min_silence_s: float = 0.1
    pad_s: float = 0.03


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds from `start_s` up to `end_s`."""

    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


class SpeechFinder:
    """Feed it the probabilities of all windows in order, then `finish`."""

    def __init__(self, rule: SpeechRule) -> None:
        self._rule = rule
        self._quiet = max(rule.threshold - _HYSTERESIS, 0.01)
        self._found: list[Span] = []
        self._window = 0
        self._start: int | None = None
        self._silent_since: int | None = None
        self._likely = 0

    def feed(self, probabilities: Iterable[float]) -> None:
        """Each from 0 to 1, of `WINDOW_SAMPLES` samples."""
        for probability in probabilities:
            self._look(probability)
            self._window += 1

    def _look(self, probability: float) -> None:
        if probability >= self._rule.threshold:
            self._silent_since = None
            self._likely += 1
            if self._start is None:
                self._start = self._window
        elif self._start is not None and probability < self._quiet:
            if self._silent_since is None:
                self._silent_since = self._window
            if (self._window - self._silent_since) * WINDOW_S >= self._rule.min_silence_s:
                self._end(self._silent_since)

    def _end(self, window: int) -> None:
        assert self._start is not None
        if self._likely * WINDOW_S >= self._rule.min_speech_s:
            self._found.append(Span(self._start * WINDOW_S, window * WINDOW_S))
        self._start = self._silent_since = None
        self._likely = 0

    def finish(self, duration_s: float) -> tuple[Span, ...]:
        """When there is speech within [0, `duration_s`): in order, none touching another."""
        if self._start is not None:
            # Where a short silence ended the sound, the speech ended before it.
            self._end(self._window if self._silent_since is None else self._silent_since)
        return padded(self._found, self._rule.pad_s, duration_s)


def padded(spans: Sequence[Span], pad_s: float, duration_s: float) -> tuple[Span, ...]:
    """Each longer by `pad_s` on both sides, where a neighbour or an end is nearer than that by as
    much as there is (of a silence between two: half)."""
    grown: list[Span] = []
    for at, span in enumerate(spans):
        before = span.start_s if at == 0 else (span.start_s - spans[at - 1].end_s) / 2
        after = duration_s - span.end_s
        if at + 1 < len(spans):
            after = (spans[at + 1].start_s - span.end_s) / 2
        start_s = span.start_s - min(pad_s, before)
        end_s = min(span.end_s + max(0.0, min(pad_s, after)), duration_s)
        if start_s < end_s:
            grown.append(Span(start_s, end_s))
    return tuple(grown)
