"""`reel ask`: answers from what is indexed, each sentence with its place."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelwright.cli import choice, finding, terminal
from reelwright.cli.options import AsJson

if TYPE_CHECKING:
    from reelwright.app.ask.asking import Answer, Question
    from reelwright.app.wiring import App

app = typer.Typer(add_completion=False)


@app.command()
def ask(  # size: one line an option
    words: Annotated[list[str], typer.Argument(metavar="QUESTION…", help="In plain words.")],
    asset: finding.Assets = None,
    documents: finding.Documents = False,
    videos: finding.Videos = False,
    channel: finding.Channel = None,
    after: finding.After = None,
    before: finding.Before = None,
    kind: finding.Kind = None,
    language: Annotated[
        str | None, typer.Option(metavar="LANG", help="Of the answer; default: the question's.")
    ] = None,
    extractive: Annotated[
        bool,
        typer.Option("--extractive", help="Word for word, also where a language model is set up."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Answer a question from what is indexed, with citations that were checked.

    With a language model (`models.language`) it writes the answer; a sentence that what it cites
    does not bear out is dropped. Without one, the sentences that fit best are the answer.

    Examples: `reel ask "How long did the rendering take?"`,
    `reel ask "Which cache limit is the default?" --documents --json`
    """
    target = choice.target()
    if target is not None:
        from reelwright.cli.remote import searching

        body = searching.ask(
            target,
            " ".join(words),
            finding.limits(
                channel=channel, after=after, before=before, kind=kind,
                asset=asset, videos=videos, documents=documents,
            ),
            language=language,
            extractive=extractive,
            on_sentence=_nothing if as_json else _print,
        )  # fmt: skip
        _give(body, as_json=as_json)
        return
    from reelwright.app.ask.asking import Question
    from reelwright.cli.use import opened

    with opened() as used:
        limits = finding.filters(
            used, channel=channel, after=after, before=before, kind=kind,
            asset=asset, videos=videos, documents=documents,
        )  # fmt: skip
        question = Question(
            text=" ".join(words), filters=limits, language=language, is_extractive=extractive
        )
        answer = _asked(used, question, as_json=as_json)
    _give(answer.to_json(), as_json=as_json)


def _give(body: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        terminal.emit(body)
    else:
        _sources(body)


def _print(sentence: str) -> None:
    terminal.out(terminal.printable(sentence))
    sys.stdout.flush()


def _nothing(_sentence: str) -> None:
    """All of it is printed at its end."""


def _asked(used: App, question: Question, *, as_json: bool) -> Answer:
    """Prints sentences as they come. Raises what `app.ask.asking.ask` raises."""
    from reelwright.analysis.citations import Sentence
    from reelwright.app.ask.asking import Answer
    from reelwright.app.ask.asking import ask as answered
    from reelwright.cli.use import run

    async def work() -> Answer:
        last: Answer | None = None
        async for one in answered(used, used.asker(), question):
            if isinstance(one, Answer):
                last = one
            elif isinstance(one, Sentence) and not as_json:
                _print(one.cited)
        assert last is not None  # what `ask` ends with, where it raises nothing
        return last

    return run(work)


def _sources(answer: dict[str, Any]) -> None:
    terminal.out()
    for one in {one["mark"]: one for one in answer["citations"]}.values():
        place = finding.span(one["start"], one["end"]) or _lines(one["lines"])
        named = one.get("asset") or one["path"] or one["document"]
        said = f"{one['mark']} {one['title']}  {place}  {named}"
        terminal.out(terminal.dim(terminal.printable(said)))
    if answer["how"] == "extractive":
        terminal.note("Extractive: sentences of what is indexed that fit best, word for word.")
    for dropped in answer["dropped"]:
        terminal.note(terminal.printable(f"Dropped: {dropped['text']} ({dropped['why']})"))
    for note in answer["notes"]:
        terminal.note(terminal.printable(note))


def _lines(lines: list[int] | None) -> str:
    return "" if not lines else f"lines {lines[0]}\u2013{lines[1]}"
