"""Downloads that go on where they broke off, and count only when their digest is right."""

from __future__ import annotations

from pathlib import Path

from reelwright.client import models
from reelwright.client.asynchronous.transport import Transport
from reelwright.client.asynchronous.waiting import aside, pause
from reelwright.client.files import OnProgress, Part
from reelwright.client.patience import Tries
from reelwright.errors import Code, ReelError

_GATHER_BYTES = 1 << 20


async def download(
    client: Transport,
    artifact: models.Artifact,
    to: Path,
    *,
    overwrite: bool = False,
    on_progress: OnProgress | None = None,
) -> Path:
    """Brings an artifact to `to`, whole or not at all.

    What an earlier try left is continued, also after the process died. Raises ApiError,
    SERVER_UNREACHABLE, REMOTE_CHANGED where the digest is wrong, OUTPUT_EXISTS, OUTPUT_PATH,
    DISK_FULL, PERMISSION_DENIED.
    """
    part = Part(to, artifact.sha256)
    await aside(part.check, overwrite=overwrite)
    is_resumed = await aside(part.size) > 0
    await _bring(client, artifact, part, on_progress)
    if not await aside(part.is_right):
        await aside(part.remove)
        if not is_resumed:
            raise _wrong(artifact, to)
        # What the earlier try had left was not the beginning of this.
        await _bring(client, artifact, part, on_progress)
        if not await aside(part.is_right):
            await aside(part.remove)
            raise _wrong(artifact, to)
    return await aside(part.place, overwrite=overwrite)


async def _bring(
    client: Transport, artifact: models.Artifact, part: Part, on_progress: OnProgress | None
) -> None:
    tries = Tries(client.patience)
    while True:
        at = await aside(part.size)
        if at > artifact.bytes:
            at = 0
        await aside(part.begin, at)
        if at == artifact.bytes:
            return
        try:
            await _read(client, artifact, part, at, on_progress)
        except ReelError as error:
            if error.code is not Code.SERVER_UNREACHABLE:
                raise
            now = await aside(part.size)
            if now > at:
                tries.succeeded()
            wait_s = tries.wait_s()
            if wait_s is None:
                raise
            await pause(wait_s)


async def _read(
    client: Transport,
    artifact: models.Artifact,
    part: Part,
    at: int,
    on_progress: OnProgress | None,
) -> None:
    """From byte `at` to the end, or until the connection breaks."""
    if not artifact.url.startswith("/"):
        raise ReelError(Code.HTTP_STATUS, f"'{artifact.url}' is no path of the service")
    # Compressed bytes cannot be continued.
    headers = {"Accept-Encoding": "identity", "Range": f"bytes={at}-" if at else None}
    async with client.stream("GET", artifact.url, headers=headers) as answer:
        if answer.status_code != 206 and at:
            at = 0
            await aside(part.begin, 0)
        held = bytearray()
        async for data in answer.aiter_raw():
            held += data
            at += len(data)
            if len(held) >= _GATHER_BYTES:
                await aside(part.append, bytes(held))
                held.clear()
                if on_progress is not None:
                    on_progress(at, artifact.bytes)
            if at > artifact.bytes:
                break  # it is another file: its digest will tell
        await aside(part.append, bytes(held))
        if on_progress is not None:
            on_progress(min(at, artifact.bytes), artifact.bytes)


def _wrong(artifact: models.Artifact, to: Path) -> ReelError:
    return ReelError(
        Code.REMOTE_CHANGED,
        f"what arrived of {artifact.name} is not what the service said it would be",
        where=str(to),
        evidence={"sha256": artifact.sha256},
    )
