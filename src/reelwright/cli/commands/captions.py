"""`reel captions`: the cues of a file of captions, or of a video's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reelwright.cli import terminal
from reelwright.cli.exits import exit_code
from reelwright.cli.options import AsJson, Walls
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.captions import Captions

app = typer.Typer(add_completion=False)


@app.command()
def captions(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="WebVTT, SubRip, ASS; or a video with a text track."),
    ],
    track: Annotated[
        int, typer.Option(min=0, metavar="N", help="Which track of a video, from 0.")
    ] = 0,
    as_json: AsJson = False,
    sandbox: Walls = None,
) -> None:
    """Read captions: what is shown from when to when.

    WebVTT is read as the W3C's parser does, so as browsers do; SubRip and ASS as players do. A cue
    that cannot be read is left out, and its line is named on standard error.

    Examples: `reel captions talk.srt`, `reel captions film.mkv --json | jq '.cues | length'`
    """
    from reelwright.cli.single import refuse_server

    refuse_server("captions")
    try:
        found = _read(file.absolute(), track, sandbox)
    except ReelError as error:
        if not as_json or error.code is not Code.MEDIA_UNRECOGNISED:
            raise
        # What is no captions has none: the W3C's parser says so too. It is an error all the same.
        told = [{**one.to_json(), "hint": terminal.hint(one)} for one in error.problems]
        terminal.emit({"cues": [], "error": told[0], "problems": told})
        raise typer.Exit(exit_code(error.code)) from error
    for number, line in found.unread:
        terminal.note(f"line {number}: left out, these are no times: {terminal.printable(line)}")
    if as_json:
        terminal.emit(found.to_json())
    else:
        _show(found)


def _read(path: Path, track: int, sandbox: bool | None) -> Captions:
    from reelwright.app.captions import form_of, read_captions, read_track
    from reelwright.app.inputs import existing
    from reelwright.app.probe import probe_file
    from reelwright.cli.use import opened, run, sandbox_flag

    existing(path)
    form = form_of(path)
    if form is not None:
        return read_captions(path, form)
    with opened(sandbox=sandbox_flag(sandbox)) as used:
        info = run(lambda: probe_file(used, path))
        return run(lambda: read_track(used, path, info, track))


def _show(found: Captions) -> None:
    from reelwright.media.cue_writing import clock

    if not found.cues:
        terminal.note("there are no cues in it")
    for cue in found.cues:
        span = f"{clock(round(cue.start_s * 1000))} – {clock(round(cue.end_s * 1000))}"
        said = " / ".join(terminal.printable(line) for line in cue.plain.split("\n"))
        terminal.out(f"{terminal.dim(span)}  {said}")
