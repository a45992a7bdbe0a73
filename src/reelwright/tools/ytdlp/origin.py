"""Is what an address showed still there?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from reelwright.tools.download.lines import Ear
from reelwright.tools.ytdlp.request import CheckWish, OriginState
from reelwright.tools.ytdlp.start import Running, run_child
from reelwright.tools.ytdlp.wire import origin_from_json


async def check_origin(
    wish: CheckWish,
    *,
    log: Path,
    sandbox: bool = True,
    heartbeat: Callable[[], Awaitable[bool]] | None = None,
    grace_s: float = 5.0,
) -> OriginState:
    """Asks once, by the first bytes of a file or by an extraction without a download.

    That the question itself failed is an answer too (`Outcome.UNKNOWN`, with its problem): only
    TIMEOUT, INPUT_NOT_FOUND and INPUT_UNREADABLE (cookies), FIELD_INVALID and what `run_command`
    raises are raised.
    """
    running = Running(log=log, sandbox=sandbox, heartbeat=heartbeat, grace_s=grace_s)
    ear = Ear(lambda _, __: None)
    done = await run_child("check_child", wish, running, ear.hear)
    said = ear.result(done.exit_code, done.stderr_tail)
    said.pop("event")
    return origin_from_json(said)
