"""`reel cluster start` and `join`: a part of a cluster, in front or behind."""

from __future__ import annotations

import shlex
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from reelwright.cli import terminal
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.cluster.members import Member
    from reelwright.app.cluster.taking_part import Part
    from reelwright.app.wiring import App


def label_pairs(given: Sequence[str] | None) -> dict[str, str]:
    """``["disk=ssd,rack=2", …]``. Raises USAGE."""
    found = {}
    for pair in ",".join(given or ()).split(","):
        name, equals, value = pair.strip().partition("=")
        if not pair.strip():
            continue
        if not equals or not name or not value:
            hint = "write NAME=TEXT, as in disk=ssd"
            raise ReelError(Code.USAGE, f"'{pair}' is no label", where="--labels", hint=hint)
        found[name] = value
    return found


def words(*first: str, **options: Any) -> list[str]:
    """A command as it would be typed; options without a value are left out."""
    found = ["cluster", *first]
    for name, value in options.items():
        for one in value if isinstance(value, list) else [value]:
            if one is not None:
                found += [f"--{name.replace('_', '-')}", str(one)]
    return found


def run_part(app: App, part: Part, behind: list[str] | None, *, as_json: bool) -> None:
    """Until somebody ends it; where `behind` says which command that would be, until it is up in a
    process of its own. Raises what it cannot start for."""
    if behind is not None:
        _behind(app, part, behind, as_json=as_json)
        return
    lines = _Lines(part, as_json=as_json)
    if not as_json:
        terminal.note(f"Starting Ray at {part.node.host} …")
    with _signals(part):
        was_drained = part.run(lines.hear)
    if as_json:
        terminal.emit({"event": "ended", "name": part.name, "was_drained": was_drained})
    elif was_drained:
        terminal.note("The node was drained, and has left.")
    else:
        terminal.note("The head has ended." if part.node.is_head else "The node has left.")


class _Lines:
    """Says what becomes of a part. Called in the thread that keeps it."""

    def __init__(self, part: Part, *, as_json: bool) -> None:
        self._part = part
        self._as_json = as_json
        self._was_up = False

    def hear(self, member: Member) -> None:
        if self._as_json:
            event = "ready" if member.is_up else "down"
            terminal.emit({"event": event, **told(self._part, member)})
        elif not member.is_up:
            terminal.note(f"{member.problem or 'Ray has ended'}; it is started again.")
        elif self._was_up:
            terminal.note("It is up again.")
        else:
            _explain(self._part, member)
        self._was_up = self._was_up or member.is_up


def told(part: Part, member: Member) -> dict[str, Any]:
    """Of a part, for programs."""
    return {
        "name": member.name,
        "pid": member.pid,
        "address": member.address,
        "host": member.host,
        "token_file": str(part.node.token),
        "log": member.log,
        "problem": member.problem,
        "join": _join_words(part) if part.node.is_head else None,
    }


def _join_words(part: Part) -> list[str]:
    return ["reel", "cluster", "join", part.node.head]


def _explain(part: Part, member: Member) -> None:
    if not part.node.is_head:
        terminal.note(f"{part.node.name} is a node of {member.address}.")
        return
    is_here = part.node.host.startswith("127.")
    terminal.note(f"The head of the cluster runs at {member.address}.")
    terminal.note(f"Its token is in {part.node.token}.")
    terminal.note()
    if is_here:
        terminal.note("Only this machine can reach it (--host ADDRESS for others). Nodes here:")
        terminal.out(shlex.join(_join_words(part)))
    else:
        terminal.note(
            "On each machine that shall run steps, with the service's settings `database`"
        )
        terminal.note("and `cluster.artifacts`, and a copy of that file (for its user alone):")
        words = [*_join_words(part), "--token-file", "TOKEN_FILE"]
        terminal.out(shlex.join(words))
    terminal.note()
    terminal.note("The service, on this machine:")
    terminal.out(shlex.join(["reel", "serve", "--engine", "ray", "--address", member.address]))
    sys.stdout.flush()


@contextmanager
def _signals(part: Part) -> Iterator[None]:
    """SIGINT and SIGTERM end the part while the body runs."""
    asked = threading.Event()

    def hear(_number: int, _frame: object) -> None:
        # `ask_end` takes locks of its own: not within the signal's frame.
        threading.Thread(target=part.ask_end, daemon=True).start()
        if not part.node.is_head and not asked.is_set():
            asked.set()
            terminal.note("Finishing what runs (Ctrl-C again stops at once) …")

    before = [(n, signal.signal(n, hear)) for n in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _behind(app: App, part: Part, command: list[str], *, as_json: bool) -> None:
    from reelwright.app.cluster.behind import begin

    member, log = begin(app, part, [*command, "--json"])
    _Lines(part, as_json=as_json).hear(member)
    if not as_json:
        terminal.note()
        terminal.note(f"`reel cluster stop` ends it; what it says is in {log}.")
