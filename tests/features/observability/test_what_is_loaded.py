"""What nobody asked for is not loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LOADED = """
import sys
from pathlib import Path
from reelwright.app.settings import load
from reelwright.app.wiring import App
with App(load({"home": Path(sys.argv[1])}, environ={})) as app:
    if sys.argv[2] == "service":
        app.observe("service")
        app.metrics.text()
    else:
        app.journal
for name in ("opentelemetry", "google.protobuf", "requests", "prometheus_client", "structlog"):
    if name in sys.modules:
        print(name)
"""


def _loaded(home: Path, as_what: str) -> list[str]:
    command = [sys.executable, "-c", LOADED, str(home), as_what]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def test_a_service_without_a_collector_loads_nothing_of_opentelemetry(tmp_path: Path) -> None:
    assert _loaded(tmp_path, "service") == ["prometheus_client", "structlog"]


def test_a_run_at_the_terminal_loads_none_of_it(tmp_path: Path) -> None:
    assert _loaded(tmp_path, "run") == []
