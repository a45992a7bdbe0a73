"""`reel import`: takes over a library that there is already."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reelwright.cli import terminal
from reelwright.cli.exits import exit_code
from reelwright.cli.options import AsJson

if TYPE_CHECKING:
    from reelwright.app.library.importing import How, Imported
    from reelwright.errors import Problem

app = typer.Typer(add_completion=False)


@app.command("import")
def import_library(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the videos are.")],
    link: Annotated[
        bool, typer.Option("--link", help="Link them into the library too, by its template.")
    ] = False,
    move: Annotated[
        bool, typer.Option("--move", help="Move them into the library, by its template.")
    ] = False,
    template: Annotated[
        str | None, typer.Option(metavar="TEXT", help="That template; default: the setting's.")
    ] = None,
    metadata: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A backup of Tube Archivist (ZIP, JSON or folder)."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is found, no more.")] = False,
    place: Annotated[
        Path | None,
        typer.Option("--library", metavar="FOLDER", help="Into which one. [REEL_LIBRARY]"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take over videos that are there already: yt-dlp's, Tube Archivist's, or plain files.

    They stay where they are unless --link or --move is given. What was imported is passed over the
    next time, so an import that was cut off is gone on with by the same command.

    Examples: `reel import /srv/youtube --dry-run`, `reel import ~/Videos --move`
    """
    from reelwright.app.library.importing import Wish, import_all, measure
    from reelwright.cli.use import opened, run

    wish = Wish(
        folder=folder.absolute(),
        how=_how(link=link, move=move),
        template=template,
        metadata=None if metadata is None else metadata.absolute(),
        dry_run=dry_run,
    )
    with opened(library=None if place is None else place.absolute()) as used:
        files, size = measure(wish.folder)
        shown = _Shown(files, size, as_json=as_json)
        counts = run(lambda: import_all(used, wish, shown.file))
    shown.end(counts)
    if shown.worst is not None:
        raise typer.Exit(exit_code(shown.worst.code))


def _how(*, link: bool, move: bool) -> How:
    from reelwright.app.library.importing import How
    from reelwright.errors import Code, ReelError

    if link and move:
        raise ReelError(Code.USAGE, "--link and --move exclude each other", where="--move")
    return How.MOVE if move else How.LINK if link else How.IN_PLACE


class _Shown:
    """A line for each file that is worth one, and a line of progress below."""

    def __init__(self, files: int, size_bytes: int, *, as_json: bool) -> None:
        self._files, self._size = files, size_bytes
        self._as_json = as_json
        self._done = self._done_bytes = 0
        # The first failure.
        self.worst: Problem | None = None
        self._is_lively = not as_json and terminal.is_lively(sys.stderr)

    def file(self, one: Imported) -> None:
        self._done += 1
        self._done_bytes += one.size_bytes
        self.worst = self.worst or one.problem
        if self._as_json:
            terminal.emit(one.to_json())
            return
        self._wipe()
        if one.problem is not None:
            problem = one.problem
            said = f"failed: {one.path}: {problem.message} [{problem.code.text}]"
            terminal.note(terminal.printable(said))
        elif one.outcome == "duplicate":
            what = "the same as" if one.is_same else "another version of"
            terminal.note(terminal.printable(f"{one.path} is {what} asset {one.asset_id}"))
        elif one.outcome == "found":
            terminal.out(terminal.printable(f"{one.path}: {one.title}"))
        self._progress()

    def end(self, counts: dict[str, int]) -> None:
        if self._as_json:
            terminal.emit({"event": "done", **{str(k): v for k, v in counts.items()}})
            return
        self._wipe()
        told = [f"{number} {name}" for name, number in counts.items() if number]
        terminal.note(", ".join(told) or "There are no videos.")

    def _progress(self) -> None:
        if self._is_lively:
            done, size = terminal.size(self._done_bytes), terminal.size(self._size)
            sys.stderr.write(f"{self._done} of {self._files} files, {done} of {size}")
            sys.stderr.flush()

    def _wipe(self) -> None:
        if self._is_lively:
            sys.stderr.write("\r\x1b[K")
