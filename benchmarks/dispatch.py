"""The engine as a service: jobs of a step without a command, and what a step costs beside its own.

One process on SQLite, then on a durable PostgreSQL. The jobs have a plan and nothing to deliver:
what is measured is the way from the queue through one worker to the end, each change committed.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import Row, Size
from reelwright.engine.attempt import AttemptRunner
from reelwright.engine.engine import Engine
from reelwright.engine.events import Event, JobChanged, StepChanged
from reelwright.engine.executor import Need
from reelwright.engine.local import LocalExecutor
from reelwright.engine.settings import EngineSettings
from reelwright.engine.submission import NewJob, submit
from reelwright.engine.writing import together
from reelwright.media.digest import identity
from reelwright.planning.plan import Estimate, Plan, Step, StepKind
from reelwright.runners.context import StepContext, StepResult
from reelwright.store.blobs import Blobs
from reelwright.store.combine import Combiner
from reelwright.store.store import Store, open_store
from reelwright.tools.binaries import find_tools

_LEAST_RATE, _LEAST_LAST, _MOST_MS = 150.0, 0.8, 25.0
_CHAIN = 40


def dispatch(size: Size) -> list[Row]:
    """Jobs a second, the last tenth against the first, and milliseconds a step."""
    jobs = max(50, round(10_000 * size.share))
    found: list[Row] = []
    for name, url in _databases():
        times = _run(url, [_plan(f"{name}{n}", 1) for n in range(jobs)], JobChanged)
        part = jobs // 10
        rate = jobs / (times[-1] - times[0])
        first = part / (times[part] - times[0])
        last = part / (times[-1] - times[-1 - part])
        facts = {"jobs": jobs, "first": round(first, 1), "last": round(last, 1)}
        row = Row(f"dispatch, {name}", _LEAST_RATE, rate, "jobs/s", 1.0, facts, at_least=True)
        found.append(row)
        name_ = f"dispatch, {name}, last tenth against first"
        found.append(Row(name_, _LEAST_LAST, last / first, "×", 1.0, facts, at_least=True))
        times = _run(url, [_plan(f"chain{name}", _CHAIN)], StepChanged)
        gaps = [1000 * (b - a) for a, b in itertools.pairwise(times)]
        facts = {"steps": _CHAIN, "worst_ms": round(max(gaps), 1)}
        middle = statistics.median(gaps)
        found.append(Row(f"overhead of a step, {name}", _MOST_MS, middle, "ms", 1.0, facts))
    return found


def _databases() -> Iterator[tuple[str, str]]:
    from tests.postgres import make_server

    with tempfile.TemporaryDirectory(prefix="reel-bench-") as folder:
        yield "SQLite", f"sqlite:///{folder}/reel.db"
    # Open to the user that it is run as.
    place = Path(tempfile.mkdtemp(prefix="reel-pg-", dir="/tmp"))
    server = make_server(place, "-c listen_addresses= -c max_connections=60")
    try:
        yield "PostgreSQL", server.create("dispatch")
    finally:
        server.stop()
        shutil.rmtree(place, ignore_errors=True)


def _run(url: str, plans: Sequence[Plan], kind: type[Event]) -> list[float]:
    """When each job (or step) came to its end, in seconds."""
    home = Path(tempfile.mkdtemp(prefix="reel-bench-home-"))
    store = open_store(url)
    sys.setswitchinterval(0.0005)  # as `app.service` does
    wanted = sum(len(plan.steps) for plan in plans)
    try:
        settings = EngineSettings(home=home, machine=Need(cpus=2, memory_bytes=1 << 32))
        _submit(store, plans, settings)
        with _combined(store) as combiner:
            return asyncio.run(_serve(store, settings, combiner, kind, wanted))
    finally:
        store.close()
        shutil.rmtree(home, ignore_errors=True)


def _submit(store: Store, plans: Sequence[Plan], settings: EngineSettings) -> None:
    for start in range(0, len(plans), 500):
        with store.write() as tx:
            for plan in plans[start : start + 500]:
                submit(tx, NewJob(plan=plan), settings)


@contextmanager
def _combined(store: Store) -> Iterator[Combiner]:
    combiner = Combiner(store)
    try:
        yield combiner
    finally:
        combiner.close()


async def _serve(
    store: Store, settings: EngineSettings, combiner: Combiner, kind: type[Event], wanted: int
) -> list[float]:
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    times: list[float] = []

    def on_event(event: Event) -> None:  # in the thread that commits
        if isinstance(event, kind) and getattr(event, "state", "") == "succeeded":
            times.append(time.perf_counter())
            if len(times) == wanted:
                loop.call_soon_threadsafe(done.set)

    blobs, write = Blobs(settings.home / "blobs"), together(combiner)
    runner = AttemptRunner(
        store, blobs, settings, run_step=_nothing, tools=find_tools(settings.home), write=write
    )
    engine = Engine(store, blobs, LocalExecutor(runner), settings, on_event=on_event, write=write)
    served = asyncio.create_task(engine.serve(version="benchmark").run())
    await done.wait()
    served.cancel()
    await asyncio.gather(served, return_exceptions=True)
    await engine.close()
    return times


async def _nothing(_step: Step, _context: StepContext) -> StepResult:
    return StepResult()


def _plan(name: str, count: int) -> Plan:
    """A chain of `count` steps; each waits for the one before."""
    steps = tuple(
        Step(
            id=f"write-{n}",
            kind=StepKind.WRITE,
            identity=identity([name, n]),
            needs=(f"write-{n - 1}",) if n else (),
            estimate=Estimate(),
        )
        for n in range(count)
    )
    return Plan(steps=steps)
