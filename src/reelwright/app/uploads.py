"""Uploads: files that clients hand in, in parts, and go on with where they stopped."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from reelwright.app import upload_file
from reelwright.app.principal import Scope
from reelwright.app.upload_parts import Checksum, Parts, check_offset, check_size
from reelwright.app.upload_room import check_room
from reelwright.errors import Code, ReelError
from reelwright.store import uploads
from reelwright.store.ids import new_id
from reelwright.store.uploads import Upload

if TYPE_CHECKING:
    from reelwright.app.intake import Origin
    from reelwright.app.principal import Principal
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx

P = ParamSpec("P")
T = TypeVar("T")

_THREADS = 4
# A file without a row for so long is that of an upload that was never told of.
_ORPHAN_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUpload:
    """`metadata`: name → base64. `sha256`: what its client says that it will be."""

    size_bytes: int
    name: str = "upload"
    sha256: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


class Uploads:
    """Takes uploads in. One for each process; `close` it at the end."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="uploads")
        self._parts = Parts(app, self._threads)
        self._threads.submit(remove_orphans, app)

    async def create(self, asked: NewUpload, origin: Origin) -> Upload:
        """Raises FORBIDDEN, BODY_TOO_LARGE, QUOTA_EXCEEDED, DISK_FULL, STORE_*.

        Where the owner has this content here already, it is finished at once.
        """
        origin.principal.check(Scope.UPLOADS)
        _check_size(self._app, asked.size_bytes)
        upload_id = new_id()
        path = path_of(self._app, upload_id)
        is_linked = await self._aside(self._prepare, asked, path, origin.principal.owner)
        free = await self._aside(_free_bytes, path.parent)

        def change(tx: Tx) -> Upload:
            return _enter(self._app, tx, upload_id, asked, origin, free, is_linked)

        try:
            return await self._app.combiner.transact(change)
        except ReelError as error:
            # After any other failure the row may be there, and then it needs its file.
            if error.code in {Code.QUOTA_EXCEEDED, Code.DISK_FULL}:
                await self._aside(upload_file.remove, path)
            raise

    async def look(self, upload_id: str, principal: Principal) -> Upload:
        """Raises FORBIDDEN, UPLOAD_UNKNOWN, STORE_*."""
        principal.check(Scope.READ)
        return await self._aside(self._look, upload_id, principal.sees)

    async def listing(
        self, principal: Principal, *, limit: int, before_id: str | None
    ) -> tuple[list[Upload], str | None]:
        """A page, the newest first, and what to ask the next one with; None on the last."""
        principal.check(Scope.READ)

        def read() -> list[Upload]:
            with self._app.store.read() as tx:
                return uploads.page(tx, principal.sees, limit=limit + 1, before_id=before_id)

        found = await self._aside(read)
        return found[:limit], found[limit - 1].id if len(found) > limit else None

    async def write(
        self,
        upload_id: str,
        principal: Principal,
        offset: int,
        body: AsyncIterator[bytes],
        *,
        checksum: Checksum | None = None,
        size_bytes: int | None = None,
    ) -> Upload:
        """Adds a part at `offset`; `size_bytes` is its size where that is known.

        What came before the client went away is kept, unless the part has a checksum: then all of
        it counts, or none. Raises FORBIDDEN, UPLOAD_UNKNOWN, UPLOAD_OFFSET, UPLOAD_BUSY,
        UPLOAD_CHECKSUM, DISK_FULL, STORE_*, and what `body` raises.
        """
        principal.check(Scope.UPLOADS)
        upload = await self._aside(self._look, upload_id, principal.sees)
        check_offset(upload, offset)
        check_size(upload, offset, size_bytes or 0)
        if upload.is_finished:
            return upload
        await self._parts.take(upload_id, path_of(self._app, upload_id), offset, body, checksum)
        return await self._aside(self._look, upload_id, None)

    async def delete(self, upload_id: str, origin: Origin) -> None:
        """Raises FORBIDDEN, UPLOAD_UNKNOWN, UPLOAD_BUSY where a job needs it, STORE_*."""
        from reelwright.store import audit

        principal = origin.principal
        principal.check(Scope.UPLOADS)

        def change(tx: Tx) -> None:
            uploads.delete(tx, upload_id, principal.sees)
            audit.add(tx, principal, "upload.delete", upload_id, origin.address, origin.trace_id)

        await self._app.combiner.transact(change)
        await self._aside(remove_files, self._app, [upload_id])

    def close(self) -> None:
        self._threads.shutdown()

    async def _aside(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: work(*args, **kwargs))

    def _prepare(self, asked: NewUpload, path: Path, owner: str) -> bool:
        """Makes the file; True where it has all of its bytes."""
        if asked.sha256 is not None:
            with self._app.store.read() as tx:
                same = uploads.same(tx, owner, asked.sha256, asked.size_bytes)
            for one in same:
                if upload_file.link(path_of(self._app, one.id), path, asked.size_bytes):
                    return True
        upload_file.create(path)
        return False

    def _look(self, upload_id: str, owner: str | None) -> Upload:
        """The row; the offset is not beyond the end of the file, whatever happened to that."""
        with self._app.store.read() as tx:
            upload = uploads.get(tx, upload_id, owner)
        if upload.is_finished:
            return upload
        return replace(upload, offset_bytes=min(upload.offset_bytes, self._held(upload_id)))

    def _held(self, upload_id: str) -> int:
        try:
            return path_of(self._app, upload_id).stat().st_size
        except OSError:
            return 0


