"""The log of the archive, and what clients add to it: handed in, looked through, kept for a time.

Every line goes through `observe.redact` before it is stored. The settings `logs.keep_days` and
`logs.keep_lines` say what stays.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from reelwright.app.observe import redact
from reelwright.app.principal import LOCAL, Principal, Scope
from reelwright.errors import Code, Problem, ReelError, SpecErrors
from reelwright.store import log_lines
from reelwright.store.log_lines import Chosen, Line, NewLine

if TYPE_CHECKING:
    from reelwright.app.wiring import App

_log = logging.getLogger(__name__)

LEVELS = ("debug", "info", "warning", "error", "critical")
# What others call them.
_ALIASES = {"warn": "warning", "fatal": "critical", "trace": "debug", "notice": "info"}
MOST_LINES = 1000
MOST_MESSAGE_CHARS = 8192
MOST_FIELDS_BYTES = 16_384
MOST_PAGE = 1000
_COMPONENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,63}")
_JOB_CHARS = 17
_DAY_S = 86_400.0
# A line of tomorrow would stay on top for ever; clocks that differ a little are forgiven.
_AHEAD_S = 300.0
# After so many lines the log is looked at for what is too old, or too much.
_TRIM_EVERY = 1000
_FOLLOW_S = 0.5
_PRUNE_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`level`: this one and those above it. `component` that ends in a dot is a prefix
    (``archive.``). `since`, `until`: seconds since 1970, half open. `text`: the message has it."""

    level: str | None = None
    component: str | None = None
    job_id: str | None = None
    since: float | None = None
    until: float | None = None
    text: str | None = None

    def chosen(self, principal: Principal) -> Chosen:
        """Raises FIELD_INVALID."""
        levels = None if self.level is None else LEVELS[LEVELS.index(_level(self.level, "level")) :]
        return Chosen(
            levels=levels,
            component=self.component,
            job_id=self.job_id,
            since=self.since,
            until=self.until,
            text=self.text,
            owner=principal.sees,
        )


def add(app: App, lines: Sequence[Mapping[str, Any]], principal: Principal = LOCAL) -> list[int]:
    """Checks and stores what a client hands in, all of it or nothing; gives the lines' numbers.

    Each has a `message`, and may have `level` (default: info), `component` (default: client),
    `job_id`, `at` (seconds since 1970, or ISO 8601) and `fields` (an object). Blocking. Raises
    SpecErrors with all that is wrong (FIELD_MISSING, FIELD_UNKNOWN, FIELD_INVALID), BODY_TOO_LARGE,
    FORBIDDEN, STORE_*.
    """
    principal.check(Scope.JOBS)
    if len(lines) > MOST_LINES:
        said = f"{len(lines)} lines are more than {MOST_LINES}"
        raise ReelError(Code.BODY_TOO_LARGE, said, where="lines", hint="hand them in by parts")
    problems: list[Problem] = []
    found: list[NewLine] = []
    now = time.time()
    for n, line in enumerate(lines):
        try:
            found.append(_checked(line, principal.owner, now))
        except ReelError as error:
            problem = error.problem
            where = f"lines[{n}].{problem.where}" if problem.where else f"lines[{n}]"
            problems.append(Problem(problem.code, problem.message, where, problem.hint))
    if problems:
        raise SpecErrors(problems)
    return _store(app, found)


def find(
    app: App,
    wanted: Wanted,
    principal: Principal = LOCAL,
    *,
    limit: int = 100,
    after: int | None = None,
    before: int | None = None,
) -> list[Line]:
    """A page: those after the number `after`, the oldest first; else the newest first, before
    `before`. Whoever is no admin sees their own lines. Blocking. Raises FORBIDDEN,
    FIELD_INVALID."""
    principal.check(Scope.READ)
    chosen = wanted.chosen(principal)
    with app.store.read() as tx:
        return log_lines.page(tx, chosen, limit=min(limit, MOST_PAGE), after=after, before=before)


def latest(app: App) -> int:
    """The number of the newest line, whoever's; 0: there is none. Blocking."""
    with app.store.read() as tx:
        return log_lines.last(tx)


def follow(
    app: App, wanted: Wanted, principal: Principal = LOCAL, *, after: int
) -> Iterator[list[Line]]:
    """What comes after the number `after`, some lines at a time, looked for twice a second; an
    empty list where there is nothing new. Blocking; without an end."""
    while True:
        found = find(app, wanted, principal, limit=MOST_PAGE, after=after)
        after = found[-1].seq if found else after
        yield found
        if not found:
            time.sleep(_FOLLOW_S)


def note(
    app: App,
    level: str,
    component: str,
    message: str,
    *,
    job_id: str | None = None,
    owner: str | None = None,
    **about: Any,
) -> None:
    """A line of the archive's own; None among `about` is left out. Blocking; never raises: no work
    fails for want of a log."""
    said = {name: value for name, value in about.items() if value is not None}
    line = NewLine(
        level=level,
        component=component,
        message=message,
        job_id=job_id,
        owner=owner,
        fields=said,
    )
    notes(app, [line])


def notes(app: App, lines: Sequence[NewLine]) -> None:
    """Several of the archive's own lines at once. Blocking; never raises."""
    try:
        clean = [
            replace(
                line,
                message=_storable(redact.text(line.message))[:MOST_MESSAGE_CHARS],
                fields=_fitting(_storable(redact.fields(line.fields))),
            )
            for line in lines
        ]
        _store(app, clean, durable=False)
    except ReelError as error:
        _log.warning("lines of the log were lost: %s", error)


