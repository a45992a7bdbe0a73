"""`python -m benchmarks [NAME ...] [--quick]`: measures, compares with the bars, writes JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.api import creation, idle_memory, reads
from benchmarks.archive import download, downloads, feed
from benchmarks.archive_library import library
from benchmarks.cluster_artifacts import cluster_artifacts
from benchmarks.cluster_claims import cluster_claims
from benchmarks.cluster_kills import cluster_kills
from benchmarks.cluster_models import cluster_models
from benchmarks.cluster_overhead import cluster_overhead
from benchmarks.cluster_simulation import cluster_simulation
from benchmarks.cluster_writes import cluster_writes
from benchmarks.dispatch import dispatch
from benchmarks.encode import chain, ladder, overhead
from benchmarks.kills import kills
from benchmarks.measure import ROOT, SIZES, Row, Size, adopt_orphans
from benchmarks.memory import memory
from benchmarks.plans import planning
from benchmarks.rates import rates
from benchmarks.searches import bm25, hybrid, vectors
from benchmarks.service_kills import service_kills
from benchmarks.shots import analysis_pass, shots
from benchmarks.start import second_run, version
from benchmarks.streams import streams
from benchmarks.trim import trim
from benchmarks.understand_kills import understand_kills

BENCHMARKS: dict[str, Callable[[Size], list[Row]]] = {
    "version": version,
    "overhead": overhead,
    "ladder": ladder,
    "chain": chain,
    "trim": trim,
    "second-run": second_run,
    "planning": planning,
    "memory": memory,
    "kills": kills,
    "rates": rates,
    "job-creation": creation,
    "status-reads": reads,
    "dispatch": dispatch,
    "cluster-overhead": cluster_overhead,
    "cluster-writes": cluster_writes,
    "cluster-claims": cluster_claims,
    "cluster-simulation": cluster_simulation,
    "cluster-kills": cluster_kills,
    "cluster-models": cluster_models,
    "cluster-artifacts": cluster_artifacts,
    "idle-memory": idle_memory,
    "service-kills": service_kills,
    "streams": streams,
    "feed": feed,
    "download": download,
    "downloads": downloads,
    "library": library,
    "shots": shots,
    "analysis-pass": analysis_pass,
    "vectors": vectors,
    "hybrid": hybrid,
    "bm25": bm25,
    "understand-kills": understand_kills,
}


def main(words: Sequence[str] | None = None) -> int:
    options = _options(words)
    size = SIZES[options.size]
    adopt_orphans()
    rows: list[Row] = []
    broken: dict[str, str] = {}
    for name in options.names or BENCHMARKS:
        begun = time.monotonic()
        try:
            made = BENCHMARKS[name](size)
        except Exception as error:  # noqa: BLE001 - the others are still to be measured
            traceback.print_exc()
            broken[name] = f"{type(error).__name__}: {error}"
            continue
        for row in made:
            print(_line(row), flush=True)
        print(f"  ({name}: {time.monotonic() - begun:.0f} s)", file=sys.stderr, flush=True)
        rows += made
    _write(Path(options.to), size, rows, broken)
    for name, why in broken.items():
        print(f"BROKEN  {name}: {why}")
    print(f"\n{sum(r.passed for r in rows)} of {len(rows)} hold; written to {options.to}")
    # Toy values mean nothing, so they fail nothing.
    held = size.name == "toy" or all(r.passed for r in rows)
    return 0 if held and not broken else 1


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--size", choices=SIZES, default="full", help="toy only shows that it runs")
    parser.add_argument("--quick", dest="size", action="store_const", const="quick")
    parser.add_argument("--to", default=str(ROOT / "quality-reports" / "benchmarks.json"))
    options = parser.parse_args(words)
    unknown = set(options.names) - set(BENCHMARKS)
    if unknown:
        known = ", ".join(BENCHMARKS)
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {known}")
    return options


def _line(row: Row) -> str:
    state = "pass" if row.passed else "FAIL"
    value = f"{row.value:.3f}".rstrip("0").rstrip(".")
    bar = f"{'≥' if row.at_least else '≤'} {row.bar:g}"
    line = f"{state}  {row.measure:<46} {value:>9} {row.unit:<9} bar {bar:<10}"
    line += f" noise {row.noise:.2f} ×"
    return line + "".join(f"\n      {w}" for w in row.wrong[:10])


def _write(path: Path, size: Size, rows: Sequence[Row], broken: dict[str, str]) -> None:
    body: dict[str, Any] = {
        "size": size.name,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "rows": [row.to_json() for row in rows],
        "broken": broken,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body, indent=1) + "\n")


def machine() -> dict[str, Any]:
    """Where it was measured; `load` near the end tells whether the machine had other work."""
    from benchmarks.media import tools

    model = ""
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((x.partition(":")[2].strip() for x in lines if x.startswith("model name")), "")
    return {
        "cpu": model or platform.processor(),
        "cores": os.cpu_count(),
        "load": [round(x, 2) for x in os.getloadavg()],
        "python": platform.python_version(),
        "system": platform.platform(),
        "ffmpeg": Path(tools()[0]).resolve().name,
    }


if __name__ == "__main__":
    sys.exit(main())
