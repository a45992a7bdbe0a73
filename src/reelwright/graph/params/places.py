"""References to streams, and paths of files."""

from __future__ import annotations

import os.path
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from reelwright.graph.params.form import Form
from reelwright.media.streams import StreamKind

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME_PATTERN = r"[A-Za-z_][A-Za-z0-9_-]*"
_REFERENCE = re.compile(rf"({NAME_PATTERN})(?:\.({NAME_PATTERN}))?(?::([0-9]{{1,4}}))?")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_KIND_ALIASES = {"v": "video", "a": "audio", "s": "subtitle", "subtitles": "subtitle"}
_KINDS = {kind.value for kind in StreamKind}


@dataclass(frozen=True, slots=True)
class RefParts:
    """``talk.audio:1``: the name, then a kind of stream or a result's label, then which of them."""

    name: str
    kind: StreamKind | None = None
    label: str | None = None
    index: int | None = None

    def __str__(self) -> str:
        part = self.kind.value if self.kind else self.label
        text = self.name if part is None else f"{self.name}.{part}"
        return text if self.index is None else f"{text}:{self.index}"


def parse_reference(value: Any) -> RefParts:
    """Raises ValueError. Whether there is such a name is not asked."""
    found = _REFERENCE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError("")
    name, part, index = found.groups()
    if index is not None and part is None:
        raise ValueError(f"a number needs a kind of stream: '{name}.audio:{index}'")
    part = _KIND_ALIASES.get(part, part)
    number = None if index is None else int(index)
    if part in _KINDS:
        return RefParts(name, StreamKind(part), None, number)
    return RefParts(name, None, part, number)


def _reference_text(value: Any) -> str:
    return str(parse_reference(value))


def parse_path(value: Any, context: Mapping[str, Any]) -> str:
    """An absolute path; a relative one is taken from ``context["base"]``. Raises ValueError."""
    if not isinstance(value, str) or not value:
        raise ValueError("it is empty" if value == "" else "")
    if "\0" in value:
        raise ValueError("it holds a NUL character")
    if _SCHEME.match(value) and not value.startswith("file://"):
        raise ValueError("a URL belongs under `inputs`")
    if value.startswith("~"):
        raise ValueError("'~' is not expanded; write the whole path, or './~' for a file so named")
    base = context.get("base")
    path = value.removeprefix("file://")
    return os.path.normpath(path if base is None else os.path.join(base, path))  # noqa: PTH118


StreamRef = Annotated[
    str,
    Form(
        "reference",
        "write a name of an input or operation, if wanted with a stream: talk, talk.video, "
        "talk.audio:1",
        _reference_text,
        {
            "type": "string",
            "pattern": rf"^\s*{NAME_PATTERN}(?:\.{NAME_PATTERN}(?::[0-9]{{1,4}})?)?\s*$",
        },
        ("talk", "talk.video", "talk.audio:1"),
    ),
]

FilePath = Annotated[
    str,
    Form(
        "path",
        "write the path of a file; relative paths are relative to the spec file",
        parse_path,
        {"type": "string", "minLength": 1},
        ("fonts/Inter.ttf",),
        context=True,
    ),
]
