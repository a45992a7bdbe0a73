"""Uploads by tus 1.0: what the service has is not sent, and what broke off is continued."""

from __future__ import annotations

import base64
import time
from pathlib import Path

import httpx

from reelwright.client import models
from reelwright.client.asynchronous.operations import Operations
from reelwright.client.asynchronous.waiting import aside, pause
from reelwright.client.faults import ApiError
from reelwright.client.files import OnProgress, read_part, sha256_of, size_of
from reelwright.client.patience import Tries
from reelwright.errors import Code, ReelError

# Each part is on the service's disk when it is answered.
PART_BYTES = 8 << 20
# Somebody, perhaps a connection of ours that broke, still adds to it; or the part came too late.
_PASSING = frozenset({"server_unreachable", "upload_offset", "upload_busy", "network_reset"})


async def upload(
    client: Operations,
    path: Path,
    *,
    name: str | None = None,
    on_progress: OnProgress | None = None,
) -> models.Upload:
    """Hands in a file. `on_progress` gets the bytes that are there and those of the file.

    A file of the same content that the service has is found by its digest; an upload that another
    process began is continued. Raises ApiError, SERVER_UNREACHABLE, INPUT_NOT_FOUND,
    INPUT_UNREADABLE, INPUT_IS_DIRECTORY, INPUT_CHANGED.
    """
    size = await aside(size_of, path)
    sha256 = await aside(sha256_of, path)
    called = name or path.name
    upload_id, offset = await _begin(client, called, size, sha256)
    tries = Tries(client.patience)
    while offset < size:
        data = await aside(read_part, path, offset, min(PART_BYTES, size - offset))
        if not data:
            message = f"{path} became shorter while it was sent"
            raise ReelError(Code.INPUT_CHANGED, message, where=str(path))
        try:
            headers = await _add(client, upload_id, offset, data)
            tries.succeeded()
        except ReelError as error:
            wait_s = tries.wait_s() if _is_passing(error) else None
            if wait_s is None:
                raise
            await pause(wait_s)
            headers = await client.head_upload(upload_id)
        offset = int(headers["upload-offset"])
        if on_progress is not None:
            on_progress(offset, size)
    return await client.get_upload(upload_id)


async def _begin(client: Operations, name: str, size: int, sha256: str) -> tuple[str, int]:
    """The id of a new upload, or of one that was begun, and how much of it is there."""
    pairs = {"filename": name, "sha256": sha256}
    metadata = ",".join(
        f"{key} {base64.b64encode(text.encode('utf-8', 'replace')).decode()}"
        for key, text in pairs.items()
    )
    known = await _known(client, name, size, sha256, metadata)
    if known is not None:
        return known
    tries = Tries(client.patience)
    while True:
        try:
            answer = await client.send(
                "POST",
                "/v1/uploads",
                headers={"Upload-Length": size, "Upload-Metadata": metadata},
            )
        except ReelError as error:
            # Begun twice is no harm: what nobody adds to expires.
            wait_s = tries.wait_s() if _is_passing(error) else None
            if wait_s is None:
                raise
            await pause(wait_s)
        else:
            upload_id = answer.headers["location"].rpartition("/")[2]
            return upload_id, int(answer.headers["upload-offset"])


async def _add(client: Operations, upload_id: str, offset: int, data: bytes) -> httpx.Headers:
    headers = {"Upload-Offset": offset, "Content-Type": "application/offset+octet-stream"}
    path = f"/v1/uploads/{client.part(upload_id)}"
    return (await client.send("PATCH", path, headers=headers, content=data)).headers


async def _known(
    client: Operations, name: str, size: int, sha256: str, metadata: str
) -> tuple[str, int] | None:
    """Of the newest uploads one of this file, finished lately or begun by somebody."""
    for found in (await client.list_uploads(limit=100)).uploads:
        if found.size_bytes != size or not found.offset_bytes:
            continue
        if found.finished_at is not None:
            # A job may wait long before it takes its files: what soon expires is no help.
            if (found.sha256, found.name) == (sha256, name) and _is_fresh(found):
                return found.id, size
            continue
        try:
            headers = await client.head_upload(found.id)
        except ApiError:
            continue  # it expired meanwhile
        if headers.get("upload-metadata") == metadata:
            return found.id, int(headers["upload-offset"])
    return None


def _is_fresh(found: models.Upload) -> bool:
    """Whether most of its time is left. Where the clocks differ much it counts as old."""
    return time.time() - found.created_at < (found.expires_at - found.created_at) / 4


def _is_passing(error: ReelError) -> bool:
    if isinstance(error, ApiError):
        return error.word in _PASSING or error.is_passing or error.status == 408
    return error.code is Code.SERVER_UNREACHABLE
