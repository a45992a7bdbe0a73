"""kill -9 of an analysis whose segments are paid for: none is paid for twice, none is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.faults
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds its victims in /proc")
@pytest.mark.parametrize(
    ("kills", "shots"), [(4, 12), pytest.param(50, 24, marks=pytest.mark.faults_long)]
)
def test_no_segment_is_paid_for_twice_and_none_is_missing(kills: int, shots: int) -> None:
    """The benchmark with fewer kills; its seed stands in the output of a failure."""
    words = ["--kills", str(kills), "--shots", str(shots)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.understand_kills", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert found["kills"] >= kills
    assert found["segments"] == found["videos"] * shots
    assert found["ok"], f"{done.stdout}\n{done.stderr}"
