"""What a page of HTML says, by its headings and paragraphs, with its lines."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from reelwright.analysis.splitting import Divided, Section, Unit, packed

# What is not read out: programs, looks, forms, and the ways to other pages.
_SILENT = frozenset({"script", "style", "template", "noscript", "svg", "nav", "form", "select"})
_BREAKS = frozenset(
    {"p", "div", "li", "tr", "td", "th", "br", "hr", "pre", "blockquote", "section", "article"}
    | {"main", "header", "footer", "table", "ul", "ol", "dl", "dt", "dd", "figure", "figcaption"}
)
_HEADINGS = {f"h{n}": n for n in range(1, 7)}


def split_html(text: str) -> Divided:
    """Never raises; what is not well formed is read as far as it goes."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    reader.end_block()
    pieces = tuple(p for p in packed(reader.sections) if re.search(r"\w", p.text))
    first = next((s.headings[0] for s in reader.sections if s.headings), None)
    return Divided(title=" ".join(reader.title.split()) or first, pieces=pieces)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.sections = [Section(())]
        self.title = ""
        self._headings: dict[int, str] = {}
        self._block: list[Unit] = []
        self._silent: list[str] = []
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent.append(tag)
        elif tag in _HEADINGS or tag in _BREAKS:
            self.end_block()
        if tag in _HEADINGS or tag == "title":
            self._open = tag

    def handle_endtag(self, tag: str) -> None:
        if tag in self._silent:
            # What was opened in between and never closed ends with it.
            del self._silent[self._silent.index(tag) :]
        elif tag in _HEADINGS:
            self._end_heading(_HEADINGS[tag])
        elif tag in _BREAKS:
            self.end_block()
        if tag == self._open:
            self._open = ""

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        if self._open == "title":
            self.title += data
            return
        line = self.getpos()[0]
        for n, text in enumerate(data.split("\n")):
            if text.strip():
                self._block.append(Unit(line + n, " ".join(text.split())))

    def end_block(self) -> None:
        if self._block:
            self.sections[-1].blocks.append(self._block)
        self._block = []

    def _end_heading(self, level: int) -> None:
        name = " ".join(unit.text for unit in self._block)
        if not name:
            return
        self._headings = {n: h for n, h in self._headings.items() if n < level} | {level: name}
        self.sections.append(Section(tuple(self._headings.values())))
        self.end_block()
