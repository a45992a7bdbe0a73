"""`reel probe`: what is in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reelwright.cli import choice, terminal
from reelwright.cli.options import AsJson, Walls

if TYPE_CHECKING:
    from reelwright.media.info import MediaInfo

app = typer.Typer(add_completion=False)


@app.command()
def probe(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A media file.")],
    as_json: AsJson = False,
    sandbox: Walls = None,
) -> None:
    """Show what is in a media file: streams, sizes, times, colours, damage.

    Example: `reel probe talk.mp4 --json | jq '.streams[0].codec'`
    """
    info = _probed(file, sandbox, as_json=as_json)
    if as_json:
        terminal.emit(info.to_json())
    else:
        _show(file, info)


def _probed(file: Path, sandbox: bool | None, *, as_json: bool) -> MediaInfo:
    target = choice.target()
    if target is not None:
        from reelwright.cli.remote import looking

        return looking.probe(target, file, as_json=as_json)
    from reelwright.app.inputs import existing
    from reelwright.app.probe import probe_file
    from reelwright.cli.use import opened, run, sandbox_flag

    with opened(sandbox=sandbox_flag(sandbox)) as used:
        return run(lambda: probe_file(used, existing(file.absolute())))


def _show(file: Path, info: MediaInfo) -> None:
    from reelwright.cli.media import stream_line

    length = terminal.span(float(info.duration)) if info.duration is not None else "no duration"
    kind = "picture" if info.is_image else info.demuxer
    head = f"{kind}, {terminal.size(info.size_bytes)}"
    terminal.out(terminal.bold(terminal.printable(file.name)))
    terminal.out(f"  {head}" if info.is_image else f"  {head}, {length}")
    for number, stream in enumerate(info.streams):
        terminal.out(f"  {number}  {terminal.printable(stream_line(stream))}")
    for chapter in info.chapters:
        title = terminal.printable(chapter.title or "")
        terminal.out(f"  chapter {terminal.span(float(chapter.start))}  {title}")
    for line in info.damage:
        terminal.out(f"  damaged: {terminal.printable(line)}")
    terminal.out(f"  sha256 {info.sha256}")
