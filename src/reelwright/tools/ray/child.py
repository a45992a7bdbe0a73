"""The connection to Ray, in a process of its own: ``python -m reelwright.tools.ray.child PARENT``.

Ray ends the process that loses its head, so this one holds nothing that could be lost: it may be
killed and started again at any time. It reads requests from standard input and answers on what was
standard output (`frames`); the first one says which cluster. It ends when its parent does.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from reelwright.errors import Code, Problem, ReelError
from reelwright.tools.ray.actor import told
from reelwright.tools.ray.failures import wrong_token
from reelwright.tools.ray.frames import read_frame, write_frame
from reelwright.tools.ray.hosts import Hosts

_PR_SET_PDEATHSIG = 1
Frame = dict[str, Any]


def main() -> None:
    _tie(int(sys.argv[1]))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # Ray prints; it must not speak in our place
    first = read_frame(sys.stdin.buffer)
    if first is None:
        return
    try:
        about = _open(first)
    except Exception as error:  # noqa: BLE001 - told to whoever asked
        write_frame(answers, {"id": first["id"], "error": _why(first, error).to_json()})
        return
    write_frame(answers, {"id": first["id"], "ok": about})
    asyncio.run(_Desk(first, lambda frame: write_frame(answers, frame)).run())


def _tie(parent: int) -> None:
    """We die with the thread that started us; it lives as long as it wants answers."""
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)


def _open(first: Frame) -> Frame:
    import ray

    ray.init(
        address=first["address"],
        namespace=first["namespace"],
        log_to_driver=False,
        logging_level=logging.ERROR,
        configure_logging=False,
    )
    return {"ray": ray.__version__, "node": ray.get_runtime_context().get_node_id()}


def _why(first: Frame, error: Exception) -> Problem:
    text = f"{type(error).__name__}: {error}"
    if "AuthenticationError" in text or "InvalidAuthToken" in text:
        return wrong_token(first["address"]).problem
    hint = None
    if "raylet" in text.lower() or "local node" in text.lower():
        hint = "a dispatcher needs a node of the cluster on its machine: `reel cluster join`"
    message = f"no connection to the cluster: {text.strip().splitlines()[0][:300]}"
    return Problem(Code.CLUSTER_UNAVAILABLE, message, first["address"], hint, {"said": text[:2000]})


class _Desk:
    """Requests, each in a task of its own."""

    def __init__(self, first: Frame, answer: Callable[[Frame], None]) -> None:
        self._answer = answer
        self._tasks: set[asyncio.Task[None]] = set()
        self._hosts = Hosts(first["namespace"], first["factory"], first["given"], first["idle_s"])

    async def run(self) -> None:
        """Until the parent is gone."""
        loop = asyncio.get_running_loop()
        self._hosts.begin()
        threading.Thread(target=self._listen, args=(loop,), daemon=True).start()
        await loop.create_future()

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            frame = read_frame(sys.stdin.buffer)
            if frame is None:
                os._exit(0)  # Ray would take its time to say good-bye
            loop.call_soon_threadsafe(self._begin, frame)

    def _begin(self, frame: Frame) -> None:
        task = asyncio.create_task(self._serve(frame))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, frame: Frame) -> None:
        operations: dict[str, Callable[..., Awaitable[Any]]] = {
            "look": self._hosts.look,
            "call": self._hosts.call,
            "demand": self._hosts.demand,
            "models": self._hosts.models,
        }
        try:
            found = await operations[frame["op"]](**frame["body"])
        except Exception as error:  # noqa: BLE001 - handed on to whoever asked
            problem = error.problem if isinstance(error, ReelError) else told(error)
            self._answer({"id": frame["id"], "error": problem.to_json()})
        else:
            self._answer({"id": frame["id"], "ok": found})


if __name__ == "__main__":
    main()
