"""Texts into passages: by headings, paragraphs and definitions, packed to about a hundred words.

A passage is as long as a model of meaning can read at once (MiniLM: 256 word pieces, some 1000
characters) and knows its lines, so that a reader finds it again. Only what has no paragraph to end
at is cut within one, and then a sentence stands in both parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

# Characters: passages are packed to the first, a paragraph may have the second, a section that is
# smaller than the third goes on with the next one.
_PACKED = 900
_MOST = 1300
_LEAST = 220
_OVERLAP = 160

_SENTENCE = re.compile(r"(?<=[.!?\u2026])[\"\u201d')]*\s+|(?<=[\u3002\uff01\uff1f])")
_HEADING = re.compile(r" {0,3}(#{1,6})\s+(.+?)\s*#*\s*$")
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_SETEXT = re.compile(r" {0,3}(=+|-+)\s*$")
_UNDERLINE = re.compile(r"([=\-~^\"'`#*+.:_])\1{2,}\s*$")
_RULE = re.compile(r"\s*([-*_=~#/]\s*){3,}$")
_DEFINITION = re.compile(
    r"""^(?P<indent>[ \t]{0,8})(?:export\s+|default\s+|public\s+|private\s+|protected\s+|internal\s+
    |static\s+|abstract\s+|final\s+|async\s+|unsafe\s+|pub(?:\([^)]*\))?\s+|override\s+)*
    (?:def|class|function|func|fn|impl|struct|enum|trait|interface|module|namespace|record|object
    |protocol|CREATE\s+(?:OR\s+REPLACE\s+)?(?:TABLE|VIEW|FUNCTION|INDEX))\b[\s*]*(?P<name>[\w.:<>~$]*)""",
    re.VERBOSE | re.IGNORECASE,
)
_LEADING = re.compile(r"\s*(@|#(?!include|define)|//|/\*|\*|--|\[)")


class Form(StrEnum):
    MARKDOWN = "markdown"
    RST = "rst"
    TEXT = "text"
    CODE = "code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A passage of a text: its lines (from 1, inclusive) and the headings above it."""

    text: str
    first_line: int
    last_line: int
    headings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Divided:
    """`title` None: the text has none of its own."""

    title: str | None
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """A line, or a part of one."""

    line: int
    text: str


Block = list[Unit]


@dataclass(slots=True)
class Section:
    """What stands below a heading, or a definition."""

    headings: tuple[str, ...]
    blocks: list[Block] = field(default_factory=list)


def split(text: str, form: Form) -> Divided:
    """Never raises; a text without words has no pieces."""
    lines = [Unit(n, line.rstrip()) for n, line in enumerate(text.splitlines(), 1)]
    reader = {Form.MARKDOWN: _markdown, Form.RST: _rst, Form.CODE: _code}.get(form, _plain)
    sections = list(reader(lines))
    is_code = form is Form.CODE
    pieces = tuple(p for p in packed(sections, is_code=is_code) if re.search(r"\w", p.text))
    title = None if form in (Form.CODE, Form.TEXT) else _title(lines, sections)
    return Divided(title=title, pieces=pieces)


def _title(lines: Sequence[Unit], sections: Sequence[Section]) -> str | None:
    if lines and lines[0].text == "---":  # front matter
        for unit in lines[1:40]:
            if unit.text == "---":
                break
            if unit.text.lower().startswith("title:"):
                return unit.text[6:].strip().strip("\"'") or None
    return next((section.headings[0] for section in sections if section.headings), None)


def _plain(lines: Sequence[Unit]) -> Iterator[Section]:
    yield Section((), list(_paragraphs(lines)))


def _paragraphs(lines: Iterable[Unit]) -> Iterator[Block]:
    """Between blank lines."""
    block: Block = []
    for unit in lines:
        if unit.text.strip():
            block.append(unit)
        elif block:
            yield block
            block = []
    if block:
        yield block


def _markdown(lines: Sequence[Unit]) -> Iterator[Section]:
    headings: dict[int, str] = {}
    section, fence = Section(()), ""
    body: list[Unit] = []
    for at, unit in enumerate(lines):
        opened = _FENCE.match(unit.text)
        if opened and (not fence or unit.text.strip() == fence):
            fence = "" if fence else opened[1]
        found = None if fence or opened else _markdown_heading(lines, at)
        if found is not None:
            level, name = found
            section.blocks += _fenced_paragraphs(body)
            yield section
            headings = {n: h for n, h in headings.items() if n < level} | {level: name}
            section, body = Section(tuple(headings.values())), []
        body.append(unit)
    section.blocks += _fenced_paragraphs(body)
    yield section


def _markdown_heading(lines: Sequence[Unit], at: int) -> tuple[int, str] | None:
    found = _HEADING.match(lines[at].text)
    if found:
        return len(found[1]), found[2]
    text, before = lines[at].text.strip(), lines[at - 1].text.strip() if at else ""
    under = _SETEXT.match(lines[at + 1].text) if at + 1 < len(lines) and text else None
    if under and not before and len(under[1]) > 1 and not _RULE.match(text):
        return (1 if under[1][0] == "=" else 2), text
    return None


def _fenced_paragraphs(lines: Sequence[Unit]) -> Iterator[Block]:
    """A block of code keeps its blank lines."""
    block: Block = []
    fence = ""
    for unit in lines:
        opened = _FENCE.match(unit.text)
        if opened and (not fence or unit.text.strip() == fence):
            fence = "" if fence else opened[1]
        if unit.text.strip() or fence:
            block.append(unit)
        elif block:
            yield block
            block = []
    if block:
        yield block


