"""kill -9 at random moments over a real job of twelve steps, run by `reel` on real media.

`kill9` asks the same of the engine alone, with commands of a few milliseconds, so that kills fall
everywhere between its transactions. Here it is the whole: two measurements and encodes, shards,
smart cuts and joins, by ffmpeg under guard, planned, verified and delivered by `reel run` and
`reel resume`. `reel` is forked from a process that has loaded it already: else most kills would
fall into the loading of modules.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.kill9 import MARK, Findings, check_job, check_orphans, kill_something
from benchmarks.measure import ROOT, Row, Size, environment
from benchmarks.media import clip
from benchmarks.work import Work, workplace
from reelwright.store import jobs, steps
from reelwright.store.steps import DELIVER
from reelwright.store.store import Store, open_store

_STEPS = 12


def kills(size: Size) -> list[Row]:
    rows = [_row(f"kill -9 of the engine, {size.kills} times", _engine_alone(size.kills))]
    with workplace("kills") as work:
        rows.append(_row(f"kill -9 of reel run, {size.kills} times", _real(work, size.kills)))
    return rows


def _row(name: str, found: dict[str, Any]) -> Row:
    kinds = ("lost", "duplicated", "orphans", "wrong")
    bad = [f"{kind}: {what}" for kind in kinds for what in found[kind]]
    facts = {k: found[k] for k in ("kills", "rounds", "jobs", "victims", "seed")}
    facts |= {kind: len(found[kind]) for kind in kinds}
    return Row(name, 0, len(bad), "faults", 1.0, facts, tuple(b[:400] for b in bad[:20]))


def _engine_alone(kills: int) -> dict[str, Any]:
    argv = [sys.executable, "-m", "benchmarks.kill9", "--kills", str(kills)]
    env = environment()
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if not done.stdout:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _real(work: Work, kills: int) -> dict[str, Any]:
    """In a process of its own: it forks, and what it adopts must not be ours."""
    argv = [sys.executable, "-m", "benchmarks.kills", str(work.folder), str(kills)]
    env = environment({"REEL_HOME": str(work.home), "REEL_RETRY__ATTEMPTS": "50",
                       "REEL_RETRY__BACKOFF_S": "0.01", MARK: secrets.token_hex(8)})  # fmt: skip
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


class Victim:
    """Jobs of twelve steps in one home, each disturbed until it is done."""

    def __init__(self, folder: Path, kills: int) -> None:
        self.folder, self.kills = folder, kills
        self.found = Findings()
        self.source = clip(3, "96x54")
        self.expected: dict[str, str] = {}

    def measure(self) -> Findings:
        # Undisturbed: how long it takes on this machine, and what must come out of it.
        begun = time.monotonic()
        self._one_job(disturbed=False)
        typical_s = time.monotonic() - begun
        while self.found.kills < self.kills:
            self._one_job(disturbed=True, typical_s=typical_s)
        return self.found

    def _one_job(self, *, disturbed: bool, typical_s: float = 0.0) -> None:
        self.found.jobs += 1
        target = self.folder / f"job{self.found.jobs}"
        target.mkdir()
        spec = target / "spec.json"
        spec.write_text(json.dumps(_twelve_steps(self.source)))
        words = ["run", str(spec), "--json", "--no-cache"]
        while disturbed and self.found.kills < self.kills and not self._is_done(target):
            self._round(words if self._job(target) is None else ["resume", "--json"], typical_s)
        if not self._is_done(target):
            words = words if self._job(target) is None else ["resume", "--json"]
            _, status = os.waitpid(_fork(words), 0)
            if status:
                self.found.lost.append(f"the last run of {target.name} ended with {status}")
        check_orphans(os.environ[MARK], self.folder, self.found)
        self._check(target)

    def _round(self, words: list[str], longest_s: float) -> None:
        self.found.rounds += 1
        pid = _fork(words)
        time.sleep(random.uniform(0.0, longest_s))
        kill_something(pid, self.found)
        _, status = os.waitpid(pid, 0)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status):
            self.found.wrong.append(f"reel {words[0]} ended with {os.WEXITSTATUS(status)}")

    def _job(self, target: Path) -> Any:
        """The job that was submitted for this folder, if its submission was committed."""
        if not self._database().exists():
            return None
        with self._store() as store, store.read() as tx:
            found = [j for j in jobs.listing(tx, limit=50) if j.base == str(target)]
        if len(found) > 1:
            self.found.duplicated.append(f"{target.name} was submitted {len(found)} times")
        return found[0] if found else None

    def _is_done(self, target: Path) -> bool:
        job = self._job(target)
        return job is not None and bool(job.state.is_final)

    def _database(self) -> Path:
        return Path(os.environ["REEL_HOME"]) / "reelwright.db"

    @contextmanager
    def _store(self) -> Iterator[Store]:
        """Closed again before the next fork: SQLite's connections must not cross one."""
        store = open_store(self._database())
        try:
            yield store
        finally:
            store.close()

    def _check(self, target: Path) -> None:
        job_id = self._job(target).id
        with self._store() as store:
            check_job(store, job_id, _outputs(target), self.found)
            with store.read() as tx:
                count = sum(row.key != DELIVER for row in steps.of_job(tx, job_id))
        if count != _STEPS:
            self.found.wrong.append(f"{target.name} has {count} steps, not {_STEPS}")
        made = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in _outputs(target)
                if p.exists()}  # fmt: skip
        self.expected = self.expected or made
        for name, digest in self.expected.items():
            if made.get(name) != digest:
                self.found.wrong.append(f"{target.name}/{name} differs from an undisturbed run's")
        meant = {*_outputs(target), target / "spec.json"}
        self.found.wrong += [f"{p} is left over" for p in target.iterdir() if p not in meant]


