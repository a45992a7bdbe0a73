"""A shared store in object storage (S3, GCS, Azure), through obstore: parts in, ranges out."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import BoundedSemaphore
from typing import IO, Any, TypeVar
from urllib.parse import unquote, urlsplit

from reelwright.errors import Code, ReelError
from reelwright.store.blobs import refused
from reelwright.store.object_requests import (
    AgainError,
    Patience,
    Reading,
    ShortError,
    check_refusal,
    first_line,
    is_no_bucket,
)
from reelwright.store.shared import (
    DEADLINE_S,
    Alive,
    Stored,
    damaged,
    invalid,
    nobody,
    unavailable,
)
from reelwright.store.shared_folder import MARK_S

T = TypeVar("T")
# Of a multipart upload and of a ranged read. S3 takes 10,000 parts: larger files get larger ones.
_BLOCK_BYTES = 8 << 20
_MOST_PARTS = 9_000
# Blocks of one file that are on their way at a time, and files: 4 × 4 × 8 MiB is all the memory.
_WINDOW = 4
_TRANSFERS = 4
# One try at one request.
_REQUEST_S = 30.0
# What only looks must not keep others waiting for as long as a transfer may.
_LOOK_S = 10.0
# A damaged body may have been damaged on its way: a whole transfer is begun again so often.
_ROUNDS = 3


class ObjectStore:
    """`url` is s3://bucket/prefix and its like; credentials come from their usual environment
    (AWS_…, GOOGLE_…, AZURE_…). Without progress for `deadline_s` seconds calls raise
    ARTIFACTS_UNAVAILABLE. Raises CONFIG_INVALID, LIBRARY_MISSING."""

    def __init__(self, url: str, *, deadline_s: float = DEADLINE_S) -> None:
        self.where = url
        self._deadline_s = deadline_s
        request_s = min(_REQUEST_S, max(deadline_s / 2, 0.5))
        self._store = _opened(url, request_s, tries=2, within_s=request_s)
        # Parts of an upload are tried again by the library, or all of it would be sent again.
        self._sending = _opened(url, request_s, tries=20, within_s=deadline_s)
        self._pool = ThreadPoolExecutor(_WINDOW * _TRANSFERS, thread_name_prefix="artifacts")
        self._transfers = BoundedSemaphore(_TRANSFERS)

    def place(self, sha256: str) -> Path | None:
        return None

    def has(self, sha256: str, size_bytes: int) -> bool:
        return self.size_bytes(sha256) == size_bytes

    def size_bytes(self, sha256: str) -> int | None:
        found = self._head(_content(sha256))
        return None if found is None else int(found["size"])

    def put(
        self, sha256: str, source: Path, *, is_ours: bool = False, alive: Alive = nobody
    ) -> None:
        try:
            size_bytes = source.stat().st_size
            found = self._head(_content(sha256))
            if found is not None and found["size"] == size_bytes:
                self._mark(sha256, found["last_modified"])
                return
            for remaining in reversed(range(_ROUNDS)):
                try:
                    reading = Reading(source, None if is_ours else sha256, alive)
                    self._send(sha256, reading, size_bytes)
                    break
                except AgainError as error:
                    if not remaining:
                        raise unavailable(self.where, str(error)) from error
        except OSError as error:
            raise refused(error, source) from error

    def get(self, sha256: str, size_bytes: int, target: Path, *, alive: Alive = nobody) -> None:
        try:
            for remaining in reversed(range(_ROUNDS)):
                with target.open("wb", buffering=0) as file, self._transfers:
                    if self._receive(sha256, size_bytes, file, alive) == sha256:
                        return
                if not remaining:
                    raise damaged(sha256, "no longer what it was")
        except OSError as error:
            raise refused(error, target) from error

    def remove(self, sha256: str) -> None:
        for name in (_content(sha256), f"used/{sha256}"):
            self._delete(name)

    def contents(self) -> Iterator[Stored]:
        marks = {_last(name): at for name, _, at in self._listed("used/")}
        for name, size_bytes, at in self._listed("sha256/"):
            yield Stored(_last(name), size_bytes, max(at, marks.get(_last(name), 0.0)))

    def put_text(self, name: str, source: Path | bytes) -> None:
        import obstore

        try:
            text = source if isinstance(source, bytes) else source.read_bytes()
        except OSError as error:
            raise refused(error, Path(str(source))) from error
        self._tried(lambda: obstore.put(self._store, f"logs/{name}", text, use_multipart=False))

    def get_text(self, name: str, start: int = 0) -> bytes | None:
        import obstore

        size_bytes = self.text_bytes(name)
        if size_bytes is None or start >= size_bytes:
            return None if size_bytes is None else b""

        def ask() -> bytes:
            found = obstore.get(self._store, f"logs/{name}", options={"range": {"offset": start}})
            return bytes(found.bytes())

        return self._tried(ask, missing=None)

    def text_bytes(self, name: str) -> int | None:
        found = self._head(f"logs/{name}")
        return None if found is None else int(found["size"])

    def texts(self, folder: str = "") -> Iterator[Stored]:
        prefix = f"logs/{folder}/" if folder else "logs/"
        for name, size_bytes, at in self._listed(prefix):
            yield Stored(name.removeprefix("logs/"), size_bytes, at)

    def remove_text(self, name: str) -> None:
        self._delete(f"logs/{name}")

    def probe(self) -> None:
        name, said = f"probes/{secrets.token_hex(8)}", secrets.token_bytes(16)
        self.put_text(name, said)
        if self.get_text(name) != said:
            raise unavailable(self.where, "what was written cannot be read back")
        self.remove_text(name)

    def _head(self, name: str) -> Any:
        import obstore

        return self._tried(lambda: obstore.head(self._store, name), missing=None, within_s=_LOOK_S)

    def _delete(self, name: str) -> None:
        import obstore

        self._tried(lambda: obstore.delete(self._store, name), missing=None)

    def _listed(self, prefix: str) -> Iterator[tuple[str, int, float]]:
        import obstore

        for page in self._pages(obstore.list(self._store, prefix)):
            for found in page:
                yield found["path"], int(found["size"]), found["last_modified"].timestamp()

    def _pages(self, listing: Iterator[Any]) -> Iterator[Any]:
        while (page := self._tried(lambda: next(listing, None))) is not None:
            yield page

    def _mark(self, sha256: str, written_at: datetime) -> None:
        """Says that it was put again: it is not as old as it looks."""
        import obstore

        if (datetime.now(UTC) - written_at).total_seconds() > MARK_S:
            self._tried(lambda: obstore.put(self._store, f"used/{sha256}", b""))

    def _send(self, sha256: str, reading: Reading, size_bytes: int) -> None:
        """Raises AgainError where the whole of it may be tried again, INPUT_CHANGED."""
        if size_bytes <= _BLOCK_BYTES:
            self._send_whole(sha256, b"".join(reading.blocks()))
            return
        import obstore

        options = {
            "chunk_size": _part_bytes(size_bytes),  # word-ok: obstore's name
            "max_concurrency": _WINDOW,
        }
        name = _content(sha256)
        with self._transfers:
            patience = Patience(self.where, self._deadline_s)
            while True:
                done_bytes = reading.done_bytes
                try:
                    obstore.put(self._sending, name, reading.blocks(), **options)  # type: ignore[arg-type]
                    break
                except Exception as error:  # noqa: BLE001 - what reading raised comes through obstore
                    reading.check()
                    check_refusal(error, self.where)
                    if self.has(sha256, size_bytes):  # the last answer was lost, nothing else
                        return
                    if reading.done_bytes > done_bytes and patience.rounds < _ROUNDS:
                        patience.progress()
                    patience.wait(error)
        found = self._head(name)
        if found is None or found["size"] != size_bytes:
            raise AgainError("what was sent did not arrive whole")

    def _send_whole(self, sha256: str, body: bytes) -> None:
        import obstore

        def send() -> None:
            name = _content(sha256)
            try:
                obstore.put(self._store, name, body, mode="create", use_multipart=False)
            except (obstore.exceptions.AlreadyExistsError, obstore.exceptions.PreconditionError):
                # Somebody was faster, or an earlier try of ours arrived; what is there but not
                # whole is replaced.
                if obstore.head(self._store, name)["size"] != len(body):
                    obstore.put(self._store, name, body, use_multipart=False)
            except obstore.exceptions.NotSupportedError:
                obstore.put(self._store, name, body, use_multipart=False)

        self._tried(send)

    def _receive(self, sha256: str, size_bytes: int, file: IO[bytes], alive: Alive) -> str:
        """Ranges in parallel, written and digested in their order; gives the digest."""
        digest = hashlib.sha256()
        starts = iter(range(0, size_bytes, _BLOCK_BYTES))
        patience = Patience(self.where, self._deadline_s)
        coming: deque[Future[Any]] = deque()
        try:
            while True:
                while len(coming) < _WINDOW and (start := next(starts, None)) is not None:
                    end = min(start + _BLOCK_BYTES, size_bytes)
                    coming.append(self._pool.submit(self._range, sha256, start, end, patience))
                if not coming:
                    return digest.hexdigest()
                alive()
                block = memoryview(coming.popleft().result())
                digest.update(block)
                while block:
                    block = block[file.write(block) :]
        finally:
            for future in coming:
                future.cancel()

    def _range(self, sha256: str, start: int, end: int, patience: Patience) -> Any:
        import obstore

        def ask() -> Any:
            try:
                found = obstore.get_range(self._store, _content(sha256), start=start, end=end)
            except obstore.exceptions.GenericError as error:
                if "416 Range" in str(error):
                    raise damaged(sha256, "shorter than it was") from error
                raise
            if len(found) != end - start:
                if obstore.head(self._store, _content(sha256))["size"] < end:
                    raise damaged(sha256, "shorter than it was")
                raise ShortError(f"{len(found)} of {end - start} bytes came")
            return found

        missing = object()
        found = self._tried(ask, missing=missing, patience=patience)
        if found is missing:
            raise damaged(sha256, "no longer in the store")
        return found

    def _tried(
        self,
        ask: Callable[[], T],
        *,
        missing: Any = ...,
        within_s: float | None = None,
        patience: Patience | None = None,
    ) -> T:
        """Asks until there is an answer: `missing` where the object is not there."""
        from obstore import exceptions

        within_s = min(within_s or self._deadline_s, self._deadline_s)
        patience = patience or Patience(self.where, within_s)
        while True:
            try:
                found = ask()
            except (exceptions.NotFoundError, FileNotFoundError) as error:
                if missing is ... or is_no_bucket(error):
                    raise invalid(f"{self.where} is not there") from error
                return missing  # type: ignore[no-any-return]
            except (exceptions.BaseError, ShortError, OSError) as error:
                check_refusal(error, self.where)
                patience.wait(error)
            else:
                patience.progress()
                return found


def _opened(url: str, request_s: float, *, tries: int, within_s: float) -> Any:
    try:
        from obstore import exceptions
        from obstore.store import LocalStore, from_url
    except ImportError as error:
        message = "object storage needs the library obstore"
        raise ReelError(Code.LIBRARY_MISSING, message, where="cluster.artifacts") from error
    parts = urlsplit(url)
    try:
        if parts.scheme == "file":
            return LocalStore(unquote(parts.path), mkdir=True)
        endpoint = os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT") or ""
        options: Any = {
            "connect_timeout": timedelta(seconds=min(10.0, request_s)),
            "timeout": timedelta(seconds=request_s),
            "allow_http": endpoint.startswith("http://") or _is_true("AWS_ALLOW_HTTP"),
        }
        retry: Any = {
            "max_retries": tries,
            "retry_timeout": timedelta(seconds=within_s),
            "backoff": {
                "init_backoff": timedelta(milliseconds=100),
                "max_backoff": timedelta(seconds=2),
            },
        }
        return from_url(url, client_options=options, retry_config=retry)
    except (exceptions.BaseError, ValueError, OSError) as error:
        raise invalid(first_line(error)) from error


def _is_true(name: str) -> bool:
    return os.environ.get(name, "").lower() in {"1", "true", "yes"}


def _part_bytes(size_bytes: int) -> int:
    """Within the number of parts that stores take."""
    return max(_BLOCK_BYTES, -(-size_bytes // _MOST_PARTS))


def _content(sha256: str) -> str:
    return f"sha256/{sha256[:2]}/{sha256}"


def _last(name: str) -> str:
    return name.rpartition("/")[2]
