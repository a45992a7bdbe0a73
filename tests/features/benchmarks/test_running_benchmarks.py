"""Anyone can run the benchmarks, all or by name, and gets numbers with their bars."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_benchmark_by_name_gives_its_value_and_its_bar(tmp_path: Path) -> None:
    to = tmp_path / "numbers.json"
    done = bench("version", "--size", "toy", "--to", str(to))
    assert done.returncode == 0, done.stderr
    written = json.loads(to.read_text())
    (row,) = written["rows"]
    assert row["value"] > 0
    assert row["bar"] == 0.15
    assert f"{row['measure']}" in done.stdout
    assert written["machine"]
    assert written["broken"] == {}


def test_an_unknown_benchmark_is_refused_with_the_known_ones() -> None:
    done = bench("verion")
    assert done.returncode == 2
    assert "version" in done.stderr


def test_the_guide_names_every_benchmark() -> None:
    from benchmarks.__main__ import BENCHMARKS

    page = (ROOT / "docs" / "guides" / "benchmarks.md").read_text()
    assert [name for name in BENCHMARKS if f"| `{name}` |" not in page] == []
