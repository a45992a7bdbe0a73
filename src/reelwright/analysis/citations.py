"""An answer's sentences, held against the evidence that they cite: what is not borne out goes.

A sentence is kept when it cites evidence that was shown to whoever answered (by its label and a
time or line within it), when all that it puts in quotation marks stands there word for word, when
the evidence has its numbers, names and addresses, and when it shares enough of its other words.
That is no proof of truth; it is proof that a reader who follows the citation finds what was said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from reelwright.analysis.plain_words import Words, content_words, folded, words_of

# Of a sentence's words that mean something, so many are in the evidence. People who retell change
# about half of them; what is made up shares a fifth at the most, by chance.
LEAST_SHARE = 0.4
# A citation names whole seconds of what began between them.
_TOLERANCE_S = 2.0
_QUOTE_WORDS = 40
# So many words of a quotation are looked for: one word in marks is often only emphasis.
_QUOTED_WORDS = 2

_CITATION = re.compile(r"\[([^\[\]\n]{1,400})\]")
_AT = re.compile(
    r"^(?P<label>.+?)\s*@\s*(?:(?P<clock>\d{1,3}(?::\d{1,2}){1,2}(?:\.\d+)?)|"
    r"(?:L|lines?\s+)(?P<line>\d+))(?:\s*[-\u2013]\s*(?:L?\d+(?::\d+)*(?:\.\d+)?))?$",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[\"\u201c\u201d\u201e\u00ab\u00bb]([^\"\u201c\u201d\u201e\u00ab\u00bb]+)"
                     r"[\"\u201c\u201d\u201e\u00ab\u00bb]")  # fmt: skip
_ADDRESS = re.compile(r"\b(?:https?://|www\.)\S+|\b[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}\b", re.IGNORECASE)
# An end of a sentence and what closes it; then citations that belong to it.
_END = re.compile(
    r"(?:[.!?\u2026]+[\"\u201d\u00bb')]*(?=\s|\[|$)|[\u3002\uff01\uff1f])(?:\s*\[[^\[\]\n]{1,400}\])*"
)
_ABBREVIATIONS = "mr mrs ms dr prof st vs etc e.g i.e no fig ca approx bzw z.b u.a d.h nr"
_SHORT = frozenset(_ABBREVIATIONS.split())
# What a number is of, and how many: one of these in place of another is another statement.
_MEASURES = (
    "dozen hundred thousand million billion trillion second minute hour day week month year decade"
    " century percent euro dollar pound byte kilobyte megabyte gigabyte terabyte metre meter"
    " kilometre kilometer mile gram kilogram litre liter degree"
)
_MAGNITUDES = frozenset(_MEASURES.split())
_DENIALS = "not never no none nobody nothing neither nor cannot nicht kein keine nie pas jamais"
_NEGATIONS = frozenset(_DENIALS.split())
# A line that begins something: an item, a row, a heading, a quotation, a block of code.
_OWN_LINE = re.compile(r"\s*(?:[-*+\u2022|>#]|```|~~~|\d{1,2}[.)]\s)")
_MARKS = re.compile(r"^\s*(?:[-*\u2022]|\d{1,2}[.)])\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was shown, as number `number`. `label` is how an answer names its `subject`; a video's
    has `start_s` and `end_s` (seconds), a text's `first_line` and `last_line` (from 1)."""

    number: int
    label: str
    subject: str
    text: str
    start_s: float | None = None
    end_s: float | None = None
    first_line: int | None = None
    last_line: int | None = None

    @property
    def tag(self) -> str:
        """``[asset @ 00:12:31]``, ``[guide.md @ L12]``, ``[a1]`` (a text without lines)."""
        if self.start_s is not None:
            return f"[{self.label} @ {clock(self.start_s)}]"
        if self.first_line is not None:
            return f"[{self.label} @ L{self.first_line}]"
        return f"[{self.label}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """`quote` stands in the evidence word for word: the part of it that bears the sentence out."""

    evidence: Evidence
    quote: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence that holds: its text without tags, and what bears it out."""

    text: str
    citations: tuple[Citation, ...]

    @property
    def cited(self) -> str:
        """With its tags, before the full stop's next sentence."""
        tags = dict.fromkeys(one.evidence.tag for one in self.citations)
        return f"{self.text} {''.join(tags)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A sentence that does not hold, and why not."""

    text: str
    why: str


