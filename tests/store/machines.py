"""Machines that share contents: each is a `SharedBlobs` with a cache of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from reelwright.errors import Code, ReelError
from reelwright.store.blobs import Blob, Blobs, Pins
from reelwright.store.shared_blobs import SharedBlobs

BODY = b"a moment of film " * 1000
LARGE = bytes(range(256)) * (100 << 10)  # 25 MiB: four ranges

Machines = Callable[..., SharedBlobs]


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def put(blobs: Blobs, folder: Path, body: bytes = BODY) -> Blob:
    source = folder / f"made-{digest(body)[:8]}"
    source.write_bytes(body)
    return blobs.put(source)


def check(blobs: Blobs, blob: Blob) -> bool:
    return blobs.check(blob.sha256, blob.size_bytes, blob.mtime_ns, blob.inode)


def bring(blobs: Blobs, blob: Blob, pins: Pins | None = None) -> Path:
    return blobs.bring(blob.sha256, blob.size_bytes, (blob.mtime_ns, blob.inode), pins=pins)


def code_of(call: Callable[[], object]) -> Code:
    with pytest.raises(ReelError) as caught:
        call()
    return caught.value.code
