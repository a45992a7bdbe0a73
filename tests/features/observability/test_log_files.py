"""Log files: several processes write them, nothing is lost or mixed, and they do not grow."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from reelwright.app.observe.lines import NAME, LogFile, Writer
from reelwright.app.observe.logs import Logs, within
from reelwright.app.settings import load
from reelwright.app.settings_sections import Observe
from reelwright.app.wiring import App
from reelwright.engine.retention import prune_logs

WRITE = """
import sys
from pathlib import Path
from reelwright.app.observe.lines import LogFile, encoded
file = LogFile(Path(sys.argv[1]), 4000, 1000)
for n in range(300):
    file.write(encoded({"level": "info", "event": "x" * 50, "who": sys.argv[2], "n": n}))
"""


def _lines(folder: Path) -> list[dict[str, Any]]:
    files = [path for path in folder.glob(f"{NAME}*") if not path.name.endswith(".lock")]
    return [json.loads(line) for path in files for line in path.read_text().splitlines()]


def test_four_processes_rotate_one_file_and_lose_no_line(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITE, str(tmp_path), str(n)]) for n in range(4)
    ]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0, 0]
    found = [(line["who"], line["n"]) for line in _lines(tmp_path)]
    assert sorted(found) == sorted((str(who), n) for who in range(4) for n in range(300))
    assert len(list(tmp_path.glob(f"{NAME}.*"))) > 10
    # A line that is under way when another process rotates may still come in.
    assert max(path.stat().st_size for path in tmp_path.glob(f"{NAME}*")) < 5000


def test_only_so_many_files_are_kept(tmp_path: Path) -> None:
    file = LogFile(tmp_path, 100, 3)
    for n in range(50):
        file.write(f'{{"n": {n}, "text": "{"x" * 60}"}}\n'.encode())
    file.close()
    names = sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("."))
    assert names == [NAME, f"{NAME}.1", f"{NAME}.2", f"{NAME}.3"]
    assert _lines(tmp_path)[-1]["n"] < 50
    assert {line["n"] for line in _lines(tmp_path)} <= set(range(40, 50))


def test_the_log_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "logs")
    file.write(b"{}\n")
    assert file.path.stat().st_mode & 0o077 == 0


def test_old_files_go_and_the_one_in_use_stays(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    LogFile(folder, 1).write(b"{}\n")
    LogFile(folder, 1).write(b"{}\n")  # rotates, and leaves its lock
    for name in (NAME, f"{NAME}.2", "other.txt"):
        (folder / name).write_text("{}\n")
        os.utime(folder / name, (0, 0))
    with App(load({"home": tmp_path, "logs.keep_days": 1.0}, environ={})) as app:
        prune_logs(app.store, app.engine_settings)
    left = sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))
    assert left == ["other.txt", NAME, f"{NAME}.1"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_drops_lines_and_says_how_many(tmp_path: Path) -> None:
    (tmp_path / NAME).symlink_to("/dev/full")
    stream = io.StringIO()
    writer = Writer(LogFile(tmp_path), stream)
    writer.put({"level": "info", "event": "one"})
    _until(lambda: "one" in stream.getvalue())
    (tmp_path / NAME).unlink()
    writer.put({"level": "info", "event": "two"})
    writer.close()
    assert [line["event"] for line in _lines(tmp_path)] == ["two", "log lines dropped"]
    assert _lines(tmp_path)[1]["count"] == 1


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def logs(tmp_path: Path, stream: io.StringIO) -> Iterator[Logs]:
    made = Logs(Observe(log_level="info"), tmp_path, role="worker", stream=stream)
    yield made
    made.close()


def test_a_line_says_whose_it_is(tmp_path: Path, logs: Logs, stream: io.StringIO) -> None:
    log = structlog.get_logger("reelwright.test")
    with within(job="j1", trace_id="t1", owner=None), within(step="s1"):
        log.info("it began", n=1, password="hunter2hunter2")  # secret-ok: shows that it is hidden
        log.debug("nobody asked")
        try:
            raise ValueError("Bearer abcdefghijkl")
        except ValueError:
            log.exception("it broke")
    logs.close()
    began, broke = _lines(tmp_path)
    assert (began["event"], began["job"], began["step"], began["trace_id"]) == (
        "it began", "j1", "s1", "t1")  # fmt: skip
    assert (began["role"], began["level"], began["n"], began["password"]) == (
        "worker", "info", 1, "***")  # fmt: skip
    assert "owner" not in began
    assert broke["level"] == "error"
    assert "ValueError" in broke["exception"]
    assert "abcdefghijkl" not in broke["exception"]
    assert "it began  n=1 password=*** job=j1" in stream.getvalue()


def test_what_libraries_report_is_in_it(tmp_path: Path, logs: Logs) -> None:
    with within(job="j2"):
        logging.getLogger("uvicorn.error").warning("slow: %s", "x")
        logging.getLogger("sqlalchemy").info("not worth it")
        logging.getLogger("reelwright.engine").info("ours is")
        logging.getLogger("reelwright.engine").debug("nobody asked")
    logs.close()
    line, ours = _lines(tmp_path)
    assert (line["event"], line["logger"], line["job"]) == ("slow: x", "uvicorn.error", "j2")
    assert (ours["event"], ours["level"]) == ("ours is", "info")


def test_closing_takes_the_set_up_back(tmp_path: Path) -> None:
    before = list(logging.getLogger().handlers)
    Logs(Observe(), tmp_path, role="api").close()
    assert logging.getLogger().handlers == before
    assert not structlog.is_configured()


def _until(look: Any) -> None:
    deadline = time.monotonic() + 30
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.01)
