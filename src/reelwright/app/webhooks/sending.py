"""Sends what lies in the outbox: at least once, patiently, and to nobody who may not be reached."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from reelwright import __version__
from reelwright.app.told import Told
from reelwright.app.webhooks import endpoints
from reelwright.app.webhooks.messages import payload
from reelwright.errors import ReelError
from reelwright.tools.download.addresses import Reach
from reelwright.tools.webhook import Answer, Courier
from reelwright.tools.webhook_signature import headers

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.database import EventRow, Tx
    from reelwright.store.endpoints import Endpoint
    from reelwright.store.outbox import Message

_log = logging.getLogger(__name__)
# Seconds before each further try, as the Standard Webhooks specification recommends; a fifth of it
# more or less, so that what failed together does not come back together.
SCHEDULE = (5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0)
_JITTER = 0.2
_LONGEST_WAIT_S = 86400.0
_PRUNE_S = 3600.0
_GONE = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """`per_origin`: of `at_once` messages so many go to one receiver, so that a slow one holds up
    nobody. `poll_s`: how often is looked without being told. `margin_s`: a claim lives that much
    longer than an answer is waited for."""

    schedule: Sequence[float] = SCHEDULE
    at_once: int = 64
    per_origin: int = 4
    poll_s: float = 1.0
    margin_s: float = 30.0


@dataclass(frozen=True, slots=True)
class _Due:
    """A claimed message with what signs it. `refusal`: why it must not be sent."""

    message: Message
    secrets: tuple[str, ...]
    at: float
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class _Sender:
    """Who disables an endpoint that says it is gone, in the audit log."""

    actor: str = "webhooks"
    role: str = "service"


class Sender:
    """Sends while `leads` says so: where several processes serve, one of them does.

    Two at once send nothing twice all the same: each claims what it sends. After a kill between an
    answer and its commit the message is sent again, with its id.
    """

    def __init__(
        self, app: App, pace: Pace | None = None, leads: Callable[[], bool] = lambda: True
    ) -> None:
        self._app = app
        self._leads = leads
        self._pace = pace or Pace()
        self._timeout_s = app.settings.webhooks.timeout_s
        self._told = Told(app.home)
        self._busy: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._next_prune_s = 0.0
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Until it is cancelled; what is on its way then is sent again later. A database that is
        away is waited for. Raises CONFIG_INVALID."""
        loop = asyncio.get_running_loop()
        courier = Courier(endpoints.reach(self._app))
        stop = self._app.store.listen(_ring(loop, self._wake))
        try:
            while True:
                self._wake.clear()
                await self._pass(courier)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._pace.poll_s)
        finally:
            stop()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await courier.close()

    async def send_of(self, job_id: str) -> None:
        """One try at each message of a job, by a process that ends with it: `reel run` reaches
        what its user can. What fails waits for a service."""
        settings = self._app.engine_settings
        courier = Courier(
            Reach.of(allow_private=settings.allow_private, net_allow=settings.net_allow)
        )
        try:
            while claimed := await self._claim(self._pace.at_once, job_id):
                await asyncio.gather(*(self._deliver(courier, due) for due in claimed))
        finally:
            await courier.close()

    async def _pass(self, courier: Courier) -> None:
        if not self._leads():
            return
        try:
            await self._prune()
            free = self._pace.at_once - len(self._tasks)
            claimed = await self._claim(free) if free > 0 else []
            extra = [due for due in claimed if not self._start(courier, due)]
            if extra:
                await self._write(lambda tx: _give_back(tx, extra))
            if claimed:
                self._wake.set()  # there may be more
        except ReelError as error:
            _log.warning("webhooks wait for the database: %s", error)
        except Exception:  # noqa: BLE001 - one odd message must not silence all the others
            _log.exception("webhooks were not looked at")

    async def _claim(self, limit: int, job_id: str | None = None) -> list[_Due]:
        full = [origin for origin, n in self._busy.items() if n >= self._pace.per_origin]
        lease_s = self._timeout_s + self._pace.margin_s
        if not await asyncio.to_thread(self._is_due):
            return []
        found: list[_Due] = await self._write(
            lambda tx: _claim(tx, limit=limit, lease_s=lease_s, without=full, job_id=job_id)
        )
        return found

    def _is_due(self) -> bool:
        """Read before written: an idle service does not lock its database every second."""
        from reelwright.store import outbox

        with self._app.store.read() as tx:
            return outbox.is_due(tx)

    def _start(self, courier: Courier, due: _Due) -> bool:
        origin = _origin(due.message.url)
        if self._busy[origin] >= self._pace.per_origin:
            return False
        self._busy[origin] += 1
        task = asyncio.create_task(self._deliver(courier, due))
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._ended(done, origin))
        return True

    def _ended(self, task: asyncio.Task[None], origin: str) -> None:
        self._tasks.discard(task)
        self._busy[origin] -= 1
        if not self._busy[origin]:
            del self._busy[origin]
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a message could not be settled", exc_info=error)

    async def _deliver(self, courier: Courier, due: _Due) -> None:
        message = due.message
        if due.refusal is not None:
            await self._settle(lambda tx: _failed(tx, message, None, None, str(due.refusal)))
            return
        status, asked_s = None, None
        try:
            with self._app.job_span("webhook", message.job_id, "client") as span:
                answer = await post(
                    courier,
                    message.url,
                    message.id,
                    payload(self._told, message),
                    due.secrets,
                    due.at,
                    self._timeout_s,
                )
                if span is not None:
                    span.attributes["http.response.status_code"] = answer.status
            status, asked_s = answer.status, answer.retry_after_s
            error = None if answer.is_success else _refused(status)
        except ReelError as failure:
            error = str(failure)
        if error is None:
            await self._settle(lambda tx: _sent(tx, message, status or 0))
        elif status == _GONE:
            await self._settle(lambda tx: _gone(tx, message, error))
        else:
            wait_s = self._wait_s(message.tries, asked_s)
            await self._settle(lambda tx: _failed(tx, message, wait_s, status, error))

    def _wait_s(self, tries: int, asked_s: float | None) -> float | None:
        if tries > len(self._pace.schedule):
            return None
        wait_s = self._pace.schedule[tries - 1] * random.uniform(1 - _JITTER, 1 + _JITTER)
        return max(wait_s, min(asked_s or 0.0, _LONGEST_WAIT_S))

    async def _settle(self, change: Callable[[Tx], None]) -> None:
        """Tried as long as the claim lives; after it the message is sent once more."""
        until = time.monotonic() + self._pace.margin_s
        while True:
            try:
                await self._write(change)
            except ReelError:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(0.2)
            else:
                return

    async def _write(self, change: Callable[[Tx], Any]) -> Any:
        return await self._app.combiner.transact(change)

    async def _prune(self) -> None:
        from reelwright.store import outbox

        now_s = time.monotonic()
        if now_s >= self._next_prune_s:
            keep_s = self._app.settings.webhooks.keep_days * 86400.0
            await self._write(lambda tx: outbox.prune(tx, keep_s=keep_s))
            self._next_prune_s = now_s + _PRUNE_S


