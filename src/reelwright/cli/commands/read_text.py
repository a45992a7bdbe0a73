"""`reel read-text`: what is written in a video or a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelwright.cli import terminal
from reelwright.cli.options import Walls

if TYPE_CHECKING:
    from reelwright.app.wiring import App

app = typer.Typer(add_completion=False)


@app.command()
def read_text(
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
    from reelwright.cli.single import refuse_server
    from reelwright.cli.use import opened, sandbox_flag

    refuse_server("read-text")
    with opened(sandbox=sandbox_flag(sandbox)) as used:
        found = _read(used, file.absolute(), language, every, use_cache=not no_cache)
    for line in found.get("damage", ()):
        terminal.note(f"the picture is damaged: {terminal.printable(line)}")
    if as_json:
        terminal.emit(found)
    else:
        _show(found)


def _read(
    used: App, path: Path, language: str | None, every: str | None, *, use_cache: bool
) -> dict[str, Any]:
    from reelwright.app.inputs import existing
    from reelwright.app.probe import probe_file
    from reelwright.app.read_picture import is_picture, read_picture
    from reelwright.cli.single import analysed
    from reelwright.cli.use import run

    info = run(lambda: probe_file(used, existing(path)))
    if is_picture(info):
        tags = [tag.strip() for tag in (language or "").split(",") if tag.strip()]
        return run(lambda: read_picture(used, path, info, tags))
    said = {"language": language, "every": every}
    operation = {
        "id": "written",
        "op": "read_text",
        "input": "media",
        **{name: value for name, value in said.items() if value is not None},
    }
    found: dict[str, Any] = analysed(used, path, [operation], "written.text", use_cache=use_cache)
    return found


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
