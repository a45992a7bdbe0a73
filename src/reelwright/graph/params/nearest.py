"""The right name next to a wrong one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(given: str, known: Iterable[str]) -> str | None:
    """The most similar of `known`, or None where none is similar enough to be meant."""
    from difflib import get_close_matches  # only a message needs it

    names = list(known)
    folded = {name.lower(): name for name in names}
    if given.lower() in folded:
        return folded[given.lower()]
    # Letters in the wrong order are the commonest slip, and difflib thinks little of it.
    letters = sorted(given.lower())
    for name in folded:
        if len(name) == len(letters) and sorted(name) == letters:
            return folded[name]
    near = get_close_matches(given.lower()[:80], list(folded), n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def meant(given: str, known: Iterable[str]) -> str:
    """``did you mean 'scale'?``, or nothing."""
    name = nearest(given, known)
    return f"did you mean '{name}'?" if name else ""
