"""What a job has made: its files, and where their bytes can be read."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.principal import Principal
    from reelwright.app.wiring import App
    from reelwright.store.blobs import Pins
    from reelwright.store.rows import Delivered

# Python's table leaves it to the system's; these are ours to know.
_KINDS = {
    ".mkv": "video/x-matroska",
    ".mka": "audio/x-matroska",
    ".vtt": "text/vtt",
    ".srt": "application/x-subrip",
    ".webp": "image/webp",
    ".opus": "audio/ogg",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
}


@dataclass(frozen=True, slots=True)
class Artifact:
    """File `n` of a job, counted from 0 in the order of the spec's outputs."""

    n: int
    job_id: str
    file: Delivered

    @property
    def name(self) -> str:
        return self.file.path.rpartition("/")[2]

    @property
    def media_type(self) -> str:
        suffix = Path(self.name).suffix.lower()
        return (
            _KINDS.get(suffix) or mimetypes.guess_type(self.name)[0] or "application/octet-stream"
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "name": self.name,
            "path": self.file.path,
            "output": self.file.output,
            "position": self.file.position,
            "sha256": self.file.sha256,
            "bytes": self.file.size_bytes,
            "media_type": self.media_type,
            "url": f"/v1/jobs/{self.job_id}/artifacts/{self.n}",
        }


def artifacts(app: App, job_id: str, principal: Principal) -> list[Artifact]:
    """Those that were delivered so far. Raises JOB_UNKNOWN."""
    from reelwright.app.views import check_owner
    from reelwright.store import jobs

    with app.store.read() as tx:
        check_owner(tx, job_id, principal)
        files = jobs.delivered(tx, job_id)
    return [Artifact(n, job_id, file) for n, file in enumerate(files)]


def artifact(app: App, job_id: str, n: int, principal: Principal) -> Artifact:
    """Raises JOB_UNKNOWN, NOT_FOUND."""
    found = artifacts(app, job_id, principal)
    if n >= len(found):
        raise ReelError(
            Code.NOT_FOUND,
            f"job {job_id} has no artifact {n}: it has {len(found)} so far",
            hint="`GET /v1/jobs/{job_id}/artifacts` lists them",
        )
    return found[n]


def opened(app: App, found: Artifact) -> IO[bytes]:
    """Its bytes, from wherever they still are as they were made. Blocking.

    Raises NOT_FOUND where they are gone; ARTIFACTS_UNAVAILABLE, DISK_FULL where they are on their
    way from a store that other machines share.
    """
    from reelwright.store.blobs import Pins

    with Pins() as pins:  # an open file needs none: it stays whoever makes room
        for path in _places(app, found, pins):
            try:
                file = path.open("rb")
            except OSError:
                continue
            return file
    raise ReelError(
        Code.NOT_FOUND,
        f"the bytes of {found.name} are no longer here: the file was changed or removed, and the "
        "cache has dropped its own",
        hint="retry the job to make it again",
    )


def _places(app: App, found: Artifact, pins: Pins) -> Iterator[Path]:
    """The stored content where nobody touched it: a stat says so. Else the delivered file, which
    must be read for that. Where stored contents may have to come from elsewhere, the delivered file
    is asked first: it is here already."""
    path = Path(found.file.path)
    if app.blobs.is_shared and path.is_absolute() and _is_unchanged(app, path, found.file):
        yield path
    stored = _stored(app, found.file, pins)
    if stored is not None:
        yield stored
    elif path.is_absolute() and _is_unchanged(app, path, found.file):
        yield path


def _stored(app: App, file: Delivered, pins: Pins) -> Path | None:
    from reelwright.store import artifacts as table

    with app.store.read() as tx:
        blob = table.blob(tx, file.sha256)
    if blob is None:
        return None
    try:
        known = (blob.mtime_ns, blob.inode)
        return app.blobs.bring(blob.sha256, blob.size_bytes, known, pins=pins)
    except ReelError as error:
        if error.code is Code.ARTIFACT_DAMAGED:
            return None
        raise


def _is_unchanged(app: App, path: Path, file: Delivered) -> bool:
    from reelwright.store import probes

    try:
        if path.stat().st_size != file.size_bytes:
            return False
        return probes.digest(app.store, path) == file.sha256
    except OSError:
        return False
