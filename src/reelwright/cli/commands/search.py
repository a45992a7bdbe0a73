"""`reel search`: moments of videos and places in texts; cut out, and handed to other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelwright.cli import choice, finding, terminal
from reelwright.cli.optional_value import STDOUT, OptionalValue
from reelwright.cli.options import AsJson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reelwright.app.search.cuts import Cut
    from reelwright.app.search.searching import Asked
    from reelwright.app.wiring import App
    from reelwright.cli.choice import Target
    from reelwright.cli.remote.searching import Limits
    from reelwright.search.moments import Page

app = typer.Typer(add_completion=False)


class _Search(OptionalValue):
    may_be_bare = frozenset({"--otio", "--edl", "--vtt", "--srt"})


def _file_of(what: str) -> Any:
    return typer.Option(metavar="[FILE]", help=f"The hits as {what}; without FILE, print it.")


@app.command(cls=_Search)
def search(  # size: one line an option
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="QUERY…", help='Words, "a phrase", begun*, -without, channel:NAME, kind:speech.'
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", "--limit", min=1, max=1000, help="So many hits.")] = 10,
    offset: Annotated[int, typer.Option(min=0, help="Pass over so many.")] = 0,
    page: Annotated[
        int | None, typer.Option(min=1, help="In place of --offset: the first is 1.")
    ] = None,
    channel: finding.Channel = None,
    after: finding.After = None,
    before: finding.Before = None,
    language: finding.Language = None,
    kind: finding.Kind = None,
    speaker: finding.Speaker = None,
    duration: finding.Length = None,
    asset: finding.Assets = None,
    videos: finding.Videos = False,
    documents: finding.Documents = False,
    image: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Search by this picture, too.")
    ] = None,
    words_only: Annotated[
        bool, typer.Option("--words", help="By words alone, not by meaning.")
    ] = False,
    why: Annotated[bool, typer.Option("--why", help="Say what speaks for each hit.")] = False,
    clip: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Cut the hits out, into this folder.")
    ] = None,
    join: Annotated[
        bool, typer.Option("--join", help="With --clip: one reel of all hits, in place of each.")
    ] = False,
    padding: Annotated[
        float, typer.Option(min=0, max=600, metavar="SECONDS", help="Around each hit that is cut.")
    ] = 1.0,
    spec: Annotated[
        bool, typer.Option("--spec", help="Print the job that would cut, and cut nothing.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that exist.")
    ] = False,
    otio: Annotated[str | None, _file_of("an OpenTimelineIO timeline")] = None,
    edl: Annotated[str | None, _file_of("an edit list (CMX 3600)")] = None,
    vtt: Annotated[str | None, _file_of("WebVTT")] = None,
    srt: Annotated[str | None, _file_of("SubRip")] = None,
    as_json: AsJson = False,
) -> None:
    """Find moments of videos by what is said, shown and written in them, and places in texts.

    Words are found in any of their forms, and by their meaning where it is known. Hits of a video
    are a stretch of its time; --clip cuts them out, without encoding what can be copied.

    Examples: `reel search render farm`, `reel search '"open movie" kind:speech' --json`,
    `reel search goal --clip goals/ --join`, `reel search goal --edl goals.edl`
    """
    wanted = {form: to for form, to in (("otio", otio), ("edl", edl), ("vtt", vtt), ("srt", srt))
              if to is not None}  # fmt: skip
    _check(wanted, clip=clip, join=join, spec=spec, as_json=as_json)
    offset = offset if page is None else (page - 1) * k
    target = choice.target()
    if target is not None:
        _refuse(wanted, image=image, clip=clip, spec=spec)
        limits_there = finding.limits(
            channel=channel, after=after, before=before, language=language, kind=kind,
            speaker=speaker, duration=duration, asset=asset, videos=videos, documents=documents,
        )  # fmt: skip
        _elsewhere(target, _typed(words or []), limits_there, k=k, offset=offset,
                   words_only=words_only, why=why, as_json=as_json)  # fmt: skip
        return
    from reelwright.app.search.searching import Asked
    from reelwright.cli.use import opened

    with opened() as used:
        limits = finding.filters(
            used, channel=channel, after=after, before=before, language=language, kind=kind,
            speaker=speaker, duration=duration, asset=asset, videos=videos, documents=documents,
        )  # fmt: skip
        asked = Asked(
            text=_typed(words or []),
            k=k,
            offset=offset,
            filters=limits,
            image=finding.image_of(image),
            is_lexical=words_only,
        )
        found = finding.find(used, asked)
        if clip is None and not spec and not wanted:
            _tell(used, found, asked, why=why, as_json=as_json)
            return
        cuts = _cuts(used, found, padding)
        for form, to in wanted.items():
            _write(form, to, cuts, asked.text or "hits", overwrite=overwrite)
        if clip is not None or spec:
            _clip(used, found, asked, cuts, clip or Path(), join=join, spec=spec,
                  overwrite=overwrite, as_json=as_json)  # fmt: skip
        elif as_json:
            _tell(used, found, asked, why=why, as_json=True)


def _elsewhere(
    target: Target,
    text: str,
    limits: Limits,
    *,
    k: int,
    offset: int,
    words_only: bool,
    why: bool,
    as_json: bool,
) -> None:
    """What a service has."""
    from reelwright.cli.remote import searching

    body = searching.search(target, text, limits, k=k, offset=offset, words_only=words_only)
    if as_json:
        terminal.emit(body)
    else:
        finding.show(searching.page_of(body), why=why)


def _refuse(
    wanted: Mapping[str, str], *, image: Path | None, clip: Path | None, spec: bool
) -> None:
    """Raises USAGE for what needs the videos, or a model, at hand."""
    from reelwright.errors import Code, ReelError

    given = {"--image": image is not None, "--clip": clip is not None, "--spec": spec}
    given |= {f"--{form}": True for form in wanted}
    for option, is_given in given.items():
        if is_given:
            said = f"{option} does not go with --server: the videos are there, not here"
            hint = (
                "`--json` has the hits; `reel --server URL run` cuts assets: a `trim` of asset:ID"
            )
            raise ReelError(Code.USAGE, said, where=option, hint=hint)


def _typed(words: list[str]) -> str:
    """As it was typed: a word with a space was quoted in the shell, so its words stand together,
    but where it is all there is, it is the query."""
    if len(words) == 1:
        return words[0]
    return " ".join(f'"{w}"' if " " in w and '"' not in w and ":" not in w else w for w in words)


def _check(
    wanted: Mapping[str, str], *, clip: Path | None, join: bool, spec: bool, as_json: bool
) -> None:
    from reelwright.errors import Code, ReelError

    if join and clip is None and not spec:
        raise ReelError(Code.USAGE, "where to?", where="--join", hint="add --clip DIR")
    printed = [*(f"--{form}" for form, to in wanted.items() if to == STDOUT)]
    printed += ["--json"] if as_json else []
    printed += ["--spec"] if spec else []
    if len(printed) > 1 and printed != ["--json", "--spec"]:
        said = f"{' and '.join(printed)} would both be printed"
        raise ReelError(Code.USAGE, said, where=printed[0], hint=f"{printed[0]} FILE writes a file")


def _tell(used: App, page: Page, asked: Asked, *, why: bool, as_json: bool) -> None:
    if as_json:
        from reelwright.app.search.searching import page_json

        terminal.emit(page_json(used, page, asked))
    else:
        finding.show(page, why=why)


def _cuts(used: App, page: Page, padding: float) -> list[Cut]:
    from reelwright.app.search.cuts import cuts_of
    from reelwright.cli.use import run

    cuts, notes = run(lambda: cuts_of(used, page.moments, padding_s=padding))
    for told in (*page.notes, *notes):
        terminal.note(terminal.printable(told))
    if not page.moments:
        terminal.note("Nothing was found.")
    return cuts


def _write(form: str, to: str, cuts: list[Cut], title: str, *, overwrite: bool) -> None:
    from reelwright.app.search.edit_lists import written
    from reelwright.app.search.files import put_text

    text = written(form, cuts, title)
    if to == STDOUT:
        terminal.out(text.rstrip("\n"))
        return
    put_text(Path(to), text, overwrite=overwrite)
    terminal.note(f"{to}: {len(cuts)} parts")


def _clip(
    used: App,
    page: Page,
    asked: Asked,
    cuts: list[Cut],
    folder: Path,
    *,
    join: bool,
    spec: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    from reelwright.app.search import clips
    from reelwright.app.search.cuts import in_time
    from reelwright.cli.clipping import cut_out

    target = folder.absolute()
    if join:
        cuts = in_time(cuts)
        made = clips.joined(cuts, target / clips.reel_name(cuts))
    else:
        made = clips.each(cuts, target)
    if spec:
        terminal.emit(made.spec)
        return
    head: dict[str, Any] = {}
    if as_json:
        from reelwright.app.search.searching import page_json

        head = page_json(used, page, asked)
    raise typer.Exit(cut_out(used, made, cuts, head, overwrite=overwrite, as_json=as_json))
