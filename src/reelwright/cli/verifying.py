"""What `reel verify` does, and how it is shown."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.cli import terminal
from reelwright.cli.exits import DONE, exit_code
from reelwright.cli.use import opened
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.library.repair import Action, Done
    from reelwright.app.library.verify import Totals, Wish
    from reelwright.app.library.verify_asset import Finding, Report
    from reelwright.app.wiring import App

_FETCHES = ("video", "all", "none")


@dataclass(slots=True, kw_only=True)
class Arguments:
    """Of `reel verify`. `mode`: verify, plan, repair, accept."""

    chosen: Sequence[str] = ()
    older_than: str | None = None
    quick: bool = False
    rate: str | None = None
    anew: bool = False
    mode: str = "verify"
    fetch: str = "video"
    library: Path | None = None
    as_json: bool = False


def run_verify(arguments: Arguments) -> int:
    """Gives the exit code. Raises USAGE, ASSET_UNKNOWN, INPUT_NOT_FOUND, STORE_*."""
    from reelwright.app.library.looking import identify

    _check(arguments)
    wish = _wish(arguments)
    with opened(library=arguments.library) as used:
        ids = [identify(used, one).id for one in arguments.chosen]
        if arguments.mode == "accept":
            return _accept(used, ids, as_json=arguments.as_json)
        if arguments.mode in ("plan", "repair"):
            from reelwright.cli.repairing import run_repair

            return run_repair(used, ids, arguments)
        from dataclasses import replace

        return _verify(used, replace(wish, ids=ids or None), as_json=arguments.as_json)


def _check(arguments: Arguments) -> None:
    """Options that another mode would not look at. Raises USAGE."""
    if arguments.fetch not in _FETCHES:
        hint = f"one of {', '.join(_FETCHES)}"
        raise ReelError(Code.USAGE, f"'{arguments.fetch}' is none", where="--fetch", hint=hint)
    if arguments.mode == "accept" and not arguments.chosen:
        raise ReelError(
            Code.USAGE, "--accept wants to know of which", where="--accept", hint="name the assets"
        )
    reads = {
        "--older-than": arguments.older_than is not None,
        "--quick": arguments.quick,
        "--anew": arguments.anew,
    }
    for option, is_given in reads.items():
        if is_given and arguments.mode != "verify":
            said = f"{option} and --{arguments.mode} exclude each other"
            raise ReelError(Code.USAGE, said, where=option)
        if is_given and arguments.chosen and option != "--quick":
            said = f"{option} is for the whole library, not for assets that are named"
            raise ReelError(Code.USAGE, said, where=option)


def _wish(arguments: Arguments) -> Wish:
    from reelwright.app.library.verify import Wish
    from reelwright.cli.spans import seconds

    span = arguments.older_than
    return Wish(
        older_than_s=None if span is None else seconds(span, "--older-than"),
        quick=arguments.quick,
        rate_bytes=rate_of(arguments.rate),
        anew=arguments.anew,
    )


def rate_of(text: str | None) -> int | None:
    """Bytes a second. Raises USAGE."""
    if text is None:
        return None
    from pydantic import TypeAdapter, ValidationError

    from reelwright.graph.params.amounts import ByteSize

    adapter: Any = TypeAdapter(ByteSize)
    try:
        found = int(adapter.validate_python(text))
    except ValidationError:
        found = 0
    if found <= 0:
        raise ReelError(
            Code.USAGE, f"'{text}' is no rate", where="--rate", hint="write 50MB or 20MiB"
        )
    return found


def _verify(used: App, wish: Wish, *, as_json: bool) -> int:
    from reelwright.app.library.folders import root
    from reelwright.app.library.verify import measure, verify

    number, size = measure(used, wish)
    shown = Shown(number, size, as_json=as_json)
    with stopping() as stop:
        totals = verify(used, wish, shown.report, on_bytes=shown.read, stop=stop)
    shown.end()
    if as_json:
        body = {"library": str(root(used).absolute()), "ok": totals.is_well}
        terminal.emit({**body, "total": totals.to_json(), "assets": shown.bad})
    else:
        _told(totals)
    return _code(totals)


def _code(totals: Totals) -> int:
    if totals.damaged or totals.missing or totals.incomplete:
        return exit_code(Code.FILE_DAMAGED)
    if totals.was_stopped:
        return exit_code(Code.CANCELLED)
    return exit_code(totals.worst) if totals.worst is not None else DONE


def _told(totals: Totals) -> None:
    parts = [f"{totals.assets} assets, {terminal.size(totals.read_bytes)} read"]
    counts = {name: getattr(totals, name) for name in ("damaged", "missing", "incomplete")}
    parts += [f"{number} {name}" for name, number in counts.items() if number]
    if totals.problems:
        parts.append(f"{totals.problems} could not be looked at")
    if totals.is_well:
        parts.append("all is well")
    terminal.note(", ".join(parts))
    if totals.was_stopped:
        terminal.note("stopped; the same command goes on with the rest")
    if totals.damaged or totals.missing or totals.incomplete:
        terminal.note("`reel verify --plan` says what can be done")


class Shown:
    """Assets that are not well, and below them how far it is. `bad`: them as JSON."""

    def __init__(self, number: int, size_bytes: int, *, as_json: bool) -> None:
        self._number, self._size = number, size_bytes
        self._assets = self._read = 0
        self._is_lively = not as_json and terminal.is_lively(sys.stderr)
        self._as_json = as_json
        self._said = 0
        self.bad: list[dict[str, Any]] = []

    def read(self, count: int) -> None:
        self._read += count
        if self._read - self._said >= 64 << 20:
            self._progress()

    def report(self, report: Report) -> None:
        self._assets += 1
        if self._as_json:
            if not report.is_well or report.unknown:
                self.bad.append(report.to_json())
            return
        if not report.is_well:
            self.end()
            show(report)
        self._progress()

    def end(self) -> None:
        if self._is_lively:
            sys.stderr.write("\r\x1b[K")

    def _progress(self) -> None:
        self._said = self._read
        if self._is_lively:
            done, size = terminal.size(self._read), terminal.size(self._size)
            sys.stderr.write(f"\r\x1b[K{self._assets} of {self._number} assets, {done} of {size}")
            sys.stderr.flush()


def show(report: Report) -> None:
    """What is wrong with an asset."""
    asset = report.asset
    state = asset.state.value if report.problem is None else "not looked at"
    terminal.out(terminal.bold(terminal.printable(f"{state}: {asset.title}  {asset.id}")))
    terminal.out(f"    in {terminal.printable(str(report.folder))}")
    if report.problem is not None:
        terminal.out(f"    {terminal.printable(report.problem.message)}")
    for found in report.findings:
        terminal.out(f"    {terminal.printable(f'{found.file.path}: {said(found)}')}")
    if report.sums is not None:
        what = "is missing" if report.sums == "missing" else "says what is not so"
        terminal.out(f"    SHA256SUMS {what}")
    for name in report.unknown:
        terminal.out(f"    {terminal.printable(name)}: nobody knows it; it is left alone")


def said(found: Finding) -> str:
    """What is wrong with a file, for a person."""
    now = "" if found.actual_bytes is None else f", {found.actual_bytes} bytes"
    words = {
        "missing": "it is missing",
        "moved": f"it is called {found.at}",
        "rot": f"other bytes, though nobody wrote to it{now}",
        "changed": f"somebody wrote to it{now} of {found.file.size_bytes}",
        "unreadable": "the disk cannot read it",
        "not_a_file": "it is no file",
    }
    return words[found.how.value]


def said_action(action: Action) -> str:
    source = "" if action.source is None or action.way == "remake" else f" ({action.source})"
    return f"{action.path}: {action.way.value.replace('_', ' ')}: {action.why}{source}"


def said_done(done: Done) -> str:
    if done.problem is not None:
        return f"{done.action.path}: not restored: {done.problem.message}"
    kept = f"; what was there is {done.kept}" if done.kept else ""
    return f"{done.action.path}: restored{kept}"


def _accept(used: App, ids: Sequence[str], *, as_json: bool) -> int:
    from reelwright.app.library.verify_accept import accept

    done = {one: accept(used, one) for one in ids}
    if as_json:
        body = [{"asset": one, "files": [f.to_json() for f in done[one]]} for one in ids]
        terminal.emit({"accepted": body})
    else:
        for one in [file for files in done.values() for file in files]:
            why = f": {one.why}" if one.why else ""
            terminal.out(terminal.printable(f"{one.path}: {one.what}{why}"))
    is_refused = any(f.what == "refused" for files in done.values() for f in files)
    return exit_code(Code.FILE_DAMAGED) if is_refused else DONE


@contextmanager
def stopping() -> Iterator[Any]:
    """Gives a function that says whether somebody wants it to end (Ctrl-C, SIGTERM)."""
    asked = {"stop": False}

    def ask(_number: int, _frame: object) -> None:
        asked["stop"] = True

    before = {s: signal.signal(s, ask) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked["stop"]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
