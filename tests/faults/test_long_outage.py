"""The database is away for many lifetimes of a lease: nothing is lost, nothing runs twice."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults import outages
from tests.faults.outages import Steps
from tests.postgres import Server, make_server

pytestmark = pytest.mark.faults

# (seconds away, a lease's lifetime, SQLite's busy timeout); the second one is the real thing.
_SHORT = (4.0, 1.0, 0.5)
_LONG = (25.0, 3.0, 15.0)
TIMES = [
    pytest.param(_SHORT, id="short"),
    pytest.param(_LONG, id="long", marks=pytest.mark.faults_long),
]

_LOCK = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
time.sleep(float(sys.argv[2]))
connection.execute("ROLLBACK")
"""


@pytest.fixture
def own_server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="reel-pg-", dir="/tmp"))
    server = make_server(folder)
    yield server
    with suppress(RuntimeError):
        server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.postgres
@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("stop", [Server.stop, outages.kill_9], ids=["stopped", "killed"])
def test_a_server_that_is_away(
    stop: Callable[[Server], None],
    times: tuple[float, float, float],
    own_server: Server,
    tmp_path: Path,
) -> None:
    away_s, lease_s, _ = times
    url = own_server.create(f"t{secrets.token_hex(4)}")
    here = outages.home(tmp_path / "home", url, lease_s)
    steps = Steps(tmp_path / "steps", lease_s)
    job_id = outages.submit(here, steps.job())
    with outages.workers(tmp_path / "home", url, lease_s) as running:
        steps.until_running("a", "b")
        stop(own_server)
        time.sleep(away_s)
        steps.go("a")  # its result has to wait
        time.sleep(0.5)
        outages.start_again(own_server)
        steps.go("b", "c")
        outages.all_done(running)
    outages.until_answers(here)
    outages.assert_each_step_ran_once(here, job_id, steps)


@pytest.mark.parametrize("times", TIMES)
def test_a_file_that_another_process_locks(
    times: tuple[float, float, float], tmp_path: Path
) -> None:
    away_s, lease_s, busy_s = times
    path = tmp_path / "reel.db"
    here = outages.home(tmp_path / "home", str(path), lease_s)
    steps = Steps(tmp_path / "steps", lease_s)
    job_id = outages.submit(here, steps.job())
    with outages.workers(tmp_path / "home", str(path), lease_s, busy_s=busy_s) as running:
        steps.until_running("a", "b")
        locker = subprocess.Popen(
            [sys.executable, "-c", _LOCK, str(path), str(away_s)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert locker.stdout is not None
        assert locker.stdout.readline() == "locked\n"
        steps.go("a")
        assert locker.wait(away_s + 60) == 0
        steps.go("b", "c")
        outages.all_done(running)
    outages.assert_each_step_ran_once(here, job_id, steps)
