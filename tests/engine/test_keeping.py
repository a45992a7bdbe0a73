"""The step that keeps: what it is handed, and that its rows stand exactly where it succeeded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from reelwright.engine.engine import Engine
from reelwright.engine.keeping import KeepOrder, Kept
from reelwright.errors import Code, ReelError
from reelwright.media.digest import identity, sha256_file
from reelwright.planning.plan import Plan, Step, StepInput, StepKind, StepOutput
from reelwright.runners.context import StepContext, StepResult
from reelwright.store.database import Tx
from reelwright.store.rows import Job
from reelwright.store.states import JobState
from reelwright.store.tables_library import log_lines
from tests.engine.jobs import World, plan, wait

URL = "https://example.org/watch/1"
NODES = {"video": "video/fetch", "captions.vtt": "words/vtt", "metadata": "about/facts"}
FILES = {"fetched": "video", "captions.vtt": "captions.vtt", "metadata.json": "metadata"}


def fetch_step() -> Step:
    return Step(
        id="fetch-1",
        kind=StepKind.FETCH,
        identity=identity(["fetch"]),
        outputs=tuple(
            StepOutput(name=name, container="any", identity=identity([name])) for name in FILES
        ),
        payload={
            "url": URL,
            "want": {"video": {}, "captions": {}, "metadata": {}},
            "outputs": FILES,
            "nodes": {NODES[part]: name for name, part in FILES.items()},
        },
    )


def keep_step() -> Step:
    inputs = tuple(
        StepInput(name=part, step="fetch-1", output=name) for name, part in FILES.items()
    )
    return Step(
        id="keep-1",
        kind=StepKind.KEEP,
        identity=identity(["keep"]),
        inputs=inputs,
        payload={"node": "kept/keep", "options": {"template": "{title}"}, "nodes": NODES},
        needs=("fetch-1",),
    )


async def fetched(step: Step, context: StepContext) -> StepResult:
    """What a fetch leaves: a video, captions in two languages, and what the site says."""
    files = {
        "fetched": ("video",),
        "captions.vtt": ("en", "de"),
        "metadata.json": ("facts",),
    }
    made = {name: tuple(context.workspace / one for one in names) for name, names in files.items()}
    for path in (path for group in made.values() for path in group):
        path.write_text(f"bytes of {path.name}", encoding="utf-8")
    info = {"title": "A talk"}
    words = [
        {"role": "captions", "format": "vtt", "language": name, "kind": "human"}
        for name in ("en", "de")
    ]
    return StepResult(
        files=made,
        results={
            "video/fetch": {
                "role": "video", "files": [{"role": "video", "format": "mp4"}], "url": URL,
                "media": {"size_bytes": 14}, "info": {}, "final_url": URL, "etag": '"1"',
                "last_modified": None, "sha256": "0" * 64,
            },
            "words/vtt": {"role": "captions", "files": words},
            "about/facts": {
                "role": "metadata", "files": [{"role": "metadata", "format": "json"}], "info": info,
            },
        },
        digests={made["fetched"][0]: sha256_file(made["fetched"][0])},
    )  # fmt: skip


class Shelf:
    """Keeps by writing one row; may fail in between."""

    def __init__(self) -> None:
        self.orders: list[KeepOrder] = []
        self.failures: list[ReelError] = []
        self.breaks_commit = False

    async def __call__(self, order: KeepOrder) -> Kept:
        self.orders.append(order)
        if self.failures:
            raise self.failures.pop()

        def commit(tx: Tx) -> None:
            row = {"at": tx.now(), "level": "info", "component": "shelf", "message": order.url,
                   "fields": {}}  # fmt: skip
            tx.run(sa.insert(log_lines), [row])
            if self.breaks_commit:
                self.breaks_commit = False
                raise ReelError(Code.STORE_LOCKED, "once")

        return Kept(result={"asset": "a1"}, commit=commit)


def made() -> Plan:
    return plan([fetch_step(), keep_step()])


def run(here: World, shelf: Shelf | None) -> Job:
    async def go() -> Job:
        engine: Engine = here.engine(run_step=fetched, keep=shelf)
        try:
            return await here.run(engine, made())
        finally:
            await engine.close()

    return wait(go())


def rows(here: World) -> list[Any]:
    with here.store.read() as tx:
        return list(tx.run(sa.select(log_lines.c.message)).scalars())


def test_what_was_fetched_is_handed_over(everywhere: World) -> None:
    shelf = Shelf()
    job = run(everywhere, shelf)
    assert job.state is JobState.SUCCEEDED
    (order,) = shelf.orders
    assert (order.url, order.info, order.options) == (
        URL,
        {"title": "A talk"},
        {"template": "{title}"},
    )
    assert order.media == {"size_bytes": 14}
    assert order.origin == {"final_url": URL, "etag": '"1"', "last_modified": None}
    told = {(f.role, f.language, f.format): f.path.read_text() for f in order.files}
    assert told == {
        ("video", None, "mp4"): "bytes of video",
        ("captions", "en", "vtt"): "bytes of en",
        ("captions", "de", "vtt"): "bytes of de",
    }
    assert all(sha256_file(file.path) == file.sha256 for file in order.files)
    assert rows(everywhere) == [URL]
    assert everywhere.steps(job.id)["keep-1"].result == {"kept/keep": {"asset": "a1"}}


def test_a_failed_try_leaves_no_rows(here: World) -> None:
    shelf = Shelf()
    shelf.failures = [ReelError(Code.NETWORK_RESET, "once")]
    assert run(here, shelf).state is JobState.SUCCEEDED
    assert [order.attempt for order in shelf.orders] == [1, 2]
    assert rows(here) == [URL]


def test_a_commit_that_breaks_is_done_again_as_a_whole(here: World) -> None:
    shelf = Shelf()
    shelf.breaks_commit = True
    assert run(here, shelf).state is JobState.SUCCEEDED
    assert len(shelf.orders) == 1
    assert rows(here) == [URL]


def test_a_result_that_comes_too_late_changes_nothing(here: World) -> None:
    """Somebody else has the step: its number is the fence."""
    from reelwright.engine import keeping

    shelf = Shelf()
    job = run(here, shelf)
    row = replace(here.steps(job.id)["keep-1"], attempt=7)
    kept = wait(shelf(shelf.orders[0]))
    with pytest.raises(ReelError) as error:
        here.store.transact(lambda tx: keeping.succeed(tx, row, kept))
    assert error.value.code is Code.LEASE_LOST
    assert rows(here) == [URL]


def test_a_damaged_file_is_fetched_again_before_it_is_kept(here: World, tmp_path: Path) -> None:
    shelf = Shelf()
    ran: list[str] = []

    async def spoiling(step: Step, context: StepContext) -> StepResult:
        ran.append(step.id)
        return await fetched(step, context)

    class Careless(Shelf):
        async def __call__(self, order: KeepOrder) -> Kept:
            if not self.orders:
                (video,) = order.of("video")
                video.path.chmod(0o644)
                video.path.write_text("spoilt")
                self.orders.append(order)
                raise ReelError(Code.NETWORK_RESET, "again, please")
            return await super().__call__(order)

    careless = Careless()

    async def go() -> Job:
        engine = here.engine(run_step=spoiling, keep=careless)
        try:
            return await here.run(engine, made())
        finally:
            await engine.close()

    assert wait(go()).state is JobState.SUCCEEDED
    assert ran == ["fetch-1", "fetch-1"]
    assert careless.orders[-1].of("video")[0].path.read_text() == "bytes of video"
    assert not shelf.orders


def test_an_engine_that_cannot_keep_says_so(here: World) -> None:
    job = run(here, None)
    assert job.state is JobState.FAILED
    assert (job.error or {})["code"] == "plan_invalid"
