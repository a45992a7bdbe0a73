"""A PostgreSQL that is restarted, or breaks a connection: what fails, and what goes on."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from reelwright.errors import Code, ReelError
from reelwright.store import jobs
from reelwright.store.bell import Bell
from reelwright.store.combine import Combiner
from reelwright.store.database import Tx
from reelwright.store.rows import NewJobRow
from reelwright.store.store import Store, open_store
from tests.postgres import Server, make_server

pytestmark = [pytest.mark.postgres, pytest.mark.faults]


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="reel-pg-", dir="/tmp"))
    server = make_server(folder)
    yield server
    with suppress(RuntimeError):
        server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def store(own_server: Server) -> Iterator[Store]:
    opened = open_store(own_server.create(f"t{secrets.token_hex(4)}"))
    yield opened
    opened.close()


def _insert(tx: Tx) -> str:
    job_id = jobs.insert(tx, NewJobRow({}, {}, "/"))
    jobs.record(tx, job_id, ("job", {"state": "queued", "error": None}))
    return job_id


def _count(store: Store) -> int:
    with store.read() as tx:
        return len(jobs.listing(tx))


def _terminate(store: Store, pid: int) -> None:
    with store.write() as tx:
        tx.run(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})


def _pid(tx: Tx) -> int:
    return int(tx.run(sa.text("SELECT pg_backend_pid()")).scalar_one())


def _raises(code: Code, work: Callable[[], object]) -> ReelError:
    with pytest.raises(ReelError) as caught:
        work()
    assert caught.value.code is code
    return caught.value


def test_a_restart_costs_no_request(own_server: Server, store: Store) -> None:
    with ExitStack() as stack:  # several connections, all of which are in the pool then
        for _ in range(4):
            stack.enter_context(store.read()).now()
    own_server.stop()
    own_server.start()
    for _ in range(6):
        with store.read() as tx:
            assert tx.now()
        store.transact(_insert)
    assert _count(store) == 6


def test_a_connection_that_breaks_before_the_commit_is_tried_again(store: Store) -> None:
    others = open_store(store.url)
    tries: list[str] = []

    def change(tx: Tx) -> str:
        tries.append(_insert(tx))
        if len(tries) == 1:
            _terminate(others, _pid(tx))
        jobs.record(tx, tries[-1], ("job", {"state": "again", "error": None}))
        return tries[-1]

    kept = store.transact(change)
    assert len(tries) == 2
    with store.read() as tx:
        assert [job.id for job in jobs.listing(tx)] == [kept]
    others.close()


def test_a_commit_without_an_answer_is_left_to_the_caller(store: Store) -> None:
    others = open_store(store.url)
    tries: list[int] = []

    def work() -> None:
        with store.write() as tx:
            tries.append(_pid(tx))
            _insert(tx)
            tx.written.clear()  # so that the COMMIT is the next that is sent
            _terminate(others, tries[-1])

    error = _raises(Code.STORE_UNAVAILABLE, work)
    assert error.problem.evidence == {"commit": "unknown"}
    assert "rolled_back" not in error.problem.evidence

    def unknown(_tx: Tx) -> None:
        tries.append(0)
        raise error

    _raises(Code.STORE_UNAVAILABLE, lambda: store.transact(unknown))
    assert len(tries) == 2, "it was not run a second time"
    others.close()


def test_whoever_waits_for_a_connection_hears_of_it(store: Store) -> None:
    store.database.engine.pool._timeout = 0.1  # type: ignore[attr-defined]
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(store.read()).now()
        _raises(Code.STORE_UNAVAILABLE, lambda: _count(store))
    assert _count(store) == 0


def test_limits_of_a_session(store: Store) -> None:
    def show(name: str) -> str:
        with store.read() as tx:
            return str(tx.run(sa.text(f"SHOW {name}")).scalar_one())

    assert show("statement_timeout") == "30s"
    assert show("lock_timeout") == "15s"
    assert show("idle_in_transaction_session_timeout") == "20s"
    assert show("application_name") == "reelwright"
    joint = "&" if "?" in store.url else "?"
    own = open_store(f"{store.url}{joint}application_name=mine&options=-c%20statement_timeout%3D7s")
    with own.read() as tx:
        assert tx.run(sa.text("SHOW application_name")).scalar_one() == "mine"
        assert tx.run(sa.text("SHOW statement_timeout")).scalar_one() == "7s"
        assert tx.run(sa.text("SHOW lock_timeout")).scalar_one() == "15s"
    own.close()


def test_the_combiner_outlives_the_server(own_server: Server, store: Store) -> None:
    combiner = Combiner(store)
    assert combiner.submit(_insert).result(30)
    own_server.stop()
    try:
        lost = [combiner.submit(_insert) for _ in range(20)]
        for one in lost:
            _raises(Code.STORE_UNAVAILABLE, lambda one=one: one.result(60))  # type: ignore[misc]
    finally:
        own_server.start()

    async def later() -> str:
        return await combiner.transact(_insert)

    assert asyncio.run(later())
    combiner.close()
    assert _count(store) == 2


def test_the_bell_rings_again(own_server: Server, store: Store) -> None:
    others = open_store(store.url)
    rung = threading.Event()
    bell = Bell(store, rung.set)
    bell.start()
    assert rung.wait(30), "it rings when it begins to listen"
    own_server.stop()
    rung.clear()
    own_server.start()
    assert rung.wait(60), "it rings when it listens again: something may have happened"
    rung.clear()
    others.transact(_insert)
    assert rung.wait(30)
    bell.close()
    others.close()
