"""`reel clip`: a part of a video, cut out: by its times, or by what is said or shown in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reelwright.cli import finding, terminal
from reelwright.cli.options import AsJson

if TYPE_CHECKING:
    from reelwright.app.search.cuts import Cut
    from reelwright.app.wiring import App

app = typer.Typer(add_completion=False)


@app.command()
def clip(  # size: one line an option
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="QUERY|ASSET|FILE", help="What is looked for; or a video, with --from or --to."
        ),
    ],
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Where the clip begins: 1:02:03.5.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Where it ends.")] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", help="Default: its title, in this folder."),
    ] = None,
    number: Annotated[
        int, typer.Option("-n", "--number", min=1, max=1000, help="Of a query which hit.")
    ] = 1,
    asset: finding.Assets = None,
    padding: Annotated[
        float, typer.Option(min=0, max=600, metavar="SECONDS", help="Around a hit of a query.")
    ] = 1.0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it exists.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Cut out the best moment for a query, or a part of a video; what can be copied is.

    Examples: `reel clip "render farm" -o farm.mp4`, `reel clip talk.mp4 --from 1:10 --to 2:05`
    """
    from reelwright.app.search import clips
    from reelwright.cli.clipping import cut_out
    from reelwright.cli.use import opened

    with opened() as used:
        if start is not None or end is not None:
            cut = _part(used, " ".join(what), start, end)
        else:
            cut = _found(used, " ".join(what), asset, number, padding)
        path = (out or Path(clips.clip_name(cut))).absolute()
        if path.is_dir():
            path = path / clips.clip_name(cut)
        made = clips.one(cut, path)
        code = cut_out(used, made, [cut], {}, overwrite=overwrite, as_json=as_json)
    raise typer.Exit(code)


def _part(used: App, named: str, start: str | None, end: str | None) -> Cut:
    from reelwright.app.search.parts import part_of
    from reelwright.cli.use import run

    return run(lambda: part_of(used, named, start, end))


def _found(used: App, query: str, asset: list[str] | None, number: int, padding: float) -> Cut:
    from reelwright.app.search.cuts import cuts_of
    from reelwright.app.search.parts import is_video
    from reelwright.app.search.searching import Asked
    from reelwright.cli.use import run
    from reelwright.errors import Code, ReelError

    if is_video(used, query):
        hint = f"`reel clip {query} --from 1:10 --to 2:05`"
        raise ReelError(Code.USAGE, "which part of it?", where="--from", hint=hint)
    limits = finding.filters(used, asset=asset, videos=True)
    page = finding.find(used, Asked(text=query, k=1, offset=number - 1, filters=limits))
    cuts, notes = run(lambda: cuts_of(used, page.moments, padding_s=padding))
    for told in (*page.notes, *notes):
        terminal.note(terminal.printable(told))
    if not cuts:
        said = "no video has that" if number == 1 else f"there are fewer than {number} hits"
        raise ReelError(Code.NO_EVIDENCE, said, where=query, hint=f"`reel search {query}`")
    return cuts[0]
