"""`reel library`: what is kept, what is said in it, and putting it in order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelwright.cli import choice, origins, terminal
from reelwright.cli import library_shown as shown
from reelwright.cli.options import AsJson

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.cli.choice import Target
    from reelwright.store.assets import Sort, Wanted

app = typer.Typer(add_completion=False)
origins.register(app)

_SHOWN = 50
# What a service is asked for, too.
_OF_SERVICES = ("show", "search")

AssetId = Annotated[
    str,
    typer.Argument(
        metavar="ASSET", help="Its id or the first of it, its URL, or `last` for the latest."
    ),
]
Place = Annotated[
    Path | None, typer.Option("--library", metavar="FOLDER", help="Which one. [REEL_LIBRARY]")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.callback(invoke_without_command=True)
def library(  # size: one line an option
    context: typer.Context,
    text: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What title or channel contain.")
    ] = None,
    channel: Annotated[str | None, typer.Option(metavar="NAME", help="Of this channel.")] = None,
    after: Annotated[
        str | None, typer.Option(metavar="DATE", help="Published on that day (UTC) or later.")
    ] = None,
    before: Annotated[
        str | None, typer.Option(metavar="DATE", help="Published before that day (UTC).")
    ] = None,
    state: Annotated[
        str | None, typer.Option(metavar="STATE", help="held, incomplete, damaged or missing.")
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option(metavar="STATE", help="Of its origin: there, gone, not_found, restricted, …"),
    ] = None,
    sort: Annotated[
        str, typer.Option(metavar="BY", help="added, published, title, channel, duration or size.")
    ] = "added",
    reverse: Annotated[bool, typer.Option("--reverse", help="The other way round.")] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="So many; default: 50, and with --json all.")
    ] = None,
    place: Place = None,
    as_json: AsJson = False,
) -> None:
    """List what is kept, the latest first.

    Examples: `reel library --channel "Blender" --sort published`, `reel library --json`
    """
    if context.invoked_subcommand is not None:
        _refuse_options(context, context.invoked_subcommand)
        if context.invoked_subcommand not in _OF_SERVICES:
            choice.here_only(f"library {context.invoked_subcommand}")
        return
    wanted, by = _wanted(text, channel, after, before, state, origin), _sort(sort)
    most = limit if as_json or limit is not None else _SHOWN
    target = _service(place)
    if target is not None:
        from reelwright.cli.remote.library import listing as listed

        filters = {"q": text, "channel": channel, "after": after, "before": before}
        asked = {**filters, "state": state, "origin": origin, "sort": by, "reverse": reverse}
        with listed(target, asked, most) as (head, found):
            shown.tell(head, found, most, as_json=as_json)
        return
    from reelwright.cli.use import opened

    with opened(library=_absolute(place)) as used:
        shown.tell(_head(used), _found(used, wanted, by, reverse, most), most, as_json=as_json)


@app.command()
def show(asset: AssetId = "last", place: Place = None, as_json: AsJson = False) -> None:
    """Show one asset: its files, chapters, and what is known of it.

    Example: `reel library show last`
    """
    found = _details(asset, place)
    if as_json:
        terminal.emit(found)
    else:
        shown.show(found)


def _details(asset: str, place: Path | None) -> dict[str, Any]:
    target = _service(place)
    if target is not None:
        from reelwright.cli.remote import library as remote

        return remote.details(target, asset)
    from reelwright.app.library.looking import details, identify
    from reelwright.cli.use import opened

    with opened(library=_absolute(place)) as used:
        return details(used, identify(used, asset).id).to_json()


@app.command()
def search(
    words: Annotated[
        list[str],
        typer.Argument(metavar="WORD…", help='All are said; "words together", or begun: transl*.'),
    ],
    language: Annotated[str | None, typer.Option(metavar="LANG", help="Of the captions.")] = None,
    asset: Annotated[str | None, typer.Option(metavar="ASSET", help="In this one only.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="So many at the most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Find what is said, by the captions.

    Examples: `reel library search render farm`, `reel library search '"open movie"' --json`
    """
    # A word with a space was quoted in the shell: its words stand together.
    asked = " ".join(f'"{w}"' if " " in w and '"' not in w else w for w in words)
    hits = _hits(asked, language, asset, limit)
    if as_json:
        terminal.emit({"words": asked, "hits": hits})
        return
    for hit in hits:
        title = terminal.printable(hit["title"])
        terminal.out(terminal.bold(f"{title}  {shown.clock(hit['start_s'])}  {hit['asset']}"))
        terminal.out(f"    {terminal.printable(hit['snippet'])}")
    if not hits:
        terminal.note("Nothing of that is said in what is kept.")