def _rst(lines: Sequence[Unit]) -> Iterator[Section]:
    levels: list[str] = []
    headings: dict[int, str] = {}
    section = Section(())
    body: list[Unit] = []
    for at, unit in enumerate(lines):
        mark = _rst_heading(lines, at)
        if mark is not None:
            if mark not in levels:
                levels.append(mark)
            level = levels.index(mark)
            section.blocks += _paragraphs(body)
            yield section
            headings = {n: h for n, h in headings.items() if n < level} | {level: unit.text.strip()}
            section, body = Section(tuple(headings.values())), []
        body.append(unit)
    section.blocks += _paragraphs(body)
    yield section


def _rst_heading(lines: Sequence[Unit], at: int) -> str | None:
    """The sign that a title is underlined with (doubled where it is overlined, too)."""
    text = lines[at].text
    if not text.strip() or _UNDERLINE.match(text) or at + 1 >= len(lines):
        return None
    under = _UNDERLINE.match(lines[at + 1].text)
    if under is None or len(lines[at + 1].text) < len(text.strip()):
        return None
    over = at and lines[at - 1].text.strip() == lines[at + 1].text.strip()
    if at and not over and lines[at - 1].text.strip():
        return None
    return under[1] * 2 if over else under[1]


def _code(lines: Sequence[Unit]) -> Iterator[Section]:
    """Definitions with what is written above them; a method stands below its class."""
    section, outer = Section(()), ""
    begun: list[int] = []
    names: dict[int, tuple[str, ...]] = {}
    for at, unit in enumerate(lines):
        found = _DEFINITION.match(unit.text)
        if found is None or not found["name"]:
            continue
        start = at
        while start > (begun[-1] + 1 if begun else 0) and _LEADING.match(lines[start - 1].text):
            start -= 1
        indent, name = found["indent"], found["name"].rstrip(":<")
        if not indent:
            outer = name
        begun.append(start)
        names[start] = (outer, name) if indent and outer else (name,)
    ends = [*begun[1:], len(lines)]
    section.blocks += _paragraphs(lines[: begun[0] if begun else len(lines)])
    yield section
    for start, end in zip(begun, ends, strict=False):
        yield Section(names[start], list(_paragraphs(lines[start:end])))


def packed(sections: Iterable[Section], *, is_code: bool = False) -> Iterator[Piece]:
    """Blocks of a section together, up to the size of a passage."""
    packer = _Packer(is_code)
    for section in sections:
        if packer.size >= _LEAST:
            yield from packer.flush()
        packer.begin(section.headings)
        for block in section.blocks:
            yield from packer.add(block)
    yield from packer.flush()


class _Packer:
    def __init__(self, is_code: bool) -> None:
        self._is_code = is_code
        self._headings: tuple[str, ...] = ()
        self._blocks: list[Block] = []
        self.size = 0

    def begin(self, headings: tuple[str, ...]) -> None:
        """What stands before has words of its own, or goes with this heading."""
        if not any(re.search(r"\w", unit.text) for block in self._blocks for unit in block):
            self._headings = headings

    def add(self, block: Block) -> Iterator[Piece]:
        size = _size(block)
        if self._blocks and self.size + size > _PACKED:
            headings = self._headings
            yield from self.flush()
            self._headings = headings
        if size <= _MOST:
            self._take(block)
            return
        for part in _parts(block, is_code=self._is_code):
            self._take(part)
            if part is not block:
                headings = self._headings
                yield from self.flush()
                self._headings = headings

    def _take(self, block: Block) -> None:
        self._blocks.append(block)
        self.size += _size(block)

    def flush(self) -> Iterator[Piece]:
        if self._blocks:
            yield Piece(
                text="\n\n".join(_joined(block) for block in self._blocks).strip("\n"),
                first_line=self._blocks[0][0].line,
                last_line=self._blocks[-1][-1].line,
                headings=self._headings,
            )
        self._blocks, self.size = [], 0


def _size(block: Block) -> int:
    return sum(len(unit.text) + 1 for unit in block)


def _joined(block: Block) -> str:
    """Units of one line stay on one."""
    text, line = "", block[0].line
    for n, unit in enumerate(block):
        text += ("" if not n else " " if unit.line == line else "\n") + unit.text
        line = unit.line
    return text


def _parts(block: Block, *, is_code: bool) -> Iterator[Block]:
    """Of a paragraph that is too long: by lines and sentences, those of prose with an overlap."""
    part: Block = []
    for unit in (small for one in block for small in _small(one)):
        if part and _size(part) + len(unit.text) > _PACKED:
            yield part
            last = part[-1]
            part = [last] if not is_code and len(last.text) <= _OVERLAP else []
        part.append(unit)
    yield part


def _small(unit: Unit) -> Iterator[Unit]:
    """A line that is too long by its sentences, and a sentence that is by its words."""
    if len(unit.text) <= _PACKED // 2:
        yield unit
        return
    for sentence in _SENTENCE.split(unit.text):
        if len(sentence) <= _PACKED:
            yield Unit(unit.line, sentence)
        else:
            yield from (Unit(unit.line, part) for part in _by_words(sentence))


def _by_words(sentence: str) -> Iterator[str]:
    part = ""
    for word in re.findall(rf"\S{{1,{_PACKED}}}\s*", sentence):
        if len(part) + len(word) > _PACKED:
            yield part.rstrip()
            part = ""
        part += word
    yield part.rstrip()
