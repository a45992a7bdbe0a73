"""How the files of one output are called: ``{index}`` where there are several (``{index:03d}``)."""

from __future__ import annotations

import posixpath
import re

from reelwright.graph.actions import Action, Deliver

INDEX = "{index}"
LANGUAGE = "{language}"
_PLACE = re.compile(r"\{index(?::0?(\d+)d?)?\}")


def numbered(to: str) -> str:
    """`to` with a place for the number: put before the ending where there is none."""
    if _PLACE.search(to):
        return to
    stem, ending = posixpath.splitext(to)
    return f"{stem}-{INDEX}{ending}"


def by_language(to: str) -> str:
    """`to` with a place for the language: put before the ending where there is none."""
    if LANGUAGE in to:
        return to
    stem, ending = posixpath.splitext(to)
    return f"{stem}.{LANGUAGE}{ending}"


def in_language(to: str, language: str) -> str:
    return to.replace(LANGUAGE, language)


def nth(to: str, number: int) -> str:
    """The name of file `number`; ``{index:03d}`` asks for zeros before it."""
    return _PLACE.sub(lambda found: f"{number:0{found[1] or 1}d}", to)


def picture_names(pictures: Action, text: Action, count: int) -> list[str]:
    """The names of `count` pictures as seen from the folder of the text that speaks of them."""
    assert isinstance(pictures, Deliver)
    assert isinstance(text, Deliver)
    to = pictures.to if count == 1 else numbered(pictures.to)
    here = posixpath.dirname(text.to)
    return [posixpath.relpath(nth(to, n), here or ".") for n in range(1, count + 1)]
