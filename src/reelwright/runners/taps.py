"""Taps: analysers that eat what a command decodes, through a FIFO, or what it logs.

Each analyser runs in a thread of its own and sees whole frames only; memory is one read and one
frame, whatever the input's length.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import TYPE_CHECKING, Any, Self

from reelwright.errors import Code, ReelError
from reelwright.graph.operator import Analyser
from reelwright.runners.analysers import analyser_of

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from reelwright.planning.plan import Step, StepTap
    from reelwright.runners.context import StepContext

_READ_BYTES = 1 << 20
# ``-loglevel level+…`` puts the level before each message; analysers read what the filter printed.
_LEVEL = re.compile(rb"^((?:\[[^\]]+ @ [^\]]+\] )*)\[(?:info|verbose|warning)\] ", re.MULTILINE)


@dataclass(slots=True)
class _Reader:
    """One FIFO. The write end is held open until the commands are done, so that neither side ever
    waits for the other to come, and the end of the data is seen even if no command opened it."""

    tap: StepTap
    analyser: Analyser
    read_end: int
    write_end: int
    pending: bytearray = field(default_factory=bytearray)
    error: BaseException | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def drain(self) -> None:
        """Feeds the analyser until the end of the data."""
        size = max(self.analyser.frame_bytes, 1)
        while data := os.read(self.read_end, _READ_BYTES):
            self.pending += data
            whole = len(self.pending) // size * size
            if whole:
                # A copy: an analyser may keep a view of its last frame.
                self.analyser.feed(memoryview(bytes(self.pending[:whole])))
                del self.pending[:whole]

    def let_go(self) -> None:
        if self.write_end >= 0:
            os.close(self.write_end)
            self.write_end = -1


class Taps:
    """The analysers of a step, for the time its commands run.

    ``async with Taps(step, context) as taps:`` run the commands, then ``await taps.finish(log)``.
    """

    def __init__(self, step: Step, context: StepContext) -> None:
        self._taps = step.taps
        self._workspace = context.workspace
        self._readers: list[_Reader] = []
        self._failed = asyncio.Event()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for tap in self._taps:
            if tap.source != "log":
                reader = _open(tap, self._workspace)
                self._readers.append(reader)
                name = f"tap {tap.node}"
                Thread(target=self._read, args=(reader, loop), name=name, daemon=True).start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._ended()

    def _read(self, reader: _Reader, loop: asyncio.AbstractEventLoop) -> None:
        """The thread. Closing the read end on an error makes the command fail at its next write
        instead of waiting for ever."""
        try:
            reader.drain()
        except BaseException as error:  # noqa: BLE001 - handed to whoever awaits the step
            reader.error = error
        finally:
            os.close(reader.read_end)
            with suppress(RuntimeError):  # the loop is gone, and nobody waits
                loop.call_soon_threadsafe(self._note, reader)

    def _note(self, reader: _Reader) -> None:
        reader.ended.set()
        if reader.error is not None:
            self._failed.set()

    async def failed(self) -> None:
        """Returns when an analyser has failed; else waits to be cancelled."""
        await self._failed.wait()

    def raise_failure(self) -> None:
        """Raises what the first failed analyser raised."""
        for reader in self._readers:
            if isinstance(reader.error, ReelError):
                raise reader.error
            if reader.error is not None:
                raise ReelError(
                    Code.INTERNAL,
                    f"the analyser {reader.tap.analyser} failed: {reader.error!r}",
                ) from reader.error

    async def finish(self, log: bytes) -> dict[str, Any]:
        """The results by node, also written as JSON to each tap's output. `log`: all that the
        commands printed."""
        await self._ended()
        self.raise_failure()
        analysers = {r.tap.node: _whole(r) for r in self._readers}
        for tap in self._taps:
            if tap.source == "log":
                analysers[tap.node] = _analyser(tap)
                analysers[tap.node].feed(memoryview(_LEVEL.sub(rb"\1", log)))
        results = {tap.node: analysers[tap.node].finish() for tap in self._taps}
        for tap in self._taps:
            body = json.dumps(results[tap.node], allow_nan=False, separators=(",", ":"))
            (self._workspace / tap.output).write_text(body, encoding="utf-8")
        return results

    async def _ended(self) -> None:
        for reader in self._readers:
            reader.let_go()
        for reader in self._readers:
            await reader.ended.wait()


def _whole(reader: _Reader) -> Analyser:
    if reader.pending:
        raise ReelError(
            Code.OUTPUT_MISMATCH,
            f"the tap {reader.tap.node} ended within a frame: {len(reader.pending)} of "
            f"{reader.analyser.frame_bytes} bytes",
        )
    return reader.analyser


def _analyser(tap: StepTap) -> Analyser:
    return analyser_of(tap.analyser, tap.params, tap.stream)


def _open(tap: StepTap, workspace: Path) -> _Reader:
    path = workspace / tap.pipe
    analyser = _analyser(tap)
    if tap.pack:
        analyser.open(workspace / tap.pack)
    os.mkfifo(path)
    # Opening a FIFO waits for the other side; not so without blocking, reader first.
    read_end = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    write_end = os.open(path, os.O_WRONLY)
    os.set_blocking(read_end, True)
    if hasattr(fcntl, "F_SETPIPE_SZ"):  # Linux: fewer wake-ups
        with suppress(OSError):
            fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, _READ_BYTES)
    return _Reader(tap, analyser, read_end, write_end)
