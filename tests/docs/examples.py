"""What the documentation shows: its fenced blocks, its command lines, its links."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>```+|~~~+)(?P<language>[\w-]*)[^\n]*\n"
    r"(?P<text>.*?)^(?P=indent)(?P=fence)[ ]*$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"(?<!\\)\[[^\]\n]*\]\((?P<target>[^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; `line` is that of its fence, counted from 1."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: str, markdown: str) -> Iterator[Block]:
    for found in _FENCE.finditer(markdown):
        line = markdown.count("\n", 0, found.start()) + 1
        indent = found["indent"]
        text = re.sub(rf"^{indent}", "", found["text"], flags=re.MULTILINE)
        yield Block(page, line, found["language"], text)


def command_lines(block: Block) -> Iterator[list[str]]:
    """The words of each `$ reel …` line, without `reel`, up to a pipe or a redirection."""
    text = block.text.replace("\\\n", " ")
    for line in text.splitlines():
        if not line.startswith("$ "):
            continue
        words = shlex.split(line[2:], comments=True)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words.pop(0)
        if words and words[0].rpartition("/")[2] == "reel":
            ends = (i for i, word in enumerate(words) if re.fullmatch(r"[|;&<>]+|\d?>.*", word))
            yield words[1 : next(ends, len(words))]


def local_links(markdown: str) -> Iterator[str]:
    """Targets of links to files of the repository, fragments left out."""
    prose = _FENCE.sub("", markdown)
    for found in _LINK.finditer(prose):
        target = found["target"].partition("#")[0]
        if target and not re.match(r"[a-z][a-z+.-]*:", target):
            yield target


def pages(root: Path) -> list[Path]:
    """README.md and the guides: what a person reads and types after."""
    return [root / "README.md", *sorted((root / "docs" / "guides").rglob("*.md"))]
