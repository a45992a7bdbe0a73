"""Files in object stores: s3, gs and az, through obstore."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from reelwright.errors import Code, ReelError
from reelwright.tools.download.answers import shown
from reelwright.tools.download.parts import Origin, Part, disk_errors, write_all

OBJECT_SCHEMES = ("s3", "gs", "az")
OnBytes = Callable[[int, int | None], None]

_BLOCK_BYTES = 4 << 20
_PART_BYTES = 8 << 20  # of a multipart upload; S3 takes 10,000 parts: 80 GB
_TRIES = 4


def _nobody(done_bytes: int, total_bytes: int | None) -> None:
    """Progress that nobody watches."""


async def fetch_object(
    uri: str,
    target: Path,
    parts: Path,
    on_progress: OnBytes = _nobody,
    *,
    limit_bytes: int | None = None,
) -> int:
    """Brings `uri` to `target`, streaming, and gives its size in bytes.

    `parts`, a folder, outlives the call: what an interrupted one left there is gone on from where
    the object is still the same, and `target` appears only when it is whole. Credentials come from
    their usual environment (AWS_…, GOOGLE_…, AZURE_…). Raises INPUT_SCHEME, LIBRARY_MISSING,
    NEEDS_TOO_MUCH, and the codes of network, HTTP and disk.
    """
    store, path = _store(uri)
    with disk_errors(parts):
        part = Part(parts, uri)
        if not part.acquire():  # another process brings it: this one goes its own way
            part = Part(target.parent / "own-parts", uri)
            part.acquire()
    try:
        with _object_errors(uri), disk_errors(target):
            size_bytes = await _get(store, path, part, on_progress, limit_bytes)
            part.finish(target)
    finally:
        part.release()
    return size_bytes


async def put_object(path: Path, uri: str) -> None:
    """Uploads the file `path` to `uri` (in parts where it is large); it appears whole or never.

    Raises what `fetch_object` raises, INPUT_NOT_FOUND where there is no such file.
    """
    store, key = _store(uri)
    size_bytes = _size_bytes(path)
    import obstore

    with _object_errors(uri):
        await obstore.put_async(store, key, path, chunk_size=_PART_BYTES)  # word-ok: obstore's name
        arrived_bytes = (await obstore.head_async(store, key))["size"]
    if arrived_bytes != size_bytes:
        message = f"{arrived_bytes} of {size_bytes} bytes arrived"
        raise ReelError(Code.NETWORK_RESET, message, where=shown(uri))


async def object_exists(uri: str) -> bool:
    """Whether an object has this name already. Raises what `fetch_object` raises."""
    store, key = _store(uri)
    import obstore

    try:
        with _object_errors(uri):
            await obstore.head_async(store, key)
    except ReelError as error:
        if error.code is Code.HTTP_NOT_FOUND:
            return False
        raise
    return True


def _size_bytes(path: Path) -> int:
    if not path.is_file():
        raise ReelError(Code.INPUT_NOT_FOUND, f"{path.name} is not there", where=str(path))
    return path.stat().st_size


async def _get(
    store: Any, path: str, part: Part, on_progress: OnBytes, limit_bytes: int | None
) -> int:
    import obstore

    for remaining in reversed(range(_TRIES)):
        meta = await obstore.head_async(store, path)
        origin = Origin(url=path, etag=meta.get("e_tag"), size_bytes=int(meta["size"]))
        total = origin.size_bytes or 0
        if limit_bytes is not None and total > limit_bytes:
            message = f"the object has {total} bytes, more than the {limit_bytes} that are allowed"
            raise ReelError(Code.NEEDS_TOO_MUCH, message, where=path)
        known = part.resumable()
        offset = known[1] if known and known[0] == origin else 0
        try:
            await _receive(store, path, part, offset, origin, on_progress)
        except obstore.exceptions.PreconditionError:
            if not remaining:
                raise
            continue  # replaced between the two requests: from the start
        except obstore.exceptions.GenericError:
            if not remaining or _there(part) <= offset:
                raise
            continue
        break
    return total


def _there(part: Part) -> int:
    known = part.resumable()
    return known[1] if known else 0


async def _receive(
    store: Any, path: str, part: Part, offset: int, origin: Origin, on_progress: OnBytes
) -> None:
    import obstore

    with part.resume() if offset else part.start(origin) as file:
        if offset == origin.size_bytes:
            return
        options: Any = {"range": {"offset": offset}} if offset else {}
        if origin.etag:
            options["if_match"] = origin.etag
        answer = await obstore.get_async(store, path, options=options)
        done = offset
        async for block in answer.stream(_BLOCK_BYTES):
            write_all(file, bytes(block))
            done += len(block)
            on_progress(done, origin.size_bytes)


def _store(uri: str) -> tuple[Any, str]:
    parts = urlsplit(uri)
    if parts.scheme.lower() not in OBJECT_SCHEMES:
        message = f"'{parts.scheme}:' is no object store that is known"
        raise ReelError(Code.INPUT_SCHEME, message, where=shown(uri))
    key = unquote(parts.path.lstrip("/"))  # RFC 3986; the store's client encodes it again
    if not parts.netloc or not key:
        message = "the address must name a bucket and an object, as s3://bucket/folder/name"
        raise ReelError(Code.INPUT_SCHEME, message, where=shown(uri))
    try:
        from obstore.store import from_url
    except ImportError as error:
        message = "object storage needs the library obstore"
        raise ReelError(Code.LIBRARY_MISSING, message, where=shown(uri)) from error
    with _object_errors(uri):
        # A test server, MinIO and their like answer on plain HTTP; AWS_ENDPOINT_URL says so.
        return from_url(f"{parts.scheme}://{parts.netloc}", client_options=_client()), key


def _client() -> Any:
    import os

    endpoint = os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT") or ""
    return {"allow_http": True} if endpoint.startswith("http://") else None


@contextmanager
def _object_errors(uri: str) -> Iterator[None]:
    from obstore import exceptions

    codes: tuple[tuple[type[BaseException], Code], ...] = (
        (exceptions.NotFoundError, Code.HTTP_NOT_FOUND),
        (FileNotFoundError, Code.HTTP_NOT_FOUND),
        (exceptions.PermissionDeniedError, Code.HTTP_FORBIDDEN),
        (exceptions.UnauthenticatedError, Code.HTTP_FORBIDDEN),
        (exceptions.PreconditionError, Code.REMOTE_CHANGED),
        (exceptions.InvalidPathError, Code.INPUT_SCHEME),
        (exceptions.UnknownConfigurationKeyError, Code.CONFIG_INVALID),
    )
    try:
        yield
    except (exceptions.BaseError, FileNotFoundError) as error:
        code = next((code for kind, code in codes if isinstance(error, kind)), None)
        text = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
        raise ReelError(
            code or _generic(str(error)), f"the object store refused: {text}", where=shown(uri)
        ) from error


def _generic(text: str) -> Code:
    if "timed out" in text or "timeout" in text.lower():
        return Code.NETWORK_TIMEOUT
    if "status code: 403" in text or "AccessDenied" in text:
        return Code.HTTP_FORBIDDEN
    return Code.NETWORK_UNREACHABLE
