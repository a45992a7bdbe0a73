"""An open store, once on each database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reelwright.store.shared import open_shared
from reelwright.store.shared_blobs import SharedBlobs
from reelwright.store.store import Store, open_store
from tests.object_storage import BUCKET, KEYS, Door, nothing, object_storage
from tests.store.machines import Machines, digest


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = open_store(database_url)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def s3() -> Iterator[tuple[Door, Any]]:
    patch = pytest.MonkeyPatch()
    with object_storage() as (door, client):
        for name, value in {**KEYS, "AWS_ENDPOINT_URL": door.url}.items():
            patch.setenv(name, value)
        yield door, client
    patch.undo()


@pytest.fixture
def door(s3: tuple[Door, Any]) -> Iterator[Door]:
    found = s3[0]
    found.seen.clear()
    yield found
    found.fault = nothing


@pytest.fixture
def where(request: pytest.FixtureRequest) -> str:
    return f"s3://{BUCKET}/{digest(request.node.name.encode())[:12]}"


@pytest.fixture
def machine(door: Door, where: str, tmp_path: Path) -> Machines:
    """By name; the same name again is the same machine after a restart."""

    def made(name: str, limit_bytes: int = 1 << 30, deadline_s: float = 60) -> SharedBlobs:
        shared = open_shared(where, deadline_s=deadline_s)
        return SharedBlobs(tmp_path / name / "blobs", shared, limit_bytes=limit_bytes)

    return made


@pytest.fixture
def in_folder(tmp_path: Path) -> Machines:
    (tmp_path / "shared").mkdir()

    def made(name: str) -> SharedBlobs:
        shared = open_shared(str(tmp_path / "shared"))
        return SharedBlobs(tmp_path / name / "blobs", shared, limit_bytes=1 << 30)

    return made
