"""How a job ended, as an exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelwright.cli.exits import DONE, INTERNAL, exit_code
from reelwright.errors import Code

if TYPE_CHECKING:
    from reelwright.app.submit import Ended


def ended_code(ended: Ended) -> int:
    if ended.job.state.value == "succeeded":
        return DONE
    if ended.job.state.value == "cancelled":
        return exit_code(Code.CANCELLED)
    return exit_code(Code.of(ended.job.error["code"])) if ended.job.error else INTERNAL
