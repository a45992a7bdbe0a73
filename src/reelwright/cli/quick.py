"""Reads the plain forms of `reel run` without Typer.

Typer builds a pydantic validator for every option, which costs 0.3 s of CPU; a run from the cache
may cost 0.5 s in all. What is not understood here (help, misspelt options, odd values) is left to
Typer, which says what is wrong; a test holds the two to the same answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelwright.cli.running import RunOptions

_FLAGS: dict[str, tuple[str, bool]] = {
    "--overwrite": ("overwrite", True),
    "--json": ("as_json", True),
    "--dry-run": ("dry_run", True),
    "--no-cache": ("no_cache", True),
    "--allow-outside": ("allow_outside", True),
    "--detach": ("detach", True),
    "--sandbox": ("sandbox", True),
    "--no-sandbox": ("sandbox", False),
}
_LISTS = {"--set": "sets", "--label": "labels"}


def read(words: Sequence[str]) -> RunOptions | None:
    """The options of ``run …``; None where Typer is to look."""
    if words[:1] != ["run"]:
        return None
    values: dict[str, Any] = {}
    left = iter(words[1:])
    for word in left:
        if word in _FLAGS:
            name, value = _FLAGS[word]
            values[name] = value
        elif word in _LISTS:
            given = next(left, "")
            if "=" not in given or given.startswith("-"):
                return None
            values.setdefault(_LISTS[word], []).append(given)
        elif (word.startswith("-") and word != "-") or not word or "spec" in values:
            return None
        else:
            values["spec"] = word
    if "spec" not in values:
        return None
    from reelwright.cli.running import RunOptions

    return RunOptions(**values)
