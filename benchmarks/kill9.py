"""kill -9 of anything at random moments over a job of twelve steps.

Each step is a real command under the real guard. A process that runs the job is forked again and
again; each time something of it is killed at a random moment: the process itself, a guard, or a
command. The job must come to its end as if nothing had happened. Counted are steps whose result
was lost or accepted twice, outputs that are wrong, missing or delivered twice, and processes that
outlived the one that had started them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import secrets
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from reelwright.engine.attempt import AttemptRunner
from reelwright.engine.engine import Engine
from reelwright.engine.executor import Need
from reelwright.engine.local import LocalExecutor
from reelwright.engine.settings import EngineSettings
from reelwright.engine.submission import NewJob
from reelwright.errors import Code, ReelError
from reelwright.media.digest import identity
from reelwright.planning.plan import Delivery, Estimate, Plan, Step, StepInput, StepKind, StepOutput
from reelwright.runners.context import StepContext, StepResult
from reelwright.store import attempts, jobs, steps
from reelwright.store.blobs import Blobs
from reelwright.store.states import AttemptState, JobState
from reelwright.store.store import Store, open_store
from reelwright.tools.binaries import Tools
from reelwright.tools.process import Command, run_command

MARK = "REEL_KILL9"
# No guard needs longer to see that its parent is gone, on however busy a machine.
_ORPHAN_WAIT_S = 20.0
_NO_TOOLS = Tools(
    ffmpeg=Path("/bin/false"),
    ffprobe=Path("/bin/false"),
    ffmpeg_version="",
    ffprobe_version="",
    build_id="",
)


@dataclass
class Findings:
    """What went wrong; all empty is the bar."""

    kills: int = 0
    rounds: int = 0
    jobs: int = 0
    victims: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, object]:
        return {
            "benchmark": "kill9",
            "kills": self.kills,
            "rounds": self.rounds,
            "jobs": self.jobs,
            "victims": dict(self.victims),
            "lost": self.lost,
            "duplicated": self.duplicated,
            "wrong": self.wrong,
            "orphans": self.orphans,
            "ok": not (self.lost or self.duplicated or self.wrong or self.orphans),
        }


async def run_step(step: Step, context: StepContext) -> StepResult:
    """The step's script, under the guard."""
    inputs = {f"in_{name}": str(path) for name, path in context.files.items()}
    command = Command(
        argv=("/bin/sh", "-c", step.commands[0][0]),
        cwd=context.workspace,
        env={MARK: os.environ[MARK], "PATH": "/usr/bin:/bin", **inputs},
        log=context.log,
        heartbeat=context.heartbeat,
        grace_s=0.5,
    )
    done = await run_command(command)
    if done.exit_code:
        raise ReelError(Code.TOOL_CRASHED, f"exit code {done.exit_code}", where=step.id)
    files = {output.name: (context.workspace / output.name,) for output in step.outputs}
    return StepResult(files=files, results={step.id: 1}, cpu_seconds=done.cpu_seconds)


def plan(salt: str, target: Path) -> tuple[Plan, dict[Path, str]]:
    """Four sources, four steps on them, three joins, one at the end; and what must come out."""
    needs: dict[str, list[str]] = {f"s{n}": [] for n in range(4)}
    needs |= {f"m{n}": [f"s{n}"] for n in range(4)}
    needs |= {"j0": ["m0", "m1"], "j1": ["m2", "m3"], "j2": ["m0", "m3"], "end": ["j0", "j1", "j2"]}
    said: dict[str, str] = {}
    made: list[Step] = []
    for key, wanted in needs.items():
        # A write, a pause and a write: a kill between them leaves half a file.
        script = f"printf {key}- > out; sleep 0.0{random.randint(1, 4)}; cat {_cat(wanted)} >> out"
        inputs = tuple(StepInput(name=n, step=n, output="out") for n in wanted)
        made.append(
            Step(
                id=key,
                kind=StepKind.FFMPEG,
                identity=identity([salt, key]),
                inputs=inputs,
                commands=((script,),),
                outputs=(StepOutput(name="out", container="raw"),),
                needs=tuple(wanted),
                estimate=Estimate(cpu_seconds=1.0),
            )
        )
        said[key] = f"{key}-" + "".join(said[n] for n in wanted)
    outputs = {key: target / key for key in ("end", "j0", "j2")}
    to = tuple(
        Delivery(index=n, step=key, output="out", to=str(path))
        for n, (key, path) in enumerate(outputs.items())
    )
    expected = {path: said[key] for key, path in outputs.items()}
    return Plan(steps=tuple(made), deliveries=to), expected


