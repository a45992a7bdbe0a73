"""`reel read-text`: what is written in a video or a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelwright.cli import choice, terminal
from reelwright.cli.options import Walls
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.cli.choice import Target

app = typer.Typer(add_completion=False)


@app.command()
def read_text(  # size: one line an option
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A video, or a picture: PNG, JPEG, TIFF, WebP…")
    ],
    language: Annotated[
        str | None,
        typer.Option(
            metavar="TAG",
            help="Language of what is written (de, zh, ru…; several with commas), where a model"
            " reads several scripts.",
        ),
    ] = None,
    every: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION", help="Time from one picture that is looked at to the next; 1s."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, for programs.")
    ] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Read a video again, as if it were new.")
    ] = False,
    sandbox: Walls = None,
) -> None:
    """Read what is written in the picture: texts with their times and places.

    Boxes are left, top, width and height in pixels of the picture as it is displayed. In a video a
    text has a start and an end in seconds; in a picture both are null.

    Examples: `reel read-text talk.mp4`, `reel read-text slide.png --json | jq -r '.texts[].text'`
    """
    from reelwright.cli.single import refuse_there
    from reelwright.cli.use import opened, sandbox_flag

    said = {"language": language, "every": every}
    asked = {name: value for name, value in said.items() if value is not None}
    target = choice.target()
    if target is not None:
        refuse_there({"--sandbox": sandbox is not None})
        found = _read_there(target, file.absolute(), asked, use_cache=not no_cache)
    else:
        with opened(sandbox=sandbox_flag(sandbox)) as used:
            found = _read(used, file.absolute(), asked, use_cache=not no_cache)
    for line in found.get("damage", ()):
        terminal.note(f"the picture is damaged: {terminal.printable(line)}")
    if as_json:
        terminal.emit(found)
    else:
        _show(found)


def _read(used: App, path: Path, asked: dict[str, str], *, use_cache: bool) -> dict[str, Any]:
    from reelwright.app.inputs import existing
    from reelwright.app.probe import probe_file
    from reelwright.app.read_picture import is_picture, read_picture
    from reelwright.cli.single import analysed
    from reelwright.cli.use import run

    info = run(lambda: probe_file(used, existing(path)))
    if is_picture(info):
        tags = [tag.strip() for tag in asked.get("language", "").split(",") if tag.strip()]
        return run(lambda: read_picture(used, path, info, tags))
    found: dict[str, Any] = analysed(used, path, _operations(asked), _WANT, use_cache=use_cache)
    return found


def _read_there(
    target: Target, path: Path, asked: dict[str, str], *, use_cache: bool
) -> dict[str, Any]:
    """Raises USAGE for a picture: to read one there is no job."""
    from reelwright.app.read_picture import is_picture
    from reelwright.cli.remote import looking
    from reelwright.cli.single import elsewhere

    if is_picture(looking.probe(target, path, as_json=False)):
        said = f"{path.name} is a picture; pictures are read on this machine"
        raise ReelError(Code.USAGE, said, where="--server", hint="leave the option out")
    found: dict[str, Any] = elsewhere(target, path, _operations(asked), _WANT, use_cache=use_cache)
    return found


_WANT = "written.text"


def _operations(asked: dict[str, str]) -> list[dict[str, Any]]:
    return [{"id": "written", "op": "read_text", "input": "media", **asked}]


def _show(found: dict[str, Any]) -> None:
    texts = found["texts"]
    if not texts:
        terminal.note("nothing is written in it")
    for text in texts:
        said = terminal.printable(text["text"])
        if text["start"] is None:
            terminal.out(said)
        else:
            span = f"{_clock(text['start'])} – {_clock(text['end'])}"
            terminal.out(f"{terminal.dim(span)}  {said}")


def _clock(seconds: float) -> str:
    whole, tenths = divmod(round(seconds * 10), 10)
    minutes, s = divmod(whole, 60)
    hours, m = divmod(minutes, 60)
    return f"{hours}:{m:02d}:{s:02d}.{tenths}"
