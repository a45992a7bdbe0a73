"""Texts into the search index: what is new or has changed, document by document.

Each batch of documents is one transaction, and a document is in it as a whole. A run that was cut
off is gone on with by the same command: what is there already is passed over by its digest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.app.documents import sources
from reelwright.app.documents.reading import NotTextError, Read
from reelwright.app.documents.sources import At, LeftOut, Source
from reelwright.errors import Problem
from reelwright.store import documents
from reelwright.store.documents import NewDocument
from reelwright.store.jobs import LOCAL_OWNER
from reelwright.store.passages import NewPassage

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx

DOCUMENT = "document"
# What one commit holds at the most: others wait for it, and it is in memory until then.
_BATCH = 200
_BATCH_BYTES = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """`paths`: files and folders; with `is_jsonl` files of JSON lines, ``-``: standard input.
    `prune`: what is indexed of them and stands there no more is removed. `force`: also what has
    not changed is indexed again."""

    paths: tuple[Path, ...]
    owner: str = LOCAL_OWNER
    is_jsonl: bool = False
    prune: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """What became of one: `outcome` is ``indexed``, ``unchanged``, ``skipped``, ``failed`` or
    ``removed``. `done` of `whole` (bytes of lines, or files) say how far it is; whole None: nobody
    knows."""

    outcome: str
    subject: str
    passages: int = 0
    why: str | None = None
    problem: Problem | None = None
    done: int = 0
    whole: int | None = None

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"event": self.outcome, "document": self.subject}
        if self.outcome == "indexed":
            body["passages"] = self.passages
        if self.why is not None:
            body["why"] = self.why
        return body if self.problem is None else {**body, "error": self.problem.to_json()}


def index(app: App, wish: Wish) -> Iterator[Indexed]:
    """Blocking; goes on as it is asked for more. Raises INPUT_* and USAGE before anything is
    written, STORE_*, DISK_FULL."""
    sources.check(wish.paths, is_jsonl=wish.is_jsonl)
    found = (sources.from_lines if wish.is_jsonl else sources.from_files)(wish.paths)
    seen: set[str] = set()
    batch: list[At] = []
    size_bytes = 0
    for at in found:
        if isinstance(at.found, LeftOut):
            yield _left_out(at, at.found)
            continue
        seen.add(at.found.subject)
        batch.append(at)
        size_bytes += at.found.size_bytes
        if len(batch) >= _BATCH or size_bytes >= _BATCH_BYTES:
            yield from _put(app, wish, batch)
            batch, size_bytes = [], 0
    yield from _put(app, wish, batch)
    if wish.prune:
        yield from _prune(app, wish, seen)


def _left_out(at: At, left: LeftOut) -> Indexed:
    return Indexed(
        outcome="skipped" if left.problem is None else "failed",
        subject=left.subject,
        why=left.why,
        problem=left.problem,
        done=at.done,
        whole=at.whole,
    )


def _put(app: App, wish: Wish, batch: Sequence[At]) -> Iterator[Indexed]:
    """One transaction for all of it."""
    # Of two lines with one id the last counts.
    last = {at.found.subject: (at, at.found) for at in batch if isinstance(at.found, Source)}
    with app.store.read() as tx:
        known = documents.digests(tx, wish.owner, last)
    wanted: list[tuple[Source, Read]] = []
    results: list[Indexed] = []
    for at, source in last.values():
        told = partial(Indexed, subject=source.subject, done=at.done, whole=at.whole)
        if not wish.force and known.get(source.subject) == source.digest:
            results.append(told(outcome="unchanged"))
            continue
        try:
            read = source.read()
        except NotTextError as why:
            results.append(told(outcome="skipped", why=str(why)))
            continue
        wanted.append((source, read))
        results.append(told(outcome="indexed", passages=len(read.parts)))
    if wanted:
        app.store.transact(lambda tx: _write(tx, wish.owner, wanted))
    yield from results


def _write(tx: Tx, owner: str, wanted: Sequence[tuple[Source, Read]]) -> None:
    documents.put_many(tx, [_new(owner, source, read) for source, read in wanted])


def _new(owner: str, source: Source, read: Read) -> tuple[NewDocument, list[NewPassage]]:
    document = NewDocument(
        owner=owner,
        subject=source.subject,
        kind=DOCUMENT,
        title=read.title,
        path=source.path,
        language=source.facts.get("language"),
        digest=read.digest,
        facts={"form": read.form, **source.facts},
    )
    passages = [
        NewPassage(
            kind=part.kind,
            text=part.text,
            start_s=part.start_s,
            end_s=part.end_s,
            evidence=part.evidence,
        )
        for part in read.parts
    ]
    return document, passages


def _prune(app: App, wish: Wish, seen: set[str]) -> Iterator[Indexed]:
    roots = [path.absolute() for path in wish.paths if path != sources.STDIN]
    with app.store.read() as tx:
        gone = [
            row
            for row in documents.every(tx, owner=wish.owner, kind=DOCUMENT)
            if row.subject not in seen and _is_of(row.path, roots)
        ]
    app.store.transact(lambda tx: documents.remove(tx, [row.id for row in gone]))
    yield from (Indexed(outcome="removed", subject=row.subject) for row in gone)


def _is_of(path: str | None, roots: Sequence[Path]) -> bool:
    """Whether a document comes from one of the files, or from below one of the folders."""
    return path is not None and any(Path(path).is_relative_to(root) for root in roots)
