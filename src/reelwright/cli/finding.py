"""The options of a search, which several commands take, and how hits are shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from reelwright.cli import terminal

if TYPE_CHECKING:
    from reelwright.app.search.searching import Asked
    from reelwright.app.wiring import App
    from reelwright.cli.remote.searching import Limits
    from reelwright.search.moments import Moment, Page
    from reelwright.search.query import Filters

Channel: TypeAlias = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Of this channel; repeatable.")
]
After: TypeAlias = Annotated[
    str | None, typer.Option(metavar="DATE", help="Published on that day (UTC) or later.")
]
Before: TypeAlias = Annotated[
    str | None, typer.Option(metavar="DATE", help="Published before that day (UTC).")
]
Language: TypeAlias = Annotated[
    list[str] | None, typer.Option(metavar="LANG", help="en has en-GB, too; repeatable.")
]
Kind: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KIND",
        help="What of it: speech, text (in the picture), captions, description, title, chapter,"
        " frame, body (of a text); repeatable.",
    ),
]
Speaker: TypeAlias = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Said by them; repeatable.")
]
Length: TypeAlias = Annotated[
    str | None, typer.Option("--duration", metavar="RANGE", help="Of the video: '>10m', 5m..20m.")
]
Assets: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--asset", metavar="ASSET", help="In this one: id, URL or file; repeatable."),
]
Videos: TypeAlias = Annotated[bool, typer.Option("--videos", help="In videos only.")]
Documents: TypeAlias = Annotated[bool, typer.Option("--documents", help="In texts only.")]


def filters(
    used: App,
    *,
    channel: Sequence[str] | None = None,
    after: str | None = None,
    before: str | None = None,
    language: Sequence[str] | None = None,
    kind: Sequence[str] | None = None,
    speaker: Sequence[str] | None = None,
    duration: str | None = None,
    asset: Sequence[str] | None = None,
    videos: bool = False,
    documents: bool = False,
) -> Filters:
    """Raises USAGE, QUERY_INVALID, ASSET_UNKNOWN, DOCUMENT_UNKNOWN."""
    from dataclasses import replace

    from reelwright.search.query import Filters, parse

    _refuse_both(videos=videos, documents=documents)
    # The same words as in a query, and so the same errors; a name may hold anything.
    told = [("after", after), ("before", before), ("duration", duration)]
    text = " ".join(f'{key}:"{value}"' for key, value in told if value is not None)
    assets, texts = _subjects(used, asset or ())
    return replace(
        parse(text).filters if text else Filters(),
        channels=tuple(channel or ()),
        languages=tuple(language or ()),
        kinds=tuple(kind or ()),
        speakers=tuple(speaker or ()),
        assets=assets,
        documents=texts,
        sources=("video",) if videos else ("document",) if documents else (),
    )


def limits(
    *,
    channel: Sequence[str] | None = None,
    after: str | None = None,
    before: str | None = None,
    language: Sequence[str] | None = None,
    kind: Sequence[str] | None = None,
    speaker: Sequence[str] | None = None,
    duration: str | None = None,
    asset: Sequence[str] | None = None,
    videos: bool = False,
    documents: bool = False,
) -> Limits:
    """The same for a service. Raises USAGE."""
    from reelwright.cli.remote.searching import Limits

    _refuse_both(videos=videos, documents=documents)
    return Limits(
        channels=tuple(channel or ()),
        after=after,
        before=before,
        languages=tuple(language or ()),
        kinds=tuple(kind or ()),
        speakers=tuple(speaker or ()),
        duration=duration,
        assets=tuple(asset or ()),
        source="video" if videos else "document" if documents else None,
    )


def _refuse_both(*, videos: bool, documents: bool) -> None:
    from reelwright.errors import Code, ReelError

    if videos and documents:
        said = "--videos and --documents exclude each other"
        raise ReelError(Code.USAGE, said, where="--documents")


def _subjects(used: App, named: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Ids of assets, and subjects of what no asset holds: a file that was understood, a text."""
    from reelwright.app.library.looking import identify
    from reelwright.errors import Code, ReelError
    from reelwright.store import documents

    assets: list[str] = []
    subjects: list[str] = []
    for name in named:
        path = str(Path(name).absolute())
        with used.store.read() as tx:
            rows = list(documents.every(tx)) if name else []
        found = [r.subject for r in rows if name in (r.id, r.subject) or r.path == path]
        if found:
            subjects += found
            continue
        try:
            assets.append(identify(used, name.removeprefix("asset:")).id)
        except ReelError as error:
            if error.code is not Code.ASSET_UNKNOWN:
                raise
            said = f"'{name}' is no asset, and nothing of that name is indexed"
            raise ReelError(Code.DOCUMENT_UNKNOWN, said, where="--asset") from error
    return tuple(assets), tuple(subjects)