def prune(app: App) -> int:
    """What the settings do not keep goes; gives the number of lines. Blocking. Raises STORE_*."""
    logs = app.settings.logs
    total = 0
    while gone := app.store.transact(
        lambda tx: log_lines.trim(tx, keep_s=logs.keep_days * _DAY_S, keep_lines=logs.keep_lines),
        durable=False,
    ):
        total += gone
    return total


async def keep_short(app: App, leads: Callable[[], bool]) -> None:
    """`prune` every hour, in the process that leads. Until it is cancelled."""
    while True:
        if leads():
            try:
                await asyncio.to_thread(prune, app)
            except ReelError as error:
                _log.warning("the log was not shortened: %s", error)
        await asyncio.sleep(_PRUNE_S)


def to_json(line: Line) -> dict[str, Any]:
    return asdict(line)


def _store(app: App, lines: Sequence[NewLine], *, durable: bool = True) -> list[int]:
    numbers = app.store.transact(lambda tx: log_lines.add(tx, lines), durable=durable)
    if _is_time_to_trim(numbers):
        prune(app)
    return numbers


def _is_time_to_trim(numbers: Sequence[int]) -> bool:
    """Each time that the numbers pass a thousand: whichever of the processes that is."""
    return any(number % _TRIM_EVERY == 0 for number in numbers)


def _checked(line: Mapping[str, Any], owner: str, now: float) -> NewLine:
    """Raises FIELD_*."""
    if not isinstance(line, Mapping):
        raise ReelError(Code.FIELD_INVALID, "a line is an object", hint='{"message": "…"}')
    known = {"message", "level", "component", "job_id", "at", "fields"}
    for name in line:
        if name not in known:
            hint = f"there are {', '.join(sorted(known))}; others belong into `fields`"
            raise ReelError(Code.FIELD_UNKNOWN, f"there is no '{name}'", where=str(name), hint=hint)
    if "message" not in line:
        raise ReelError(Code.FIELD_MISSING, "a line has a message", where="message")
    message = _text(line, "message", MOST_MESSAGE_CHARS)
    about = line.get("fields")
    if about is not None and not isinstance(about, Mapping):
        raise ReelError(Code.FIELD_INVALID, "`fields` is an object", where="fields")
    if about and _size_bytes(about) > MOST_FIELDS_BYTES:
        said = f"`fields` takes more than {MOST_FIELDS_BYTES} bytes"
        raise ReelError(Code.FIELD_INVALID, said, where="fields")
    job_id = None if line.get("job_id") is None else _text(line, "job_id", _JOB_CHARS)
    return NewLine(
        level=_level(str(line.get("level") or "info"), "level"),
        component=_component(line.get("component")),
        message=redact.text(message),
        at=_moment(line.get("at"), now),
        owner=owner,
        job_id=job_id,
        fields=_storable(redact.fields(about or {})),
    )


def _text(line: Mapping[str, Any], name: str, most: int) -> str:
    value = line[name]
    if not isinstance(value, str) or not value.strip() or len(value) > most:
        said = f"`{name}` is a text of 1 to {most} characters"
        raise ReelError(Code.FIELD_INVALID, said, where=name)
    return str(_storable(value))


def _level(given: str, where: str) -> str:
    level = _ALIASES.get(given.lower(), given.lower())
    if level not in LEVELS:
        said = f"'{given[:40]}' is no level"
        raise ReelError(Code.FIELD_INVALID, said, where=where, hint=f"one of {', '.join(LEVELS)}")
    return level


def _component(given: object) -> str:
    if given is None:
        return "client"
    if not isinstance(given, str) or not _COMPONENT.fullmatch(given):
        said = "`component` is a name of up to 64 letters, digits and . _ : / -"
        raise ReelError(Code.FIELD_INVALID, said, where="component")
    return given


def _moment(given: object, now: float) -> float | None:
    if given is None:
        return None
    try:
        if isinstance(given, str):
            at = datetime.fromisoformat(given).timestamp()
        elif isinstance(given, int | float) and not isinstance(given, bool):
            at = float(given)
        else:
            raise ValueError(given)
    except (ValueError, OverflowError, OSError) as error:
        hint = "write 2026-11-21T10:00:00Z, or seconds since 1970"
        raise ReelError(Code.FIELD_INVALID, "`at` is no moment", where="at", hint=hint) from error
    if not 0 <= at <= now + _AHEAD_S:  # also what is no number
        raise ReelError(Code.FIELD_INVALID, "`at` lies in the future, or long ago", where="at")
    return at


def _size_bytes(about: Mapping[str, Any]) -> int:
    """Raises FIELD_INVALID for what is no JSON."""
    try:
        return len(json.dumps(about, allow_nan=False).encode())
    except (TypeError, ValueError, RecursionError) as error:
        said = "`fields` is an object of JSON"
        raise ReelError(Code.FIELD_INVALID, said, where="fields") from error


def _storable(value: Any) -> Any:
    """Without what a database takes in no text: NUL, and halves of characters."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {_storable(str(name)): _storable(one) for name, one in value.items()}
    return [_storable(one) for one in value] if isinstance(value, list) else value


def _fitting(about: dict[str, Any]) -> dict[str, Any]:
    """Ours are short; what is not is cut rather than lost."""
    if _size_bytes(about) <= MOST_FIELDS_BYTES:
        return about
    return {name: str(value)[:500] for name, value in list(about.items())[:20]}
