"""Runs jobs that exist already, with the display and the signals of a run."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from reelwright.cli import terminal
from reelwright.cli.ending import ended_code
from reelwright.cli.interrupts import Interrupts
from reelwright.cli.watch import watch

if TYPE_CHECKING:
    from reelwright.app.submit import Ended, Started
    from reelwright.engine.engine import Engine, OnEvent
    from reelwright.planning.plan import Plan

Work = Callable[["OnEvent", "Started"], Coroutine[Any, Any, "list[Ended]"]]


def run_again(work: Work, *, as_json: bool) -> int:
    """The exit code of the first job that did not succeed."""
    shown, interrupts = watch(as_json=as_json), Interrupts()

    def started(job_id: str, plan: Plan, engine: Engine) -> None:
        interrupts.running(job_id, engine.cancel)
        shown.submitted(job_id, plan)

    try:
        ended = interrupts.run(work(shown.on_event, started))
        for one in ended:
            shown.ended(one)
    finally:
        shown.close()
    if not ended and not as_json:
        terminal.note("nothing was left unfinished")
    return next((code for code in map(ended_code, ended) if code), 0)
