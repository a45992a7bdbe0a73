"""Commands live on while the event loop is held up, and die with a heartbeat that does not come."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from reelwright.errors import Code, ReelError
from reelwright.tools.process import Command, run_command
from reelwright.tools.pulse import PULSE, Pulse


def _python(code: str, folder: Path, **more: object) -> Command:
    return Command(argv=(sys.executable, "-I", "-c", code), cwd=folder, **more)  # type: ignore[arg-type]


async def _kept() -> bool:
    return True


def test_a_loop_that_is_held_up_costs_nothing(tmp_path: Path) -> None:
    command = _python("import time; time.sleep(2)", tmp_path, lease_s=0.6, heartbeat=_kept)

    async def go() -> int:
        task = asyncio.create_task(run_command(command))
        await asyncio.sleep(0.3)
        time.sleep(1.5)  # noqa: ASYNC251 - a database that is locked, a disk that is slow
        return (await task).exit_code

    assert asyncio.run(go()) == 0


def test_a_heartbeat_that_does_not_answer_is_not_spoken_for(tmp_path: Path) -> None:
    async def silent() -> bool:
        await asyncio.sleep(600)
        return True

    command = _python("import time; time.sleep(600)", tmp_path, lease_s=0.6, heartbeat=silent)
    with pytest.raises(ReelError) as caught:
        asyncio.run(run_command(command))
    assert caught.value.code is Code.LEASE_LOST


def test_the_thread_ends_with_the_last_command(tmp_path: Path) -> None:
    asyncio.run(run_command(_python("", tmp_path, lease_s=0.3, heartbeat=_kept)))
    until = time.monotonic() + 30
    while PULSE._thread is not None and time.monotonic() < until:
        time.sleep(0.01)
    assert PULSE._thread is None
    assert asyncio.run(run_command(_python("", tmp_path, lease_s=0.3))).exit_code == 0


def test_a_lifeline_that_nobody_reads_is_no_error() -> None:
    reader, writer = os.pipe()
    pulse = Pulse()
    beating = pulse.add(writer, 0.01)
    beating.trust()
    assert os.read(reader, 1) == b"\0"
    os.close(reader)
    time.sleep(0.05)
    assert pulse._thread is not None
    pulse.remove(beating)
    os.close(writer)
