"""What `reel archive` and `reel follow` do, whoever read their arguments."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.cli import choice, terminal
from reelwright.cli.archive_options import Said, options_of, read_urls
from reelwright.cli.archive_shown import display, ended_code
from reelwright.cli.exits import exit_code
from reelwright.cli.use import opened, sandbox_flag
from reelwright.errors import ReelError

if TYPE_CHECKING:
    from collections.abc import Collection

    from reelwright.app.archive.running import Tally
    from reelwright.app.wiring import App


@dataclass(slots=True, kw_only=True)
class ArchiveArguments:
    """The arguments of `reel archive`."""

    urls: list[str]
    files: list[Path] = field(default_factory=list)
    said: Said = field(default_factory=Said)
    library: Path | None = None
    at_once: int | None = None
    retry_gone: bool = False
    list_only: bool = False
    dry_run: bool = False
    as_json: bool = False
    sandbox: bool | None = None


def archive(arguments: ArchiveArguments) -> int:
    """Keeps what is named, to the end, and gives the exit code; prints everything, errors too."""
    try:
        target = choice.target()
        if target is not None:
            from reelwright.cli.remote import archiving as remote

            return remote.archive(target, arguments)
        urls = read_urls(arguments.urls, arguments.files)
        options = options_of(arguments.said)
        with opened(
            library=arguments.library,
            archive__at_once=arguments.at_once,
            sandbox=sandbox_flag(arguments.sandbox),
        ) as used:
            if arguments.dry_run:
                from reelwright.cli.archive_preview import preview

                return preview(used, urls, options, as_json=arguments.as_json)
            from reelwright.app.archive.asking import Wanted, ask

            wanted = Wanted(urls=urls, options=options, retry_gone=arguments.retry_gone)
            ids = [source.id for source in ask(used, wanted)]
            fetches = not arguments.list_only
            return run_sources(used, ids, as_json=arguments.as_json, fetches=fetches)
    except ReelError as error:
        return refused(error, as_json=arguments.as_json)


def run_sources(
    used: App,
    ids: Collection[str],
    *,
    as_json: bool,
    fetches: bool = True,
    only_new: bool = False,
) -> int:
    """Lists and fetches these sources in this process, with the display and the signals.
    `only_new`: nothing is told of what was settled before."""
    from reelwright.app.archive.running import Run
    from reelwright.cli.archive_shown import PlainLines
    from reelwright.cli.interrupts import Interrupts

    shown, interrupts = display(as_json=as_json), Interrupts()
    run = Run(used, ids, shown, shown.on_event, fetches=fetches, only_new=only_new)
    if isinstance(shown, PlainLines):
        shown.name_of = run.name_of
    interrupts.running("archive", run.stop, left="the same command goes on with what is left")
    try:
        tally: Tally = interrupts.run(run.to_the_end())
        shown.ended(tally)
    finally:
        shown.close()
    return ended_code(tally, fetches=fetches)


def refused(error: ReelError, *, as_json: bool) -> int:
    """Before anything was begun: all that is wrong is listed."""
    if not as_json:
        return terminal.report(error, as_json=False)
    problems = [problem.to_json() for problem in error.problems]
    counts = {"kept": 0, "held": 0, "failed": len(problems)}
    told = {"error": problems[0], "problems": problems}
    terminal.emit({"event": "job", "state": "failed", **counts, **told})
    return exit_code(error.code)
