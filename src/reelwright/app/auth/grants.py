"""What may be asked of a new key: forms that are right, and nothing that its creator lacks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from reelwright.app.principal import Principal, Role, Scope
from reelwright.engine.folders import is_url, is_within
from reelwright.errors import Code, Problem, ReelError, SpecErrors

_LONGEST = 200
_WORD = re.compile(rf"[^\x00-\x1f\x7f-\x9f]{{1,{_LONGEST}}}")
_KINDS = ("read", "write")
# What the database's columns hold, and JSON exactly.
_GREATEST = {"max_running": 1_000_000, "max_bytes": 2**53 - 1}
_YEARS_100_S = 100 * 366 * 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """What is asked for. `owner` None: the creator's. `expires_s`: seconds from now; None: never.

    `rate` is in the words of `limits` (``100/minute``). `folders` are absolute, or URLs of object
    stores, under ``read`` and ``write``.
    """

    name: str
    role: str = Role.EDITOR.value
    owner: str | None = None
    scopes: Sequence[str] = ()
    folders: Mapping[str, Sequence[str]] = field(default_factory=dict)
    expires_s: float | None = None
    rate: str | None = None
    max_running: int | None = None
    max_bytes: int | None = None


def check_form(new: NewKey) -> None:
    """Raises SpecErrors of FIELD_INVALID, each with its field."""
    problems = [Problem(Code.FIELD_INVALID, message, where) for where, message in _mistakes(new)]
    if problems:
        raise SpecErrors(problems)


def check_grant(creator: Principal, new: NewKey) -> None:
    """Raises FORBIDDEN."""
    creator.check(Scope.ADMIN)
    if creator.scopes and not new.scopes:
        _refuse(creator, "every scope", "scopes")
    for scope in new.scopes:
        if creator.scopes and scope not in creator.scopes:
            _refuse(creator, f"the scope {scope}", "scopes")
    for kind in _KINDS:
        for place in new.folders.get(kind, ()):
            if not is_within(place, creator.folders.get(kind, ())):
                _refuse(creator, f"the folder {place} ({kind})", f"folders.{kind}")
    if _is_more(new.rate, creator.rate):
        _refuse(creator, f"the rate {new.rate}", "rate")
    for name in _GREATEST:
        asked, own = getattr(new, name), getattr(creator, name)
        if asked is not None and own is not None and asked > own:
            _refuse(creator, f"{name} {asked}", name)


def rate_mistake(text: str) -> str | None:
    """What is wrong with a rate; None: nothing."""
    from limits import parse

    try:
        is_some = parse(text).amount > 0
    except ValueError:
        is_some = False
    return None if is_some else f"'{text}' is no rate: write 100/minute, 5/second or 1000/hour"


def _mistakes(new: NewKey) -> Iterator[tuple[str, str]]:
    for name, text in (("name", new.name), ("owner", new.owner)):
        if text is not None and not _WORD.fullmatch(text):
            yield name, f"it has 1 to {_LONGEST} characters, and none that controls a screen"
    yield from _unless([new.role], [role.value for role in Role], "role")
    yield from _unless(new.scopes, [scope.value for scope in Scope], "scopes")
    yield from _unless(new.folders, _KINDS, "folders")
    for kind, places in new.folders.items():
        for place in places:
            if not _is_place(place):
                yield f"folders.{kind}", f"'{place}' is no absolute folder without '..'"
    if new.rate is not None and (mistake := rate_mistake(new.rate)):
        yield "rate", mistake
    if new.expires_s is not None and not 0 < new.expires_s <= _YEARS_100_S:
        yield "expires_s", f"{new.expires_s} is not above 0, or beyond a hundred years"
    for name, greatest in _GREATEST.items():
        value = getattr(new, name)
        if value is not None and not 0 < value <= greatest:
            yield name, f"{value} is not from 1 to {greatest}"


def _unless(given: Iterable[str], known: Sequence[str], where: str) -> Iterator[tuple[str, str]]:
    for one in given:
        if one not in known:
            yield where, f"'{one}' is none of {', '.join(known)}"


def _is_place(place: str) -> bool:
    if "\0" in place or ".." in PurePosixPath(place).parts:
        return False
    return place.startswith("/") or is_url(place)


def _is_more(rate: str | None, own: str | None) -> bool:
    if rate is None or own is None:
        return False
    from limits import parse

    asked, has = parse(rate), parse(own)
    return asked.amount * has.get_expiry() > has.amount * asked.get_expiry()


def _refuse(creator: Principal, what: str, where: str) -> None:
    raise ReelError(
        Code.FORBIDDEN,
        f"{creator.actor} cannot grant {what}: it does not have that itself",
        where=where,
    )