def _hits(asked: str, language: str | None, asset: str | None, limit: int) -> list[dict[str, Any]]:
    target = _service(None)
    if target is not None:
        from reelwright.cli.remote import library as remote

        return remote.search(target, asked, language, asset, limit)
    from reelwright.app.library.looking import identify
    from reelwright.app.library.searching import search as search_captions
    from reelwright.cli.use import opened

    with opened() as used:
        only = None if asset is None else identify(used, asset).id
        hits = search_captions(used, asked, language=language, asset_id=only, limit=limit)
    return [hit.to_json() for hit in hits]


@app.command()
def remove(
    chosen: Annotated[
        list[str], typer.Argument(metavar="ASSET…", help="Ids, or their first characters, or URLs.")
    ],
    keep_files: Annotated[
        bool, typer.Option("--keep-files", help="Forget it, and leave its files.")
    ] = False,
    old_versions: Annotated[
        bool, typer.Option("--old-versions", help="Only videos that a newer one stands beside.")
    ] = False,
    yes: Yes = False,
    place: Place = None,
    as_json: AsJson = False,
) -> None:
    """Delete assets with their files. Subscriptions do not fetch them again.

    Examples: `reel library remove 1m7z9`, `reel library remove 1m7z9 --old-versions`
    """
    from reelwright.app.library import removing
    from reelwright.app.library.looking import details, identify
    from reelwright.cli.use import opened

    with opened(library=_absolute(place)) as used:
        rows = [identify(used, one) for one in chosen]
        for row in rows:
            found = details(used, row.id)
            what = "forgotten" if keep_files else f"deleted: {len(found.files)} files"
            what = "rid of its old versions" if old_versions else what
            terminal.note(f"{row.id} {terminal.printable(row.title)} is {what} in {found.folder}")
        _confirm("Go on?", yes=yes)
        if old_versions:
            done = [removing.remove_old_versions(used, row.id) for row in rows]
        else:
            done = [removing.remove(used, row.id, keep_files=keep_files) for row in rows]
    if as_json:
        body = [{"asset": r.asset_id, "files": r.files, "bytes": r.size_bytes} for r in done]
        terminal.emit({"removed": body})
        return
    files, size = sum(r.files for r in done), sum(r.size_bytes for r in done)
    terminal.out(f"{len(done)} assets: {files} files, {terminal.size(size)} removed")


@app.command()
def rename(
    template: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The new one; default: the setting's.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show, and move nothing.")] = False,
    yes: Yes = False,
    place: Place = None,
    as_json: AsJson = False,
) -> None:
    """Give all assets the folders of a template. What is cut off is finished by the next run.

    Example: `reel library rename --template "{channel}/{upload_date:%Y}/{title} [{id}]" --dry-run`
    """
    from reelwright.app.library import renaming
    from reelwright.cli.use import opened

    with opened(library=_absolute(place)) as used:
        chosen = template or used.settings.archive.template
        plan = list(renaming.planned(used, chosen))
        if not as_json:
            for one in plan if dry_run else plan[:10]:
                terminal.out(terminal.printable(f"{one.old} → {one.new}"))
        failed: list[renaming.Renaming] = []
        if not dry_run:
            if plan:
                _confirm(f"Move {len(plan)} assets?", yes=yes)
            failed = renaming.rename(used, chosen)
    if as_json:
        moved = [{"asset": one.asset_id, "old": one.old, "new": one.new} for one in plan]
        errors = [{"asset": one.asset_id, "error": one.error} for one in failed]
        terminal.emit({"template": chosen, "dry_run": dry_run, "moves": moved, "failed": errors})
    else:
        for one in failed:
            terminal.note(f"{one.asset_id} stays in {one.old}: {one.error}")
        done = "would move" if dry_run else "moved"
        terminal.note(f"{len(plan) - len(failed)} assets {done}")
    if failed:
        raise typer.Exit(1)