def clock(seconds: float) -> str:
    """``00:12:31``, cut to whole seconds."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest:02}"


def sentences(text: str) -> list[str]:
    """In their order, each with the citations behind it; lines and list items end one, too."""
    return [one for line in text.splitlines() for one in _of_line(line) if one.strip()]


def _of_line(line: str) -> Iterator[str]:
    begin = 0
    line = _MARKS.sub("", line)
    for end in _END.finditer(line):
        if _is_abbreviation(line[begin : end.start()], line[end.end() :]):
            continue
        yield line[begin : end.end()].strip()
        begin = end.end()
    if line[begin:].strip():
        yield line[begin:].strip()


def _is_abbreviation(before: str, after: str) -> bool:
    word = before.rsplit(maxsplit=1)[-1:] or [""]
    last = word[0].casefold().lstrip("([\"'")
    is_initial = len(last) == 1 and last.isalpha() and word[0].isupper()
    return bool(after.strip()) and (last in _SHORT or is_initial)


def finished(text: str) -> tuple[list[str], str]:
    """Of an answer that is still coming: its whole sentences, and the rest. The last sentence is
    whole only when another has begun, because its citations may follow its full stop."""
    head, newline, line = text.rpartition("\n")
    done = sentences(head) if newline else []
    parts = list(_of_line(line))
    if len(parts) > 1 and not parts[-1].startswith("["):
        at = line.rindex(parts[-1])
        return done + parts[:-1], line[at:]
    return done, line


def check(sentence: str, evidence: Sequence[Evidence], question: str = "") -> Sentence | Dropped:
    """One sentence of an answer with its citations, held against all evidence that was shown.
    What only the `question` says need not be borne out."""
    named = list(_cited(sentence))
    text = _plain(sentence)
    if not words_of(text):
        return Dropped(text=sentence.strip(), why="it says nothing")
    if not named:
        return Dropped(text=text, why="it cites nothing")
    found = list({one.number: one for tag in named for one in _meant(tag, evidence)}.values())
    if not found:
        tags = ", ".join(f"[{tag}]" for tag in named)
        return Dropped(text=text, why=f"it cites {tags}, which was not shown")
    why = _unsupported(text, [one.text for one in found], question)
    if why:
        return Dropped(text=text, why=why)
    said = content_words(text)
    bearing = [one for one in found if said.shared(Words.of(one.text))] or found
    return Sentence(
        text=text,
        citations=tuple(Citation(evidence=e, quote=quote(e.text, text)) for e in bearing),
    )


def checked(
    answer: str, evidence: Sequence[Evidence], question: str = ""
) -> tuple[list[Sentence], list[Dropped]]:
    """All of an answer."""
    results = [check(one, evidence, question) for one in sentences(answer)]
    kept = [one for one in results if isinstance(one, Sentence)]
    return kept, [one for one in results if isinstance(one, Dropped)]


def _cited(sentence: str) -> Iterator[str]:
    """What stands in its brackets: ``[a @ 1:02; b @ 3:04]`` are two, ``[1, 2]`` too."""
    for inner in _CITATION.findall(sentence):
        separator = ";" if ";" in inner else "," if re.fullmatch(r"[\d\s,]+", inner) else None
        yield from (
            (part.strip() for part in inner.split(separator)) if separator else [inner.strip()]
        )


def _plain(sentence: str) -> str:
    """Without citations; brackets that are none (``[sic]``) are left out with them."""
    text = _CITATION.sub("", sentence)
    return re.sub(r"\s+([.,;:!?])", r"\1", re.sub(r"\s+", " ", text)).strip()


def _meant(tag: str, evidence: Sequence[Evidence]) -> list[Evidence]:
    """The evidence that a tag names: by its number, or by its label with a time or a line in it."""
    if tag.isdecimal():
        return [one for one in evidence if one.number == int(tag)]
    at = _AT.match(tag)
    label = folded(at["label"] if at else tag)
    named = [one for one in evidence if label in (folded(one.label), folded(one.subject))]
    if at is None:
        # A text has no times: its name is enough. A video's moment has to be said.
        return [one for one in named if one.start_s is None]
    if at["line"]:
        return [one for one in named if _holds_line(one, int(at["line"]))]
    second = _seconds(at["clock"])
    return [one for one in named if _holds_time(one, second)]


def _holds_line(evidence: Evidence, line: int) -> bool:
    first, last = evidence.first_line, evidence.last_line
    return first is not None and first <= line <= (last or first)


def _holds_time(evidence: Evidence, second: float) -> bool:
    if evidence.start_s is None:
        return False
    end_s = evidence.start_s if evidence.end_s is None else evidence.end_s
    return evidence.start_s - _TOLERANCE_S <= second <= end_s + _TOLERANCE_S


def _seconds(clock_text: str) -> float:
    total = 0.0
    for part in clock_text.split(":"):
        total = total * 60 + float(part)
    return total


def _unsupported(text: str, texts: Sequence[str], question: str) -> str | None:
    """Why the evidence does not bear it out; None: it does."""
    known, asked = Words.of(" ".join(texts)), Words.of(question)
    for quoted in _QUOTED.findall(text):
        wanted = words_of(quoted)
        if len(wanted) >= _QUOTED_WORDS and not any(_has(wanted, words_of(t)) for t in texts):
            return f"the evidence does not say “{quoted.strip()}”"
    for address in _ADDRESS.findall(text):
        if not any(folded(address.rstrip(".")) in folded(one) for one in texts):
            return f"the evidence does not name {address}"
    for kind, words in (("number", _numbers(text)), ("name", _names(text))):
        missing = [word for word in words if not known.has(word) and not asked.has(word)]
        if missing:
            return f"the evidence does not have the {kind} {missing[0]}"
    if _denies(text) and not any(_denies(one) for one in texts):
        return "the evidence denies nothing"
    said = content_words(text)
    if not said:
        return None  # "Yes."
    share = len(said.shared(known)) / len(said)
    return None if share >= LEAST_SHARE else "the evidence does not say that"


def _denies(text: str) -> bool:
    return any(word in _NEGATIONS or word.endswith("n't") for word in words_of(text))


def _has(wanted: Sequence[str], words: Sequence[str]) -> bool:
    """One after the other, with nothing between."""
    first, count = wanted[0], len(wanted)
    starts = (n for n, word in enumerate(words) if word == first)
    return any(list(words[n : n + count]) == list(wanted) for n in starts)


def _numbers(text: str) -> list[str]:
    words = words_of(text)
    return [w for w in words if any(c.isdigit() for c in w) or w.removesuffix("s") in _MAGNITUDES]


def _names(text: str) -> Iterator[str]:
    """Words that begin with a capital letter, but for the first of the text. Languages that write
    all nouns so (German) are held to their nouns: retelling rarely changes those."""
    for n, word in enumerate(re.findall(r"[^\W\d_][\w\u2019'-]*", text)):
        if n and word[0].isupper() and len(word) > 1:
            yield words_of(word)[0]


def quote(text: str, sentence: str) -> str:
    """The part of `text`, word for word, that has most of what `sentence` says: a sentence of it,
    or about forty words where it has no sentences (as transcripts may)."""
    said = content_words(sentence)
    pieces = pieces_of(text)
    if not pieces:
        return text.strip()
    scored = [(len(said.shared(Words.of(piece))), -n) for n, piece in enumerate(pieces)]
    return pieces[-max(scored)[1]]


def pieces_of(text: str) -> list[str]:
    """Parts of it that can be quoted alone, word for word, in their order."""
    found = (one for block in _blocks(text) for one in _of_line(block))
    return [piece for one in found if one.strip() for piece in _pieces(one.strip())]


def _blocks(text: str) -> Iterator[str]:
    """Paragraphs, whose sentences may go over several lines; items of lists, rows and headings."""
    block = ""
    for line in text.splitlines(keepends=True):
        is_own = _OWN_LINE.match(line) is not None
        if not line.strip() or is_own or block.lstrip().startswith(("#", "|")):
            yield block
            block = ""
        block += line
    yield block


def _pieces(sentence: str) -> Iterable[str]:
    found = list(re.finditer(r"\S+", sentence))
    if len(found) <= _QUOTE_WORDS * 3 // 2:
        return [sentence]
    step = _QUOTE_WORDS // 2
    starts = range(0, max(len(found) - step, 1), step)
    return [
        sentence[found[n].start() : found[min(n + _QUOTE_WORDS, len(found)) - 1].end()]
        for n in starts
    ]
