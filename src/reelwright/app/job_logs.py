"""The logs of a job's tries, read whole or from some byte on, or followed while they grow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.app.log_files import LogFile
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.principal import Principal
    from reelwright.app.wiring import App

# How often a log is looked at that somebody follows.
_LOOK_S = 0.2
# Who follows a job that nobody begins is told so by an end, and may ask again.
_QUEUED_S = 5.0
_FINAL = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Piece:
    """A heading, and the log of one try at one step below it."""

    step: str
    attempt: int
    heading: bytes
    file: LogFile
    is_ended: bool

    def size_bytes(self) -> int:
        return len(self.heading) + self.file.size_bytes()


def pieces(
    app: App, job_id: str, principal: Principal, *, step: str | None, attempt: int | None
) -> tuple[list[Piece], str]:
    """In the order in which the tries began, and the state of the job.

    Of one try alone there is no heading. Raises JOB_UNKNOWN, STEP_UNKNOWN.
    """
    from reelwright.app.views import check_owner
    from reelwright.store import attempts, steps
    from reelwright.store.views import summaries

    with app.store.read() as tx:
        check_owner(tx, job_id, principal)
        job = summaries(tx, [job_id])[job_id]
        rows = steps.of_job(tx, job_id)
        chosen = [r for r in rows if r.key == step or (step is None and not steps.is_own(r.key))]
        if step is not None and not chosen:
            raise ReelError(
                Code.STEP_UNKNOWN,
                f"job {job_id} has no step '{step}'",
                where="query.step",
                hint=f"`GET /v1/jobs/{job_id}/steps` lists them",
            )
        tries = [
            (found, row.key)
            for row in chosen
            for found in attempts.of_step(tx, row.id)
            if attempt in (None, found.number)
        ]
    if attempt is not None and not tries:
        raise ReelError(Code.STEP_UNKNOWN, f"there was no attempt {attempt}", where="query.attempt")
    tries.sort(key=lambda one: (one[0].started_at, one[1]))
    is_one = step is not None and attempt is not None
    found_pieces = [
        Piece(
            key,
            row.number,
            b"" if is_one else _heading(key, row.number, is_first=n == 0),
            LogFile(Path(row.log), app.shared_logs),
            row.finished_at is not None,
        )
        for n, (row, key) in enumerate(tries)
    ]
    return found_pieces, job.state


def read(found: Sequence[Piece], start: int, end: int) -> Iterator[bytes]:
    """Bytes `start` up to and without `end` of all of them, one after another. Blocking."""
    at = 0
    for piece in found:
        for part in _parts(piece):
            lower, upper = max(start - at, 0), min(end - at, len(part))
            if lower < upper:
                yield part[lower:upper]
            at += len(part)
            if at >= end:
                return


async def follow(
    app: App,
    job_id: str,
    principal: Principal,
    *,
    step: str | None,
    attempt: int | None,
    closing: asyncio.Event,
) -> AsyncIterator[bytes]:
    """All of it, and what comes, until the job (or the one try) has ended or `closing` is set.

    A try is followed to its end before the next is begun with. Of a job that stays in the queue
    nothing comes, for five seconds.
    """
    done: set[tuple[str, int]] = set()
    begun = time.monotonic()
    while not closing.is_set():
        found, state = await asyncio.to_thread(
            pieces, app, job_id, principal, step=step, attempt=attempt
        )
        fresh = [piece for piece in found if (piece.step, piece.attempt) not in done]
        for piece in fresh:
            async for part in _followed(app, piece, job_id, principal, closing):
                yield part
            done.add((piece.step, piece.attempt))
        is_queued = state == "queued" and time.monotonic() - begun > _QUEUED_S
        is_one = attempt is not None and step is not None
        if state in _FINAL or is_queued or (is_one and fresh):
            return
        if not fresh:
            await _pause(closing)


async def _followed(
    app: App, piece: Piece, job_id: str, principal: Principal, closing: asyncio.Event
) -> AsyncIterator[bytes]:
    if piece.heading:
        yield piece.heading
    at = 0
    while True:
        is_ended = piece.is_ended or await asyncio.to_thread(
            _is_ended, app, piece, job_id, principal
        )
        while part := await asyncio.to_thread(_tail, piece.file, at):
            at += len(part)
            yield part
        if is_ended or closing.is_set():
            return
        await _pause(closing)


def _is_ended(app: App, piece: Piece, job_id: str, principal: Principal) -> bool:
    try:
        found, state = pieces(app, job_id, principal, step=piece.step, attempt=piece.attempt)
    except ReelError as error:
        if error.code in {Code.JOB_UNKNOWN, Code.STEP_UNKNOWN}:
            return True  # the job was deleted meanwhile
        raise
    return state in _FINAL or found[0].is_ended


async def _pause(closing: asyncio.Event) -> None:
    waiting = asyncio.ensure_future(closing.wait())
    await asyncio.wait({waiting}, timeout=_LOOK_S)
    waiting.cancel()


def _tail(file: LogFile, at: int) -> bytes:
    try:
        return file.read(at)
    except OSError:
        return b""
    except ReelError as error:
        if error.code is not Code.ARTIFACTS_UNAVAILABLE:
            raise
        return b""  # who follows a log looks again


def _parts(piece: Piece) -> Iterator[bytes]:
    if piece.heading:
        yield piece.heading
    with suppress(OSError):
        yield from piece.file.parts()


def _heading(step: str, attempt: int, *, is_first: bool) -> bytes:
    """As `tail` writes it above each of several files."""
    return f"{'' if is_first else chr(10)}==> {step}, attempt {attempt} <==\n".encode()
