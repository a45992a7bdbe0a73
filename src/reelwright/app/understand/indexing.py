"""The body of the operation `index`: results become passages that can be searched for.

Texts are embedded first, which may take long and is remembered; the rows are written in the
transaction in which the step succeeds. What is indexed of a video comes part by part, each in place
of what there was of it: words are not lost where pictures are looked at again. Where no model of
meaning can be asked, words are found all the same, and the result says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reelwright.app.search.pictures import PACK
from reelwright.app.understand import found as findings
from reelwright.app.understand import pictures
from reelwright.app.understand import subject as subjects
from reelwright.app.understand.drafts import Draft
from reelwright.errors import Code, ReelError
from reelwright.store import analyses, documents, spaces
from reelwright.store.analyses import Analysis
from reelwright.store.documents import NewDocument
from reelwright.store.passages import NewPassage
from reelwright.store.spaces import Purpose

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from reelwright.app.understand.subject import Subject
    from reelwright.app.wiring import App
    from reelwright.engine.indexing import Indexed, IndexOrder
    from reelwright.store.database import Tx
    from reelwright.tools.models.kinds import ModelIdentity, Models

# Texts that a model is handed at once: a second's work of the one in the box.
_BATCH = 64
# Without these words alone are found; everything else is a fault of the step.
_WITHOUT_MEANING = frozenset(
    {
        *(Code.MODEL_UNAVAILABLE, Code.MODEL_REFUSED, Code.MODEL_FAILED),
        *(Code.MODEL_ANSWER_INVALID, Code.MODEL_RATE_LIMITED, Code.BUDGET_REACHED),
    }
)


@dataclass(frozen=True, slots=True)
class Space:
    """Vectors of one model, by the place of their passage."""

    purpose: Purpose
    identity: spaces.Identity
    rows: Mapping[int, NDArray[np.float32]] = field(default_factory=dict)


async def index_found(app: App, order: IndexOrder) -> Indexed:
    """Raises PLAN_INVALID, ASSET_UNKNOWN, STORE_*."""
    from reelwright.engine.indexing import Indexed

    source = order.options.get("source")
    subject = await asyncio.to_thread(subjects.find, app, order.job_id, source, order.owner)
    results = dict(zip(order.options["roles"], order.found, strict=True))
    bodies = await asyncio.to_thread(_bodies, results)
    drafts, vectors = await asyncio.to_thread(_drafts, subject, results, order.options)
    notes: list[str] = []
    meant = await _embedded(order.models, drafts, notes)
    made = [space for space in (vectors, meant) if space is not None]
    kinds = sorted({kind for role in bodies for kind in findings.kinds_of(role)} | {"title"})

    def commit(tx: Tx) -> None:
        document = _document(subject, bodies, order.options)
        known = documents.of_subject(tx, subject.owner, subject.name)
        is_other = analyses.forget_others(tx, subject.name, subject.sha256)
        is_other = is_other or (known is not None and known.digest != subject.sha256)
        rows = {spaces.ensure(tx, s.purpose, s.identity).id: s.rows for s in made}
        if known is not None:
            document = _kept(document, known)
        replaced = None if is_other else kinds
        documents.put(tx, document, [_new(draft) for draft in drafts], rows, kinds=replaced)
        for role, body in bodies.items():
            analyses.put(tx, _analysis(subject, role, body, order.job_id))

    return Indexed(result=_result(subject, drafts, bodies, made, notes), commit=commit)


def _bodies(results: Mapping[str, tuple[Any, Path]]) -> dict[str, Any]:
    """What is stored of each part; of keyframes also in which pack their pictures are. Blocking."""
    from reelwright.media.digest import sha256_file

    bodies = {role: body for role, (body, _) in results.items() if role not in pictures.FILES}
    if pictures.KEYFRAMES in bodies and pictures.PICTURES in results:
        pack = sha256_file(results[pictures.PICTURES][1])
        bodies[pictures.KEYFRAMES] = {**bodies[pictures.KEYFRAMES], PACK: pack}
    return bodies


def _drafts(
    subject: Subject,
    results: Mapping[str, tuple[Any, Path]],
    options: Mapping[str, Any],
) -> tuple[list[Draft], Space | None]:
    """All passages, the title's first; and the vectors of those that are pictures. Blocking."""
    title = options.get("title") or subject.title
    drafts = [Draft(kind="title", text=title, evidence={"part": "title"})]
    for role, (body, _) in results.items():
        drafts += findings.passages(role, body)
    return _with_pictures(drafts, results)


