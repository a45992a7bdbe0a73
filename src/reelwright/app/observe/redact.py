"""Takes secrets out of what is logged, by the names that they stand under and by their shapes.

Applied to every line, whoever wrote it: FFmpeg quotes the URLs that it was given, and a driver's
error quotes the address of its database.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

HIDDEN = "***"

_NAMES = (
    r"authorization|cookie|set-cookie|passw(?:or)?d|passwd|pwd|secret|token|api[-_]?key|"
    r"access[-_]?key|private[-_]?key|signature|credentials?|csrf|sig|session[-_]?id"
)
# Of a field, a header or a parameter; "x-amz-security-token" and "old_secret" are such too.
_SECRET_NAME = re.compile(rf"(?:^|[-_.\s])(?:{_NAMES})$", re.IGNORECASE)
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    # To the end of the line: a cookie header holds several.
    (
        re.compile(
            r"((?:proxy-)?authorization|(?:set-)?cookie|x-api-key)([\"']?\s*[:=]\s*)[^\r\n]+",
            re.IGNORECASE,
        ),
        rf"\1\2{HIDDEN}",
    ),
    (re.compile(r"(bearer|basic)(\s+)[^\s\"',;]+", re.IGNORECASE), rf"\1\2{HIDDEN}"),
    (re.compile(r"reel_[0-9a-z]{10,}_[0-9A-Za-z]+"), f"reel_{HIDDEN}"),
    (re.compile(r"whsec_[0-9A-Za-z+/=_-]+"), f"whsec_{HIDDEN}"),
    (re.compile(r"eyJ[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]*)*"), HIDDEN),
    # user:password@ or token@ of a URL. Greedy: a password may hold an "@".
    (re.compile(r"(://)([^\s/?#@:\"']*):[^\s/?#\"']*@"), rf"\1\2:{HIDDEN}@"),
    (re.compile(r"(://)[^\s/?#@:\"']{9,}@"), rf"\1{HIDDEN}@"),
    # Parameters of a URL, and what is written like them.
    (
        re.compile(
            rf"([?&;#](?:[\w.-]*[-_.])?(?:{_NAMES}|key|auth|code|policy)=)[^\s&;#\"',}})]+",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
    (
        re.compile(
            rf"((?:{_NAMES})[\"']?\s*(?:=|:(?!//))\s*)(\"[^\"]*\"?|'[^']*'?|[^\s&;#\"',}})]+)",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
)
# What has none of these has no secret of a known shape; most texts are done with one search.
_SUSPECT = re.compile(
    rf"reel_|whsec_|eyJ|@|bearer|basic|=|x-api-key|{_NAMES}|key|auth|code|policy", re.IGNORECASE
)
_DEEPEST = 8
_SHORT = 64


def text(said: str) -> str:
    """`said` without secrets."""
    # Every shape has something between its letters; ids, states and methods have not.
    if said.isalnum():
        return said
    return _known(said) if len(said) <= _SHORT else _cleaned(said)


@lru_cache(2048)
def _known(said: str) -> str:
    """Routes, codes and addresses: the same few again and again."""
    return _cleaned(said)


def _cleaned(said: str) -> str:
    if _SUSPECT.search(said) is None:
        return said
    for shape, shown in _SHAPES:
        said = shape.sub(shown, said)
    return said


@lru_cache(2048)
def names_secret(name: str) -> bool:
    """Whether a field of this name is not to be shown at all."""
    return _SECRET_NAME.search(name) is not None


def value(found: Any, depth: int = 0) -> Any:
    """JSON-ready, and without secrets. What lies deeper than eight levels is told as text."""
    if found is None or isinstance(found, bool | int | float):
        return found
    if isinstance(found, str):
        return text(found)
    if depth < _DEEPEST and isinstance(found, Mapping):
        return fields(found, depth + 1)
    if depth < _DEEPEST and isinstance(found, list | tuple | set | frozenset):
        return [value(one, depth + 1) for one in found]
    if isinstance(found, bytes | bytearray):
        return text(bytes(found).decode("utf-8", "replace"))
    try:
        return text(str(found))
    except Exception:  # noqa: BLE001 - whatever it is, it does not end the log
        return f"<{type(found).__name__}>"


def fields(found: Mapping[Any, Any], depth: int = 0) -> dict[str, Any]:
    """A line or an object within one: `names_secret` decides before the value is looked at."""
    return {
        text(str(name)): HIDDEN
        if one is not None and not isinstance(one, bool) and names_secret(str(name))
        else value(one, depth)
        for name, one in found.items()
    }
