"""Uploads before a job and downloads after it, with their progress."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path

from reelwright.app.handover import Places, is_held
from reelwright.app.remembered import Remembered
from reelwright.cli import terminal
from reelwright.client import models
from reelwright.client.asynchronous.client import AsyncClient
from reelwright.client.files import OnProgress, sha256_of
from reelwright.errors import Code, ReelError
from reelwright.store.rows import Delivered

# Files that are on their way at the same time; more would only share the same line.
_AT_ONCE = 3
_TELL_EVERY_S = 5.0
# What is this small is there before anybody has read that it is on its way.
_SMALL_BYTES = 4 << 20


class Transfers:
    """`as_json`: tells lines with the events `upload` and `download`."""

    def __init__(self, client: AsyncClient, *, as_json: bool) -> None:
        self._client = client
        self._as_json = as_json

    async def upload(self, paths: Iterable[Path]) -> dict[Path, str]:
        """Ids by path; what the service has already is not sent again."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(path: Path) -> tuple[Path, str]:
            async with gate:
                sent = await self._client.upload(path, on_progress=self._progress("upload", path))
                return path, sent.id

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(path)) for path in paths]
        return dict(task.result() for task in tasks)

    async def bring(
        self,
        artifacts: Iterable[models.Artifact],
        places: Places,
        remembered: Remembered,
        *,
        overwrite: bool,
    ) -> list[Delivered]:
        """The files of a job at their places, in their order. Raises as `Client.download`."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(artifact: models.Artifact) -> Delivered:
            async with gate:
                return await self._one(artifact, places, remembered, overwrite=overwrite)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(artifact)) for artifact in artifacts]
        return [task.result() for task in tasks]

    async def _one(
        self,
        artifact: models.Artifact,
        places: Places,
        remembered: Remembered,
        *,
        overwrite: bool,
    ) -> Delivered:
        number, position = artifact.output, artifact.position
        made = Delivered(artifact.path, artifact.sha256, artifact.bytes, number, position)
        if not places.is_local(number):
            return made  # the service put it there
        path = places.here(number, position, artifact.name)
        if not await asyncio.to_thread(_has, path, artifact):
            known = await asyncio.to_thread(_may_replace, path, remembered)
            await self._client.download(
                artifact,
                path,
                overwrite=overwrite or known,
                on_progress=self._progress("download", path),
            )
        await asyncio.to_thread(remembered.arrived, path, artifact.sha256)
        return Delivered(str(path), artifact.sha256, artifact.bytes, number, position)

    def _progress(self, event: str, path: Path) -> OnProgress:
        told_at = time.monotonic()

        def tell(done: int, total: int) -> None:
            nonlocal told_at
            now = time.monotonic()
            is_end = done >= total
            if total < _SMALL_BYTES or (now - told_at < _TELL_EVERY_S and not is_end):
                return
            told_at = now
            if self._as_json:
                line = {"event": event, "path": str(path), "done_bytes": done, "bytes": total}
                terminal.emit(line)
                return
            name = terminal.printable(path.name)
            share = f"{done / total:.0%} of {terminal.size(total)}"
            terminal.note(f"{event} {name}: {share}")

        return tell


def _has(path: Path, artifact: models.Artifact) -> bool:
    try:
        same_size = path.stat().st_size == artifact.bytes
        return path.is_file() and same_size and sha256_of(path) == artifact.sha256
    except (OSError, ReelError):
        return False


def _may_replace(path: Path, remembered: Remembered) -> bool:
    """What a job brought here before, and nobody has touched since."""
    return path.is_file() and is_held(path, remembered.digests([path]).get(str(path), ()))


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Of several that failed together, the one that says most."""
    flat: list[BaseException] = []
    waiting: list[BaseException] = [group]
    while waiting:
        error = waiting.pop(0)
        if isinstance(error, BaseExceptionGroup):
            waiting += error.exceptions
        else:
            flat.append(error)
    known = [error for error in flat if isinstance(error, ReelError)]
    told = [error for error in known if error.code is not Code.SERVER_UNREACHABLE]
    return (told or known or flat)[0]
