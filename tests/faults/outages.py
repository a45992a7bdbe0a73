"""Workers whose commands run under the real guard, with short leases: for outages."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from reelwright.engine.executor import Need
from reelwright.engine.submission import NewJob
from reelwright.errors import Code, ReelError
from reelwright.planning.plan import Step
from reelwright.runners.context import StepContext, StepResult
from reelwright.store import attempts, jobs
from reelwright.store.states import AttemptState, JobState
from reelwright.tools.process import Command, run_command
from tests.engine.jobs import World, plan, shell, world
from tests.postgres import Server

ROOT = Path(__file__).resolve().parents[2]
_WORKER = """
import asyncio, sys
from pathlib import Path
from reelwright.store import database, dialects
dialects.BUSY_TIMEOUT_S = database.BUSY_TIMEOUT_S = float(sys.argv[4])
from tests.faults.outages import guarded, home

async def main():
    engine = home(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])).engine(run_step=guarded)
    print("ready", flush=True)
    await engine.run_until_idle()
    await engine.close()

asyncio.run(main())
"""


def home(folder: Path, place: str, lease_s: float) -> World:
    machine = Need(cpus=8, memory_bytes=1 << 30)
    return world(folder, place, lease_s=lease_s, renew_s=lease_s / 3, machine=machine)


async def guarded(step: Step, context: StepContext) -> StepResult:
    """The step's command under the guard, which knows the lifetime of a lease from the step."""
    await run_command(
        Command(
            argv=("/bin/sh", "-c", step.commands[0][0]),
            cwd=context.workspace,
            env={"PATH": "/usr/bin:/bin"},
            lease_s=float(step.commands[0][1]),
            heartbeat=context.heartbeat,
        )
    )
    outputs = {o.name: tuple(sorted(context.workspace.glob(o.name))) for o in step.outputs}
    return StepResult(files=outputs, results={}, report={}, cpu_seconds=0.01)


class Steps:
    """A job whose steps note that they run and wait for a sign: ``a`` and ``b`` at once, ``c``
    after both."""

    def __init__(self, folder: Path, lease_s: float) -> None:
        self._folder = folder
        self._lease_s = lease_s
        folder.mkdir(parents=True, exist_ok=True)

    def job(self) -> NewJob:
        made = [self._step("a"), self._step("b"), self._step("c", needs=["a", "b"])]
        return NewJob(plan=plan(made, {"c": self._folder / "c.out"}))

    def _step(self, key: str, needs: Sequence[str] = ()) -> Step:
        from dataclasses import replace

        script = (
            f"echo ran >> {self._ran(key)}; "
            f"while ! test -e {self._folder / key}.go; do sleep 0.05; done; printf {key} > out"
        )
        step = shell(key, script, needs=needs, salt=str(self._folder))
        return replace(step, commands=((script, str(self._lease_s)),))

    def _ran(self, key: str) -> Path:
        return self._folder / f"{key}.ran"

    def go(self, *keys: str) -> None:
        for key in keys:
            (self._folder / f"{key}.go").touch()

    def until_running(self, *keys: str) -> None:
        until = time.monotonic() + 60
        while not all(self._ran(key).exists() for key in keys):
            assert time.monotonic() < until, f"{keys} did not start"
            time.sleep(0.02)

    def runs(self) -> dict[str, int]:
        return {
            key: self._ran(key).read_text().count("ran") if self._ran(key).exists() else 0
            for key in "abc"
        }


@contextmanager
def workers(
    folder: Path, place: str, lease_s: float, *, count: int = 2, busy_s: float = 15.0
) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that run all jobs of a home to their end."""
    arguments = [sys.executable, "-c", _WORKER, str(folder), place, str(lease_s), str(busy_s)]
    started = [
        subprocess.Popen(
            arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(count)
    ]
    try:
        for process in started:  # one that opens its store during the outage is none of this
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        yield started
    finally:
        for process in started:
            with suppress(ProcessLookupError):
                process.kill()
            process.communicate()


def all_done(started: Sequence[subprocess.Popen[str]], limit_s: float = 120.0) -> None:
    for process in started:
        _, said = process.communicate(timeout=limit_s)
        assert process.returncode == 0, said


def assert_each_step_ran_once(here: World, job_id: str, steps: Steps) -> None:
    with here.store.read() as tx:
        assert jobs.get(tx, job_id).state is JobState.SUCCEEDED
    assert steps.runs() == {"a": 1, "b": 1, "c": 1}
    for row in here.steps(job_id).values():
        with here.store.read() as tx:
            tried = [attempt.state for attempt in attempts.of_step(tx, row.id)]
        assert tried == [AttemptState.SUCCEEDED], row.key
        assert row.losses == 0


def submit(here: World, new: NewJob) -> str:
    async def once() -> str:
        engine = here.engine()
        try:
            return engine.submit(new)
        finally:
            await engine.close()

    return asyncio.run(once())


def kill_9(server: Server) -> None:
    """The server's first process alone; the others notice by themselves."""
    os.kill(int((server.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)


def start_again(server: Server) -> None:
    """Until the processes of the one that was killed have gone, it refuses."""
    until = time.monotonic() + 60
    while True:
        try:
            server.start()
        except RuntimeError:
            assert time.monotonic() < until
            time.sleep(0.5)
        else:
            return


def until_answers(here: World) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            with here.store.read() as tx:
                tx.now()
        except ReelError as error:
            if error.code is not Code.STORE_UNAVAILABLE or time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return
