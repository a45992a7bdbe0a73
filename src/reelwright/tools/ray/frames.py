"""What goes to the child with the connection and comes back: a line of JSON each."""

from __future__ import annotations

import json
from typing import IO, Any

# Answers of a thousand nodes; more is a mistake.
FRAME_BYTES = 64 << 20


def write_frame(target: IO[bytes], frame: dict[str, Any]) -> None:
    target.write(json.dumps(frame, separators=(",", ":")).encode() + b"\n")
    target.flush()


def read_frame(source: IO[bytes]) -> dict[str, Any] | None:
    """None at the end, also where it comes too early."""
    line = source.readline()
    if not line.endswith(b"\n"):
        return None
    frame: dict[str, Any] = json.loads(line)
    return frame
