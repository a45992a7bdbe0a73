"""The client: every operation of the API, and what takes more than one request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

from reelwright.client import models
from reelwright.client.asynchronous import downloads, uploads, watching
from reelwright.client.asynchronous.operations import Operations
from reelwright.client.events import Event
from reelwright.client.files import OnProgress


class AsyncClient(Operations):
    """A service, at `url` (without ``/v1``). Use it as a context manager, or close it.

    What cannot be reached, or asks for a pause (429, 503), is tried again as long as `patience`
    lasts, if that can do no harm: reading, and what carries an Idempotency-Key, which new jobs do.
    """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def events(self, job_id: str, after: int | None = None) -> AsyncIterator[Event]:
        """What happens to a job, until it has ended; the last event's kind is `end`.

        A broken connection is made anew and goes on where it broke off, without a gap. `after`:
        the `id` of the last event that is known. Raises ApiError, SERVER_UNREACHABLE.
        """
        return watching.events(self, job_id, after)

    async def wait(self, job_id: str, *, timeout_s: float | None = None) -> models.Job:
        """The job when it has ended, however it did. Raises as `events`, and TIMEOUT."""
        await watching.until_end(self, job_id, timeout_s)
        return await self.get_job(job_id)

    async def delete_job(self, job_id: str) -> models.Job:
        """Deletes a job that has ended, its logs and its own folder; gives the job as it was.

        Raises ApiError (`transition_refused` where it has not ended), SERVER_UNREACHABLE.
        """
        return await self.cancel_job(job_id, purge=True)

    async def upload(
        self, path: Path | str, *, name: str | None = None, on_progress: OnProgress | None = None
    ) -> models.Upload:
        """Hands in a file, which a spec then names as ``upload:ID``.

        Its content is looked for first: what the service has is not sent again. What broke off is
        continued, also after the process died. `on_progress` gets the bytes that are there and
        those of the file. Raises ApiError, SERVER_UNREACHABLE, INPUT_NOT_FOUND, INPUT_UNREADABLE,
        INPUT_IS_DIRECTORY, INPUT_CHANGED.
        """
        return await uploads.upload(self, Path(path), name=name, on_progress=on_progress)

    async def download(
        self,
        artifact: models.Artifact,
        to: Path | str,
        *,
        overwrite: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Path:
        """Brings an artifact to the file `to`: whole, with the right digest, or not at all.

        `on_progress` gets the bytes that are here and those that there are. What an earlier try
        left is continued. Raises ApiError, SERVER_UNREACHABLE, REMOTE_CHANGED (a wrong digest),
        OUTPUT_EXISTS, OUTPUT_PATH, DISK_FULL, PERMISSION_DENIED.
        """
        return await downloads.download(
            self, artifact, Path(to), overwrite=overwrite, on_progress=on_progress
        )

    async def log(self, job_id: str, *, step: str | None = None, attempt: int | None = None) -> str:
        """What the commands of a job printed. Raises ApiError, SERVER_UNREACHABLE."""
        async with self.get_logs(job_id, step=step, attempt=attempt) as answer:
            return (await answer.aread()).decode("utf-8", "replace")
