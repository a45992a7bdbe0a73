"""The files beside a command: links to its inputs and fonts, texts, and values measured earlier."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import reelwright
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.planning.plan import Step
    from reelwright.runners.context import StepContext

_FONTS = Path(reelwright.__file__).parent / "assets" / "fonts"
_FONT = "@font/"
# TrueType, OpenType, collections and web fonts (OpenType 1.9, "Organization of an OpenType font").
_FONT_STARTS = frozenset(
    {b"\0\1\0\0", b"OTTO", b"true", b"typ1", b"ttcf", b"wOFF", b"wOF2", b"%!PS"}
)

# ``{node.key}``: a node is called ``operation/what``, so other braces are left alone.
_LATE = re.compile(r"\{([^{}]*/[^{}]*)\.([A-Za-z_][A-Za-z0-9_]*)\}")
# What may stand in a command that was not there when it was planned: numbers and decibels.
_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?(dB)?")


def prepare(step: Step, context: StepContext) -> tuple[Path, ...]:
    """Links and texts in place. Returns the real files that the commands may read.

    Raises PLAN_INVALID, INPUT_NOT_FOUND, FONT_MISSING.
    """
    readable = []
    for given in step.inputs:
        if given.name not in context.files:
            raise ReelError(Code.PLAN_INVALID, f"nobody provides the input '{given.name}'")
        readable.append(_link(context, given.name, context.files[given.name]))
    for name, target in step.links.items():
        readable.append(_link(context, name, _asset(target)))
    graphs = _graph_files(step.commands)
    for name, text in step.texts.items():
        filled = fill(text, context.results) if name in graphs else text
        _inside(context, name).write_text(filled, encoding="utf-8", newline="")
    return tuple(readable)


def filled_command(argv: Sequence[str], results: Mapping[str, Any]) -> tuple[str, ...]:
    """The command with its late values; a user's metadata is never looked into."""
    filled, before = [], ""
    for argument in argv:
        is_text = before.startswith("-metadata")
        filled.append(argument if is_text else fill(argument, results))
        before = argument
    return tuple(filled)


def fill(text: str, results: Mapping[str, Any]) -> str:
    """``{node.key}`` replaced by numbers from `results`. Raises PLAN_INVALID for a missing one."""

    def value(match: re.Match[str]) -> str:
        node, key = match.groups()
        result = results.get(node)
        if not isinstance(result, Mapping) or key not in result:
            raise ReelError(Code.PLAN_INVALID, f"'{node}' has not measured '{key}'")
        return _number(result[key], f"{node}.{key}")

    return _LATE.sub(value, text)


def _number(value: Any, where: str) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    text = value if isinstance(value, str) else repr(value)
    if (is_number and not math.isfinite(value)) or not _NUMBER.fullmatch(text):
        raise ReelError(Code.PLAN_INVALID, f"{where} is {value!r}, which is no number")
    return text


def _graph_files(commands: Sequence[Sequence[str]]) -> set[str]:
    """Texts that FFmpeg reads as option values (``-/filter_complex graph.txt``): these are ours.
    The others are the user's words."""
    return {
        argument
        for argv in commands
        for option, argument in pairwise(argv)
        if option.startswith("-/") or option.endswith("_script")
    }


def _asset(target: str) -> Path:
    path = _FONTS / target.removeprefix(_FONT) if target.startswith(_FONT) else Path(target)
    if not path.is_file():
        missing = Code.FONT_MISSING if path.suffix in (".ttf", ".otf", ".ttc") else None
        raise ReelError(missing or Code.INPUT_NOT_FOUND, f"{path} is not there", where=str(path))
    with path.open("rb") as file:
        if file.read(4) not in _FONT_STARTS:
            # FFmpeg would take another font without a word.
            raise ReelError(Code.FONT_MISSING, f"{path} is no font", where=str(path))
    return path


def _link(context: StepContext, name: str, target: Path) -> Path:
    real = target.resolve()
    _inside(context, name).symlink_to(real)
    return real


def _inside(context: StepContext, name: str) -> Path:
    """A generated name stays in the workspace, whatever a plan from elsewhere says."""
    if not name or len(PurePosixPath(name).parts) != 1 or name in (".", ".."):
        raise ReelError(Code.PLAN_INVALID, f"'{name}' is no name for a file of a workspace")
    return context.workspace / name
