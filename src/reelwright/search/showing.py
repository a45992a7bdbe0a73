"""How a moment is shown: its snippet, where what was asked stands in it, and what speaks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reelwright.search import archived
from reelwright.search.asked import marks
from reelwright.search.gathering import Item, Ranked
from reelwright.search.moments import Evidence, Moment, Why
from reelwright.search.narrowing import By, narrowed
from reelwright.search.unit import Unit
from reelwright.store import passages
from reelwright.store.database import Tx
from reelwright.store.passages import PassageRow

# A snippet is about two lines of a terminal; evidence is shown of the strongest passages.
_SNIPPET = 240
_EVIDENCE = 8


def moments(tx: Tx, ranked: Sequence[Ranked], units: Mapping[str, Unit], by: By) -> list[Moment]:
    """In the same order; with the texts of their passages."""
    items = [item for one in ranked for item in one.gathered.items[:_EVIDENCE]]
    rows = passages.get_many(tx, [item.key for item in items if isinstance(item.key, int)])
    said = archived.texts(tx, [item.key[1] for item in items if isinstance(item.key, tuple)])
    found = []
    for one in ranked:
        evidence = [
            _evidence(item, rows, said)
            for item in one.gathered.items[:_EVIDENCE]
            if not isinstance(item.key, int) or item.key in rows
        ]
        if evidence:
            found.append(_moment(one, units[one.gathered.unit], evidence, by))
    return found


def _moment(one: Ranked, unit: Unit, evidence: Sequence[Evidence], by: By) -> Moment:
    gathered = one.gathered
    # Of several passages the one to be shown has something to show.
    best = next((e for e in evidence if e.text), evidence[0])
    snippet, places = _snippet(best.text, marks(best.text, by.asked, by.stemmers))
    said = narrowed(evidence, by)
    start_s, end_s = said or (gathered.start_s, gathered.end_s)
    if start_s is None and unit.source != "document":
        start_s, end_s = 0.0, unit.duration_s  # its title is about all of it
    return Moment(
        subject=unit.subject,
        source=unit.source,
        title=unit.title,
        kind=evidence[0].kind,
        score=one.fused.score,
        snippet=snippet,
        document_id=unit.document_id,
        asset_id=unit.asset_id,
        path=unit.path,
        channel=unit.channel,
        start_s=start_s,
        end_s=end_s,
        marks=places,
        is_exact=gathered.is_exact,
        evidence=tuple(evidence),
        why=tuple(
            Why(leg=s.leg, rank=s.rank, value=s.value, weight=s.weight, share=s.share)
            for s in one.fused.shares
        ),
    )


def _evidence(
    item: Item, rows: Mapping[int, PassageRow], said: Mapping[int, archived.Said]
) -> Evidence:
    if isinstance(item.key, int):
        row = rows[item.key]
        return Evidence(
            passage_id=row.id,
            kind=row.kind,
            text=row.text,
            start_s=row.start_s,
            end_s=row.end_s,
            language=row.language,
            speaker=row.speaker,
            source=row.evidence,
            stems=tuple(row.words.partition("\n")[0].split(" ")),
        )
    text = said[item.key[1]]
    return Evidence(
        passage_id=None,
        kind=item.kind,
        text=text.text,
        start_s=item.start_s,
        end_s=item.end_s,
        language=text.language,
        source={"captions": text.path},
    )


def _snippet(
    text: str, places: Sequence[tuple[int, int]]
) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The part of the text with most of what was asked, on one line, and where it stands there."""
    start = _densest(text, places)
    # From the beginning of a word to the end of one.
    if start > 0:
        start = text.rfind(" ", 0, start + 1) + 1
    end = min(len(text), start + _SNIPPET)
    if end < len(text):
        end = max(text.rfind(" ", start, end), start + _SNIPPET // 2)
    before, after = ("… " if start else ""), (" …" if end < len(text) else "")
    # Letter for letter, so that places stay what they are.
    line = "".join(" " if sign.isspace() else sign for sign in text[start:end])
    shift = len(before) - start
    within = tuple((a + shift, b + shift) for a, b in places if start <= a and b <= end)
    return before + line + after, within


def _densest(text: str, places: Sequence[tuple[int, int]]) -> int:
    if len(text) <= _SNIPPET or not places:
        return 0
    best = max(
        places,
        key=lambda first: len(
            {text[a:b].lower() for a, b in places if first[0] <= a and b <= first[0] + _SNIPPET}
        ),
    )
    return max(0, min(best[0] - _SNIPPET // 6, len(text) - _SNIPPET))
