"""Local models in warm processes: apart from our memory, stopped when nobody asks them any more.

Each copy of a model has a thread of ours, which starts its process and speaks with it; the process
dies with that thread (see `host`). An ask may come from any event loop.
"""

from __future__ import annotations

import asyncio
import os
import queue
import subprocess
import tempfile
import threading
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any

from reelwright.errors import Code, Problem, ReelError
from reelwright.tools.models import wire
from reelwright.tools.models.host import read_frame, spec_to_json, write_frame
from reelwright.tools.models.kinds import ModelIdentity, Usage
from reelwright.tools.models.providers import ModelSpec
from reelwright.tools.python_child import python_argv, python_env

_PASSED = ("HOME", "PATH", "TMPDIR", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")
_TAIL_BYTES = 4000
_LOAD = object()


@dataclass(eq=False)
class _Ask:
    """One on its way. `copy` is who answers it, from when it began. `body` `_LOAD`: nothing is
    asked, the model is only to be there."""

    body: Any
    future: Future[tuple[Any, Usage]] = field(default_factory=Future)
    copy: _Copy | None = None
    is_given_up: bool = False


class ChildProvider:
    """A `Provider` whose model runs in up to `copies` processes, started when they are needed."""

    is_local = True

    def __init__(
        self, spec: ModelSpec, identity: ModelIdentity, *, idle_s: float, copies: int = 1
    ) -> None:
        self.spec = spec
        self.identity = identity
        self.idle_s = idle_s
        self._limit = copies
        self._asks: queue.SimpleQueue[_Ask | None] = queue.SimpleQueue()
        self._copies: list[_Copy] = []
        self._open = 0  # asks that were not answered yet
        self._lock = threading.Lock()
        self._is_closed = False
        self.loads = 0  # how often a process has loaded the model

    async def load(self) -> None:
        """As the first ask would. Raises what it would raise."""
        await self._asked(_Ask(_LOAD))

    async def answer(self, ask: Any) -> tuple[Any, Usage]:
        """Cancelled: the process that works on it is killed. Raises what the model does, and
        MODEL_FAILED where its process ends before it answers."""
        return await self._asked(_Ask(ask))

    async def _asked(self, asked: _Ask) -> tuple[Any, Usage]:
        with self._lock:
            if self._is_closed:
                raise ReelError(Code.MODEL_FAILED, f"{self.spec.name} was closed")
            self._open += 1
            if self._open > len(self._copies) < self._limit:
                self._copies.append(_Copy(self))
        self._asks.put(asked)
        try:
            return await asyncio.wrap_future(asked.future)
        except asyncio.CancelledError:
            asked.is_given_up = True
            if asked.copy is not None:
                asked.copy.kill(asked)
            raise
        finally:
            with self._lock:
                self._open -= 1

    async def close(self) -> None:
        self.shut()

    def shut(self) -> None:
        with self._lock:
            self._is_closed = True
            copies = list(self._copies)
            for _ in copies:
                self._asks.put(None)
        for copy in copies:
            copy.kill(None)

    def next(self) -> _Ask | None:
        """For a copy's thread: waits for what is to be answered; None: the end."""
        return self._asks.get()


class _Copy:
    """One process and the thread that speaks with it."""

    def __init__(self, owner: ChildProvider) -> None:
        self.owner = owner
        self.process: subprocess.Popen[bytes] | None = None
        self.asked: _Ask | None = None
        self._errors: IO[bytes] | None = None
        self._lock = threading.Lock()
        threading.Thread(target=self._run, name="model", daemon=True).start()

    def kill(self, asked: _Ask | None) -> None:
        """The process, where it works on `asked` (None: in any case)."""
        with self._lock:
            if self.process is not None and (asked is None or self.asked is asked):
                self.process.kill()

    def _run(self) -> None:
        while (asked := self.owner.next()) is not None:
            with self._lock:
                self.asked = asked
                asked.copy = self
            if asked.is_given_up or not asked.future.set_running_or_notify_cancel():
                continue
            try:
                answer = self._answer(asked)
            except BaseException as error:  # noqa: BLE001 - handed on to whoever asked
                _settle(asked.future, error=error)
            else:
                _settle(asked.future, answer=answer)
            finally:
                with self._lock:
                    self.asked = None
        self._end()

    def _answer(self, asked: _Ask) -> tuple[Any, Usage]:
        was_warm = self.process is not None and self.process.poll() is None
        if asked.body is _LOAD:
            if not was_warm:
                self._start()
            return None, Usage()
        body, blocks = wire.pack(asked.body)
        frame = None
        if was_warm:
            frame = self._exchange({"ask": body}, blocks)
        if frame is None and not asked.is_given_up:  # cold, or it had just gone to rest
            if was_warm and self._ended() != 0:
                raise self._crash()
            self._start()
            frame = self._exchange({"ask": body}, blocks)
        if frame is None:
            raise self._crash()
        head, found = frame
        if "error" in head:
            raise ReelError.of(Problem.from_json(head["error"]))
        answer, usage = wire.unpack(head["answer"], found)
        return answer, usage

    def _exchange(self, head: dict[str, Any], blocks: list[bytes]) -> Any:
        """None where the process has ended."""
        assert self.process
        assert self.process.stdin
        assert self.process.stdout
        try:
            write_frame(self.process.stdin, head, blocks)
            return read_frame(self.process.stdout)
        except (OSError, ValueError):
            return None

    def _start(self) -> None:
        """Loads the model; raises what its provider does."""
        self._end()
        spec = self.owner.spec
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        argv = python_argv("reelwright.tools.models.host", str(os.getpid()))
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=_environment(spec),
            start_new_session=True,  # Ctrl-C on the terminal is ours to pass on
        )
        with self._lock:
            self.process = process
            if self.asked is None or self.asked.is_given_up:
                process.kill()
        head = {"spec": spec_to_json(spec), "idle_s": self.owner.idle_s}
        frame = self._exchange(head, [])
        if frame is None:
            raise self._crash()
        if "error" in frame[0]:
            self._end()
            raise ReelError.of(Problem.from_json(frame[0]["error"]))
        self.owner.identity = wire.unpack(frame[0]["ready"], frame[1])
        self.owner.loads += 1

    def _ended(self) -> int:
        assert self.process
        with suppress(subprocess.TimeoutExpired):
            return self.process.wait(timeout=10)
        self.process.kill()
        return self.process.wait()

    def _crash(self) -> ReelError:
        """What is left to say of a process that ended before it answered."""
        code = self._ended()
        tail = ""
        if self._errors is not None:
            size = self._errors.seek(0, os.SEEK_END)
            self._errors.seek(max(0, size - _TAIL_BYTES))
            tail = self._errors.read().decode(errors="replace")
        self._end()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return ReelError(
            Code.MODEL_FAILED,
            f"the process of {self.owner.spec.name} ended ({how}) before it answered",
            evidence={"exit_code": code, "stderr": tail.splitlines()[-20:]},
        )

    def _end(self) -> None:
        with self._lock:
            process, self.process = self.process, None
        if process is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    assert pipe
                    pipe.close()
            process.wait()
        if self._errors is not None:
            self._errors.close()
            self._errors = None


def _settle(
    future: Future[tuple[Any, Usage]],
    *,
    answer: tuple[Any, Usage] | None = None,
    error: BaseException | None = None,
) -> None:
    with suppress(Exception):  # cancelled in between: nobody waits for it
        if answer is not None:
            future.set_result(answer)
        else:
            future.set_exception(error)


def _environment(spec: ModelSpec) -> dict[str, str]:
    """OpenBLAS starts a thread a core in every process that imports numpy; the model's own threads
    are bounded by `threads`. No hub is asked: weights are what the folder holds."""
    passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
    threads = str(max(1, spec.threads))
    return {
        **passed,
        **python_env(),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": threads,
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
