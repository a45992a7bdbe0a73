"""Receivers of webhooks on the loopback, and senders on a store of a test's own."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from reelwright.app.principal import LOCAL
from reelwright.app.settings import Loaded, Settings
from reelwright.app.settings_sections import Webhooks
from reelwright.app.webhooks.endpoints import From
from reelwright.app.webhooks.sending import Pace, Sender
from reelwright.app.wiring import App
from reelwright.engine import events
from reelwright.store import jobs, outbox
from reelwright.store.outbox import Message
from reelwright.store.rows import NewJobRow

ME = From(principal=LOCAL, address="127.0.0.1", trace="t" * 32)
QUICK = Pace(schedule=(0.05, 0.05, 0.05), poll_s=0.05, margin_s=5.0)


@dataclass(frozen=True)
class Got:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Receiver:
    """What it got, and what it says: `answers` in turn, then the last one for ever. An answer is
    a status, or a status with headers, or a function of the handler."""

    url: str
    answers: list[Any] = field(default_factory=lambda: [204])
    got: list[Got] = field(default_factory=list)

    def wait(self, count: int, timeout_s: float = 30.0) -> list[Got]:
        until(lambda: len(self.got) >= count, timeout_s)
        return list(self.got)


def until(look: Callable[[], Any], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not look():
        assert time.monotonic() < deadline, "nothing came of it"
        time.sleep(0.01)


@contextmanager
def receiving(host: str = "127.0.0.1") -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = made.answers.pop(0) if len(made.answers) > 1 else made.answers[0]
            made.got.append(Got(self.path, headers, body))
            if callable(answer):
                answer(self)
                return
            status, more = answer if isinstance(answer, tuple) else (answer, {})
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.end_headers()

        do_GET = do_POST  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing on the terminal."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that went away is what some tests do."""

    server = Server((host, 0), Handler)
    made = Receiver(f"http://{host}:{server.server_address[1]}/hook")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def app_on(database_url: str, home: Path, timeout_s: float = 5.0, net_allow: str = "") -> App:
    """As a service has it: without `net_allow` nothing private is reached."""
    settings = Settings(
        home=home,
        database=database_url,
        net_allow=net_allow,
        webhooks=Webhooks(timeout_s=timeout_s),
    )
    made = App(Loaded(settings))
    made.serve_others()
    return made


def job_of(app: App, webhook: str | None = None, **more: Any) -> str:
    """A queued job, told of."""
    row = NewJobRow(spec={}, plan={}, base="/", webhook=webhook, **more)
    return app.store.transact(lambda tx: jobs.insert(tx, row, events.job_changed("queued")))


def tell(app: App, job_id: str, state: str, error: dict[str, Any] | None = None) -> None:
    app.store.transact(lambda tx: jobs.record(tx, job_id, events.job_changed(state, error)))


def messages(app: App, **wanted: Any) -> list[Message]:
    """The oldest first."""
    with app.store.read() as tx:
        return outbox.listing(tx, owner=None, limit=1000, **wanted)[::-1]


def states(app: App) -> list[str]:
    return [message.state for message in messages(app)]


@contextmanager
def running(app: App, pace: Pace = QUICK, count: int = 1) -> Iterator[None]:
    """`count` senders, each on an event loop and in a thread of its own."""
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None], threading.Thread]] = []
    for _ in range(count):
        ready = threading.Event()
        found: list[Any] = []

        async def main(found: list[Any] = found, ready: threading.Event = ready) -> None:
            task = asyncio.create_task(Sender(app, pace).run())
            found[:] = [asyncio.get_running_loop(), task]
            ready.set()
            await asyncio.gather(task, return_exceptions=True)

        thread = threading.Thread(target=lambda main=main: asyncio.run(main()))
        thread.start()
        ready.wait()
        loops.append((found[0], found[1], thread))
    try:
        yield
    finally:
        for loop, task, thread in loops:
            loop.call_soon_threadsafe(task.cancel)
            thread.join()
