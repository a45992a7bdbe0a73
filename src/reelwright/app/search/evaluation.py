"""How good the search is: golden queries asked, and what comes back measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.analysis.retrieval_measures import Interval, Span, difference, measures, summary
from reelwright.app.search.golden import Golden, same_subject
from reelwright.app.search.searching import Asked, search
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.search.moments import Moment, Page
    from reelwright.tools.models.kinds import Models

# A text counts once, whichever of its places are found: deeper than the ten that are measured.
_DEPTH = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Of all queries, of each category, and of each query by its name. `changes`: against another
    measurement."""

    queries: Mapping[str, Mapping[str, float]]
    categories: Mapping[str, str]
    notes: tuple[str, ...] = ()
    changes: Mapping[str, Interval] = field(default_factory=dict)

    @property
    def whole(self) -> dict[str, Interval]:
        return summary(list(self.queries.values()))

    def of_category(self) -> dict[str, dict[str, Interval]]:
        names = dict.fromkeys(self.categories.values())
        return {name: summary(self._in(name)) for name in names}

    def _in(self, category: str) -> list[Mapping[str, float]]:
        return [m for name, m in self.queries.items() if self.categories[name] == category]

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "queries": len(self.queries),
            "measures": _json(self.whole),
            "categories": {name: _json(found) for name, found in self.of_category().items()},
            "per_query": {
                name: {"category": self.categories[name], **_rounded(found)}
                for name, found in self.queries.items()
            },
            "notes": list(self.notes),
        }
        return {**body, "changes": _json(self.changes)} if self.changes else body


async def evaluate(
    app: App,
    models: Models,
    golden: Sequence[Golden],
    *,
    is_lexical: bool = False,
    least_iou: float = 0.0,
    owner: str | None = None,
    on_query: Callable[[Golden, Mapping[str, float]], None] | None = None,
) -> Measured:
    """Raises what `search` raises; a query that cannot be read names itself."""
    found: dict[str, dict[str, float]] = {}
    notes: dict[str, None] = {}
    for one in golden:
        asked = Asked(text=one.query, k=_DEPTH, owner=owner, is_lexical=is_lexical)
        try:
            page = await search(app, models, asked)
        except ReelError as error:
            if error.code is Code.QUERY_INVALID:
                raise ReelError(
                    error.code, error.problem.message, where=one.name, hint=error.problem.hint
                ) from error
            raise
        notes |= dict.fromkeys(page.notes)
        found[one.name] = measures(_spans(page, one), one.relevant, least_iou=least_iou)
        if on_query is not None:
            on_query(one, found[one.name])
    return Measured(
        queries=found, categories={g.name: g.category for g in golden}, notes=tuple(notes)
    )


def _spans(page: Page, golden: Golden) -> list[Span]:
    """The hits by the names that the query has for them; of a text the first alone."""
    named = dict.fromkeys(one.span.subject for one in golden.relevant)
    spans = dict.fromkeys(_span(moment, list(named)) for moment in page.moments)
    return list(spans)


def _span(moment: Moment, named: Sequence[str]) -> Span:
    known = (moment.asset_id, moment.subject, moment.path)
    subject = next((name for name in named if same_subject(name, known)), moment.subject)
    return Span(subject=subject, start_s=moment.start_s, end_s=moment.end_s)


def compared(new: Measured, path: Path) -> Measured:
    """With what has changed since `path` (of ``reel eval search --json``). Raises INPUT_NOT_FOUND,
    SPEC_SYNTAX, FIELD_MISSING."""
    try:
        body = json.loads(path.read_text("utf-8"))
        old = {
            name: {key: float(value) for key, value in found.items() if key != "category"}
            for name, found in body["per_query"].items()
        }
    except FileNotFoundError as error:
        raise ReelError(
            Code.INPUT_NOT_FOUND, f"there is no file {path}", where="--compare"
        ) from error
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise ReelError(
            Code.SPEC_SYNTAX,
            f"{path} is no measurement",
            where="--compare",
            hint="`reel eval search FILE --json > OTHER.json` writes one",
        ) from error
    changes = difference(new.queries, old)
    if not changes:
        said = f"no query of {path} is asked here"
        raise ReelError(Code.FIELD_MISSING, said, where="--compare")
    return Measured(
        queries=new.queries, categories=new.categories, notes=new.notes, changes=changes
    )


def _json(found: Mapping[str, Interval]) -> dict[str, Any]:
    return {name: one.to_json() for name, one in found.items()}


def _rounded(found: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 6) for name, value in found.items()}
