"""From what a search finds to numbered evidence, as it is shown to whoever answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from reelwright.analysis.citations import Citation, Evidence, Sentence
from reelwright.app.search.searching import named
from reelwright.search.moments import Evidence as Passage
from reelwright.search.moments import Moment
from reelwright.search.narrowing import Spoken, spoken

# About 4000 tokens: what also a small model can read, and more than an answer needs.
_MOST_CHARACTERS = 14_000
_PER_MOMENT = 2
# What would look like a citation or like the end of the evidence.
_DISARMED = str.maketrans({"[": "(", "]": ")", "<": "\u2039", ">": "\u203a"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Evidence with the moment that it is from."""

    evidence: Evidence
    moment: Moment
    kind: str
    # Of what is said: which characters of the text when; empty where nobody knows.
    words: tuple[Spoken, ...] = ()


def shown(moments: Sequence[Moment]) -> list[Shown]:
    """The strongest first, numbered from 1."""
    labels = _labels(moments)
    found: list[Shown] = []
    seen: set[tuple[Any, ...]] = set()
    size = 0
    for moment in moments:
        for passage in _passages(moment):
            key = (moment.subject, passage.start_s, passage.text)
            size += len(passage.text)
            if key in seen or (found and size > _MOST_CHARACTERS):
                continue
            seen.add(key)
            evidence = _evidence(len(found) + 1, labels[moment.subject], moment, passage)
            one = Shown(evidence=evidence, moment=moment, kind=passage.kind, words=_timed(passage))
            found.append(one)
    return found


def narrowed(sentence: Sentence, evidence: Sequence[Shown]) -> Sentence:
    """The same, its citations at the times of the very words that are quoted, where those are
    known: a passage is half a minute."""
    found = []
    for citation in sentence.citations:
        one = evidence[citation.evidence.number - 1]
        at = one.evidence.text.find(citation.quote)
        end = at + len(citation.quote)
        said = [word for word in one.words if word.first < end and word.last > at]
        if at < 0 or not said:
            found.append(citation)
            continue
        start_s, end_s = round(said[0].start_s, 3), round(said[-1].end_s, 3)
        told = replace(citation.evidence, start_s=start_s, end_s=end_s)
        found.append(replace(citation, evidence=told))
    return replace(sentence, citations=tuple(found))


def _timed(passage: Passage) -> tuple[Spoken, ...]:
    source = passage.source
    if not source.get("words") and not source.get("cues"):
        return ()
    return tuple(spoken(passage.text, source, passage.start_s, passage.end_s))


def _passages(moment: Moment) -> Iterator[Passage]:
    told = [one for one in moment.evidence if one.text.strip()]
    yield from told[:_PER_MOMENT]


def _evidence(number: int, label: str, moment: Moment, passage: Passage) -> Evidence:
    lines = passage.source.get("lines") or (None, None)
    start_s, end_s = passage.start_s, passage.end_s
    if start_s is None and moment.source != "document":
        start_s, end_s = moment.start_s or 0.0, moment.end_s  # of all of it: its title
    return Evidence(
        number=number,
        label=label,
        subject=moment.subject,
        text=passage.text,
        start_s=start_s,
        end_s=end_s,
        first_line=lines[0],
        last_line=lines[1],
    )


def _labels(moments: Sequence[Moment]) -> Mapping[str, str]:
    """How an answer names each subject: an asset by its id, a text by its id, a file by as much of
    its path as sets it apart."""
    paths = {
        m.subject: PurePath(m.path)
        for m in moments
        if m.path and m.asset_id is None and (m.source == "file" or m.path == m.subject)
    }
    labels: dict[str, str] = {}
    for moment in moments:
        label = moment.asset_id or moment.subject
        if moment.subject in paths:
            label = _short(moment.subject, paths)
        labels[moment.subject] = " ".join(label.translate(_DISARMED).split())
    return labels


def _short(subject: str, paths: Mapping[str, PurePath]) -> str:
    path = paths[subject]
    others = [other for name, other in paths.items() if name != subject]
    for count in range(1, len(path.parts)):
        tail = path.parts[-count:]
        if all(other.parts[-count:] != tail for other in others):
            return "/".join(tail)
    return str(path)


def as_text(evidence: Sequence[Shown]) -> str:
    """For a prompt: each headed by its mark. Marks within are made harmless: they would be taken
    for ours."""
    blocks = []
    for one in evidence:
        head = f"{one.evidence.tag} {one.moment.title.translate(_DISARMED)} ({one.kind})"
        blocks.append(f"{head}\n{one.evidence.text.translate(_DISARMED)}")
    return "\n\n".join(blocks)


def citation_json(citation: Citation, evidence: Sequence[Shown]) -> dict[str, Any]:
    """As `reel ask --json` and the API give it."""
    one = evidence[citation.evidence.number - 1]
    moment, told = one.moment, citation.evidence
    lines = None if told.first_line is None else [told.first_line, told.last_line]
    return {
        **named(moment),
        "start": told.start_s,
        "end": told.end_s,
        "quote": citation.quote,
        "title": moment.title,
        "kind": one.kind,
        "path": moment.path,
        "lines": lines,
        "mark": told.tag,
    }
