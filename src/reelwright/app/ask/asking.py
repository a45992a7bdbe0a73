"""A question: passages are looked for, an answer is written from them, each sentence is checked.

What is not borne out by what it cites is dropped before anybody sees it. Without a language model
the sentences of the passages that fit best are the answer, word for word.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reelwright.analysis import answering
from reelwright.analysis.citations import Dropped, Sentence, check, finished, sentences
from reelwright.analysis.plain_words import STOP_WORDS, folded
from reelwright.app.ask.evidence import Shown, as_text, citation_json, narrowed, shown
from reelwright.app.search.searching import Asked, search
from reelwright.errors import Code, ReelError
from reelwright.search.query import Filters
from reelwright.tools.models.kinds import ModelKind, TextsAsk

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.tools.models.serving import Serving

EXTRACTIVE = "extractive"
MODEL = "model"
PROMPT = "answer"
_MOMENTS = 12
_MOST_CANDIDATES = 96
_LONGEST = 2000
_NOTHING = "no evidence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`filters`: where answers may come from. `language` of the answer (BCP 47); None: the
    question's. `is_extractive`: word for word, also where a language model is configured."""

    text: str
    filters: Filters = field(default_factory=Filters)
    language: str | None = None
    owner: str | None = None
    is_extractive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """All of it. `how` is ``model`` or ``extractive``; `dropped` is what did not hold."""

    sentences: tuple[Sentence, ...]
    evidence: tuple[Shown, ...]
    how: str
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return " ".join(one.cited for one in self.sentences)

    def to_json(self) -> dict[str, Any]:
        told = [c for one in self.sentences for c in one.citations]
        unique = {(c.evidence.number, c.quote): c for c in told}
        return {
            "answer": self.text,
            "citations": [citation_json(c, self.evidence) for c in unique.values()],
            "how": self.how,
            "sentences": [
                {"text": one.text, "marks": [c.evidence.tag for c in one.citations]}
                for one in self.sentences
            ],
            "dropped": [{"text": one.text, "why": one.why} for one in self.dropped],
            "notes": list(self.notes),
        }


async def ask(
    app: App, models: Serving, question: Question
) -> AsyncIterator[Sentence | Dropped | Answer]:
    """Sentences as they come, each checked; at the end the whole answer.

    Raises QUERY_INVALID, INDEX_EMPTY, NO_EVIDENCE, STORE_*. A model that cannot be had is no error:
    the answer is extractive, and a note says why.
    """
    evidence, notes = await _retrieved(app, models, question)
    kept: list[Sentence] = []
    dropped: list[Dropped] = []
    how = MODEL
    if not question.is_extractive and models.has(ModelKind.LANGUAGE):
        try:
            async for one in _written(models, question, evidence):
                if isinstance(one, Dropped):
                    dropped.append(one)
                    yield one
                else:
                    kept.append(narrowed(one, evidence))
                    yield kept[-1]
        except ReelError as error:
            notes.append(f"the model's answer broke off: {error.problem.message}")
            if not kept:
                how = EXTRACTIVE
    else:
        how = EXTRACTIVE
    if how == EXTRACTIVE:
        kept = await _extracted(models, question, evidence)
        for one in kept:
            yield one
    if not kept:
        raise _no_evidence(question, dropped)
    yield Answer(
        sentences=tuple(kept),
        evidence=tuple(evidence),
        how=how,
        dropped=tuple(dropped),
        notes=tuple(notes),
    )


async def _retrieved(
    app: App, models: Serving, question: Question
) -> tuple[list[Shown], list[str]]:
    """Raises NO_EVIDENCE and what `search` raises."""
    words = _looked_for(question.text)
    asked = Asked(text=words, k=_MOMENTS, filters=question.filters, owner=question.owner)
    page = await search(app, models, asked)
    evidence = shown(page.moments)
    if not evidence:
        raise _no_evidence(question, ())
    return evidence, list(page.notes)


def _looked_for(question: str) -> str:
    """The words of the question that say something; its signs mean nothing to a search here. All
    of its words, where none says more than others. Raises QUERY_INVALID."""
    if len(question) > _LONGEST:
        said = f"a question of {len(question)} characters; at most {_LONGEST} are read"
        raise ReelError(Code.QUERY_INVALID, said, where="question")
    plain = "".join(c if c.isalnum() or c in "'\u2019._" else " " for c in question)
    words = [w for w in (word.strip("'\u2019._") for word in plain.split()) if w]
    if not words:
        raise ReelError(Code.QUERY_INVALID, "the question has no words", where="question")
    telling = [word for word in words if folded(word) not in STOP_WORDS]
    return " ".join(telling or words)


async def _written(
    models: Serving, question: Question, evidence: Sequence[Shown]
) -> AsyncIterator[Sentence | Dropped]:
    """As the model writes, sentence by sentence. Raises MODEL_*, NETWORK_*, BUDGET_REACHED."""
    prompt = models.prompt(PROMPT).ask(
        {
            "question": question.text,
            "evidence": as_text(evidence),
            "language": question.language or "the language of the question",
        },
        max_tokens=1024,
    )
    given = [one.evidence for one in evidence]
    rest = ""
    async for piece in models.stream(prompt, key="ask"):
        whole, rest = finished(rest + piece)
        for one in whole:
            yield check(one, given, question.text)
    for one in sentences(rest):
        if _NOTHING not in folded(one):
            yield check(one, given, question.text)


async def _extracted(
    models: Serving, question: Question, evidence: Sequence[Shown]
) -> list[Sentence]:
    given = answering.candidates([one.evidence for one in evidence])[:_MOST_CANDIDATES]
    near = await _nearness(models, question.text, [one.text for one in given])
    return [narrowed(one, evidence) for one in answering.best(question.text, given, near)]


async def _nearness(models: Serving, question: str, texts: Sequence[str]) -> list[float] | None:
    if not texts or not models.has(ModelKind.TEXT_EMBEDDING):
        return None
    try:
        asked = await models.embed_texts(TextsAsk(texts=(question,), purpose="query"), key="ask")
        told = await models.embed_texts(TextsAsk(texts=tuple(texts)), key="ask")
    except ReelError:
        return None  # words alone still tell
    if asked.identity != told.identity:
        return None
    return [float(x) for x in told.value.rows @ asked.value.rows[0]]


def _no_evidence(question: Question, dropped: Sequence[Dropped]) -> ReelError:
    said = "nothing that is indexed answers this"
    if dropped:
        said = f"nothing that the model wrote is borne out by what is indexed: {dropped[0].why}"
    evidence = {"dropped": [{"text": one.text, "why": one.why} for one in dropped]}
    return ReelError(
        Code.NO_EVIDENCE, said, where=question.text[:200], evidence=evidence if dropped else None
    )
