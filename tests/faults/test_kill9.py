"""kill -9 of anything at any time: nothing lost, nothing twice, nobody left behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.faults
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for orphans in /proc")
def test_a_job_survives_fifteen_kills() -> None:
    """The benchmark with fewer kills; its seed stands in the output of a failure."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.kill9", "--kills", "15"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert found["kills"] >= 15
    assert found["ok"], f"{done.stdout}\n{done.stderr}"
