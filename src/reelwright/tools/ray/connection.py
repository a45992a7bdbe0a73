"""A connection to a cluster that costs nothing to lose: the child that holds it, kept going."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from reelwright.errors import Code, Problem, ReelError
from reelwright.tools.python_child import python_argv
from reelwright.tools.ray.failures import check_installed
from reelwright.tools.ray.frames import FRAME_BYTES
from reelwright.tools.ray.probe import ask_head
from reelwright.tools.ray.settings import loopback, ray_env

_log = logging.getLogger(__name__)
_BACKOFF_S, _BACKOFF_MOST_S = 1.0, 15.0
_OPEN_S = 90.0
# A child that answers nothing for so long hangs: another takes its place.
_SILENCE_S = 60.0
_TAIL_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which cluster, with which token, and what is to be on its nodes (`actor.Hosted`), `idle_s`
    after its last step the longest; None: always."""

    address: str
    token: Path
    namespace: str
    factory: str
    given: Mapping[str, Any] = field(default_factory=dict)
    idle_s: float | None = None


class Connection:
    """`open` it in the event loop that asks. What it is asked while there is no connection fails at
    once; it comes back by itself."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._address = loopback(target.address)
        self._problem: ReelError | None = ReelError(
            Code.CLUSTER_UNAVAILABLE, "not connected yet", where=self._address
        )
        self._process: asyncio.subprocess.Process | None = None
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._ids = itertools.count(1)
        self._task: asyncio.Task[None] | None = None
        self._is_new = asyncio.Event()
        self._heard_at = 0.0
        self.restarts = 0

    @property
    def problem(self) -> ReelError | None:
        """Why there is none, None where there is."""
        return self._problem

    @property
    def pid(self) -> int | None:
        """Of the child, while there is one."""
        return None if self._process is None else self._process.pid

    def open(self) -> None:
        """Returns at once. Raises TOOL_MISSING where Ray is not installed."""
        check_installed()
        if self._task is None:
            self._task = asyncio.create_task(self._keep())

    async def ready(self, timeout_s: float) -> None:
        """Until there is a connection. Raises why there is none after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._is_new.wait()
        except TimeoutError:
            if self._problem is not None:
                raise self._problem from None

    async def ask(self, op: str, *, timeout_s: float, **body: Any) -> Any:
        """Raises CLUSTER_UNAVAILABLE where nothing came back in time, and what was raised there."""
        if self._problem is not None:
            raise self._problem
        try:
            async with asyncio.timeout(timeout_s):
                return await self._exchange({"op": op, "body": body})
        except TimeoutError as error:
            self._end_where_it_hangs()
            text = f"the cluster did not answer within {timeout_s:g} s"
            raise ReelError(Code.CLUSTER_UNAVAILABLE, text, where=self._address) from error

    async def close(self) -> None:
        """Lets the cluster go."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _exchange(self, frame: dict[str, Any]) -> Any:
        process = self._process
        if process is None or process.stdin is None:
            raise self._gone()
        number = next(self._ids)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            line = json.dumps({"id": number, **frame}, separators=(",", ":"))
            process.stdin.write(line.encode() + b"\n")
            with suppress(ConnectionError):  # its end is noticed where it is read from
                await process.stdin.drain()
            return await self._waiting[number]
        finally:
            self._waiting.pop(number, None)

    async def _keep(self) -> None:
        wait_s = _BACKOFF_S
        while True:
            with tempfile.TemporaryFile() as said:
                try:
                    await self._connect(said)
                    wait_s = _BACKOFF_S
                    await self._listen()
                    self._lose(self._gone(_tail(said)))
                except ReelError as error:
                    self._lose(error)
                finally:
                    await self._end()
            _log.warning("%s; it is tried again", self._problem)
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, _BACKOFF_MOST_S)
            self.restarts += 1

    async def _connect(self, said: IO[bytes]) -> None:
        target = self._target
        # Quick, and with clear words; Ray's own client would wait for minutes.
        await asyncio.to_thread(ask_head, self._address, target.token)
        env = {**os.environ, **ray_env(target.token)}
        for name in ("RAY_ADDRESS", "RAY_AUTH_TOKEN"):
            env.pop(name, None)
        self._process = await asyncio.create_subprocess_exec(
            *python_argv("reelwright.tools.ray.child", str(os.getpid())),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=said,
            env=env,
            limit=FRAME_BYTES,
            start_new_session=True,  # Ctrl-C on the terminal is ours to pass on
        )
        order = {
            "address": self._address,
            "namespace": target.namespace,
            "factory": target.factory,
            "idle_s": target.idle_s,
            "given": dict(target.given),
        }
        reading = asyncio.create_task(self._listen())
        opening = asyncio.create_task(self._exchange(order))
        try:
            async with asyncio.timeout(_OPEN_S):
                await asyncio.wait({reading, opening}, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError as error:
            raise self._gone("no connection in time") from error
        finally:
            reading.cancel()
            opening.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        if not opening.done() or opening.cancelled():
            raise self._gone(_tail(said))
        opening.result()
        self._problem = None
        self._is_new.set()

    async def _listen(self) -> None:
        """Until the child's output ends."""
        process = self._process
        assert process
        assert process.stdout
        loop = asyncio.get_running_loop()
        while line := await process.stdout.readline():
            self._heard_at = loop.time()
            frame = json.loads(line)
            future = self._waiting.get(frame["id"])
            if future is None or future.done():
                continue
            if "error" in frame:
                future.set_exception(ReelError.of(Problem.from_json(frame["error"])))
            else:
                future.set_result(frame["ok"])

    def _end_where_it_hangs(self) -> None:
        loop = asyncio.get_running_loop()
        if self._process is not None and loop.time() - self._heard_at > _SILENCE_S:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _lose(self, error: ReelError) -> None:
        self._problem = error
        self._is_new.clear()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(error)

    def _gone(self, why: str = "") -> ReelError:
        last = [line for line in why.strip().splitlines() if line.strip()][-1:]
        text = "the connection to the cluster was lost" + (f": {last[0][:200]}" if last else "")
        return ReelError(Code.CLUSTER_UNAVAILABLE, text, where=self._address)


def _tail(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL_BYTES))
    return file.read().decode(errors="replace")
