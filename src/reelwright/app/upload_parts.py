"""Parts of uploads, from the wire to the disk.

The row says how much is here, and only ever says what is durable: bytes are written and synced,
then the row is moved. What lies in the file beyond it is dropped by the next part, so whatever is
killed at whatever moment, a file holds what its client sent. An upload whose last byte is here is
finished in the same change: its SHA-256 is known.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from reelwright.app import upload_file
from reelwright.app.upload_file import Hashes, UploadFile
from reelwright.errors import Code, ReelError
from reelwright.store import uploads
from reelwright.store.uploads import Upload

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx

P = ParamSpec("P")
T = TypeVar("T")

# What is written at once; of each part that comes in two of them are in memory.
BLOCK_BYTES = 1 << 20
# After so many bytes the row is moved: no more is lost when the service dies.
SAVE_BYTES = 64 << 20
# A client that sends nothing for so long is gone, and another one may go on.
IDLE_S = 30.0
CHECKSUMS = ("sha1", "sha256", "sha512")


@dataclass(frozen=True, slots=True)
class Checksum:
    """Of one part: `algorithm` is one of `CHECKSUMS`."""

    algorithm: str
    digest: bytes


@dataclass(slots=True)
class _Part:
    """A part that comes in; `saved` is the offset that the row has."""

    upload: Upload
    file: UploadFile
    saved: int
    checksum: Checksum | None
    check: Any
    is_spoiled: bool = False


class Parts:
    """Takes parts in; one for each process."""

    def __init__(self, app: App, threads: Executor) -> None:
        self._app = app
        self._threads = threads
        self._hashes = Hashes()

    async def take(
        self,
        upload_id: str,
        path: Path,
        offset: int,
        body: AsyncIterator[bytes],
        checksum: Checksum | None,
    ) -> None:
        """Raises UPLOAD_UNKNOWN, UPLOAD_OFFSET, UPLOAD_BUSY, UPLOAD_CHECKSUM,
        DISK_FULL, STORE_*, TimeoutError, and what `body` raises."""
        file = await self._aside(UploadFile, path)
        try:
            part = await self._begin(upload_id, file, offset, checksum)
            await self._receive(part, body)
        finally:
            await self._aside(file.close)

    async def _aside(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: work(*args, **kwargs))

    async def _begin(
        self, upload_id: str, file: UploadFile, offset: int, checksum: Checksum | None
    ) -> _Part:
        """Looks again, now that nobody else writes."""
        try:
            row = await self._aside(self._row, upload_id)
        except ReelError as error:
            if error.code is Code.UPLOAD_UNKNOWN:  # deleted meanwhile: the file came back to life
                upload_file.remove(file.path)
            raise
        check_offset(replace(row, offset_bytes=min(row.offset_bytes, file.size_bytes)), offset)
        check = None if checksum is None else hashlib.new(checksum.algorithm)
        hasher = self._hashes.get(upload_id, offset)
        await self._aside(file.begin, offset, hasher, check)
        return _Part(row, file, row.offset_bytes, checksum, check)

    def _row(self, upload_id: str) -> Upload:
        with self._app.store.read() as tx:
            return uploads.get(tx, upload_id)

    async def _receive(self, part: _Part, body: AsyncIterator[bytes]) -> None:
        try:
            await self._take(part, body)
        except BaseException:
            # Whoever went away comes back for the rest.
            if part.checksum is None and not part.is_spoiled:
                with suppress(ReelError):
                    await self._save(part)
            raise
        if part.checksum is not None and part.check.digest() != part.checksum.digest:
            raise ReelError(
                Code.UPLOAD_CHECKSUM,
                f"the part that came has another {part.checksum.algorithm}",
                where="header.upload-checksum",
                evidence={"offset": part.saved},
            )
        await self._save(part)

    async def _take(self, part: _Part, body: AsyncIterator[bytes]) -> None:
        """Writes one block while the next one comes."""
        block = bytearray()
        loop = asyncio.get_running_loop()
        writing: asyncio.Future[None] | None = None
        try:
            async with asyncio.timeout(IDLE_S) as patience:
                async for piece in body:
                    block += piece
                    if len(block) < BLOCK_BYTES:
                        patience.reschedule(loop.time() + IDLE_S)
                        continue
                    patience.reschedule(None)  # the disk may take its time
                    writing = await self._after(part, writing, block)
                    block = bytearray()
                    patience.reschedule(loop.time() + IDLE_S)
        finally:
            await self._after(part, writing, block, is_last=True)

    async def _after(
        self,
        part: _Part,
        writing: asyncio.Future[None] | None,
        block: bytearray,
        *,
        is_last: bool = False,
    ) -> asyncio.Future[None] | None:
        """Waits for the block before, then begins to write this one."""
        if writing is not None:
            await asyncio.shield(writing)
        if not block or part.is_spoiled:
            return None
        if part.file.position + len(block) > part.upload.size_bytes:
            part.is_spoiled = True
            check_size(part.upload, part.file.position, len(block))
        if part.checksum is None and part.file.position - part.saved >= SAVE_BYTES:
            await self._save(part)
        loop = asyncio.get_running_loop()
        begun = loop.run_in_executor(self._threads, part.file.write, block)
        if is_last:
            await asyncio.shield(begun)
        return begun

    async def _save(self, part: _Part) -> None:
        """Makes what was written durable, then true."""
        file, upload = part.file, part.upload
        position, keep_s = file.position, self._app.settings.serve.upload_hours * 3600.0
        if position == upload.size_bytes:
            await self._finish(part, keep_s)
            return
        if position == part.saved:
            self._hashes.put(upload.id, position, file.hasher)
            return
        await self._aside(file.sync)
        old = part.saved
        await self._move(part, old, position, keep_s)
        self._hashes.put(upload.id, position, file.hasher)

    async def _move(self, part: _Part, old: int, new: int, keep_s: float) -> None:
        upload_id = part.upload.id

        def change(tx: Tx) -> bool:
            return uploads.move(tx, upload_id, old=old, new=new, expires_at=tx.now() + keep_s)

        if not await self._app.combiner.transact(change):
            raise uploads.unknown(upload_id)  # deleted meanwhile
        part.saved = new

    async def _finish(self, part: _Part, keep_s: float) -> None:
        upload_id, old = part.upload.id, part.saved
        await self._aside(part.file.sync)
        sha256 = await self._aside(part.file.digest)
        said = _said_sha256(part.upload.metadata)
        if said is not None and said != sha256:
            part.is_spoiled = True
            await self._move(part, old, 0, keep_s)
            raise ReelError(
                Code.UPLOAD_CHECKSUM,
                f"the file that came has the SHA-256 {sha256}, not {said}",
                where="header.upload-metadata",
                hint="send the file again, from the beginning",
                evidence={"offset": 0},
            )

        def change(tx: Tx) -> bool:
            expires_at = tx.now() + keep_s
            return uploads.finish(tx, upload_id, old=old, sha256=sha256, expires_at=expires_at)

        if not await self._app.combiner.transact(change):
            raise uploads.unknown(upload_id)
        part.saved = part.upload.size_bytes


def check_offset(upload: Upload, offset: int) -> None:
    if offset != upload.offset_bytes:
        raise ReelError(
            Code.UPLOAD_OFFSET,
            f"{upload.offset_bytes} bytes are here, the part begins at {offset}",
            where="header.upload-offset",
            evidence={"offset": upload.offset_bytes},
        )


def check_size(upload: Upload, position: int, more: int) -> None:
    if position + more > upload.size_bytes:
        raise ReelError(
            Code.UPLOAD_OFFSET,
            f"the part goes beyond the {upload.size_bytes} bytes that were announced",
            where="body",
            hint="begin a new upload with the right Upload-Length",
            evidence={"limit_bytes": upload.size_bytes},
        )


def _said_sha256(metadata: Mapping[str, str]) -> str | None:
    given = metadata.get("sha256")
    return None if given is None else base64.b64decode(given).decode().lower()
