"""What is printed and where: results on stdout, all else on stderr; JSON one object a line."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from reelwright.cli.exits import exit_code
from reelwright.errors import Code, Problem, ReelError

# user:password@ of an address. Greedy: a password may hold an "@".
_PASSWORD = re.compile(r"(://[^\s/?#@:\"']*):[^\s/?#\"']*@")
_BOLD, _RED, _DIM, _PLAIN = "\x1b[1m", "\x1b[31m", "\x1b[2m", "\x1b[0m"


def out(text: str = "") -> None:
    """A line of the result."""
    sys.stdout.write(f"{text}\n")


def note(text: str = "") -> None:
    """A line that is not the result: progress, warnings, what to do next."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def emit(value: Any) -> None:
    """One JSON document on one line, at once; addresses without their passwords."""
    sys.stdout.write(without_passwords(json.dumps(value, ensure_ascii=False, default=str)) + "\n")
    sys.stdout.flush()


def is_lively(stream: TextIO) -> bool:
    """A terminal that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM", "") not in {"", "dumb"}


def _painted(text: str, style: str, stream: TextIO) -> str:
    if "NO_COLOR" in os.environ or not is_lively(stream):
        return text
    return f"{style}{text}{_PLAIN}"


def bold(text: str) -> str:
    return _painted(text, _BOLD, sys.stdout)


def dim(text: str) -> str:
    return _painted(text, _DIM, sys.stdout)


def report(error: ReelError, *, as_json: bool) -> int:
    """Prints what went wrong, all of it, and gives the exit code."""
    if as_json:
        told = [{**problem.to_json(), "hint": hint(problem)} for problem in error.problems]
        emit({"error": told[0], "problems": told})
    else:
        explain(error.problems)
    return exit_code(error.code)


def explain(problems: Sequence[Problem]) -> None:
    """Place, what, and what to do about it."""
    for problem in problems:
        head = _painted("error", _RED, sys.stderr)
        message = "\n      ".join(
            printable(line.expandtabs(1)) for line in problem.message.splitlines()
        )
        note(f"{head} {_place(problem)}{message}")
        for line in _evidence(problem):
            note(f"      | {line}")
        note(f"      {hint(problem)} [{problem.code.text}]")
    if len(problems) > 1:
        note(f"{len(problems)} problems.")


def hint(problem: Problem) -> str:
    """For whoever types commands, also where a service has told it in the words of HTTP."""
    from reelwright.app.told import HINTS

    if problem.code is Code.INTERNAL and problem.hint in {None, problem.code.hint}:
        from reelwright.tools.home import home_folder

        return f"this is our fault: please report it with {home_folder() / 'logs'}"
    if problem.hint is None or problem.hint == HINTS.get(problem.code):
        return problem.code.hint
    return problem.hint


def _place(problem: Problem) -> str:
    """``operations[2].duration (line 7): ``; the line alone where the message names the place."""
    line = problem.evidence.get("line")
    if problem.where is None or problem.where in problem.message:
        return f"line {line}: " if line and f"line {line}" not in problem.message else ""
    at = f" (line {line})" if line else ""
    return f"{printable(problem.where)}{at}: "


def _evidence(problem: Problem) -> Iterable[str]:
    """The last lines that the tool printed: they often name the cause better than any code."""
    lines = problem.evidence.get("stderr") or problem.evidence.get("log_tail") or ()
    return [printable(str(line)) for line in list(lines)[-4:]]


def printable(text: str) -> str:
    """`text` without anything that moves a cursor: names of files come from anywhere; and without
    the passwords of addresses."""
    return without_passwords("".join(c if c.isprintable() else "\ufffd" for c in text))


def without_passwords(text: str) -> str:
    """The password of an address as ``***``: what is printed ends in logs and bug reports."""
    return _PASSWORD.sub(r"\1:***@", text) if "://" in text and "@" in text else text


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], *, right: str = "") -> None:
    """Columns as wide as their widest cell; those named in `right` stand at the right side."""
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headers, *cells, strict=True)]
    aligned = ["rjust" if h in right.split() else "ljust" for h in headers]

    def line(row: Sequence[str]) -> str:
        padded = [getattr(c, a)(w) for c, a, w in zip(row, aligned, widths, strict=True)]
        return "  ".join(padded).rstrip()

    out(bold(line(headers)))
    for row in cells:
        out(line(row))


def size(count: float) -> str:
    """Bytes as people read them: ``1.4 GiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def span(seconds: float | None) -> str:
    """Seconds as people read them: ``3.2 s``, ``4:05``, ``1:02:03``."""
    if seconds is None:
        return "?"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
