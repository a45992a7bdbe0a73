"""One analysis of one file: `reel shots`, `reel transcribe`, `reel read-text`.

It is a job like any other, so it is cached step by step and goes on where a killed one stopped; its
result is handed over instead of being left in a file.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelwright.app.submit import Ended, Started
    from reelwright.app.wiring import App
    from reelwright.engine.engine import Engine, OnEvent

# What such jobs are found by.
LABEL = "analysis"
_AGAIN_S = 0.2


@dataclass(frozen=True, slots=True)
class Analysed:
    """`result` is the JSON of the label that was asked for; None where the job did not succeed."""

    ended: Ended
    result: Any


async def analyse(
    app: App,
    path: Path,
    operations: Sequence[Mapping[str, Any]],
    want: str,
    on_event: OnEvent,
    on_start: Started,
    *,
    use_cache: bool = True,
    beside: Mapping[str, str] | None = None,
    take: Callable[[Path], None] | None = None,
) -> Analysed:
    """Runs `operations`, as a spec has them, on the input ``media``: the file at `path`. `want`:
    the reference of the result, ``found.shots``. `beside`: names of more files and what they hold;
    `take` is called with their folder, which goes away afterwards.

    Raises SpecErrors, INPUT_*, MEDIA_* and the like before anything is written.
    """
    from reelwright.app.wiring import make_folder

    key = _key(path, operations, [want, *sorted((beside or {}).items())], app.chains)
    folder = app.home / "analyses" / key
    make_folder(folder.parent)
    text = spec_of(path, operations, {"result.json": want, **(beside or {})})
    async with _alone(folder.with_suffix(".lock")):
        make_folder(folder)
        try:
            ended = await _run(app, folder, text, key, on_event, on_start, use_cache=use_cache)
            result = None
            if ended.job.state.value == "succeeded":
                result = json.loads((folder / "result.json").read_text("utf-8"))
                if take is not None:
                    take(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return Analysed(ended, result)


@asynccontextmanager
async def _alone(path: Path) -> AsyncIterator[None]:
    """Whoever wants the same at the same time waits, and finds it in the cache. A lock of a process
    that is gone is open."""
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while not _locked(lock):  # noqa: ASYNC110 - another process has no event to wait for
                await asyncio.sleep(_AGAIN_S)
            if os.fstat(lock).st_nlink:  # else its last holder has taken it away
                try:
                    yield
                finally:
                    with suppress(OSError):
                        os.unlink(path)  # noqa: PTH108 - a name in our own folder
                return
        finally:
            os.close(lock)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _key(
    path: Path, operations: Sequence[Mapping[str, Any]], want: Any, chains: Mapping[str, str]
) -> str:
    """Other models, or another file of that name, give another result: what was left of the one is
    not gone on with by the other."""
    told: list[Any] = [str(path)]
    with suppress(OSError):  # who looks into the file says what is wrong with it
        told += [path.stat().st_size, path.stat().st_mtime_ns]
    told += [[dict(one) for one in operations], want, dict(chains)]
    said = json.dumps(told, sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:24]


def spec_of(path: Path, operations: Sequence[Mapping[str, Any]], outputs: Mapping[str, str]) -> str:
    """A job that runs `operations` on the file as ``media``; `outputs`: names of files and what is
    in them. A name of a file is no pattern and no variable."""
    body = {
        "version": 1,
        "inputs": {"media": {"path": str(path).replace("${", "$${"), "glob": False}},
        "operations": [dict(one) for one in operations],
        "outputs": [{"from": source, "to": name} for name, source in outputs.items()],
    }
    return json.dumps(body, ensure_ascii=False)


async def _run(
    app: App,
    folder: Path,
    text: str,
    key: str,
    on_event: OnEvent,
    on_start: Started,
    *,
    use_cache: bool,
) -> Ended:
    from reelwright.app.request import Request
    from reelwright.app.submit import run_again, submit_and_run

    left = _unfinished(app, key) if use_cache else None
    if left is not None:

        async def pick(engine: Engine) -> Sequence[str]:
            await engine.take_up()
            return [left]

        (ended,) = await run_again(app, on_event, pick, on_start)
        return ended
    request = Request(
        text=text,
        base=folder,
        name=operations_name(text),
        overwrite=True,
        use_cache=use_cache,
        labels={LABEL: key},
    )
    return await submit_and_run(app, request, on_event, on_start)


def operations_name(text: str) -> str:
    """For messages: what the spec, which nobody wrote, does."""
    return " and ".join(one["op"] for one in json.loads(text)["operations"])


def _unfinished(app: App, key: str) -> str | None:
    """What a killed run of the same analysis left."""
    from reelwright.store import jobs
    from reelwright.store.states import JobState

    with app.store.read() as tx:
        open_jobs = jobs.listing(tx, states=[JobState.QUEUED, JobState.RUNNING])
    return next((job.id for job in open_jobs if job.labels.get(LABEL) == key), None)
