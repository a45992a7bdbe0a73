"""`reel demo`: a real job on a sample video, or on one of yours."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reelwright.cli import terminal
from reelwright.cli.options import AsJson

if TYPE_CHECKING:
    from reelwright.app.demo import Prepared

app = typer.Typer(add_completion=False)


@app.command()
def demo(
    video: Annotated[
        Path | None, typer.Argument(metavar="[VIDEO]", help="A video; without it one is made.")
    ] = None,
    folder: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where the spec and the results go.")
    ] = Path("demo"),
    as_json: AsJson = False,
) -> None:
    """Run a real job: trim, text, loudness, two renditions, a still, a waveform.

    Examples: `reel demo`, `reel demo holiday.mp4`
    """
    from reelwright.app.demo import prepare
    from reelwright.cli.running import run_request
    from reelwright.cli.use import opened, run

    target = folder.absolute()
    with opened() as used:
        if not as_json:
            terminal.note("Preparing ..." if video else "Making a sample video of 12 seconds ...")
        prepared = run(lambda: prepare(used, video and video.absolute(), target))
        if not as_json:
            _introduce(prepared)
        code = run_request(used, prepared.request, as_json)
    if code == 0 and not as_json:
        spec = prepared.folder / "demo.yaml"
        terminal.note(f"\nThe spec:      {spec}")
        terminal.note(f"The results:   {prepared.folder}")
        terminal.note(f"Why it did so: {_command()} plan {spec}")
        terminal.note(f"Once more:     {_command()} run {spec}   (nothing is encoded twice)")
    raise typer.Exit(code)


def _command() -> str:
    """What to type for `reel`: after `make demo` it is in `.venv`, and on nobody's path."""
    if shutil.which("reel") or not sys.argv[0]:
        return "reel"
    return os.path.relpath(sys.argv[0])


def _introduce(prepared: Prepared) -> None:
    terminal.note(f"Video: {terminal.printable(str(prepared.video))}")
    terminal.note()
    for line in prepared.request.text.splitlines():
        terminal.note(f"  {terminal.printable(line)}")
    terminal.note()
