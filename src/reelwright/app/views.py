"""Jobs as clients see them: one by one, and in pages."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from reelwright.store import jobs as jobs_of_store
from reelwright.store.views import Filter, Summary, owner_of, page, summaries

if TYPE_CHECKING:
    from reelwright.app.principal import Principal
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx

_Waiting = dict[str, list[asyncio.Future[Summary | None]]]


class Reader:
    """Reads jobs in one thread: who asks while it reads shares the next query with all the others.

    Belongs to one event loop. `close` it at the end.
    """

    def __init__(self, app: App) -> None:
        self._store = app.store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="reads")
        self._waiting: _Waiting = {}
        self._is_busy = False

    async def summary(self, job_id: str, principal: Principal) -> Summary:
        """As of now or later. Raises JOB_UNKNOWN, also for what belongs to others; STORE_*."""
        answer: asyncio.Future[Summary | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(job_id, []).append(answer)
        if not self._is_busy:
            self._start()
        found = await answer
        if found is None or principal.sees not in (None, found.owner):
            raise jobs_of_store.unknown(job_id)
        return found

    def close(self) -> None:
        self._thread.shutdown()

    def _start(self) -> None:
        batch, self._waiting = self._waiting, {}
        self._is_busy = True
        loop = asyncio.get_running_loop()
        done = self._thread.submit(self._read, list(batch))
        done.add_done_callback(lambda read: loop.call_soon_threadsafe(self._finish, batch, read))

    def _read(self, ids: list[str]) -> dict[str, Summary]:
        with self._store.read() as tx:
            return summaries(tx, ids)

    def _finish(self, batch: _Waiting, read: Future[dict[str, Summary]]) -> None:
        self._is_busy = False
        if self._waiting:
            self._start()
        error = read.exception()
        found = {} if error else read.result()
        for job_id, answers in batch.items():
            for answer in answers:
                if answer.done():  # its client went away
                    continue
                if error:
                    answer.set_exception(error)
                else:
                    answer.set_result(found.get(job_id))


def check_owner(tx: Tx, job_id: str, principal: Principal) -> None:
    """Raises JOB_UNKNOWN, also for what belongs to others."""
    owner = owner_of(tx, job_id)
    if owner is None or principal.sees not in (None, owner):
        raise jobs_of_store.unknown(job_id)


def listing(
    app: App, wanted: Filter, *, limit: int, before_id: str | None
) -> tuple[list[Summary], str | None]:
    """A page, the newest first, and what to ask the next one with; None on the last."""
    with app.store.read() as tx:
        found = page(tx, wanted, limit=limit + 1, before_id=before_id)
    return found[:limit], found[limit - 1].id if len(found) > limit else None


def steps(app: App, job_id: str, principal: Principal) -> list[dict[str, Any]]:
    """Of its plan, in the plan's order. Raises JOB_UNKNOWN."""
    from reelwright.app.jobs import step_json
    from reelwright.store import steps as table

    with app.store.read() as tx:
        check_owner(tx, job_id, principal)
        rows = table.of_job(tx, job_id)
    return [step_json(row) for row in rows if not table.is_own(row.key)]


def plan(app: App, job_id: str, principal: Principal) -> dict[str, Any]:
    """Its latest revision, in the form of `app.plan.to_json`; without steps until there is one.

    Raises JOB_UNKNOWN.
    """
    from reelwright.app.plan import plan_json
    from reelwright.engine.submission import plan_of
    from reelwright.store import steps as table
    from reelwright.store.states import StepState

    with app.store.read() as tx:
        check_owner(tx, job_id, principal)
        job = jobs_of_store.get(tx, job_id)
        rows = table.of_job(tx, job_id)
    cached = {row.key for row in rows if row.state is StepState.CACHED}
    return plan_json(plan_of(job, rows), cached)


def to_json(job: Summary) -> dict[str, Any]:
    return {
        "id": job.id,
        "state": job.state,
        "fraction": round(job.fraction, 4),
        "priority": job.priority,
        "labels": job.labels,
        "revision": job.revision,
        "owner": job.owner,
        "batch_id": job.batch_id,
        "cancel_requested": job.cancel_requested,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "eta_seconds": job.eta_s,
        "error": job.error,
    }
