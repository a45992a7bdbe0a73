"""The one table from what went wrong to an exit code."""

from __future__ import annotations

from reelwright.errors import Code, Kind

DONE = 0
INTERNAL = 1

# What the code says to a script: 2 ask differently, 3 other media, 4 install something, 5 somebody
# stopped it, 6 try again when the machine has what it lacks.
EXITS: dict[Kind, int] = {
    Kind.INPUT: 2,
    Kind.MEDIA: 3,
    Kind.NETWORK: 3,  # an input that cannot be had is media that cannot be read
    Kind.TOOL: 4,
    Kind.CANCELLED: 5,
    Kind.RESOURCE: 6,
    Kind.STATE: 6,  # the database is a resource, too
    Kind.IDENTITY: 2,
    Kind.PERMISSION: 2,
    Kind.LIMIT: 6,
    Kind.INTERNAL: INTERNAL,
}

MEANINGS: dict[int, str] = {
    0: "done",
    1: "a fault of Reelwright itself",
    2: "bad input: the spec, an option, a path",
    3: "media error: an input cannot be fetched or read, or an output is not what was planned",
    4: "a tool, an encoder or a library is missing or failed",
    5: "cancelled",
    6: "out of a resource: disk, memory, time, the database, the server",
}

# Asked at the wrong moment: the question is at fault, not the machine.
_BY_CODE = {
    Code.TRANSITION_REFUSED: EXITS[Kind.INPUT],
    # Not an input that cannot be had, but the machine that is to work.
    Code.SERVER_UNREACHABLE: EXITS[Kind.RESOURCE],
}


def exit_code(code: Code) -> int:
    return _BY_CODE.get(code, EXITS[code.kind])
