"""A spec of this machine that a service runs, and whose outputs are brought here."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelwright.app import handover
from reelwright.app.remembered import Given, Remembered
from reelwright.cli import terminal
from reelwright.cli.choice import Target
from reelwright.cli.ending import ended_code
from reelwright.cli.interrupts import Interrupts
from reelwright.cli.remote import jobs, watching
from reelwright.cli.remote.session import be_patient, greet, in_our_words, linked
from reelwright.cli.remote.transfers import Transfers, first_of
from reelwright.cli.watch import Watch, watch
from reelwright.client import models
from reelwright.client.asynchronous.client import AsyncClient
from reelwright.engine.events import OutputDelivered
from reelwright.errors import ReelError
from reelwright.store.rows import Delivered

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from reelwright.app.request import Request
    from reelwright.app.submit import Ended

    _Ended = Coroutine[Any, Any, Ended | None]
    _Work = Callable[[Watch, Interrupts], _Ended]


@dataclass(slots=True)
class Remote:
    """A run on the service `target`; `home` is where this machine remembers."""

    target: Target
    home: Path
    as_json: bool = False
    is_detached: bool = False

    def run(self, request: Request) -> int:
        """To its end. Raises SpecErrors and the like before a job was made."""
        return self._shown(lambda shown, interrupts: self._submit(request, shown, interrupts))

    async def ended(self, request: Request, shown: Watch, interrupts: Interrupts) -> Ended:
        """The same for who shows it; `is_detached` counts for nothing. Raises as `run`."""
        ended = await _alone(self._submit(request, shown, interrupts))
        assert ended is not None  # who does not wait is `run` alone
        return ended

    def again(self, given: str, *, retry: bool) -> int:
        """Watches a job to its end; with `retry` it is run again first."""
        return self._shown(lambda s, i: self._watch(given, s, i, retry=retry))

    def _shown(self, work: _Work) -> int:
        shown, interrupts = watch(as_json=self.as_json), Interrupts()
        try:
            ended = interrupts.run(_alone(work(shown, interrupts)))
            if ended is None:
                return 0
            shown.ended(ended)
        finally:
            shown.close()
        return ended_code(ended)

    async def _submit(self, request: Request, shown: Watch, interrupts: Interrupts) -> Ended | None:
        handed = await asyncio.to_thread(handover.hand_over, request)
        remembered = Remembered(self.home)
        held = remembered.digests(handed.places.to)
        await asyncio.to_thread(handover.check_places, request, handed, held)
        async with linked(self.target) as client:
            await greet(client, as_json=self.as_json)
            sent = await Transfers(client, as_json=self.as_json).upload(handed.uploads)
            job = await client.create_job(
                handed.text(sent),
                overwrite=request.overwrite,
                use_cache=request.use_cache,
                priority=request.priority,
                timeout_s=request.timeout_s,
                label=[f"{name}={text}" for name, text in request.labels.items()] or None,
            )
            given = Given(job.id, self.target.url, handed.places, request.overwrite)
            remembered.keep(given)
            if self.as_json:
                terminal.emit({"event": "queued", "id": job.id})
            if self.is_detached:
                if not self.as_json:
                    terminal.out(job.id)
                return None
            if not self.as_json:
                terminal.note(f"job {job.id}: queued at {client.url}")
            return await self._to_the_end(client, given, shown, interrupts)

    async def _watch(
        self, wanted: str, shown: Watch, interrupts: Interrupts, *, retry: bool
    ) -> Ended | None:
        async with linked(self.target) as client:
            await greet(client, as_json=self.as_json)
            job_id = await jobs.identify(client, wanted)
            after = None
            if retry:
                # What the tries before have told is not told again.
                after = await watching.last_event(client, job_id)
                await client.retry_job(job_id)
            given = Remembered(self.home).job(job_id)
            return await self._to_the_end(client, given or job_id, shown, interrupts, after)

    async def _to_the_end(
        self,
        client: AsyncClient,
        given: Given | str,
        shown: Watch,
        interrupts: Interrupts,
        after: int | None = None,
    ) -> Ended:
        """`given`: with an id alone nobody knows where its outputs are to go."""
        from reelwright.app.submit import Ended

        job_id = given if isinstance(given, str) else given.id
        be_patient(client)
        here = "" if isinstance(given, str) else " and its outputs come here"
        left = f"it goes on; with `reel watch {job_id}` you see it{here}"
        interrupts.running(job_id, Canceller(client), left)
        job = await watching.follow(client, job_id, shown, after)
        interrupts.finishing()
        if job.state != "succeeded":
            return Ended(watching.job_row(job), ())
        made = (await client.list_artifacts(job_id)).artifacts
        try:
            files = await self._bring(client, given, made)
        except ReelError as error:
            problem = in_our_words(error).problem
            return Ended(watching.job_row(job, error=problem.to_json()), ())
        for file in files:
            shown.on_event(
                OutputDelivered(
                    job_id=job_id,
                    path=file.path,
                    sha256=file.sha256,
                    size_bytes=file.size_bytes,
                    output=file.output,
                )
            )
        return Ended(watching.job_row(job), tuple(files))

    async def _bring(
        self, client: AsyncClient, given: Given | str, made: list[models.Artifact]
    ) -> list[Delivered]:
        if isinstance(given, str):
            # Given by another machine: the files stay where they are.
            return [Delivered(a.path, a.sha256, a.bytes, a.output, a.position) for a in made]
        transfers = Transfers(client, as_json=self.as_json)
        remembered = Remembered(self.home)
        return await transfers.bring(made, given.places, remembered, overwrite=given.overwrite)


async def _alone(work: _Ended) -> Ended | None:
    """What failed, without the group that it failed in."""
    try:
        return await work
    except BaseExceptionGroup as group:
        raise first_of(group) from None


class Canceller:
    """Cancels a job from within a signal handler, which cannot wait for the answer."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, job_id: str) -> None:
        self._tasks.add(asyncio.ensure_future(self._cancel(job_id)))

    async def _cancel(self, job_id: str) -> None:
        try:
            await self._client.cancel_job(job_id)
        except ReelError as error:  # it came to its end meanwhile, or the service is away
            terminal.note(str(error))
