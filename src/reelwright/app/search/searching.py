"""One search: the query is read, its meaning is asked for, and the engine finds the moments."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from reelwright.app.search.embedding import identity_of
from reelwright.errors import Code, ReelError
from reelwright.search.query import Filters, parse
from reelwright.search.searching import Options, Probe
from reelwright.store import spaces
from reelwright.store.spaces import Purpose
from reelwright.tools.models.kinds import ModelKind, PicturesAsk, TextsAsk

if TYPE_CHECKING:
    from reelwright.app.search.pictures import Picture
    from reelwright.app.wiring import App
    from reelwright.search.moments import Evidence, Moment, Page
    from reelwright.search.query import Query
    from reelwright.tools.models.kinds import Models, Served, Vectors

MOST = 1000
_LARGEST_IMAGE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A search as somebody asks it. `k` moments from number `offset` on; `filters` of options go
    before those in the text. `image`: a PNG or JPEG to search by. `owner` None: everybody's.
    `weights`: of legs, over the defaults. `is_lexical`: by words alone."""

    text: str = ""
    k: int = 10
    offset: int = 0
    filters: Filters = field(default_factory=Filters)
    image: bytes | None = None
    owner: str | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    is_lexical: bool = False


async def search(app: App, models: Models, asked: Asked) -> Page:
    """Raises QUERY_INVALID, INDEX_EMPTY, MODEL_UNAVAILABLE (a picture, and no model of pictures),
    USAGE, STORE_*."""
    if not 1 <= asked.k <= MOST or asked.offset < 0:
        said = f"{asked.k} moments from number {asked.offset} on cannot be given"
        raise ReelError(Code.USAGE, said, where="k", hint=f"1 to {MOST}, from 0 on")
    query = parse(asked.text, asked.filters)
    if query.is_blank and asked.image is None:
        raise ReelError(
            Code.QUERY_INVALID,
            "there is nothing to look for" if asked.text.strip() else "the query is empty",
            where="query",
        )
    text, frames, notes = await _probes(app, models, asked, query)
    page = await asyncio.to_thread(
        app.searcher.search,
        query,
        k=asked.k,
        offset=asked.offset,
        owner=asked.owner,
        text=text,
        frames=frames,
        options=Options(weights=asked.weights),
    )
    return replace(page, notes=tuple(dict.fromkeys((*notes, *page.notes))))


async def _probes(
    app: App, models: Models, asked: Asked, query: Query
) -> tuple[Probe | None, Probe | None, list[str]]:
    """Of the text and for the pictures. A model that fails is no reason to find nothing: words
    still do, and a note says so."""
    live = await asyncio.to_thread(_live, app)
    notes: list[str] = []
    text = frames = None
    if Purpose.TEXT in live and query.text and not asked.is_lexical:
        if models.has(ModelKind.TEXT_EMBEDDING):
            try:
                ask = TextsAsk(texts=(query.text,), purpose="query")
                text = _probe(await models.embed_texts(ask, key="search"))
            except ReelError as error:
                notes.append(f"searched by words alone: {error.problem.message}")
        else:
            notes.append("searched by words alone: no model of meaning is configured")
    if asked.image is not None:
        frames = await _of_image(models, asked.image, is_there=Purpose.FRAMES in live)
    elif Purpose.FRAMES in live and query.text and not asked.is_lexical:
        frames = await _of_words(models, query.text, notes)
    return text, frames, notes


def _live(app: App) -> set[Purpose]:
    with app.store.read() as tx:
        return {purpose for purpose in Purpose if spaces.live(tx, purpose) is not None}


async def _of_image(models: Models, image: bytes, *, is_there: bool) -> Probe:
    if not models.has(ModelKind.IMAGE_EMBEDDING):
        raise ReelError(
            Code.MODEL_UNAVAILABLE,
            "a search by a picture needs a model of pictures, and none is configured",
            where="models.image_embedding",
            hint="set REEL_MODELS__IMAGE_EMBEDDING=clip:FOLDER, then `reel understand` your videos",
        )
    if not is_there:
        said = "no video has been looked at by a model of pictures"
        raise ReelError(Code.INDEX_EMPTY, said, hint="`reel understand VIDEO` does that")
    if len(image) > _LARGEST_IMAGE_BYTES:
        said = f"a picture of {len(image)} bytes; at most {_LARGEST_IMAGE_BYTES}"
        raise ReelError(Code.QUERY_INVALID, said, where="image")
    return _probe(await models.embed_pictures(PicturesAsk(images=(image,)), key="search"))


async def _of_words(models: Models, text: str, notes: list[str]) -> Probe | None:
    if not models.has(ModelKind.IMAGE_EMBEDDING):
        return None
    try:
        return _probe(await models.embed_pictures(PicturesAsk(texts=(text,)), key="search"))
    except ReelError as error:
        notes.append(f"pictures were not searched: {error.problem.message}")
        return None


def _probe(served: Served[Vectors]) -> Probe:
    rows = served.value.rows
    return Probe(identity=identity_of(served.identity, int(rows.shape[1])), row=rows[0])


def hit_json(moment: Moment, thumbnail: str | None = None) -> dict[str, Any]:
    """A hit as `reel search --json` and the API give it."""
    best = moment.evidence[0] if moment.evidence else None
    return {
        **named(moment),
        "start": moment.start_s,
        "end": moment.end_s,
        "score": moment.score,
        "kind": moment.kind,
        "snippet": moment.snippet,
        "why": [asdict(one) for one in moment.why],
        "title": moment.title,
        "source": moment.source,
        "path": moment.path,
        "channel": moment.channel,
        "lines": best.source.get("lines") if best is not None else None,
        "exact": moment.is_exact,
        "marks": [list(mark) for mark in moment.marks],
        "thumbnail": thumbnail,
        "evidence": [_evidence_json(one) for one in moment.evidence],
    }


def named(moment: Moment) -> dict[str, str]:
    """What it is of, under ``document`` or ``asset``."""
    if moment.source == "document":
        return {"document": moment.subject}
    return {"asset": moment.asset_id or moment.subject}


def _evidence_json(one: Evidence) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "start": one.start_s,
        "end": one.end_s,
        "text": one.text,
        "language": one.language,
        "speaker": one.speaker,
        "source": dict(one.source),
    }


def page_json(
    app: App, page: Page, asked: Asked, place: Callable[[Picture], str | None] | None = None
) -> dict[str, Any]:
    """The whole answer. `place`: where the picture of a moment can be had; None: on this machine's
    disk. Blocking."""
    from reelwright.app.search import pictures

    where = place or partial(pictures.on_disk, app)
    found = pictures.of_moments(app, page.moments)
    places = [None if picture is None else where(picture) for picture in found]
    return {
        "query": asked.text,
        "hits": [hit_json(*one) for one in zip(page.moments, places, strict=True)],
        "offset": page.offset,
        "next_offset": page.next_offset,
        "total": page.total,
        "notes": list(page.notes),
        "took_s": round(page.took_s, 4),
    }
