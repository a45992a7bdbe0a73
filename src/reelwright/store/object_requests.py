"""Requests to object storage: how long they are tried, what is refused, files on their way up."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Iterator
from pathlib import Path

from reelwright.errors import Code, ReelError
from reelwright.store.shared import Alive, changed, invalid, unavailable

_BACKOFF_S, _BACKOFF_MOST_S = 0.2, 5.0


class AgainError(Exception):
    """The whole transfer is to be begun again."""


class ShortError(Exception):
    """An answer ended before its end."""


class Patience:
    """Of one call, or of all requests of one transfer: `wait` sleeps, with full jitter, or raises
    ARTIFACTS_UNAVAILABLE when nothing came for `deadline_s`."""

    def __init__(self, where: str, deadline_s: float) -> None:
        self._where = where
        self._deadline_s = deadline_s
        self._last = time.monotonic()
        self._failures = 0
        self.rounds = 0

    def progress(self) -> None:
        self._last = time.monotonic()
        self._failures = 0

    def wait(self, error: BaseException) -> None:
        self.rounds += 1
        self._failures += 1
        left_s = self._last + self._deadline_s - time.monotonic()
        most_s = min(_BACKOFF_MOST_S, _BACKOFF_S * 2.0 ** min(self._failures, 20))
        pause_s = random.uniform(most_s / 4, most_s)
        if pause_s > left_s:
            raise unavailable(self._where, first_line(error)) from error
        time.sleep(pause_s)


class Reading:
    """A file on its way up, in blocks; where `sha256` is given, the last block is held back until
    the content is known to be that: an upload that ends early becomes no object."""

    def __init__(self, source: Path, sha256: str | None, alive: Alive) -> None:
        self._source = source
        self._sha256 = sha256
        self._alive = alive
        self._problem: Exception | None = None
        self.done_bytes = 0

    def blocks(self) -> Iterator[bytes]:
        self.done_bytes = 0
        try:
            yield from self._blocks()
        except Exception as error:
            self._problem = error
            raise

    def check(self) -> None:
        """Raises what stopped the reading."""
        if self._problem is not None:
            raise self._problem

    def _blocks(self) -> Iterator[bytes]:
        digest = hashlib.sha256()
        held = b""
        with self._source.open("rb", buffering=0) as file:
            while block := file.read(1 << 20):
                self._alive()
                if self._sha256 is not None:
                    digest.update(block)
                if held:
                    yield held
                    self.done_bytes += len(held)
                held = block
        if self._sha256 not in {None, digest.hexdigest()}:
            raise changed(self._source)
        yield held


def is_no_bucket(error: BaseException) -> bool:
    return "NoSuchBucket" in str(error) or "ContainerNotFound" in str(error)


def check_refusal(error: BaseException, where: str) -> None:
    """Raises where trying again would not help."""
    from obstore import exceptions

    if isinstance(error, ReelError):
        raise error
    text = str(error)
    kinds = (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError, PermissionError)
    if isinstance(error, kinds) or "AccessDenied" in text or "InvalidAccessKeyId" in text:
        said = f"the store of artifacts refused: {first_line(error)}"
        raise ReelError(Code.PERMISSION_DENIED, said, where=where) from error
    if isinstance(error, exceptions.NotFoundError | FileNotFoundError) and is_no_bucket(error):
        raise invalid(f"{where} is not there") from error
    if isinstance(error, exceptions.InvalidPathError | exceptions.UnknownConfigurationKeyError):
        raise invalid(first_line(error)) from error
    if not isinstance(error, exceptions.BaseError | OSError | ShortError):
        raise error


def first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__
