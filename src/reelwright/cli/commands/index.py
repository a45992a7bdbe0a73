"""`reel index`: texts that can be searched beside the videos, and what is indexed."""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelwright.cli import terminal
from reelwright.cli.exits import exit_code
from reelwright.cli.options import AsJson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reelwright.app.documents.indexing import Indexed
    from reelwright.app.documents.listing import Listed
    from reelwright.app.search.embedding import Embedded
    from reelwright.app.wiring import App
    from reelwright.errors import Problem

app = typer.Typer(add_completion=False)

_EVERY_S = 0.2
_SAID_EVERY_S = 15.0
_SHOWN_PROBLEMS = 10


@app.command()
def index(  # size: one line an option
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH…", help="Files and folders of texts; with --jsonl also -."),
    ] = None,
    jsonl: Annotated[
        bool,
        typer.Option("--jsonl", help='Each line is a text: {"id": …, "title": …, "text": …}.'),
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Take out what is indexed of PATH and is there no more.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also index what has not changed.")
    ] = False,
    embed: Annotated[
        bool,
        typer.Option("--embed/--no-embed", help="Then learn their meaning; it takes a while."),
    ] = True,
    show: Annotated[bool, typer.Option("--list", help="List what is indexed.")] = False,
    remove: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Take out a document, by its id, its path or a folder above it."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make texts searchable: Markdown, reStructuredText, HTML, code, plain text, captions.

    Only what is new or has changed is read again; what git ignores, hidden and binary files are
    passed over. Texts are found by their words at once; their meaning is learnt afterwards, and
    whoever stops that loses nothing: `reel index` without PATH goes on with it.

    Examples: `reel index docs/ README.md`, `reel index corpus.jsonl --jsonl`, `reel index --list`
    """
    from reelwright.cli.use import opened

    with opened() as used:
        if remove:
            _remove(used, remove, as_json=as_json)
        elif show:
            _list(used, as_json=as_json)
        else:
            code = _index(
                used, paths or [], jsonl=jsonl, prune=prune, force=force, embed=embed,
                as_json=as_json,
            )  # fmt: skip
            if code:
                raise typer.Exit(code)


def _index(
    used: App,
    paths: list[Path],
    *,
    jsonl: bool,
    prune: bool,
    force: bool,
    embed: bool,
    as_json: bool,
) -> int:
    from reelwright.app.documents.indexing import Wish
    from reelwright.app.documents.indexing import index as index_texts

    shown = _Shown(as_json=as_json)
    if paths:
        wish = Wish(paths=tuple(paths), is_jsonl=jsonl, prune=prune, force=force)
        for one in index_texts(used, wish):
            shown.one(one)
        shown.indexed()
    elif jsonl or prune or force:
        from reelwright.errors import Code, ReelError

        raise ReelError(Code.USAGE, "which files are meant?", where="PATH", hint="name them")
    embedded = _embed(used, shown, paths) if embed else None
    shown.end(embedded)
    return 0 if shown.worst is None else exit_code(shown.worst.code)


def _embed(used: App, shown: _Shown, paths: Sequence[Path]) -> dict[str, Any] | None:
    """What became of it, for programs. A model that is not there is no failure: words are found."""
    from reelwright.app.search.embedding import embed_missing
    from reelwright.cli.interrupts import Interrupts
    from reelwright.errors import ReelError

    last: list[Embedded] = []
    # What came from standard input has no path: then all is learnt.
    named = [] if Path("-") in paths else [str(path.absolute()) for path in paths]

    async def work() -> None:
        async for one in embed_missing(used, used.asker(), below=named):
            last[:] = [one]
            shown.embedded(one)

    try:
        Interrupts().run(work())
    except ReelError as error:
        shown.wipe()
        problem = error.problem
        terminal.note(f"Meanings are not there: {problem.message}")
        terminal.note(f"      {terminal.hint(problem)} [{problem.code.text}]")
        done = last[0].done if last else 0
        return {"passages": done, "model": None, "error": problem.to_json()}
    except KeyboardInterrupt:
        shown.wipe()
        terminal.note("Stopped; what was learnt is kept. `reel index` goes on with it.")
        raise
    return {
        "passages": last[0].done if last else 0,
        "model": last[0].model if last else None,
        "error": None,
    }


class _Shown:
    """A line for what could not be read, one of progress below, and counts at the end."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._counts: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._passages = 0
        self._is_lively = not as_json and terminal.is_lively(sys.stderr)
        self._next = self._said = time.monotonic()
        self._begun = time.monotonic()
        # The first failure.
        self.worst: Problem | None = None

    def one(self, one: Indexed) -> None:
        self._counts[one.outcome] += 1
        self._passages += one.passages
        if one.why is not None:
            self._reasons[one.why] += 1
        if self._as_json:
            terminal.emit(one.to_json())
        if one.problem is not None:
            self._failed(one.problem)
        whole = "" if one.whole is None else f", {one.done * 100 // max(one.whole, 1)} %"
        self._progress(f"{sum(self._counts.values())} texts, {self._passages} passages{whole}")

    def _failed(self, problem: Problem) -> None:
        self.worst = self.worst or problem
        if self._as_json or self._counts["failed"] > _SHOWN_PROBLEMS:
            return
        self.wipe()
        said = f"failed: {problem.where}: {problem.message} [{problem.code.text}]"
        terminal.note(terminal.printable(said))

    def embedded(self, one: Embedded) -> None:
        spent = time.monotonic() - self._begun
        left = terminal.span(spent / one.done * (one.whole - one.done))
        self._progress(
            f"meanings: {one.done} of {one.whole} passages, {left} left (Ctrl-C is fine)"
        )

    def indexed(self) -> None:
        self.wipe()
        self._begun = self._said = time.monotonic()
        if self._as_json:
            return
        words = {"indexed": "indexed", "unchanged": "unchanged", "removed": "removed"}
        told = [
            f"{self._counts[name]} {word}" for name, word in words.items() if self._counts[name]
        ]
        if self._counts["skipped"]:
            why = ", ".join(f"{n} {reason}" for reason, n in self._reasons.most_common())
            told.append(f"{self._counts['skipped']} passed over ({why})")
        if self._counts["failed"]:
            told.append(f"{self._counts['failed']} failed")
        text = ", ".join(told) or "There are no texts"
        terminal.out(terminal.printable(f"{text}; {self._passages} new passages"))

    def end(self, embedded: dict[str, Any] | None) -> None:
        self.wipe()
        if self._as_json:
            names = ("indexed", "unchanged", "skipped", "failed", "removed")
            counts = {name: self._counts[name] for name in names}
            terminal.emit(
                {"event": "done", **counts, "passages": self._passages, "meanings": embedded}
            )
        elif embedded is not None and embedded["passages"]:
            terminal.out(f"{embedded['passages']} meanings by {embedded['model']}")

    def _progress(self, text: str) -> None:
        now = time.monotonic()
        if self._is_lively and now >= self._next:
            self._next = now + _EVERY_S
            sys.stderr.write(f"\r\x1b[K{terminal.printable(text)}")
            sys.stderr.flush()
        elif not self._is_lively and not self._as_json and now >= self._said + _SAID_EVERY_S:
            self._said = now
            terminal.note(text)

    def wipe(self) -> None:
        if self._is_lively:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _list(used: App, *, as_json: bool) -> None:
    from reelwright.app.documents.listing import listing

    found = listing(used)
    if as_json:
        terminal.emit({"documents": [one.to_json() for one in found]})
        return
    _table(found)
    if not found:
        terminal.note("Nothing is indexed: `reel index PATH`, `reel understand VIDEO`.")


def _remove(used: App, names: Sequence[str], *, as_json: bool) -> None:
    from reelwright.app.documents.listing import remove

    gone = remove(used, names)
    if as_json:
        terminal.emit({"removed": [one.to_json() for one in gone]})
    else:
        terminal.out(f"{len(gone)} taken out of the index; their files stay")


def _table(found: Sequence[Listed]) -> None:
    rows = [
        (
            one.row.id,
            one.row.kind,
            one.row.title[:50],
            "" if one.row.duration_s is None else terminal.span(one.row.duration_s),
            one.row.path or one.row.subject,
        )
        for one in found
    ]
    if rows:
        terminal.table(("id", "kind", "title", "length", "from"), rows)