def path_of(app: App, upload_id: str) -> Path:
    return app.home / "uploads" / upload_id


def locate(app: App, owner: str | None, upload_id: str) -> Path:
    """The file of a finished upload of `owner` (None: of anybody). Blocking.

    Raises UPLOAD_UNKNOWN, UPLOAD_UNFINISHED, STORE_*.
    """
    with app.store.read() as tx:
        upload = uploads.get(tx, upload_id, owner)
    if not upload.is_finished:
        have = f"{upload.offset_bytes} of {upload.size_bytes} bytes"
        raise ReelError(
            Code.UPLOAD_UNFINISHED, f"of upload {upload_id} {have} are here", where=upload_id
        )
    path = path_of(app, upload_id)
    if not path.is_file():
        raise ReelError(
            Code.UPLOAD_UNKNOWN, f"the file of upload {upload_id} is gone", where=upload_id
        )
    return path


def remove_files(app: App, upload_ids: Iterable[str]) -> None:
    """After their rows are gone."""
    for upload_id in upload_ids:
        upload_file.remove(path_of(app, upload_id))


def remove_orphans(app: App) -> int:
    """Deletes files that no upload has (a process died between the two); gives how many.

    Blocking. Raises STORE_*.
    """
    old = time.time() - _ORPHAN_S
    found = []
    with suppress(OSError):
        for path in (app.home / "uploads").iterdir():
            with suppress(OSError):
                if path.stat().st_mtime < old:
                    found.append(path.name)
    orphans: list[str] = []
    for start in range(0, len(found), 500):
        some = found[start : start + 500]
        with app.store.read() as tx:
            known = uploads.known(tx, some)
        orphans += [name for name in some if name not in known]
    remove_files(app, orphans)
    return len(orphans)


def _enter(
    app: App,
    tx: Tx,
    upload_id: str,
    asked: NewUpload,
    origin: Origin,
    free: int,
    is_linked: bool,
) -> Upload:
    from reelwright.app.quota import check_bytes
    from reelwright.store import audit

    principal = origin.principal
    check_bytes(tx, principal, app.settings, asked.size_bytes)
    is_whole = is_linked or asked.size_bytes == 0
    if not is_whole:
        check_room(tx, principal.owner, app.settings.serve, asked.size_bytes, free)
    now = tx.now()
    upload = Upload(
        id=upload_id,
        owner=principal.owner,
        name=asked.name,
        size_bytes=asked.size_bytes,
        offset_bytes=asked.size_bytes if is_whole else 0,
        metadata=dict(asked.metadata),
        created_at=now,
        expires_at=now + app.settings.serve.upload_hours * 3600.0,
        sha256=(asked.sha256 if is_linked else hashlib.sha256().hexdigest()) if is_whole else None,
        finished_at=now if is_whole else None,
    )
    uploads.insert(tx, upload)
    from_where = (origin.address, origin.trace_id)
    audit.add(tx, principal, "upload.create", upload_id, *from_where, size_bytes=asked.size_bytes)
    return upload


def _check_size(app: App, size_bytes: int) -> None:
    limit = app.settings.serve.upload_bytes
    if size_bytes > limit:
        raise ReelError(
            Code.BODY_TOO_LARGE,
            f"an upload may have {limit} bytes, not {size_bytes}",
            where="header.upload-length",
            hint="send less, or raise `serve.upload_bytes`",
            evidence={"limit_bytes": limit},
        )


def _free_bytes(folder: Path) -> int:
    from reelwright.engine.disk import free_bytes

    return free_bytes(folder)
