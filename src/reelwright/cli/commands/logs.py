"""`reel logs`: what the commands of a job printed; and the log of the archive."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from reelwright.cli import choice, terminal
from reelwright.cli.options import AsJson, job_ids

if TYPE_CHECKING:
    from reelwright.app.log_lines import Wanted
    from reelwright.app.wiring import App
    from reelwright.store.log_lines import Line

app = typer.Typer(add_completion=False)

_LINES = "The archive's log"
_SHOWN = 100
_PAGE = 500


@app.command()
def logs(  # size: one line an option
    job: Annotated[
        str | None,
        typer.Argument(
            metavar="JOB",
            help="The job's id, or its first characters; `last` is the latest. Without one: what "
            "the archive did, and what clients handed in.",
            autocompletion=job_ids,
        ),
    ] = None,
    step: Annotated[
        str | None, typer.Option(metavar="STEP", help="Only this step (the start of its id).")
    ] = None,
    tail: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only the last N lines of each.")
    ] = None,
    level: Annotated[
        str | None,
        typer.Option(
            metavar="LEVEL",
            help="At least: debug, info, warning, error, critical.",
            rich_help_panel=_LINES,
        ),
    ] = None,
    component: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Of this one: archive.intake; archive (all of it).",
            rich_help_panel=_LINES,
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN", help="From then on: 1h (so long ago), a date.", rich_help_panel=_LINES
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="Until then: 1h, a date.", rich_help_panel=_LINES),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Lines that have it.", rich_help_panel=_LINES),
    ] = None,
    follow: Annotated[
        bool,
        typer.Option("--follow", "-f", help="Print what comes, too.", rich_help_panel=_LINES),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the logs of a job, every try at every step; without a job the log of the archive.

    Examples: `reel logs last --tail 20`, `reel logs --component archive --level warning --since 1d`
    """
    filters = {
        "--level": level,
        "--component": component,
        "--since": since,
        "--until": until,
        "--text": text,
        "--follow": follow or None,
    }
    is_filtered = any(filters.values())
    if not is_filtered and (job is not None or choice.target() is not None):
        _show_job(job or "last", step, tail, as_json=as_json)
        return
    _refuse_step(step)
    with _log() as log:
        wanted = _wanted(log, job, level, component, since, until, text)
        _show_lines(log, wanted, tail, follow=follow, as_json=as_json)


def _refuse_step(step: str | None) -> None:
    from reelwright.errors import Code, ReelError

    if step is not None:
        said = "a step is of a job, and what it prints has no levels"
        raise ReelError(Code.USAGE, said, where="--step", hint="`reel logs JOB --step STEP`")


class _Log(Protocol):
    """The archive's log: this machine's, or a service's. As `app.log_lines` says."""

    def job(self, given: str) -> str: ...
    def latest(self) -> int: ...
    def find(self, wanted: Wanted, *, limit: int, before: int | None = None) -> list[Line]: ...
    def follow(self, wanted: Wanted, *, after: int) -> Iterator[list[Line]]: ...


class _Own:
    def __init__(self, used: App) -> None:
        self._used = used

    def job(self, given: str) -> str:
        from reelwright.app.jobs import identify

        return identify(self._used, given)

    def latest(self) -> int:
        from reelwright.app import log_lines

        return log_lines.latest(self._used)

    def find(self, wanted: Wanted, *, limit: int, before: int | None = None) -> list[Line]:
        from reelwright.app import log_lines

        return log_lines.find(self._used, wanted, limit=limit, before=before)

    def follow(self, wanted: Wanted, *, after: int) -> Iterator[list[Line]]:
        from reelwright.app import log_lines

        return log_lines.follow(self._used, wanted, after=after)


@contextmanager
def _log() -> Iterator[_Log]:
    target = choice.target()
    if target is not None:
        from reelwright.cli.remote.log_lines import ServiceLog

        yield ServiceLog(target)
        return
    from reelwright.cli.use import opened

    with opened() as used:
        yield _Own(used)


def _show_job(job: str, step: str | None, tail: int | None, *, as_json: bool) -> None:
    found = _logs(job, step)
    for log in found:
        log["lines"] = log["lines"][-tail:] if tail else log["lines"]
        if as_json:
            terminal.emit(log)
            continue
        place = f"  {log['path']}" if log["path"] else ""
        terminal.out(terminal.bold(f"{log['step']}, try {log['attempt']}: {log['state']}{place}"))
        for line in log["lines"]:
            terminal.out(terminal.printable(line))
    if not as_json and any(not log["kept"] for log in found):
        terminal.note("the logs of this job are no longer kept: it ended too long ago")
        terminal.note("`logs.keep_days` says how long they are; `reel status` has its errors")
    if not found and not as_json:
        terminal.note("no command ran: everything came from the cache")


def _logs(job: str, step: str | None) -> list[dict[str, Any]]:
    target = choice.target()
    if target is not None:
        from reelwright.cli.remote import jobs as remote

        return remote.logs(target, job, step)
    from reelwright.app.jobs import identify, logs
    from reelwright.cli.use import opened

    with opened() as used:
        return [
            {
                "step": log.step,
                "attempt": log.attempt,
                "state": log.state,
                "path": str(log.path),
                "kept": log.is_kept,
                "lines": log.text().splitlines(),
            }
            for log in logs(used, identify(used, job), step=step)
        ]


def _wanted(
    log: _Log,
    job: str | None,
    level: str | None,
    component: str | None,
    since: str | None,
    until: str | None,
    text: str | None,
) -> Wanted:
    from reelwright.app.log_lines import Wanted
    from reelwright.cli.spans import moment

    now = time.time()
    # "archive" means all of its parts.
    is_whole = component is not None and "." not in component
    return Wanted(
        level=level,
        component=f"{component}." if is_whole else component,
        job_id=None if job is None else log.job(job),
        since=None if since is None else moment(since, "--since", now),
        until=None if until is None else moment(until, "--until", now),
        text=text,
    )


def _show_lines(
    log: _Log, wanted: Wanted, tail: int | None, *, follow: bool, as_json: bool
) -> None:
    """The newest last, as in a file: the last hundred, with --json all of them."""
    at = log.latest()  # what comes while these are printed comes after them
    count = 0
    for line in _lines(log, wanted, at, tail or (None if as_json else _SHOWN)):
        _show_line(line, as_json=as_json)
        count += 1
    if not follow:
        if not count and not as_json:
            terminal.note("there are no such lines; `reel logs last` shows the latest job's")
        return
    for lines in log.follow(wanted, after=at):
        for line in lines:
            _show_line(line, as_json=as_json)


def _lines(log: _Log, wanted: Wanted, at: int, most: int | None) -> list[Line]:
    """Those up to the number `at`, the oldest first."""
    found: list[Line] = []
    before = at + 1
    while most is None or len(found) < most:
        limit = _PAGE if most is None else min(_PAGE, most - len(found))
        page = log.find(wanted, limit=limit, before=before)
        found += page
        if len(page) < limit:
            break
        before = page[-1].seq
    return found[::-1]


def _show_line(line: Line, *, as_json: bool) -> None:
    if as_json:
        from reelwright.app.log_lines import to_json

        terminal.emit(to_json(line))
        return
    from reelwright.cli.spans import shown

    job = f"  {line.job_id}" if line.job_id else ""
    head = f"{shown(line.at)}  {line.level:<8} {line.component:<16}"
    terminal.out(f"{head} {terminal.printable(line.message)}{terminal.dim(job)}")
    import sys

    sys.stdout.flush()
