"""Short leases, so that a contract about renewal is seen in moments."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.jobs import World, world


@pytest.fixture
def here(tmp_path: Path, database_url: str) -> World:
    return world(tmp_path / "home", database_url, lease_s=3.0, renew_s=0.1)
