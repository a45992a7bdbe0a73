"""`reel jobs`: what was submitted, and deleting what is no longer needed."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from reelwright.cli import choice, terminal
from reelwright.cli.options import AsJson, job_ids
from reelwright.errors import Code, ReelError

app = typer.Typer(add_completion=False)

_FINAL = ("succeeded", "failed", "cancelled")
Chosen = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="JOB",
        help="Ids, or their first characters; `last` is the latest.",
        autocompletion=job_ids,
    ),
]
Ended = Annotated[
    list[str] | None,
    typer.Option(metavar="STATE", help="All that ended so: succeeded, failed, cancelled."),
]
Labelled = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="NAME=TEXT", help="All that ended and have this label."),
]


@app.callback(invoke_without_command=True)
def jobs(
    context: typer.Context,
    state: Annotated[
        list[str] | None,
        typer.Option(metavar="STATE", help="Only these: queued, running, succeeded, failed, …"),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many at the most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List jobs, the newest first; `reel jobs delete` deletes those that have ended.

    Example: `reel jobs --state failed --json`
    """
    if context.invoked_subcommand is not None:
        if state:  # it would look as if only these were meant
            raise ReelError(
                Code.USAGE,
                f"--state stands before '{context.invoked_subcommand}'",
                where="--state",
                hint=f"write `reel jobs {context.invoked_subcommand} --state …`",
            )
        return
    found = _found(state or [], limit)
    if as_json:
        terminal.emit({"jobs": found})
        return
    now = time.time()
    rows = [
        (
            job["id"],
            job["state"],
            f"{job['fraction']:.0%}",
            f"{terminal.span(now - job['created_at'])} ago",
            ", ".join(f"{k}={v}" for k, v in job["labels"].items()),
            str((job["error"] or {}).get("message", "")),
        )
        for job in found
    ]
    terminal.table(["job", "state", "done", "submitted", "labels", "error"], rows, right="done")


@app.command()
def delete(
    chosen: Chosen = None,
    older_than: Annotated[
        str | None, typer.Option(metavar="SPAN", help="All that ended longer ago: 12h, 30d, 2w.")
    ] = None,
    state: Ended = None,
    labels: Labelled = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say which, delete nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete jobs that have ended: their rows, events and logs, and their own folders on a service.

    Files that were delivered elsewhere stay, and so does the cache (`reel cache prune`).

    Examples: `reel jobs delete last`, `reel jobs delete --older-than 30d --state failed`
    """
    is_many = bool(older_than or state or labels)
    if bool(chosen) == is_many:
        raise ReelError(
            Code.USAGE,
            "name jobs, or say which are meant" + (", not both" if is_many else ""),
            hint="write JOB…, or --older-than 30d, --state failed, --label NAME=TEXT",
        )
    if chosen:
        gone = _these(chosen, dry_run=dry_run)
    else:
        gone = _old(older_than, state or [], labels or [], dry_run=dry_run)
    if as_json:
        terminal.emit({"deleted": gone, "dry_run": dry_run})
        return
    if dry_run:
        for job_id in gone:
            terminal.out(job_id)
    said = "would be deleted" if dry_run else "deleted"
    terminal.out(f"{len(gone)} {'job' if len(gone) == 1 else 'jobs'} {said}")


def _found(states: list[str], limit: int) -> list[dict[str, Any]]:
    target = choice.target()
    if target is not None:
        from reelwright.cli.remote import jobs as remote

        return remote.recent(target, states, limit)
    from reelwright.app.jobs import job_json, recent
    from reelwright.cli.use import opened

    with opened() as used:
        return [job_json(job) for job in recent(used, states=states, limit=limit)]


def _these(chosen: list[str], *, dry_run: bool) -> list[str]:
    target = choice.target()
    if target is not None:
        from reelwright.cli.remote import deletion as remote

        return remote.delete(target, chosen, dry_run=dry_run)
    from reelwright.app.deletion import delete_here
    from reelwright.app.jobs import identify
    from reelwright.cli.use import opened

    with opened() as used:
        found = list(dict.fromkeys(identify(used, given) for given in chosen))
        delete_here(used, found, dry_run=dry_run)
    return found


def _old(
    older_than: str | None, states: list[str], labels: list[str], *, dry_run: bool
) -> list[str]:
    from reelwright.cli.requests import pairs
    from reelwright.cli.spans import seconds

    wrong = [state for state in states if state not in _FINAL]
    if wrong:
        message = f"jobs do not end '{wrong[0]}'"
        raise ReelError(Code.USAGE, message, where="--state", hint=f"say {', '.join(_FINAL)}")
    age_s = 0.0 if older_than is None else seconds(older_than, "--older-than")
    named = pairs(labels, "--label")
    target = choice.target()
    if target is not None:
        from reelwright.cli.remote import deletion as remote

        return remote.delete_old(target, age_s, states, named, dry_run=dry_run)
    from reelwright.app.deletion import delete_old_here
    from reelwright.cli.use import opened

    with opened() as used:
        return delete_old_here(used, age_s, states, named, dry_run=dry_run)
