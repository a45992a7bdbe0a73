"""One Ray for the tests of a module, and agents that see their own actors only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from tests.features.ray_models import Agents, Here, one_node


@pytest.fixture(scope="module")
def ray_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    if find_spec("ray") is None:  # its import would read the environment, before it is right
        pytest.skip("Ray is not installed")
    with one_node(tmp_path_factory.mktemp("node")) as here:
        yield here


@pytest.fixture
def agents(ray_here: Here, request: pytest.FixtureRequest) -> Iterator[Agents]:
    name = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:8]
    found = Agents(ray_here, f"test-{name}")
    yield found
    found.end()
