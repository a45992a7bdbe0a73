"""Events of a job, from its beginning to its end, whatever happens to the connection."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from reelwright.client.asynchronous.transport import Transport
from reelwright.client.asynchronous.waiting import pause
from reelwright.client.events import Event, Reader
from reelwright.client.patience import Tries
from reelwright.errors import Code, ReelError

# The last message of a stream whose job is over.
END = "end"


async def beats(client: Transport, job_id: str, after: int | None) -> AsyncGenerator[Event | None]:
    """The events after `after`, each once, and None where the service only says that it lives.

    Ends with the job. Raises ApiError, SERVER_UNREACHABLE.
    """
    tries = Tries(client.patience)
    path = f"/v1/jobs/{client.part(job_id)}/events"
    while True:
        is_open = False
        try:
            headers = {"Last-Event-ID": after}
            async with client.stream("GET", path, headers=headers) as answer:
                is_open, reader = True, Reader()
                async for data in answer.aiter_bytes():
                    yield None
                    for event in reader.feed(data):
                        tries.succeeded()
                        after = event.id or after
                        yield event
                        if event.kind == END:
                            return
            wait_s = tries.wait_s()  # it ended in good order: the service is shutting down
            if wait_s is None:
                raise ReelError(Code.SERVER_UNREACHABLE, "the stream of events ended early")
        except ReelError as error:
            if not is_open or error.code is not Code.SERVER_UNREACHABLE:
                raise
            wait_s = tries.wait_s()
            if wait_s is None:
                raise
        await pause(wait_s)


async def events(client: Transport, job_id: str, after: int | None = None) -> AsyncIterator[Event]:
    """As `beats`, without the heartbeats."""
    async with aclosing(beats(client, job_id, after)) as found:
        async for event in found:
            if event is not None:
                yield event


async def until_end(client: Transport, job_id: str, timeout_s: float | None) -> None:
    """Raises TIMEOUT after `timeout_s`, to a heartbeat."""
    began = time.monotonic()
    async with aclosing(beats(client, job_id, None)) as found:
        async for _ in found:
            if timeout_s is not None and time.monotonic() - began > timeout_s:
                message = f"job {job_id} has not ended in {timeout_s:g} s"
                raise ReelError(Code.TIMEOUT, message, where=job_id, hint="it still runs")
