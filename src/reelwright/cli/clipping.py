"""Cutting parts out of files: the job, its display, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reelwright.cli import terminal
from reelwright.cli.ending import ended_code
from reelwright.cli.interrupts import Interrupts
from reelwright.cli.watch import watch

if TYPE_CHECKING:
    from reelwright.app.search.clips import Clips
    from reelwright.app.search.cuts import Cut
    from reelwright.app.submit import Ended
    from reelwright.app.wiring import App
    from reelwright.engine.engine import Engine
    from reelwright.planning.plan import Plan


def cut_out(
    used: App,
    made: Clips,
    cuts: Sequence[Cut],
    head: Mapping[str, Any],
    *,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Runs the job to its end and gives the exit code. As JSON one document is printed: `head`,
    ``clips`` and ``job``. Raises SpecErrors and the like."""
    from reelwright.app.submit import submit_and_run
    from reelwright.app.wiring import make_folder

    make_folder(made.folder)
    shown, interrupts = watch(as_json=False, quiet=as_json), Interrupts()

    def submitted(job_id: str, plan: Plan, engine: Engine) -> None:
        interrupts.running(job_id, engine.cancel)
        if not as_json:
            shown.submitted(job_id, plan)

    def nothing(_event: Any) -> None:
        """A program reads the one document at the end."""

    request = made.request(overwrite=overwrite)
    on_event = nothing if as_json else shown.on_event
    try:
        ended = interrupts.run(submit_and_run(used, request, on_event, submitted))
        if not as_json:
            shown.ended(ended)
    finally:
        shown.close()
    if as_json:
        terminal.emit({**head, "clips": _clips(made, cuts, ended), "job": ended.to_json()})
    return ended_code(ended)


def _clips(made: Clips, cuts: Sequence[Cut], ended: Ended) -> list[dict[str, Any]]:
    """Those that stand there, with the parts that are in each."""
    there = {file.path for file in ended.outputs}
    parts = [
        {
            "asset": cut.uri.removeprefix("asset:")
            if cut.uri.startswith("asset:")
            else cut.subject,
            "start": float(cut.start),
            "end": float(cut.end),
            "hits": list(cut.hits),
        }
        for cut in cuts
    ]
    grouped = [parts] if len(made.paths) == 1 else [[part] for part in parts]
    return [
        {"path": str(path), "parts": of}
        for path, of in zip(made.paths, grouped, strict=True)
        if str(path) in there
    ]