def _cat(wanted: list[str]) -> str:
    return " ".join(f"$in_{name}" for name in wanted) or "/dev/null"


def _settings(home: Path) -> EngineSettings:
    return EngineSettings(
        home=home,
        machine=Need(cpus=3, memory_bytes=1 << 30),
        poll_s=0.02,
        backoff_s=0.01,
        max_attempts=50,  # a killed command is a failure of its step
        max_losses=200,
    )


def _engine(store: Store, home: Path) -> Engine:
    settings, blobs = _settings(home), Blobs(home / "blobs")
    runner = AttemptRunner(store, blobs, settings, run_step=run_step, tools=_NO_TOOLS)
    return Engine(store, blobs, LocalExecutor(runner), settings)


def _submit(home: Path, made: Plan) -> str:
    async def go() -> str:
        store = open_store(home / "reel.db")
        job_id = _engine(store, home).submit(NewJob(plan=made))
        store.close()
        return job_id

    return asyncio.run(go())


def _work(home: Path) -> None:
    """The forked process: opens everything anew and runs what is left."""

    async def go() -> None:
        engine = _engine(open_store(home / "reel.db"), home)
        await engine.resume()
        await engine.run_until_idle()
        await engine.close()

    asyncio.run(go())


def _fork(home: Path) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        _work(home)
        code = 0
    except BaseException:  # noqa: BLE001 - a fork must never return into the parent's code
        traceback.print_exc()
    finally:
        os._exit(code)


