"""What the models of a video would cost, before any of them is asked.

How often they will be asked depends on what is in the video: the quote takes what is usual
(`expected_usd`), and what is the most that so many calls may take (`most_usd`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from reelwright.errors import ReelError
from reelwright.tools.models import providers
from reelwright.tools.models.kinds import ModelIdentity, ModelKind, Usage
from reelwright.tools.models.prices import cost_usd
from reelwright.tools.models.providers import ModelSpec, Runs

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.tools.models.pool import Pool

# Of talks, films and screen recordings; seconds of video for each call.
_SPEECH_S = 25.0
_TEXT_S = 8.0
_FRAME_S = 6.0
_SEGMENT_S = 14.0
_PICTURES = 4
_TOKENS_OF_PICTURE = 900
_MOST_TOKENS_OF_PICTURE = 1600
# Speech has 150 words a minute, 6 characters each; a part of a summary 12,000 characters.
_CHARACTERS_OF_SECOND = 15.0
_PART_CHARACTERS = 12_000
_CHARACTERS_OF_TOKEN = 4.0
_MOST_OUTPUT_TOKENS = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """So many calls of one kind; `usage` and `most` are of all of them together."""

    kind: ModelKind
    calls: int
    usage: Usage
    most: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`expected_usd` and `most_usd` None: no price is known. `model` empty: the provider's own;
    `provider` empty: nothing is configured, and nothing is asked."""

    kind: str
    provider: str
    model: str
    calls: int
    is_local: bool
    expected_usd: float | None
    most_usd: float | None


@dataclass(frozen=True, slots=True)
class Quote:
    """A sum is None where a part of it is not known: never 0 for it."""

    lines: Sequence[Line]

    @property
    def expected_usd(self) -> float | None:
        return _sum(line.expected_usd for line in self.lines)

    @property
    def most_usd(self) -> float | None:
        return _sum(line.most_usd for line in self.lines)

    def to_json(self) -> dict[str, Any]:
        return {
            "expected_usd": self.expected_usd,
            "most_usd": self.most_usd,
            "lines": [asdict(line) for line in self.lines],
        }


def quote_video(app: App, duration_s: float, kinds: Collection[ModelKind]) -> Quote:
    """Of one video, where these kinds of models will be asked. Nothing is asked or loaded. Raises
    CONFIG_INVALID."""
    return quote(app, [planned(kind, duration_s) for kind in ModelKind if kind in kinds])


def quote(app: App, calls: Iterable[Planned]) -> Quote:
    """By the first member of each chain that could serve. Raises CONFIG_INVALID."""
    return Quote([_line(app.models, one) for one in calls])


def together(quotes: Iterable[Quote]) -> Quote:
    """Of several videos: a line a kind and model."""
    found: dict[tuple[str, str, str], Line] = {}
    for line in (line for one in quotes for line in one.lines):
        key = (line.kind, line.provider, line.model)
        before = found.get(key)
        found[key] = line if before is None else _added(before, line)
    return Quote(list(found.values()))


def planned(kind: ModelKind, duration_s: float) -> Planned:
    """What is usual for a video of this length."""
    if kind is ModelKind.SPEECH:
        heard = Usage(
            audio_s=duration_s,
            input_tokens=round(duration_s * 10),
            output_tokens=round(duration_s * 4),
        )
        most = Usage(
            audio_s=duration_s,
            input_tokens=round(duration_s * 32),
            output_tokens=round(duration_s * 8),
        )
        return Planned(kind=kind, calls=_times(duration_s, _SPEECH_S), usage=heard, most=most)
    if kind is ModelKind.OCR:
        return _pictures(kind, _times(duration_s, _TEXT_S), 1, output=200, most_output=1024)
    if kind is ModelKind.VISION:
        calls = _times(duration_s, _SEGMENT_S)
        return _pictures(kind, calls, _PICTURES, output=300, most_output=_MOST_OUTPUT_TOKENS)
    if kind is ModelKind.LANGUAGE:
        return _summary(duration_s)
    if kind is ModelKind.IMAGE_EMBEDDING:
        shown = Usage(images=_times(duration_s, _FRAME_S))
        return Planned(kind=kind, calls=shown.images or 0, usage=shown, most=shown)
    characters = round(duration_s * _CHARACTERS_OF_SECOND)
    tokens = round(characters / _CHARACTERS_OF_TOKEN)
    said = Usage(characters=characters, input_tokens=tokens, output_tokens=0)
    return Planned(kind=kind, calls=_times(characters, _PART_CHARACTERS), usage=said, most=said)


def _pictures(
    kind: ModelKind, calls: int, pictures: int, *, output: int, most_output: int
) -> Planned:
    words = 600  # the prompt, its schema, what is said meanwhile
    return Planned(
        kind=kind,
        calls=calls,
        usage=Usage(
            input_tokens=calls * (pictures * _TOKENS_OF_PICTURE + words),
            output_tokens=calls * output,
        ),
        most=Usage(
            input_tokens=calls * (pictures * _MOST_TOKENS_OF_PICTURE + 2 * words),
            output_tokens=calls * most_output,
        ),
    )


def _summary(duration_s: float) -> Planned:
    """The parts, and what joins them."""
    characters = duration_s * _CHARACTERS_OF_SECOND
    parts = _times(characters, _PART_CHARACTERS)
    calls = parts + 1
    tokens = round(characters / _CHARACTERS_OF_TOKEN) + calls * 700 + parts * 500
    return Planned(
        kind=ModelKind.LANGUAGE,
        calls=calls,
        usage=Usage(input_tokens=tokens, output_tokens=calls * 600),
        most=Usage(input_tokens=2 * tokens, output_tokens=calls * _MOST_OUTPUT_TOKENS),
    )


def _line(pool: Pool, one: Planned) -> Line:
    found = _first(pool, one.kind)
    if found is None:
        return Line(
            kind=one.kind.value,
            provider="",
            model="",
            calls=0,
            is_local=True,
            expected_usd=0.0,
            most_usd=0.0,
        )
    spec, identity = found
    is_local = providers.entry(spec).runs is not Runs.HOSTED or pool.provider(spec).is_local
    return Line(
        kind=one.kind.value,
        provider=spec.provider,
        model=spec.model,
        calls=one.calls,
        is_local=is_local,
        expected_usd=cost_usd(identity, one.usage, is_local=is_local),
        most_usd=cost_usd(identity, one.most, is_local=is_local),
    )


def _first(pool: Pool, kind: ModelKind) -> tuple[ModelSpec, ModelIdentity] | None:
    for spec in pool.chain(kind):
        try:
            return spec, pool.identity(spec)
        except ReelError:
            continue
    return None


def _added(one: Line, other: Line) -> Line:
    return Line(
        kind=one.kind,
        provider=one.provider,
        model=one.model,
        calls=one.calls + other.calls,
        is_local=one.is_local,
        expected_usd=_sum((one.expected_usd, other.expected_usd)),
        most_usd=_sum((one.most_usd, other.most_usd)),
    )


def _sum(amounts: Iterable[float | None]) -> float | None:
    total = 0.0
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total


def _times(whole: float, each: float) -> int:
    return max(1, math.ceil(whole / each))