async def post(
    courier: Courier,
    url: str,
    message_id: str,
    body: Mapping[str, Any],
    secrets: Sequence[str],
    now: float,
    timeout_s: float,
) -> Answer:
    """Signed and sent. `now`: seconds since 1970 on the database's clock. Raises ADDRESS_REFUSED,
    NETWORK_*, TLS_INVALID."""
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    about = {"content-type": "application/json", "user-agent": f"reelwright/{__version__}"}
    signed = headers(message_id, int(now), text, secrets)
    return await courier.post(url, text, about | signed, timeout_s)


def _ring(loop: asyncio.AbstractEventLoop, wake: asyncio.Event) -> Callable[[EventRow], None]:
    def hear(event: EventRow) -> None:
        if event.is_sent:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(wake.set)

    return hear


def _claim(tx: Tx, **how: Any) -> list[_Due]:
    from reelwright.store import endpoints as table
    from reelwright.store import outbox

    claimed = outbox.claim(tx, **how)
    known = table.by_ids(tx, [m.endpoint_id for m in claimed if m.endpoint_id])
    return [_due(tx, message, known) for message in claimed]


def _due(tx: Tx, message: Message, known: Mapping[str, Endpoint]) -> _Due:
    if message.endpoint_id is None:
        return _Due(message, endpoints.of_specs(tx, message.owner).secrets(tx.now()), tx.now())
    row = known.get(message.endpoint_id)
    if row is None:
        return _Due(message, (), tx.now(), "the webhook was deleted")
    refusal = None if row.is_enabled else "the webhook is disabled"
    return _Due(message, row.secrets(tx.now()), tx.now(), refusal)


def _give_back(tx: Tx, extra: Sequence[_Due]) -> None:
    from reelwright.store import outbox

    outbox.give_back(tx, [due.message for due in extra])


def _sent(tx: Tx, message: Message, status: int) -> None:
    from reelwright.store import outbox

    outbox.sent(tx, message, status)


def _failed(tx: Tx, message: Message, wait_s: float | None, status: int | None, error: str) -> None:
    from reelwright.store import outbox

    outbox.failed(tx, message, wait_s=wait_s, status=status, error=error)


def _gone(tx: Tx, message: Message, error: str) -> None:
    """410: the receiver wants nothing more. The endpoint of an owner is disabled."""
    from reelwright.store import audit, outbox
    from reelwright.store import endpoints as table

    _failed(tx, message, None, _GONE, error)
    if message.endpoint_id is not None:
        table.change(tx, message.endpoint_id, is_enabled=False)
        outbox.bury(tx, message.endpoint_id, "the receiver answered another message with 410")
        audit.add(tx, _Sender(), "webhook.gone", message.endpoint_id, status=_GONE)


def _refused(status: int) -> str:
    if 300 <= status < 400:
        return f"the receiver answered {status}; redirects are not followed"
    return f"the receiver answered {status}"


def _origin(url: str) -> str:
    """The beginning of the text that names the receiver."""
    return url[: url.index("://") + 3 + len(urlsplit(url).netloc)]
