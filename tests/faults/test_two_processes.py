"""Several processes on one home: they share the machine, not the steps."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reelwright.store import attempts, jobs
from reelwright.store.states import AttemptState, JobState
from tests.engine.jobs import plan, shell, wait, world

pytestmark = pytest.mark.faults

ROOT = Path(__file__).resolve().parents[2]
_PROGRAM = """
import asyncio, sys
from pathlib import Path
from tests.engine.jobs import world

async def main():
    engine = world(Path(sys.argv[1]), sys.argv[2]).engine()
    await engine.run_until_idle()
    await engine.close()

asyncio.run(main())
"""


def test_processes_share_jobs_and_cores(tmp_path: Path, database_url: str) -> None:
    here = world(tmp_path / "home", database_url)
    log = tmp_path / "log"
    made = [
        shell(f"s{n}", f"echo + >> {log}; sleep 0.05; echo - >> {log}; printf {n} > out")
        for n in range(8)
    ]

    async def submit() -> str:
        from reelwright.engine.submission import NewJob

        to = {f"s{n}": tmp_path / "out" / str(n) for n in range(8)}
        return here.engine().submit(NewJob(plan=plan(made, to)))

    job_id = wait(submit())
    arguments = [sys.executable, "-c", _PROGRAM, str(tmp_path / "home"), database_url]
    running = [subprocess.Popen(arguments, cwd=ROOT) for _ in range(3)]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    with here.store.read() as tx:
        assert jobs.get(tx, job_id).state is JobState.SUCCEEDED
        delivered = jobs.delivered(tx, job_id)
    rows = here.steps(job_id).values()
    with here.store.read() as tx:
        tried = [attempts.of_step(tx, row.id) for row in rows]
    assert all([t.state for t in each] == [AttemptState.SUCCEEDED] for each in tried)
    assert len(delivered) == 8
    assert [(tmp_path / "out" / str(n)).read_text() for n in range(8)] == list("01234567")
    at_once = _most_at_once(log.read_text().split())
    assert at_once <= here.settings.machine.cpus, json.dumps(log.read_text())


def _most_at_once(signs: list[str]) -> int:
    most = now = 0
    for sign in signs:
        now += 1 if sign == "+" else -1
        most = max(most, now)
    return most