def image_of(path: Path | None) -> bytes | None:
    """Raises INPUT_NOT_FOUND, INPUT_UNREADABLE."""
    if path is None:
        return None
    from reelwright.errors import Code, ReelError

    try:
        return path.read_bytes()
    except OSError as error:
        code = Code.INPUT_UNREADABLE if path.exists() else Code.INPUT_NOT_FOUND
        said = f"{path}: {error.strerror or error}"
        raise ReelError(code, said, where="--image", hint="name a PNG or JPEG") from error


def find(used: App, asked: Asked) -> Page:
    """Raises what `app.search.searching.search` raises."""
    from reelwright.app.search.searching import search
    from reelwright.cli.use import run

    return run(lambda: search(used, used.asker(), asked))


def show(page: Page, *, why: bool) -> None:
    for number, moment in enumerate(page.moments, page.offset + 1):
        _show(number, moment, why=why)
    for told in page.notes:
        terminal.note(terminal.printable(told))
    if not page.moments:
        terminal.note("Nothing was found." if not page.offset else "There are no more.")
    elif page.next_offset is not None:
        terminal.note(f"{page.total} in all; the next: --offset {page.next_offset}")


def _show(number: int, moment: Moment, *, why: bool) -> None:
    place = span(moment.start_s, moment.end_s) or lines_of(moment)
    named = moment.asset_id or moment.path or moment.subject
    title = terminal.bold(terminal.printable(f"{number}. {moment.title}"))
    channel = f"  {terminal.printable(moment.channel)}" if moment.channel else ""
    terminal.out(f"{title}{channel}  {place}  {terminal.dim(terminal.printable(named))}")
    kinds = dict.fromkeys((moment.kind, *(one.leg.split(" ")[0] for one in moment.why)))
    terminal.out(f"   {marked(moment)}  {terminal.dim('[' + ', '.join(kinds) + ']')}")
    if why:
        for one in moment.why:
            said = f"{one.leg}: number {one.rank} ({one.value:.3f}), {one.share:.4f} of "
            terminal.out(terminal.dim(f"     {said}{moment.score:.4f}"))


def marked(moment: Moment) -> str:
    """Its snippet on one line, what was looked for in bold."""
    parts, at = [], 0
    text = moment.snippet
    for start, end in moment.marks:
        if start >= at:
            parts += [_line(text[at:start]), terminal.bold(_line(text[start:end]))]
            at = end
    return "".join([*parts, _line(text[at:])])


def _line(text: str) -> str:
    return terminal.printable(text.replace("\n", " ").replace("\t", " "))


def span(start_s: float | None, end_s: float | None) -> str:
    from reelwright.analysis.citations import clock

    if start_s is None:
        return ""
    if end_s is None or int(end_s) == int(start_s):
        return clock(start_s)
    return f"{clock(start_s)}\u2013{clock(end_s)}"


def lines_of(moment: Moment) -> str:
    lines = moment.evidence[0].source.get("lines") if moment.evidence else None
    if not lines:
        return ""
    return f"line {lines[0]}" if lines[0] == lines[1] else f"lines {lines[0]}\u2013{lines[1]}"