def _with_pictures(
    drafts: list[Draft], results: Mapping[str, tuple[Any, Path]]
) -> tuple[list[Draft], Space | None]:
    """Without their vectors pictures could not be found."""
    frames, file = results.get(pictures.FRAMES), results.get(pictures.VECTORS)
    if frames is None or file is None or not frames[0]["identity"]:
        return drafts, None
    body = frames[0]
    rows = dict(enumerate(pictures.vectors(body, file[1]), len(drafts)))
    said = body["identity"]
    identity = spaces.Identity(
        model=f"{said['provider']}/{said['model']}",
        dimension=said["dimension"],
        revision=said["revision"],
        dtype=said["dtype"],
        preprocessing=said["preprocessing"],
    )
    return [*drafts, *pictures.passages(body)], Space(Purpose.FRAMES, identity, rows)


async def _embedded(
    models: Models | None, drafts: Sequence[Draft], notes: list[str]
) -> Space | None:
    """Of passages that say something; None, and a note, where no model could be asked."""
    from reelwright.tools.models.kinds import ModelKind, TextsAsk

    if models is None or not models.has(ModelKind.TEXT_EMBEDDING):
        notes.append("no model of meaning is there: it is found by its words alone")
        return None
    places = [at for at, draft in enumerate(drafts) if draft.kind != "frame"]
    made: Space | None = None
    try:
        for batch in _batches(places):
            texts = tuple(drafts[at].text for at in batch)
            served = await models.embed_texts(TextsAsk(texts=texts), key=f"passages:{batch[0]}")
            identity = identity_of(served.identity, served.value.rows.shape[1])
            if made is not None and made.identity != identity:
                raise ReelError(
                    Code.MODEL_FAILED,
                    "two models of meaning answered in turn",
                    where=identity.model,
                )
            rows = dict(zip(batch, served.value.rows, strict=True))
            made = Space(Purpose.TEXT, identity, {**(made.rows if made else {}), **rows})
    except ReelError as error:
        if error.code not in _WITHOUT_MEANING:
            raise
        notes.append(f"it is found by its words alone: {error.problem.message}")
        return None
    return made


def identity_of(model: ModelIdentity, dimension: int) -> spaces.Identity:
    """Of the space in which a model's vectors stand."""
    return spaces.Identity(
        model=f"{model.provider}/{model.model}",
        dimension=dimension,
        revision=model.revision,
        dtype=model.dtype,
        preprocessing=model.preprocessing,
    )


def _batches(places: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(places), _BATCH):
        yield places[start : start + _BATCH]


def _document(
    subject: Subject, bodies: Mapping[str, Any], options: Mapping[str, Any]
) -> NewDocument:
    asset = subject.asset
    heard = (bodies.get("transcript") or {}).get("language")
    return NewDocument(
        owner=subject.owner,
        subject=subject.name,
        kind="file" if asset is None else "asset",
        title=options.get("title") or subject.title,
        asset_id=subject.asset_id,
        path=subject.path,
        channel=None if asset is None else asset.channel,
        language=options.get("language") or (asset and asset.language) or heard,
        published_at=None if asset is None else asset.published_at,
        duration_s=subject.duration_s,
        digest=subject.sha256,
    )


def _kept(new: NewDocument, known: documents.DocumentRow) -> NewDocument:
    """What another part has said of it stays where this one says nothing."""
    from dataclasses import replace

    return replace(
        new,
        language=new.language or known.language,
        path=new.path or known.path,
        duration_s=new.duration_s or known.duration_s,
        facts=known.facts,
    )


def _new(draft: Draft) -> NewPassage:
    return NewPassage(
        kind=draft.kind,
        text=draft.text,
        start_s=draft.start_s,
        end_s=draft.end_s,
        language=draft.language,
        speaker=draft.speaker,
        evidence=draft.evidence,
    )


def _analysis(subject: Subject, role: str, body: Any, job_id: str) -> Analysis:
    return Analysis(
        subject=subject.name,
        kind=role,
        body=body,
        asset_id=subject.asset_id,
        job_id=job_id,
        media_sha256=subject.sha256,
    )


def _result(
    subject: Subject,
    drafts: Sequence[Draft],
    bodies: Mapping[str, Any],
    made: Sequence[Space],
    notes: Sequence[str],
) -> dict[str, Any]:
    counted = {draft.kind: 0 for draft in drafts}
    for draft in drafts:
        counted[draft.kind] += 1
    found: dict[str, Any] = {}
    for role in sorted(bodies):
        found |= findings.count(role, bodies[role])
    return {
        "subject": subject.name,
        "title": subject.title,
        "passages": len(drafts),
        "kinds": counted,
        "parts": list(bodies),
        "found": found,
        "vectors": sum(len(space.rows) for space in made),
        "notes": list(notes),
    }
