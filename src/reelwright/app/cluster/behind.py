"""A part of a cluster in a process of its own, which goes on when this one has ended."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.app.cluster.members import Member, state
from reelwright.errors import Code, Problem, ReelError

if TYPE_CHECKING:
    from reelwright.app.cluster.taking_part import Part
    from reelwright.app.wiring import App

_LOOK_S = 0.2
# Ray takes ten seconds on an idle machine.
_START_S = 180.0
_MAIN = "import sys; from reelwright.cli.main import main; sys.exit(main(sys.argv[1:]))"


def begin(app: App, part: Part, command: list[str]) -> tuple[Member, Path]:
    """Returns when it is up, with the file that has what it says. `command`: the words after
    ``reel`` that keep `part` in front, saying what goes wrong as JSON. Raises what it did."""
    from reelwright.app.wiring import make_folder

    make_folder(app.home / "logs")
    log = app.home / "logs" / f"cluster-{part.name}.log"
    argv = [sys.executable, "-P", "-c", _MAIN, *command]
    with log.open("wb") as out:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        member = state(app.home, part.name)
        if member is not None and member.pid == process.pid and member.is_up:
            return member, log
        if process.poll() is not None:
            raise _why(log)
        time.sleep(_LOOK_S)
    process.terminate()
    raise ReelError(
        Code.CLUSTER_UNAVAILABLE,
        f"it did not start within {_START_S:g} s",
        where=part.node.head,
        evidence={"log": str(log)},
    )


def _why(log: Path) -> ReelError:
    """What the process behind said last: one JSON object."""
    said = log.read_text(errors="replace").splitlines()
    for line in reversed(said):
        try:
            problem = json.loads(line)["error"]
            code = Code.of(problem["code"])
        except (ValueError, KeyError, TypeError):
            continue
        return ReelError.of(
            Problem(code, problem["message"], problem.get("where"), problem.get("hint"))
        )
    return ReelError(Code.INTERNAL, "it ended at once", evidence={"log_tail": said[-4:]})
