"""A file's text as passages: which form it has, how it is encoded, what of it is no text."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reelwright.analysis.html_text import split_html
from reelwright.analysis.splitting import Divided, Form, split
from reelwright.errors import Code, ReelError

# Another way to split gives other passages: what is part of the digest makes them anew.
_SPLITTER, _CAPTIONS_SPLITTER = b"1", b"2"
LARGEST_BYTES = 32 << 20
_LOOKED_AT = 8192
# Of 100 characters of a text in an unknown encoding so many at the most are controls.
_CONTROLS = 0.01
# A file that programs wrote for programs: data in one line, minified code.
_LONGEST_LINES = 5000

_MARKDOWN = "md markdown mdown mkd mdx qmd rmd"
_RST = "rst rest"
_HTML = "html htm xhtml"
_CODE = (
    "py pyi js mjs cjs jsx ts tsx go rs c h cc cpp cxx hpp hh java kt kts scala swift rb php cs fs"
    " lua pl pm r jl sh bash zsh fish ps1 sql ex exs erl hs ml mli clj el lisp vim zig nim dart"
    " proto graphql vue svelte css scss less groovy gradle cmake m mm asm s v sv vhd tf nix"
)
_CAPTIONS = {"vtt": "vtt", "srt": "srt", "ass": "ass", "ssa": "ass"}
_FORMS: dict[str, Form] = {
    **dict.fromkeys(_MARKDOWN.split(), Form.MARKDOWN),
    **dict.fromkeys(_RST.split(), Form.RST),
    **dict.fromkeys(_CODE.split(), Form.CODE),
}
_MEDIA = (
    "mp4 m4v mkv webm mov avi mpg mpeg m2ts wmv flv 3gp ogv mp3 m4a aac flac wav ogg opus wma aiff"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A passage: `kind` is ``body`` or, of captions, ``captions`` with times in seconds.
    `evidence`: ``lines`` (first, last; from 1) and ``headings``; of captions ``cues``: of each its
    first character in the text, and when it is shown."""

    text: str
    kind: str = "body"
    start_s: float | None = None
    end_s: float | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """`digest` changes with the content, and with how it is split."""

    title: str
    form: str
    digest: str
    parts: tuple[Part, ...]


class NotTextError(Exception):
    """Why a file is left out, in a few words."""


def digest_of(data: bytes, path: Path | None = None) -> str:
    """`path`: the file that it is of, by which it is read."""
    is_captions = path is not None and _suffix(path) in _CAPTIONS
    splitter = _CAPTIONS_SPLITTER if is_captions else _SPLITTER
    return hashlib.sha256(splitter + b"\0" + data).hexdigest()


def is_media(path: Path) -> bool:
    """By its name: a video or a sound, which `reel understand` is for."""
    return _suffix(path) in _MEDIA.split()  # .ts is TypeScript far more often


def content_of(path: Path) -> bytes:
    """Raises NotTextError for what is empty, too large or binary; INPUT_UNREADABLE."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise NotTextError(f"larger than {LARGEST_BYTES >> 20} MiB")
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ReelError(Code.INPUT_UNREADABLE, f"{path}: {reason}", where=str(path)) from error
    if not data.strip():
        raise NotTextError("empty")
    return data


def read(path: Path, data: bytes, digest: str) -> Read:
    """Raises NotTextError."""
    suffix = _suffix(path)
    if suffix in _CAPTIONS:
        return _captions(path, data, digest, _CAPTIONS[suffix])
    text = text_of(data)
    if suffix in _HTML.split():
        divided, form = split_html(text), "html"
    else:
        _refuse_data(text)
        kind = _FORMS.get(suffix, Form.TEXT)
        divided, form = split(text, kind), kind.value
    if not divided.pieces:
        raise NotTextError("no words")
    return Read(title=divided.title or path.name, form=form, digest=digest, parts=parts_of(divided))


def parts_of(divided: Divided) -> tuple[Part, ...]:
    return tuple(
        Part(
            text=piece.text,
            evidence={
                "lines": [piece.first_line, piece.last_line],
                **({"headings": list(piece.headings)} if piece.headings else {}),
            },
        )
        for piece in divided.pieces
    )


def text_of(data: bytes) -> str:
    """UTF-8, UTF-16 by its mark, else Windows-1252. Raises NotTextError for others."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if b"\0" in data[:_LOOKED_AT]:
        raise NotTextError("binary")
    try:
        return data.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    controls = sum(not (c.isprintable() or c.isspace()) for c in text[:_LOOKED_AT])
    if controls > _CONTROLS * min(len(text), _LOOKED_AT):
        raise NotTextError("binary")
    return text


def _refuse_data(text: str) -> None:
    lines = text.count("\n") + 1
    if len(text) / lines > _LONGEST_LINES and " " not in text[:200].strip():
        raise NotTextError("data without lines")


def _captions(path: Path, data: bytes, digest: str, form: str) -> Read:
    from reelwright.media.cues import passages, read_cues

    parts = tuple(
        Part(
            text=one.text,
            kind="captions",
            start_s=one.start_s,
            end_s=one.end_s,
            evidence={"cues": [[at, round(a, 3), round(b, 3)] for at, a, b in one.cues]},
        )
        for one in passages(read_cues(data, form))
    )
    if not parts:
        raise NotTextError("no cues")
    return Read(title=path.name, form=form, digest=digest, parts=parts)


def _suffix(path: Path) -> str:
    return path.suffix.lower().lstrip(".")
