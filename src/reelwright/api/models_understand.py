"""What the routes of understanding and search take and answer with."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from reelwright.api.models import Job, Model
from reelwright.api.models_archive import Day, Whole, Word

PartName = Literal[
    "shots", "keyframes", "speech", "transcript", "text", "frames", "descriptions", "summary"
]
AnalysisKind = Literal["shots", "transcript", "text", "segments", "summary"]
TranscriptFormat = Literal["json", "vtt", "srt", "text"]
PassageKind = Literal[
    "speech", "text", "captions", "description", "title", "chapter", "frame", "body"
]
Tag = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)]
Video = Annotated[
    str,
    Field(
        min_length=1,
        max_length=4096,
        pattern=r"^(/[^\x00]*|upload:[0-9a-z]{1,40}|asset:[0-9a-z]{1,40})$",
        description="`asset:ID`, `upload:ID`, or an absolute path of the server.",
        examples=["asset:01k3v8zq5m7c9d2e4"],
    ),
]


class UnderstandRequest(Model):
    video: Video
    only: list[PartName] = Field(
        [], max_length=8, description="These parts and what they need; empty: what costs nothing."
    )
    describe: bool = Field(False, description="Describe what is shown, by a vision model.")
    summary: bool = Field(
        False, description="Sum it up, also where the language model costs money."
    )
    language: Tag | None = Field(None, description="What is spoken; null: it is found out.")
    title: Word | None = Field(None, description="What the video is called.")
    budget_usd: float | None = Field(
        None, ge=0, le=1_000_000, description="Most that its models may cost, in US dollars."
    )
    priority: Annotated[int, Field(ge=-100, le=100), Whole] | None = None
    use_cache: bool = Field(True, description="false: find everything again.")


class LeftOut(Model):
    part: PartName
    why: str


class Understanding(Model):
    job: Job
    parts: list[PartName] = Field(description="What is looked for.")
    left_out: list[LeftOut] = Field(description="What is not, and why.")


class Why(Model):
    leg: str = Field(description="Kind of passage and how it was searched: `speech words`.")
    rank: int = Field(description="Among what that leg found, from 1.")
    value: float = Field(description="The leg's own measure.")
    weight: float
    share: float = Field(description="What it adds to the score.")


class Evidence(Model):
    kind: PassageKind
    start: float | None
    end: float | None
    text: str
    language: str | None
    speaker: str | None
    source: dict[str, Any] = Field(description="Where it is from: model, box, lines, frame.")


class Hit(Model):
    """A moment: `asset` of a video, `document` of a text."""

    asset: str | None = Field(None, description="The asset's id, or `file:SHA256`.")
    document: str | None = None
    start: float | None = Field(description="Seconds of the video; null in a text.")
    end: float | None
    score: float
    kind: PassageKind
    snippet: str
    why: list[Why]
    title: str
    source: str
    path: str | None
    channel: str | None
    lines: list[int] | None = Field(description="Of a text, from 1.")
    exact: bool = Field(description="It says what was asked, word by word.")
    marks: list[list[int]] = Field(description="Places in the snippet of what was asked.")
    thumbnail: str | None = Field(description="Where its picture is, in this service.")
    evidence: list[Evidence]


class Hits(Model):
    query: str
    hits: list[Hit] = Field(description="The best first.")
    offset: int
    next_offset: int | None = Field(description="`offset` of the next page; null on the last.")
    total: int
    notes: list[str] = Field(description="What a person should know of how it was searched.")
    took_s: float


class AskRequest(Model):
    question: str = Field(min_length=1, max_length=2000)
    assets: list[Annotated[str, Field(pattern="^[0-9a-z]{1,40}$")]] = Field(
        [], max_length=100, description="Answers come from these alone."
    )
    documents: bool = Field(False, description="Answers come from texts alone.")
    kinds: list[PassageKind] = Field([], max_length=8)
    channels: list[Word] = Field([], max_length=100)
    after: Day | None = Field(None, description="Published on that day (UTC) or later.")
    before: Day | None = Field(None, description="Published before that day (UTC).")
    language: Tag | None = Field(None, description="Of the answer; null: the question's.")
    extractive: bool = Field(
        False, description="Word for word, also where a language model is there."
    )


class Answer(Model):
    """Other keys say how it came to be."""

    answer: str
    citations: list[dict[str, Any]] = Field(
        description="Each with `asset` or `document`, `start`, `end`, `quote`."
    )
    how: Literal["model", "extractive"]
    sentences: list[dict[str, Any]]
    dropped: list[dict[str, Any]] = Field(
        description="What the model wrote that nothing bears out."
    )
    notes: list[str]