def _ours(token: str, folder: Path) -> list[int]:
    """Processes that carry the token, or work in or name a file of this run's folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            said = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            where = str((entry / "cwd").readlink())
        except OSError:
            continue
        if token.encode() in said or str(folder).encode() in said or where.startswith(str(folder)):
            found.append(int(entry.name))
    return found


def children(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if int(parent) == pid:
            found.append(int(entry.name))
    return found


def kill_something(engine: int, findings: Findings) -> None:
    """Mostly the engine; now and then a guard below it, or a command below that."""
    kind = random.choices(["engine", "guard", "command"], [6, 2, 2])[0]
    until = time.monotonic() + 0.2
    victims = _victims(engine, kind)
    while not victims and time.monotonic() < until:  # none runs in this moment
        victims = _victims(engine, kind)
    if not victims:
        kind, victims = "engine", [engine]
    try:
        os.kill(random.choice(victims), signal.SIGKILL)
    except ProcessLookupError:
        return
    findings.kills += 1
    findings.victims[kind] += 1


def _victims(engine: int, kind: str) -> list[int]:
    if kind == "engine":
        return [engine]
    guards = children(engine)
    return guards if kind == "guard" else [pid for guard in guards for pid in children(guard)]


def _round(home: Path, findings: Findings, longest_s: float) -> None:
    """Runs until the end or the kill."""
    findings.rounds += 1
    pid = _fork(home)
    time.sleep(random.uniform(0.0, longest_s))
    ended, status = os.waitpid(pid, os.WNOHANG)
    if not ended:  # what is over already cannot be killed, and does not count
        kill_something(pid, findings)
        _, status = os.waitpid(pid, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        findings.wrong.append(f"a run ended with {os.WEXITSTATUS(status)}")


def check_orphans(token: str, folder: Path, findings: Findings) -> None:
    until = time.monotonic() + _ORPHAN_WAIT_S
    left = _ours(token, folder)
    while left and time.monotonic() < until:
        time.sleep(0.05)
        left = _ours(token, folder)
    findings.orphans += [f"process {pid}" for pid in left]


def check_job(store: Store, job_id: str, paths: Iterable[Path], findings: Findings) -> None:
    """Each step has one result, each of `paths` was delivered once, and no event is missing."""
    with store.read() as tx:
        job = jobs.get(tx, job_id)
        rows = steps.of_job(tx, job_id)
        events = jobs.events_after(tx, job_id)
        # What was unresolved never runs: other steps took its place.
        tried = {row.key: attempts.of_step(tx, row.id) for row in rows if row.kind != "unresolved"}
        delivered = Counter(file.path for file in jobs.delivered(tx, job_id))
    if job.state is not JobState.SUCCEEDED:
        findings.lost.append(f"job {job_id} is {job.state}: {job.error}")
    for key, rounds in tried.items():
        good = sum(attempt.state is AttemptState.SUCCEEDED for attempt in rounds)
        if good != 1:
            (findings.lost if good == 0 else findings.duplicated).append(f"{key}: {good} results")
    told = Counter(str(e.body["path"]) for e in events if e.kind == "output")
    for path in paths:
        if told[str(path)] != 1 or delivered[str(path)] != 1:
            findings.duplicated.append(f"{path} was delivered {told[str(path)]} times")
    if [e.seq for e in events] != list(range(1, len(events) + 1)):
        findings.lost.append("an event is missing")


def _check_job(home: Path, job_id: str, expected: dict[Path, str], findings: Findings) -> None:
    store = open_store(home / "reel.db")
    check_job(store, job_id, expected, findings)
    store.close()
    for path, text in expected.items():
        if not path.exists() or path.read_text() != text:
            findings.wrong.append(f"{path} is not what it must be")
    folder = next(iter(expected)).parent
    findings.wrong += [f"{p} is left over" for p in folder.glob(".*")]
    findings.wrong += [f"{p} is left over" for p in _settings(home).workspaces.glob("*")]


def _one_job(home: Path, target: Path, kills: int, findings: Findings, typical_s: float) -> float:
    """Submits a job, kills until it is done or enough was killed; gives how long its end took."""
    findings.jobs += 1
    made, expected = plan(secrets.token_hex(8), target)
    job_id = _submit(home, made)
    while findings.kills < kills and not _is_done(home, job_id):
        _round(home, findings, typical_s)
    begun = time.monotonic()
    pid = _fork(home)
    _, status = os.waitpid(pid, 0)
    if status:
        findings.lost.append(f"the last run ended with {status}")
    took_s = time.monotonic() - begun
    check_orphans(os.environ[MARK], home.parent, findings)
    _check_job(home, job_id, expected, findings)
    return took_s


def _is_done(home: Path, job_id: str) -> bool:
    store = open_store(home / "reel.db")
    with store.read() as tx:
        done = jobs.get(tx, job_id).state.is_final
    store.close()
    return done


def measure(kills: int, folder: Path, seed: int) -> Findings:
    """Kills `kills` times, over as many jobs as that takes."""
    random.seed(seed)
    os.environ[MARK] = secrets.token_hex(8)
    findings = Findings()
    # How long one takes that nobody disturbs, on this machine, now; the first one is cold.
    for _ in range(2):
        target = folder / f"out-{findings.jobs}"
        typical_s = _one_job(folder / "home", target, 0, findings, 0.0)
    while findings.kills < kills:
        target = folder / f"out-{findings.jobs}"
        _one_job(folder / "home", target, kills, findings, typical_s)
    return findings


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="reel-kill9-") as folder:
        found = measure(options.kills, Path(folder), options.seed).to_json()
    print(json.dumps({**found, "seed": options.seed}, indent=1))
    return 0 if found["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
