"""A feed of which a part is spoiled: what can be had is there, the rest has its cause."""

from __future__ import annotations

import pytest

from tests.faults.archive.many import FAULTS, archive_many
from tests.faults.archive.runs import Archive
from tests.site import Site

pytestmark = pytest.mark.faults


def test_every_kind_of_fault(archive: Archive, site: Site) -> None:
    count = 2 * len(FAULTS)
    found = archive_many(archive, site, count, percent=50, seed=1)
    assert found.wrong == []
    assert found.kept + found.failed == count


@pytest.mark.faults_long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(3))
def test_three_hundred(archive: Archive, site: Site, seed: int) -> None:
    found = archive_many(archive, site, 300, percent=10, seed=seed)
    assert found.wrong == []
    assert found.kept >= 270