def _refuse_options(context: typer.Context, command: str) -> None:
    """Options of the list before another command would look as if they meant that."""
    from reelwright.errors import Code, ReelError

    given = [name for name, value in context.params.items() if value not in (None, False, "added")]
    if given:
        option = {"place": "--library", "as_json": "--json"}.get(given[0], f"--{given[0]}")
        said = f"{option} stands before '{command}'"
        hint = f"options of `reel library {command}` stand behind it"
        raise ReelError(Code.USAGE, said, where=option, hint=hint)


def _wanted(
    text: str | None,
    channel: str | None,
    after: str | None,
    before: str | None,
    state: str | None,
    origin: str | None,
) -> Wanted:
    from reelwright.store.assets import AssetState, Wanted
    from reelwright.store.origins import Origin

    if state is not None:
        _one_of("--state", state, [known.value for known in AssetState])
    if origin is not None:
        _one_of("--origin", origin, [known.value for known in Origin])
    return Wanted(
        text=text,
        channel=channel,
        after=_day(after, "--after"),
        before=_day(before, "--before"),
        state=state,
        origin_state=origin,
    )


def _sort(given: str) -> Sort:
    from reelwright.store.assets import Sort

    _one_of("--sort", given, [known.value for known in Sort])
    return Sort(given)


def _one_of(option: str, given: str, known: list[str]) -> None:
    if given not in known:
        from reelwright.errors import Code, ReelError

        raise ReelError(
            Code.USAGE, f"'{given}' is none", where=option, hint=f"one of {', '.join(known)}"
        )


def _day(given: str | None, option: str) -> float | None:
    if given is None:
        return None
    from datetime import UTC, date, datetime, time

    from reelwright.errors import Code, ReelError

    try:
        return datetime.combine(date.fromisoformat(given), time(), UTC).timestamp()
    except ValueError as error:
        hint = "write it as 2026-11-21"
        raise ReelError(Code.USAGE, f"'{given}' is no day", where=option, hint=hint) from error


def _service(place: Path | None) -> Target | None:
    """The one to ask. Raises USAGE where a folder of this machine is named beside it."""
    target = choice.target()
    if target is not None and place is not None:
        from reelwright.errors import Code, ReelError

        raise ReelError(Code.USAGE, "a service has a library of its own", where="--library")
    return target


def _head(used: App) -> dict[str, Any]:
    from reelwright.app.library.looking import head

    return head(used)


def _found(
    used: App, wanted: Wanted, sort: Sort, reverse: bool, most: int | None
) -> Iterator[dict[str, Any]]:
    """One more than `most`, which says that there are more."""
    from itertools import islice

    from reelwright.app.library.looking import everything

    found = everything(used, wanted, sort=sort, reverse=reverse)
    yield from (one.to_json() for one in islice(found, None if most is None else most + 1))


def _confirm(question: str, *, yes: bool) -> None:
    """Raises USAGE where nobody can be asked."""
    import sys

    if yes:
        return
    if not sys.stdin.isatty():
        from reelwright.errors import Code, ReelError

        raise ReelError(Code.USAGE, "nobody can be asked here", hint="pass --yes if it is meant")
    typer.confirm(question, abort=True, err=True)


def _absolute(place: Path | None) -> Path | None:
    return None if place is None else place.absolute()
