"""Homes for engine tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.jobs import World, world


@pytest.fixture
def here(tmp_path: Path) -> World:
    """A home with its SQLite store."""
    return world(tmp_path / "home")


@pytest.fixture
def everywhere(tmp_path: Path, database_url: str) -> World:
    """A home whose store is on SQLite, then on PostgreSQL."""
    return world(tmp_path / "home", database_url)
