"""The report that `make test` leaves tells what happened, also over several workers."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

SUITE = """
import pytest

def test_good():
    assert True

def test_bad():
    assert 1 == 2, "one is not two"

@pytest.mark.skip(reason="not here")
def test_skipped():
    assert False
"""


def test_report_of_two_workers(tmp_path: Path) -> None:
    (tmp_path / "test_sample.py").write_text(SUITE)
    (tmp_path / "conftest.py").write_bytes((ROOT / "tests" / "conftest.py").read_bytes())
    report = tmp_path / "reports" / "tests.json"
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--quality-report", str(report)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}  # the fixtures that conftest.py names
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environ
    )
    assert done.returncode == 1, done.stdout + done.stderr
    document = json.loads(report.read_text())
    assert document["exit_code"] == 1
    assert document["summary"] == {"failed": 1, "passed": 1, "skipped": 1}
    lines = {line["id"].rpartition("::")[2]: line for line in document["tests"]}
    assert "one is not two" in lines["test_bad"]["why"]
    assert "not here" in lines["test_skipped"]["why"]
    assert "why" not in lines["test_good"]
