"""Each benchmark runs at a toy size and says what it found; what it measures is not judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench-media")


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
@pytest.mark.parametrize("name", BENCHMARKS)
def test_it_runs_and_writes_json(
    name: str, media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REEL_BENCH_MEDIA", str(media))
    # What is measured is not counted line by line, and need not be.
    for one in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
        monkeypatch.delenv(one, raising=False)
    report = tmp_path / "found.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", name, "--size", "toy", "--to", str(report)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    found = json.loads(report.read_text())
    assert found["broken"] == {}
    assert found["machine"]["cores"] > 0
    assert found["rows"]
    for row in found["rows"]:
        assert row["wrong"] == [], row
        assert row["value"] >= 0
        is_above = row["value"] >= row["bar"]
        assert row["passed"] == (is_above if row["at_least"] else row["value"] <= row["bar"])


def test_an_unknown_name_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "laddder"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "no benchmark laddder" in done.stderr
