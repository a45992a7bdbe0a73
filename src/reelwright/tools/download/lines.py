"""What a downloading child says, one JSON object a line on its standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from reelwright.errors import Code, Problem, ReelError

_EVENTS = frozenset({"progress", "done", "page", "error"})


def line(event: str, **fields: Any) -> str:
    return json.dumps({"event": event, **fields}) + "\n"


def say(event: str, **fields: Any) -> None:
    """In the child. A line at once: the parent shows it, and a kill loses none."""
    sys.stdout.write(line(event, **fields))
    sys.stdout.flush()


def say_error(error: ReelError) -> None:
    say("error", problem=error.problem.to_json())


@dataclass(slots=True)
class Ear:
    """In the parent: hears the lines; `last` is the event that ended it all."""

    on_progress: Callable[[int, int | None], None]
    last: dict[str, Any] = field(default_factory=dict)

    def hear(self, text: str) -> None:
        try:
            said = json.loads(text)
        except ValueError:
            return  # a library printed something
        if not isinstance(said, dict) or said.get("event") not in _EVENTS:
            return
        if said["event"] == "progress":
            self.on_progress(said["bytes"], said["of_bytes"])
        else:
            self.last = said

    def result(self, exit_code: int, tail: tuple[str, ...]) -> dict[str, Any]:
        """The last word. Raises what the child reported, or TOOL_CRASHED where it said nothing."""
        if self.last.get("event") == "error":
            raise ReelError.of(Problem.from_json(self.last["problem"]))
        if not self.last:
            raise ReelError(
                Code.TOOL_CRASHED,
                f"the download ended with exit code {exit_code}",
                evidence={"stderr": list(tail)},
            )
        return self.last