def _outputs(target: Path) -> list[Path]:
    names = ("small", "tiny", "cut1", "cut2", "cut3", "joined", "level")
    return [target / f"{name}.mp4" for name in names]


def _twelve_steps(source: Path) -> dict[str, Any]:
    cuts = [{"id": f"cut{n}", "op": "trim", "input": "in", "start": f"0.{n}s", "duration": "2.2s"}
            for n in (1, 2, 3)]  # fmt: skip
    fast = {"preset": "ultrafast"}
    return {
        "inputs": {"in": str(source)},
        "operations": [
            *cuts,
            {"id": "level", "op": "loudnorm", "input": "in", "target": -20},
            {"id": "small", "op": "scale", "input": "in", "height": 36},
            {"id": "tiny", "op": "scale", "input": "in", "height": 24},
            {"id": "joined", "op": "concat", "inputs": ["cut1", "cut2", "cut3"]},
        ],
        "outputs": [
            {"from": "small", "to": "small.mp4", "shards": 4, "video": fast},
            {"from": "tiny", "to": "tiny.mp4", "shards": 2, "video": fast},
            *({"from": f"cut{n}", "to": f"cut{n}.mp4"} for n in (1, 2, 3)),
            {"from": "joined", "to": "joined.mp4", "video": fast},
            {"from": "level", "to": "level.mp4", "video": fast},
        ],
    }


def _fork(words: list[str]) -> int:
    """`reel` with these words; its exit code is that of the process."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    with suppress(BaseException):
        from reelwright.cli.main import main

        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1):
            os.dup2(null, stream)
        code = main(words)
    os._exit(code)


def _load() -> None:
    """Everything that a run needs, in this process, before it forks."""
    from reelwright.app import plan, submit, wiring  # noqa: F401
    from reelwright.cli import guarded, running, watch  # noqa: F401
    from reelwright.engine import engine, local  # noqa: F401
    from reelwright.planning import compiler  # noqa: F401
    from reelwright.runners import ffmpeg, smart_cut  # noqa: F401


def main() -> int:
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    seed = int(os.environ.get("REEL_KILL_SEED", random.randrange(1 << 30)))
    random.seed(seed)
    os.chdir(folder)
    _load()
    found = Victim(folder, count).measure().to_json()
    print(json.dumps({**found, "seed": seed}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
