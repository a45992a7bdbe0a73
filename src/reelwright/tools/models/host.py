"""A model in a process of its own: ``python -m reelwright.tools.models.host``.

It reads frames from standard input and answers on what was standard output: a line of JSON, then
the bytes whose lengths the line gives. The first frame is the `ModelSpec`, each later one an ask.
It ends when its parent does (its input ends, and on Linux the kernel sees to it), and after
`idle_s` without an ask.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import signal
import sys
import threading
from pathlib import Path
from typing import IO, Any

from reelwright.errors import Code, Problem, ReelError
from reelwright.tools.models import providers, wire
from reelwright.tools.models.kinds import ModelKind, Provider
from reelwright.tools.models.providers import ModelSpec

_PR_SET_PDEATHSIG = 1

Frame = tuple[dict[str, Any], list[bytes]]


def read_frame(source: IO[bytes]) -> Frame | None:
    """None at the end of the input, also where it comes too early."""
    line = source.readline()
    if not line.endswith(b"\n"):
        return None
    head = json.loads(line)
    blocks = [source.read(size) for size in head["blocks"]]
    is_whole = all(len(block) == size for block, size in zip(blocks, head["blocks"], strict=True))
    return (head, blocks) if is_whole else None


def write_frame(target: IO[bytes], head: dict[str, Any], blocks: list[bytes]) -> None:
    line = json.dumps({**head, "blocks": [len(block) for block in blocks]})
    target.write(line.encode() + b"\n")
    for block in blocks:
        target.write(block)
    target.flush()


def spec_to_json(spec: ModelSpec) -> dict[str, Any]:
    return {
        "kind": spec.kind.value,
        "provider": spec.provider,
        "model": spec.model,
        "folder": str(spec.folder),
        "threads": spec.threads,
        "timeout_s": spec.timeout_s,
        "options": dict(spec.options),
    }


def _spec(body: dict[str, Any]) -> ModelSpec:
    more = {"kind": ModelKind(body["kind"]), "folder": Path(body["folder"])}
    return ModelSpec(**{**body, **more})


def main() -> None:
    parent = int(sys.argv[1])
    _tie(parent)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not speak in our place
    frames: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(frames,), daemon=True).start()
    asyncio.run(_serve(frames, answers))
    os._exit(0)  # threads of libraries are not waited for


def _tie(parent: int) -> None:
    """We die with the thread that started us; it lives as long as it wants answers."""
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)


def _listen(frames: queue.SimpleQueue[Frame | None]) -> None:
    """In a thread, so that the end of the parent is seen while a model computes."""
    while True:
        frame = read_frame(sys.stdin.buffer)
        if frame is None:
            os._exit(0)
        frames.put(frame)


async def _serve(frames: queue.SimpleQueue[Frame | None], answers: IO[bytes]) -> None:
    first = frames.get()
    assert first is not None
    head = first[0]
    try:
        provider = providers.make(_spec(head["spec"]))
    except Exception as error:  # noqa: BLE001 - told to whoever asked
        write_frame(answers, {"error": _told(error)}, [])
        return
    body, blocks = wire.pack(provider.identity)
    write_frame(answers, {"ready": body}, blocks)
    while True:
        try:
            frame = frames.get(timeout=head["idle_s"])
        except queue.Empty:
            return
        assert frame is not None
        await _answer(provider, frame, answers)


async def _answer(provider: Provider[Any, Any], frame: Frame, answers: IO[bytes]) -> None:
    head, blocks = frame
    try:
        answer = await provider.answer(wire.unpack(head["ask"], blocks))
        body, out = wire.pack(answer)
    except Exception as error:  # noqa: BLE001 - told to whoever asked
        write_frame(answers, {"error": _told(error)}, [])
    else:
        write_frame(answers, {"answer": body}, out)


def _told(error: Exception) -> dict[str, Any]:
    if isinstance(error, ReelError):
        return error.problem.to_json()
    import traceback

    traceback.print_exception(error)
    # What lacks memory says so in many ways; all of them name it.
    text = f"{type(error).__name__}: {error}"
    return Problem(Code.MODEL_FAILED, text[:1000], None, None, {}).to_json()


if __name__ == "__main__":
    main()
