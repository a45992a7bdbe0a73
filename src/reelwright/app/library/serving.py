"""What clients of a service ask of the library: an asset with its checks, its files, its end."""

from __future__ import annotations

import mimetypes
import os
import stat
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from reelwright.app.library import folders, looking, removing
from reelwright.app.principal import Principal, Scope
from reelwright.app.settings import without_password
from reelwright.errors import Code, ReelError
from reelwright.store import asset_files, assets, origins

if TYPE_CHECKING:
    from pathlib import Path

    from reelwright.app.intake import Origin
    from reelwright.app.wiring import App
    from reelwright.store.asset_files import AssetFile

_CHECKS = 100
_BYTES = "application/octet-stream"
# What no table of this machine needs to know.
_TYPES = {
    "vtt": "text/vtt; charset=utf-8",
    "srt": "application/x-subrip",
    "nfo": "text/xml; charset=utf-8",
    "mkv": "video/x-matroska",
    "ffmetadata": "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class OpenFile:
    """`etag`: the SHA-256 of the file as it was kept; of one that somebody changed since, what the
    file system says of it."""

    file: IO[bytes]
    name: str
    media_type: str
    size_bytes: int
    etag: str
    modified_s: float


def details(app: App, asset_id: str, principal: Principal) -> dict[str, Any]:
    """An asset with its files, chapters, facts, and what its origin has said. Raises FORBIDDEN,
    ASSET_UNKNOWN."""
    principal.check(Scope.READ)
    found = looking.details(app, asset_id, principal.sees)
    with app.store.read() as tx:
        checks = origins.history(tx, found.asset.key, limit=_CHECKS)
    return {
        **found.to_json(),
        "checks": [
            {"outcome": c.outcome, "code": c.code, "at": c.at, "url": without_password(c.url)}
            for c in checks
        ],
    }


def opened(app: App, asset_id: str, path: str, principal: Principal) -> OpenFile:
    """A file that the library knows, by its path in the asset's folder. Blocking; who is handed it
    closes it. Raises FORBIDDEN, ASSET_UNKNOWN, NOT_FOUND."""
    principal.check(Scope.READ)
    with app.store.read() as tx:
        asset = assets.get(tx, asset_id, principal.sees)
        known = {file.path: file for file in asset_files.of_asset(tx, asset_id)}
    row = known.get(path)
    if row is None:
        raise _missing(path, "the asset has no such file", "`GET /v1/assets/{id}` lists them")
    try:
        file = _open(folders.path_of(app, asset, row))
        found = os.fstat(file.fileno())
    except OSError as error:
        raise _missing(path, "it is not in its place", row_hint(row)) from error
    is_same = (found.st_size, found.st_mtime_ns) == (row.size_bytes, row.mtime_ns)
    tag = row.sha256 if is_same else f"{found.st_mtime_ns:x}-{found.st_size:x}"
    return OpenFile(
        file=file,
        name=row.path.rpartition("/")[2],
        media_type=media_type(row.format, row.path),
        size_bytes=found.st_size,
        etag=f'"{tag}"',
        modified_s=found.st_mtime,
    )


def remove(app: App, asset_id: str, origin: Origin, *, keep_files: bool) -> dict[str, Any]:
    """Raises FORBIDDEN, and as `removing.remove`."""
    from reelwright.store import audit

    principal = origin.principal
    principal.check(Scope.JOBS)
    done = removing.remove(app, asset_id, keep_files=keep_files, owner=principal.sees)
    app.store.transact(
        lambda tx: audit.add(
            tx,
            principal,
            "asset.delete",
            asset_id,
            origin.address,
            origin.trace_id,
            title=done.title[:200],
            files=done.files,
        )
    )
    return {"asset": done.asset_id, "files": done.files, "bytes": done.size_bytes}


def media_type(form: str, path: str) -> str:
    known = _TYPES.get(form.lower())
    return known or mimetypes.guess_type(path)[0] or _BYTES


def row_hint(row: AssetFile) -> str:
    return "`reel verify` on the service finds out why" if row.state == "ok" else row.state.value


def _open(path: Path) -> IO[bytes]:
    """A plain file: nothing that blocks when it is opened, and no way out of the library."""
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise OSError(f"{path} is no file")
        return os.fdopen(number, "rb")
    except BaseException:
        os.close(number)
        raise


def _missing(path: str, why: str, hint: str) -> ReelError:
    return ReelError(Code.NOT_FOUND, f"{path[:200]}: {why}", where="path", hint=hint)
