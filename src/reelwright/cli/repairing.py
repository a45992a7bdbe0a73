"""`reel verify --plan` and `--repair`: what can be done for what is damaged, and doing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reelwright.cli import terminal
from reelwright.cli.exits import DONE, exit_code
from reelwright.cli.verifying import said_action, said_done, show, stopping
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.archive.driver import Standing
    from reelwright.app.archive.running import Counts, Settled
    from reelwright.app.library.repair import Action, Done
    from reelwright.app.library.verify_asset import Report
    from reelwright.app.wiring import App
    from reelwright.cli.verifying import Arguments
    from reelwright.store.understanding import Told


@dataclass(slots=True)
class _Work:
    """An asset, what was done for it, and what its files need yet."""

    report: Report
    left: list[Action]
    done: list[Done] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {
            **self.report.to_json(),
            "done": [one.to_json() for one in self.done],
            "plan": [one.to_json() for one in self.left],
        }


def run_repair(used: App, ids: Sequence[str], arguments: Arguments) -> int:
    """Gives the exit code: 3 where something is left. Raises STORE_*, INPUT_NOT_FOUND."""
    from reelwright.app.library.repair import damaged
    from reelwright.app.library.verify import check_library
    from reelwright.app.library.verify_reading import Reader, StoppedError
    from reelwright.cli.verifying import rate_of

    check_library(used)
    chosen = list(ids) or [asset.id for asset in damaged(used)]
    works: list[_Work] = []
    was_stopped = False
    with stopping() as stop:
        reader = Reader(rate_of(arguments.rate), stop=stop)
        try:
            for asset_id in chosen:
                works.append(_one(used, asset_id, reader, arguments))
                if not arguments.as_json:
                    _show(works[-1], is_plan=arguments.mode == "plan")
        except StoppedError:
            was_stopped = True
    if arguments.mode == "repair" and not was_stopped:
        _fetch(used, works, arguments)
    return _end(works, arguments, was_stopped=was_stopped)


def _one(used: App, asset_id: str, reader: Any, arguments: Arguments) -> _Work:
    from reelwright.app.library import repair
    from reelwright.app.library.verify_asset import verify_asset

    if arguments.mode == "plan":
        report = verify_asset(used, asset_id, reader)
        return _Work(report, repair.plan(used, report, reader))
    done: list[Done] = []
    report, left = repair.repair_asset(used, asset_id, reader=reader, on_done=done.append)
    return _Work(report, left, done)


def _fetch(used: App, works: list[_Work], arguments: Arguments) -> None:
    """What only the origins have, all together."""
    from reelwright.app.archive.running import Run
    from reelwright.app.library import repair, repair_fetch
    from reelwright.app.library.verify_asset import verify_asset
    from reelwright.app.library.verify_reading import Reader
    from reelwright.cli.interrupts import Interrupts

    everything = arguments.fetch == "all"
    wanted = [
        work
        for work in works
        if arguments.fetch != "none" and repair_fetch.wants(work.left, everything=everything)
    ]
    if not wanted:
        return
    ids = {repair_fetch.fetch_again(used, work.report, work.left) for work in wanted}
    run = Run(used, sorted(ids), _Told(), lambda _: None, only_new=True)
    interrupts = Interrupts()
    interrupts.running("archive", run.stop, left="the same command goes on with what is left")
    interrupts.run(run.to_the_end())
    for work in wanted:
        before = [one for one in work.left if one.way is repair.Way.FETCH]
        work.report = verify_asset(used, work.report.asset.id, Reader())
        work.left = repair.plan(used, work.report)
        bad = {found.file.path for found in work.report.findings}
        done = [repair.Done(action=a, is_done=True) for a in before if a.path not in bad]
        work.done += done
        if not arguments.as_json:
            _show(_Work(work.report, work.left, done), is_plan=False)


class _Told:
    """Who looks on while videos are fetched again."""

    def settled(self, one: Settled) -> None:
        why = f": {one.problem.message}" if one.problem is not None else ""
        terminal.note(terminal.printable(f"{one.state}: {one.title or one.url}{why}"))

    def understood(self, one: Told) -> None:
        """It is fetched again, no more."""

    def standing(self, counts: Counts, standing: Standing) -> None:
        """What is settled is told."""


def _show(work: _Work, *, is_plan: bool) -> None:
    if is_plan and not work.report.is_well:
        show(work.report)
    for done in work.done:
        terminal.out(terminal.printable(said_done(done)))
    for action in work.left:
        prefix = "    → " if is_plan else "left: "
        terminal.out(terminal.printable(f"{prefix}{said_action(action)}"))


def _end(works: Sequence[_Work], arguments: Arguments, *, was_stopped: bool) -> int:
    bad = [work for work in works if not work.report.is_well]
    done = sum(one.is_done for work in works for one in work.done)
    if arguments.as_json:
        body = {"ok": not bad, "restored": done, "left": sum(len(work.left) for work in works)}
        terminal.emit({**body, "assets": [work.to_json() for work in works]})
    elif arguments.mode == "plan":
        terminal.note(f"{len(bad)} of {len(works)} assets are not well; nothing was changed")
    else:
        terminal.note(f"{done} files restored; {len(bad)} of {len(works)} assets are not well")
    if was_stopped:
        return exit_code(Code.CANCELLED)
    failed = next((w.report.problem for w in works if w.report.problem is not None), None)
    if bad and failed is None:
        return exit_code(Code.FILE_DAMAGED)
    return DONE if failed is None else exit_code(ReelError.of(failed).code)
